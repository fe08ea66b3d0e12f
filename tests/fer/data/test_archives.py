"""Archives that mean harm, or that cannot be opened, are refused in words before a byte of theirs is written."""

from __future__ import annotations

import io
import stat
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fer.data import archives, read, read_dataset
from fer.data.archives import is_archive_name, open_archive
from fer.errors import DataError
from fer.workspace import cache_dir

HOSTILE_NAMES = ["../happy/1.png", "happy/../../1.png", "/happy/1.png", "C:/happy/1.png", "..\\happy\\1.png"]


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    """Fail where Python and NumPy hold more bytes than this at any time within the block."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def _tar_member(name: str, **fields: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(member, field, value)
    return member


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_open_archive_zip_names_that_lead_out(name: str, tmp_path: Path, encode) -> None:
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("happy/0.png", encode(0))
        archive.writestr(name, encode(1))
    with pytest.raises(DataError, match="leads out of the archive"):
        read_dataset(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hostile.zip"]
    assert not list((cache_dir() / "datasets").iterdir())


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_open_archive_tar_names_that_lead_out(name: str, pack, encode) -> None:
    with pytest.raises(DataError, match="leads out of the archive"):
        read_dataset(pack({"happy/0.png": encode(0), name: encode(1)}, "hostile.tar.gz"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_open_archive_tar_links_and_devices(kind: bytes, tmp_path: Path) -> None:
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(_tar_member("happy/1.png", type=kind, linkname="/etc/passwd"))
    with pytest.raises(DataError, match="link or device"):
        open_archive(path, "links.tar")


def test_open_archive_zip_link(tmp_path: Path) -> None:
    path = tmp_path / "link.zip"
    info = zipfile.ZipInfo("happy/1.png")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="holds a link"):
        open_archive(path, "link.zip")


def test_open_archive_zip_encrypted(tmp_path: Path, encode) -> None:
    path = tmp_path / "secret.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("happy/1.png", encode(0))
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag in the local header …
    data[data.index(b"PK\x01\x02") + 8] |= 1  # … and in the directory
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="encrypted"):
        open_archive(path, "secret.zip")


def test_open_archive_zip_unknown_method(tmp_path: Path, encode) -> None:
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("happy/1.png", encode(0))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 10] = 97  # WavPack
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="method that is not read"):
        open_archive(path, "odd.zip")


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.tar.gz", "bomb.tar.xz"])
def test_open_archive_bomb(name: str, pack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two megabytes of zeros shrink a thousandfold; the allowance that real sets enjoy is lowered to make that too much."""
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 2**20)
    with pytest.raises(DataError, match="would unpack"):
        open_archive(pack({"happy/1.png": bytes(2 * 2**20)}, name), name)


@pytest.mark.parametrize("layout", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_open_archive_bomb_hidden_in_a_tar_header(layout: int, tmp_path: Path) -> None:
    """tarfile reads PAX headers and long names into memory whole, before any member is seen."""
    path = tmp_path / "header.tar.gz"
    with tarfile.open(path, "w:gz", format=layout) as archive:
        archive.addfile(_tar_member("happy/" + "1" * (4 * 2**20)))
    with memory_below(2**20), pytest.raises(DataError, match=r"a header of 4,\d+,\d+ bytes"):
        open_archive(path, "header.tar.gz")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_open_archive_bomb_that_lies_about_its_size(method: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """32 MB of zeros that say they are 500 bytes: never more of them in memory than a picture may have."""
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("happy/1.png", bytes(32 * 2**20))
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[22:26] = data[directory + 24 : directory + 28] = (500).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    monkeypatch.setattr(read, "MAX_IMAGE_BYTES", 2**20)
    words = "damaged" if method == zipfile.ZIP_DEFLATED else "method that is not read"
    with memory_below(6 * 2**20), pytest.raises(DataError, match=words):
        read_dataset(path)
    assert not list((cache_dir() / "datasets").iterdir())


def test_open_archive_bomb_in_an_archive(pack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is packed twice shrinks twice: each archive alone stays within what is allowed."""
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 2**10)
    monkeypatch.setattr(archives, "MAX_RATIO", 900)
    inner = pack({"happy/1.png": bytes(5 * 2**20)}, "inner.zip")
    outer = pack({"inner.zip": inner.read_bytes()}, "outer.zip")
    assert outer.stat().st_size * 10 < inner.stat().st_size
    with pytest.raises(DataError, match=r"outer\.zip/inner\.zip would unpack"):
        read_dataset(outer)
    assert not list((cache_dir() / "datasets").iterdir())


def test_open_archive_with_a_huge_directory(pack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused by the directory's size, before zipfile makes an object of each member."""
    path = pack({f"happy/{i}.png": b"" for i in range(2000)}, "many.zip")
    monkeypatch.setattr(archives, "MAX_MEMBERS", 100)
    with memory_below(2**19), pytest.raises(DataError, match="more than 100 files"):
        open_archive(path, "many.zip")


@pytest.mark.parametrize("name", ["many.zip", "many.tar"])
def test_open_archive_too_many_members(name: str, pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    with pytest.raises(DataError, match="more than 10 files"):
        open_archive(pack({f"happy/{i}.png": b"" for i in range(11)}, name), name)


def test_open_archive_tar_broken_in_the_middle(pack) -> None:
    """tarfile would take a broken header for the end and lose what follows."""
    path = pack({f"happy/{i}.png": bytes([65 + i]) * 700 for i in range(5)}, "broken.tar")
    data = bytearray(path.read_bytes())
    second_header = data.index(b"happy/2.png")
    data[second_header + 150] ^= 0x15  # inside the checksum
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="damaged"):
        open_archive(path, "broken.tar")


@pytest.mark.parametrize("name", ["names.zip", "names.tar"])
def test_open_archive_lists_and_reads(name: str, pack) -> None:
    files = {"./b\\2.png": b"two", "a/1.png": b"one", ".DS_Store": b"x", "a/empty.png": b""}
    source = open_archive(pack(files, name), name)
    assert source is not None
    assert source.sizes() == {"a/1.png": 3, "a/empty.png": 0, "b/2.png": 3}
    assert {found: stream.read() for found, stream in source.read(["b/2.png", "a/1.png"])} == {
        "a/1.png": b"one",
        "b/2.png": b"two",
    }
    source.close()


@pytest.mark.filterwarnings("ignore:Duplicate name")  # what writes the ZIP says so, too
@pytest.mark.parametrize("name", ["twice.zip", "twice.tar"])
def test_open_archive_first_of_two_under_one_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") if name.endswith("zip") else tarfile.open(path, "w") as archive:
        for data in (b"first", b"second!"):
            if isinstance(archive, zipfile.ZipFile):
                archive.writestr("happy/1.png", data)
            else:
                archive.addfile(_tar_member("happy/1.png", size=len(data)), io.BytesIO(data))
    source = open_archive(path, name)
    assert source is not None
    assert source.sizes() == {"happy/1.png": 5}
    assert [stream.read() for _, stream in source.read(["happy/1.png"])] == [b"first"]
    source.close()


def test_open_archive_other_file(tmp_path: Path) -> None:
    (tmp_path / "plain.zip").write_bytes(b"emotion,pixels,Usage\n")
    assert open_archive(tmp_path / "plain.zip", "plain.zip") is None


def test_is_archive_name() -> None:
    assert all(map(is_archive_name, ("a.zip", "b/C.TAR.GZ", "d.tgz", "e.tar.xz")))
    assert not any(map(is_archive_name, ("a.csv", "zip", "b.gz.png")))
