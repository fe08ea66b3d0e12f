"""ZIP and tar as a `Source`, guarded against hostile, damaged and bottomless ones.

Archives are never unpacked by the library that opens them: only bytes are taken, and only of plain files under names that lead
nowhere else. What would unpack to far more than pictures can is refused before, or while, it does.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Self, cast

from fer.data.sources import Source, failures_in_words, is_litter
from fer.errors import DataError

MAX_MEMBERS = 1_000_000  # all of AffectNet is 420,000 pictures
MAX_UNPACKED_BYTES = 64 * 2**30
# Pictures hardly shrink, and a table of pixels by ten at most; what grows a hundredfold, beyond a gibibyte, is a bomb.
MAX_RATIO = 100
RATIO_FREE_BYTES = 2**30

_CHUNK = 2**20
_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# zipfile unpacks the others a whole block at a time, which a few kilobytes can make gigabytes of, whatever size is declared.
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# A directory that takes more than this a member is not of pictures' names; one of a million members is read into memory whole.
_MEMBER_BYTES = 512
# tarfile reads long names and PAX headers into memory whole, before any member is seen.
_MAX_HEADER_BYTES = 2**20
_LONG_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


def is_archive_name(name: str) -> bool:
    """Whether a file's name ends as an archive's does."""
    return name.lower().endswith(_SUFFIXES)


def open_archive(path: Path, title: str, packed_bytes: int | None = None) -> Source | None:
    """The archive at a path, told by its first bytes; None where the file is no archive.

    Args:
        path: the file.
        title: how errors call it.
        packed_bytes: size of the outermost archive, where this one was in another: what is packed twice may not grow twice as
            much. None for the file's own.

    Raises:
        DataError: the archive is damaged, encrypted, hostile or too large.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(_ZIP_MAGIC):
        return ZipSource(path, title, packed_bytes)
    if _opener(head) is not None or head[257:262] == b"ustar":
        return TarSource(path, title, packed_bytes)
    return None


class ZipSource:
    """The files in a ZIP."""

    def __init__(self, path: Path, title: str, packed_bytes: int | None = None) -> None:
        self.path = path
        self.title = title
        self.packed_bytes = packed_bytes or path.stat().st_size
        _check_directory(self)
        with ExitStack() as on_error, failures_in_words(title):
            with _zip_damage():
                self._zip = on_error.enter_context(zipfile.ZipFile(path))
            self._members = self._checked_members()
            on_error.pop_all()

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        _check_amount(self, len(infos), sum(info.file_size for info in infos))
        members: dict[str, zipfile.ZipInfo] = {}
        folders: set[str] = set()
        for info in infos:
            name = _safe_name(self.title, info.filename)
            if is_litter(name):
                continue
            if info.is_dir():
                folders.add(name)
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                raise DataError(f"{self.title} holds a link ({name}), which is not followed. Pack the files themselves.")
            if info.flag_bits & 0x1:
                raise DataError(f"{self.title} is encrypted. Unpack it with its password and give the folder.")
            if info.compress_type not in _ZIP_METHODS:
                raise DataError(f"{self.title} is packed with a method that is not read here. Pack it as plain ZIP (deflate).")
            members.setdefault(name, info)
        self._folders = folders
        return members

    def folders(self) -> set[str]:
        return self._folders

    def sizes(self) -> dict[str, int]:
        return {name: self._members[name].file_size for name in sorted(self._members)}

    def read(self, names: Collection[str]) -> Iterator[tuple[str, BinaryIO]]:
        wanted = set(names)
        for name, info in sorted(self._members.items(), key=lambda item: item[1].header_offset):
            if name in wanted:
                with _zip_damage():
                    stream = self._zip.open(info)
                with stream:
                    yield name, cast(BinaryIO, stream)

    def close(self) -> None:
        self._zip.close()


@contextmanager
def _zip_damage() -> Iterator[None]:
    """zipfile tells some broken headers by other errors than its own: impossible versions, offsets, encodings, flags."""
    try:
        yield
    except (ValueError, RuntimeError) as error:  # NotImplementedError is a RuntimeError
        raise zipfile.BadZipFile(str(error)) from error


class TarSource:
    """The files in a tar, plain or packed with gzip, xz or bzip2; read from front to back, as a packed tar must be."""

    def __init__(self, path: Path, title: str, packed_bytes: int | None = None) -> None:
        self.path = path
        self.title = title
        self.packed_bytes = packed_bytes or path.stat().st_size
        self._folders: set[str] = set()
        self._sizes: dict[str, int] = {}
        with failures_in_words(title):
            for _, member, name in self._members():
                self._sizes.setdefault(name, member.size)
                _check_amount(self, len(self._sizes) + len(self._folders), 0)  # the stream counts the bytes

    def _members(self) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo, str]]:
        with self._open() as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined] # tarfile remembers every member; a stream needs none again
                name = _safe_name(self.title, member.name)
                if is_litter(name):
                    continue
                if member.isdir():
                    self._folders.add(name)
                    continue
                if not member.isreg() or member.issparse():
                    raise DataError(
                        f"{self.title} holds a link or device ({name}), which is not followed. Pack the files themselves."
                    )
                yield tar, member, name

    @contextmanager
    def _open(self) -> Iterator[tarfile.TarFile]:
        with ExitStack() as stack:
            file = stack.enter_context(self.path.open("rb"))
            opener = _opener(file.peek(6))
            unpacked = file if opener is None else stack.enter_context(cast(BinaryIO, opener(file)))
            stream = _CountedStream(unpacked, self)
            yield stack.enter_context(tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictTarInfo))
            while stream.read(_CHUNK):  # the packing's checksum stands behind the end of the tar
                pass

    def folders(self) -> set[str]:
        return self._folders

    def sizes(self) -> dict[str, int]:
        return dict(sorted(self._sizes.items()))

    def read(self, names: Collection[str]) -> Iterator[tuple[str, BinaryIO]]:
        wanted = set(names)
        for tar, member, name in self._members():
            if name in wanted:
                wanted.discard(name)  # of two files under one name the first counts, as in `sizes`
                stream = tar.extractfile(member)
                assert stream is not None  # a regular file has one
                yield name, cast(BinaryIO, stream)

    def close(self) -> None:
        pass


class _StrictTarInfo(tarfile.TarInfo):
    """Reports a header that is huge, cut or broken; tarfile takes one in mid-archive for the end and drops the rest unsaid."""

    def _proc_member(self, tar: tarfile.TarFile) -> Self:  # tarfile's own place for kinds of headers
        if self.type in _LONG_HEADERS and self.size > _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        member: Self = super()._proc_member(tar)  # type: ignore[misc]
        return member

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tar)
        except tarfile.HeaderError as error:
            if isinstance(error, tarfile.EOFHeaderError):  # type: ignore[attr-defined] # the zeros that end every archive
                raise
            raise tarfile.ReadError(str(error)) from error


class _CountedStream(io.RawIOBase):
    """Counts what comes out of a decompressor, headers included, and stops a bomb."""

    def __init__(self, stream: BinaryIO, source: TarSource) -> None:
        self._stream, self._source, self._total = stream, source, 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._total += len(data)
        _check_amount(self._source, 0, self._total)
        return data


def _opener(head: bytes) -> Callable[[BinaryIO], object] | None:
    """What unpacks a stream that begins like this; None where it is not packed."""
    openers: dict[bytes, Callable[[BinaryIO], object]] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open, b"BZh": bz2.open}
    return next((opener for magic, opener in openers.items() if head.startswith(magic)), None)


def _check_directory(source: ZipSource) -> None:
    """Refuse a directory of too many members before zipfile reads it into memory."""
    with _zip_damage(), source.path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined] # reads the last bytes of the file alone
    # What the archive says of their number is not checked by zipfile, the directory's size is.
    if end and end[zipfile._ECD_SIZE] > _MEMBER_BYTES * MAX_MEMBERS:  # type: ignore[attr-defined]
        raise _too_many(source)


def _check_amount(source: ZipSource | TarSource, members: int, unpacked_bytes: int) -> None:
    if members > MAX_MEMBERS:
        raise _too_many(source)
    if unpacked_bytes <= RATIO_FREE_BYTES:
        return
    if unpacked_bytes > min(MAX_UNPACKED_BYTES, max(RATIO_FREE_BYTES, MAX_RATIO * source.packed_bytes)):
        packed, unpacked = f"{source.packed_bytes / 2**20:.1f} MiB", f"{unpacked_bytes / 2**30:.1f} GiB"
        raise DataError(
            f"{source.title} would unpack from {packed} to {unpacked} or more, which no archive of faces does. If you trust it, "
            "unpack it and give the folder."
        )


def _too_many(source: ZipSource | TarSource) -> DataError:
    return DataError(
        f"{source.title} holds more than {MAX_MEMBERS:,} files, the most that are read. Unpack it and give the folder."
    )


def _safe_name(title: str, name: str) -> str:
    """A member's name with `/`, refused where it would lead out of the archive."""
    clean = name.replace("\\", "/")
    parts = [part for part in clean.split("/") if part not in ("", ".")]
    if clean.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", clean) or "\0" in clean:
        raise DataError(f"{title} holds the name {name!r}, which leads out of the archive. Nothing of it is read.")
    return "/".join(parts)
