"""Where files come from: a folder, or an archive (`fer/data/archives.py`), listed and read the same way.

A `Source` lists its files, with what operating systems leave behind taken out, and streams those that are wanted.
"""

from __future__ import annotations

import errno
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from fer.errors import DataError
from fer.workspace import cache_dir

_LITTER_NAMES = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information", "lost+found"}


class Source(Protocol):
    """Files under relative names with `/`."""

    path: Path
    title: str  # how errors call it

    def sizes(self) -> dict[str, int]:
        """Bytes of every file that is no litter, by name, sorted by name."""
        ...

    def folders(self) -> set[str]:
        """Folders that are no litter, also the empty ones; an archive names those or not, as it pleases."""
        ...

    def read(self, names: Collection[str]) -> Iterator[tuple[str, BinaryIO]]:
        """Name and open stream of each wanted file, in the source's own order; a stream lasts until the next is asked for.

        Of a folder, a single file may be beyond reach: its stream raises an `OSError` when it is read.
        """
        ...

    def close(self) -> None: ...


def is_litter(name: str) -> bool:
    """Whether a path is what operating systems leave behind (`__MACOSX/…`, `.DS_Store`, `Thumbs.db`, anything hidden)."""
    return any(part.startswith(".") or part.lower() in _LITTER_NAMES for part in name.split("/"))


@contextmanager
def failures_in_words(title: str | Path) -> Iterator[None]:
    """Turn what archive libraries and the disk raise while `title` is read into a `DataError`."""
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error) as error:
        raise DataError(f"{title} is damaged or cut short ({error}). Download or pack it again.") from error
    except OSError as error:
        if error.errno is None:  # gzip and bz2 report damage as a bare OSError
            raise DataError(f"{title} is damaged or cut short ({error}). Download or pack it again.") from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                f"The disk is full: reading {title} needs room in the cache, {cache_dir()} (see FER_CACHE)."
            ) from error
        where = f" ({error.filename})" if error.filename and str(error.filename) != str(title) else ""
        raise DataError(f"Cannot read {title}: {error.strerror}{where}.") from error


class FolderSource:
    """The files below a folder; linked folders are followed, once each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.title = str(path)
        self._folders: set[str] = set()

    def sizes(self) -> dict[str, int]:
        return {name: status.st_size for name, status in self.statuses().items()}

    def statuses(self) -> dict[str, os.stat_result]:
        """What the disk knows of every file that is no litter, by name, sorted by name.

        Raises:
            OSError: a folder cannot be listed: a class that is left out in silence would make another dataset.
        """
        found: dict[str, os.stat_result] = {}
        seen: set[Path] = set()
        for folder, subfolders, files in os.walk(self.path, followlinks=True, onerror=_raise):
            here = Path(folder)
            if here.resolve() in seen:  # a link back up would walk in circles
                subfolders.clear()
                continue
            seen.add(here.resolve())
            subfolders[:] = [name for name in subfolders if not is_litter(name)]
            self._folders.update((here / name).relative_to(self.path).as_posix() for name in subfolders)
            for file in files:
                path = here / file
                if not is_litter(file) and path.is_file():
                    found[path.relative_to(self.path).as_posix()] = path.stat()
        return dict(sorted(found.items()))

    def folders(self) -> set[str]:
        return self._folders

    def read(self, names: Collection[str]) -> Iterator[tuple[str, BinaryIO]]:
        for name in sorted(names):
            try:
                stream: BinaryIO = (self.path / name).open("rb")
            except OSError as error:
                stream = cast(BinaryIO, _Unreadable(error))
            with stream:
                yield name, stream

    def close(self) -> None:
        pass


class _Unreadable(io.RawIOBase):
    """Stands for a file that cannot be opened, so that the reading of the others goes on."""

    def __init__(self, error: OSError) -> None:
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise self._error


def _raise(error: OSError) -> None:
    raise error
