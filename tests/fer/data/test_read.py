"""`read_dataset` on every layout in every packing, on what is broken, and on the real data."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import tarfile
import threading
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer.data import read, read_dataset
from fer.data.cache import EntryWriter
from fer.data.dataset import ArrayStore, FileStore
from fer.errors import DataError, LabelError
from fer.images import read_image
from fer.workspace import cache_dir

PACKINGS = ["tree", "tree.zip", "tree.tar", "tree.tar.gz", "tree.tar.xz", "tree.tar.bz2"]
LITTER = {
    "__MACOSX/train/angry/._0.png": b"\x00\x05\x16\x07",
    "__MACOSX/._train": b"x",
    ".DS_Store": b"x",
    "train/.DS_Store": b"x",
    "train/angry/Thumbs.db": b"x",
    "train/angry/desktop.ini": b"x",
    "train/.ipynb_checkpoints/0.png": b"x",
}


def cache_leftovers() -> list[str]:
    """What stands in the cache of datasets."""
    folder = cache_dir() / "datasets"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.mark.parametrize("packing", PACKINGS)
def test_read_dataset_class_folders(packing, pack, small_tree) -> None:
    dataset = read_dataset(pack(small_tree, packing))
    assert dataset.label_set.names == ("angry", "happy", "sad")
    assert dataset.counts() == {split: {"angry": 4, "happy": 4, "sad": 4} for split in ("train", "val")}
    assert dataset.name == "tree"
    assert dataset.problems == ()
    assert dataset.names.tolist() == sorted(small_tree)
    assert dataset.is_grey.all()
    assert isinstance(dataset.images, ArrayStore)
    assert isinstance(dataset.images.array, np.memmap)
    assert dataset.images.array.shape == (24, 12, 12, 1)


def test_read_dataset_pixels_labels_and_names_belong_together(pack, encode) -> None:
    files = {f"{label}/{i}.png": encode(10 * k + i) for k, label in enumerate(("sad", "happy", "fear")) for i in range(5)}
    for packing in ("a", "a.zip", "a.tar.gz"):
        dataset = read_dataset(pack(files, packing))
        for i, name in enumerate(dataset.names.tolist()):
            np.testing.assert_array_equal(dataset.images[i], read_image(files[name]))
            assert dataset.label_set.names[dataset.label_ids[i]] == name.split("/")[0]


def test_read_dataset_same_fingerprint_in_every_packing(pack, small_tree) -> None:
    assert len({read_dataset(pack(small_tree, packing)).fingerprint for packing in PACKINGS}) == 1


@pytest.mark.parametrize("packing", ["tree", "tree.zip", "tree.tar.gz"])
def test_read_dataset_ignores_litter(packing, pack, small_tree) -> None:
    dataset = read_dataset(pack({**LITTER, **small_tree}, packing))
    assert len(dataset) == len(small_tree)
    assert dataset.problems == ()


@pytest.mark.parametrize("above", ["archive/", "outer/outer/images/"])
def test_read_dataset_nested_folders(above, pack, small_tree) -> None:
    dataset = read_dataset(pack({above + name: data for name, data in small_tree.items()}, "tree.zip"))
    assert len(dataset) == len(small_tree)


@pytest.mark.parametrize(
    ("inner", "outer"), [("in.zip", "out.zip"), ("in.tar.gz", "out.zip"), ("in.zip", "out.tar"), ("in.zip", "folder")]
)
def test_read_dataset_archive_in_archive(inner, outer, pack, small_tree) -> None:
    inside = pack(small_tree, inner).read_bytes()
    dataset = read_dataset(pack({"data/" + inner: inside, "README.md": b"read me"}, outer))
    assert len(dataset) == len(small_tree)
    assert sorted(path.name for path in (cache_dir() / "datasets").glob("*/*")) == ["images.raw", "meta.json", "table.npz"]


def test_read_dataset_archives_nested_without_end(pack, small_tree) -> None:
    path = pack(small_tree, "level0.zip")
    for level in range(1, 6):
        path = pack({"inner.zip": path.read_bytes()}, f"level{level}.zip")
    with pytest.raises(DataError, match="archives in archives"):
        read_dataset(path)
    assert cache_leftovers() == []


def test_read_dataset_without_splits(pack, encode) -> None:
    dataset = read_dataset(pack({f"{label}/{i}.png": encode(i) for label in ("happy", "sad") for i in range(3)}, "flat"))
    assert dataset.split_names == ("",)


def test_read_dataset_single_split_archive(pack, encode) -> None:
    files = {f"test/{label}/PrivateTest_{i}.png": encode(i) for i, label in enumerate(("happy", "sad", "happy"))}
    assert read_dataset(pack(files, "test_only.zip")).counts() == {"test": {"happy": 2, "sad": 1}}


def test_read_dataset_large_pictures_stay_files(pack, encode) -> None:
    files = {
        f"{label}/{i}.jpg": encode(i, size=(140, 130), mode="RGB", kind="JPEG") for label in ("happy", "sad") for i in range(2)
    }
    folder = pack(files, "large")
    in_place, unpacked = read_dataset(folder), read_dataset(pack(files, "large.zip"))
    for dataset in (in_place, unpacked):
        assert isinstance(dataset.images, FileStore)
        assert dataset.images[0].shape == (130, 140, 3)
        assert not dataset.is_grey.any()
    assert in_place.images.paths[0] == folder / "happy/0.jpg"
    assert unpacked.images.paths[0].is_relative_to(cache_dir())
    assert in_place.fingerprint == unpacked.fingerprint


def test_read_dataset_mixed_sizes_stay_files(pack, encode) -> None:
    files = {f"happy/{i}.png": encode(i, size=(20 + (i == 3), 20)) for i in range(6)}
    dataset = read_dataset(pack(files, "mixed.tar.gz"))
    assert isinstance(dataset.images, FileStore)
    assert [dataset.images[i].shape[1] for i in range(6)] == [20, 20, 20, 21, 20, 20]
    assert not list((cache_dir() / "datasets").glob("*/*.raw"))


# The first colour picture, wherever it stands, turns a grey array into a coloured one.
@pytest.mark.parametrize("coloured", [{0}, {3}, {5}, {1, 4}, set(range(6))])
def test_read_dataset_grey_and_colour_together(coloured, pack, encode) -> None:
    files = {f"sad/{i}.png": encode(i, mode="RGB" if i in coloured else "L") for i in range(6)}
    dataset = read_dataset(pack(files, "both.zip"))
    assert set(np.flatnonzero(~dataset.is_grey).tolist()) == coloured
    for i in range(6):
        np.testing.assert_array_equal(dataset.images[i], read_image(files[f"sad/{i}.png"]))


def test_read_dataset_content_ids_join_equal_pixels(pack, encode) -> None:
    grey = Image.open(io.BytesIO(encode(1)))
    buffer = io.BytesIO()
    grey.convert("RGB").save(buffer, "BMP")
    dataset = read_dataset(pack({"happy/a.png": encode(1), "happy/b.bmp": buffer.getvalue(), "sad/c.png": encode(2)}, "twins"))
    assert dataset.content_ids[0] == dataset.content_ids[1] != dataset.content_ids[2]
    assert dataset.is_grey.all()


def test_read_dataset_lists_what_is_no_picture(pack, small_tree, encode) -> None:
    extra = {
        "train/sad/text.jpg": b"no picture",
        "train/sad/one.png": encode(0, size=(1, 1)),
        "train/sad/cut.png": encode(5)[:60],
    }
    for packing in ("tree", "tree.zip"):
        dataset = read_dataset(pack({**small_tree, **extra}, packing))
        assert len(dataset) == len(small_tree)
        reasons = {problem.name: problem.reason for problem in dataset.problems}
        assert set(reasons) == set(extra)
        assert "too small" in reasons["train/sad/one.png"]


def test_read_dataset_finds_pictures_by_content(pack, encode) -> None:
    files = {"happy/1.txt": encode(1), "happy/2": encode(2), "sad/notes.png": b"words"}
    dataset = read_dataset(pack(files, "odd"))
    assert dataset.names.tolist() == ["happy/1.txt", "happy/2"]


@pytest.mark.parametrize("packing", ["broken", "broken.zip"])
def test_read_dataset_no_readable_picture(packing, pack) -> None:
    with pytest.raises(DataError, match=r"None of the 2 labelled files.*happy/a\.jpg: The file is no picture"):
        read_dataset(pack({"happy/a.jpg": b"text", "sad/b.jpg": b"text"}, packing))
    assert cache_leftovers() == []


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"Rar!\x1a\x07\x01\x00", "is a RAR archive, which is not read: unpack it"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive, which is not read: unpack it"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "is a web page"),
        (b"\x89PNG\r\n\x1a\n", "is a single picture"),
    ],
)
def test_read_dataset_of_what_only_calls_itself_a_zip(head, words, tmp_path) -> None:
    path = tmp_path / "faces.zip"
    path.write_bytes(head + bytes(400))
    with pytest.raises(DataError, match=words):
        read_dataset(path)
    assert cache_leftovers() == []


def test_read_dataset_zip_under_another_name(pack, small_tree) -> None:
    path = pack(small_tree, "tree.zip").rename(pack(small_tree, "other").parent / "tree.png")
    assert len(read_dataset(path)) == len(small_tree)


@pytest.mark.parametrize("packing", ["odd.zip", "odd.tar"])
def test_read_dataset_unpacks_names_that_no_disk_takes(packing, pack, encode) -> None:
    """Too long, a file and a folder at once, apart by case alone, reserved by Windows: none of them is ever a file's name."""
    names = [f"happy/{'a' * 300}.png", "happy/b", "happy/b/c.png", "sad/D.png", "sad/d.png", "sad/con", "sad/x:y?.png"]
    files = {name: encode(i, size=(140, 140)) for i, name in enumerate(names)}
    dataset = read_dataset(pack(files, packing))
    assert dataset.names.tolist() == sorted(names)
    for row, name in enumerate(dataset.names.tolist()):
        np.testing.assert_array_equal(dataset.images[row], read_image(files[name]))
    assert {path.name for path in (cache_dir() / "datasets").glob("*/files/**/*")} == set("0123456")


@pytest.mark.parametrize("packing", ["folder", "strange.tar"])
def test_read_dataset_names_that_are_no_text(packing, pack, encode) -> None:
    """Bytes that are no UTF-8 can be a file's name, but cannot be sent to a page or written into a list."""
    name = b"happy/\xff\xfe.png".decode("utf-8", "surrogateescape")
    dataset = read_dataset(pack({name: encode(0, size=(140, 140)), "sad/\udcff.png": b"no picture"}, packing))
    assert [name.encode() for name in (*dataset.names.tolist(), dataset.problems[0].name)] == [b"happy/??.png", b"sad/?.png"]
    assert dataset.images[0].shape == (140, 140, 3)


@pytest.mark.parametrize("packing", ["one", "one.zip", "one.tar"])
def test_read_dataset_one_class_and_an_empty_one(packing, pack, encode) -> None:
    path = pack({f"train/happy/{i}.png": encode(i) for i in range(3)}, packing)
    empty = ("train/sad/", "train/bored/")
    if packing == "one":
        for name in empty:
            (path / name).mkdir()
    elif packing == "one.zip":
        with zipfile.ZipFile(path, "a") as archive:
            for name in empty:
                archive.writestr(name, b"")
    else:
        with tarfile.open(path, "a") as archive:
            for name in empty:
                member = tarfile.TarInfo(name)
                member.type = tarfile.DIRTYPE
                archive.addfile(member)
    dataset = read_dataset(path)
    assert dataset.counts() == {"train": {"happy": 3}}
    assert [(problem.name, problem.reason) for problem in dataset.problems] == [("train/sad", "a class folder without a file")]


def test_read_dataset_files_that_cannot_be_read(pack, small_tree, monkeypatch) -> None:
    """One that may not be opened, one on a broken disk: left out with a word. A folder that cannot be listed is an error."""
    folder = pack(small_tree, "tree")
    victims = {"train/sad/0.png": errno.EACCES, "train/sad/1.png": errno.EIO}
    whole = Path.open

    def open_(path: Path, *args: object, **options: object) -> object:
        code = victims.get(path.relative_to(folder).as_posix()) if path.is_relative_to(folder) else None
        if code:
            raise OSError(code, os.strerror(code), str(path))
        return whole(path, *args, **options)

    monkeypatch.setattr(Path, "open", open_)
    dataset = read_dataset(folder)
    assert len(dataset) == len(small_tree) - 2
    assert {problem.name: problem.reason for problem in dataset.problems} == {
        "train/sad/0.png": "cannot be read: Permission denied",
        "train/sad/1.png": "cannot be read: Input/output error",
    }

    def scan(path: object) -> object:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", scan)
    with pytest.raises(DataError, match=r"Cannot read .*tree: Permission denied"):
        read_dataset(folder)


def test_read_dataset_of_many_tiny_files_takes_little_for_each(pack, encode) -> None:
    """Measured with 100,000: a ZIP is read in 12 s of one core, a tar.gz in 24 s, a folder in 35 s, with at most 90 MB; again in
    0.1 s, a folder in 2 s."""
    n = 4000
    pictures = [encode(i, size=(8, 8)) for i in range(64)]
    path = pack({f"{'happy' if i % 2 else 'sad'}/{i}.png": pictures[i % 64] for i in range(n)}, "tiny.zip")
    tracemalloc.start()
    dataset = read_dataset(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(dataset) == n
    assert peak < n * 1200 + 2**20


def test_read_dataset_unknown_class(pack, small_tree, encode) -> None:
    with pytest.raises(LabelError, match=r"'train/bored'.*Known: angry"):
        read_dataset(pack({**small_tree, "train/bored/1.png": encode(0)}, "strange.zip"))
    assert cache_leftovers() == []


def test_read_dataset_nothing_there(tmp_path) -> None:
    with pytest.raises(DataError, match=r"no file or folder .*nowhere"):
        read_dataset(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no files"):
        read_dataset(tmp_path / "empty")
    (tmp_path / "empty.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(DataError, match="holds no files"):
        read_dataset(tmp_path / "empty.zip")
    (tmp_path / "nothing.zip").write_bytes(b"")
    with pytest.raises(DataError, match="an empty file"):
        read_dataset(tmp_path / "nothing.zip")
    assert cache_leftovers() == []


def test_read_dataset_no_dataset_inside(pack, encode) -> None:
    with pytest.raises(DataError, match="No dataset found"):
        read_dataset(pack({"1.png": encode(1), "readme.txt": b"x"}, "loose"))
    with pytest.raises(DataError, match="No dataset found"):
        read_dataset(pack({"train/1.png": encode(1)}, "classless"))


@pytest.mark.parametrize("packing", ["tree.zip", "tree.tar", "tree.tar.gz", "tree.tar.xz", "tree.tar.bz2"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_read_dataset_archive_cut_short(packing, kept, pack, small_tree) -> None:
    path = pack(small_tree, packing)
    data = path.read_bytes()
    if packing.endswith(".tar"):
        data = data.rstrip(b"\0")  # its padding may go without loss
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(DataError, match="damaged or cut short"):
        read_dataset(path)
    assert cache_leftovers() == []


def test_read_dataset_damaged_archives_never_crash(pack, small_tree) -> None:
    """Flipped bytes give a dataset or a DataError, and nothing half-made in the cache."""
    rng = np.random.default_rng(0)
    for packing in ("tree.zip", "tree.tar", "tree.tar.gz", "tree.tar.xz"):
        path = pack(small_tree, packing)
        whole = path.read_bytes()
        for _ in range(25):
            data = bytearray(whole)
            for place in rng.integers(0, len(data), 4):
                data[place] = rng.integers(256)
            path.write_bytes(bytes(data))
            with contextlib.suppress(DataError, LabelError):
                assert len(read_dataset(path)) <= len(small_tree)
    assert not [name for name in cache_leftovers() if name.startswith(".tmp")]


def test_read_dataset_is_cached_by_content(pack, small_tree, encode, monkeypatch) -> None:
    path = pack(small_tree, "tree.zip")
    first = read_dataset(path)
    copy = path.rename(path.with_name("renamed.zip"))
    with monkeypatch.context() as patch:
        patch.setattr(read, "read_image", lambda _: pytest.fail("read again"))
        second = read_dataset(copy)
    assert second.fingerprint == first.fingerprint
    assert second.name == "renamed"
    changed = pack({**small_tree, "train/sad/9.png": encode(77)}, "tree.zip")
    assert len(read_dataset(changed)) == len(first) + 1


def test_read_dataset_folder_change_is_seen(pack, small_tree, encode) -> None:
    folder = pack(small_tree, "tree")
    first = read_dataset(folder)
    (folder / "train/sad/0.png").write_bytes(encode(4321))
    second = read_dataset(folder)
    assert len(second) == len(first)
    assert second.fingerprint != first.fingerprint


@pytest.mark.parametrize("victim", ["meta.json", "table.npz", "images.raw"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_read_dataset_mends_a_damaged_cache(victim, damage, pack, small_tree) -> None:
    path = pack(small_tree, "tree.zip")
    first = read_dataset(path)
    (file,) = (cache_dir() / "datasets").glob(f"*/{victim}")
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-40])
    again = read_dataset(path)
    assert again.fingerprint == first.fingerprint
    np.testing.assert_array_equal(again.images[23], again.images.array[again.images.rows[23]].repeat(3, axis=2))


def test_read_dataset_mends_a_cache_without_its_files(pack, encode) -> None:
    path = pack({"happy/1.png": encode(1, size=(200, 200))}, "large.zip")
    read_dataset(path)
    (files,) = (cache_dir() / "datasets").glob("*/files")
    shutil.rmtree(files)
    assert read_dataset(path).images[0].shape == (200, 200, 3)


def test_read_dataset_concurrent_readers(pack, small_tree) -> None:
    path = pack(small_tree, "tree.zip")
    results: list[object] = []
    gate = threading.Barrier(4)

    def work() -> None:
        gate.wait()
        try:
            results.append(read_dataset(path).fingerprint)
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(set(results)) == 1
    assert len(cache_leftovers()) == 1


def test_read_dataset_full_disk(pack, small_tree, monkeypatch) -> None:
    def full(self: EntryWriter, *_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(EntryWriter, "_write", full)
    with pytest.raises(DataError, match=r"disk is full.*FER_CACHE"):
        read_dataset(pack(small_tree, "tree.zip"))
    assert cache_leftovers() == []


def test_read_dataset_interrupted_leaves_nothing(pack, small_tree, monkeypatch) -> None:
    def interrupt(_: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(read, "read_image", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_dataset(pack(small_tree, "tree.zip"))
    assert cache_leftovers() == []


def test_read_dataset_cache_cannot_be_written(pack, small_tree, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="Not a directory"):
        read_dataset(pack(small_tree, "tree.zip"))


def test_read_dataset_linked_folders(pack, small_tree, tmp_path) -> None:
    real = pack(small_tree, "real")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "train").symlink_to(real / "train")
    (linked / "circle").symlink_to(linked)
    assert len(read_dataset(linked)) == len(small_tree) // 2


def test_read_dataset_reports_progress(pack, small_tree) -> None:
    calls: list[tuple[str, float]] = []
    archive = pack(small_tree, "tree.zip")
    for last in ("Reading pictures", "Looking at the files"):  # the second time only the cache is opened
        read_dataset(archive, progress=lambda what, fraction: calls.append((what, fraction)))
        assert all(0 <= fraction <= 1 for _, fraction in calls)
        assert calls[-1] == (last, 1.0)


@pytest.mark.parametrize(("text", "n"), [("synthetic:24", 24), ("synthetic:16:3", 16)])
def test_read_dataset_synthetic(text, n) -> None:
    assert len(read_dataset(text)) == n


def test_read_dataset_synthetic_seed() -> None:
    assert (
        read_dataset("synthetic:16:3").fingerprint
        == read_dataset("synthetic:16:3").fingerprint
        != read_dataset("synthetic:16:4").fingerprint
    )


@pytest.mark.parametrize("text", ["synthetic:many", "synthetic:10:0:0", "synthetic:-3", "synthetic:"])
def test_read_dataset_synthetic_malformed(text) -> None:
    with pytest.raises(DataError, match="synthetic:N:seed"):
        read_dataset(text)


def test_read_dataset_memory_stays_under_twice_the_array(pack, encode) -> None:
    """600 pictures of 128 × 128 in colour are an array of 29 MB; one picture and the table are held at a time."""
    pictures = [encode(i, size=(128, 128), mode="RGB", kind="BMP") for i in range(4)]
    path = pack({f"happy/{i}.bmp": pictures[i % 4] for i in range(600)}, "many.zip")
    tracemalloc.start()
    dataset = read_dataset(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < dataset.images.array.nbytes / 2


@pytest.mark.fer2013
def test_read_dataset_fer2013_counts(fer2013) -> None:
    counts = fer2013.counts()
    assert {split: sum(row.values()) for split, row in counts.items()} == {"train": 28_709, "val": 3_589}
    assert counts["train"]["happy"] == 7_215
    assert counts["train"]["disgust"] == 436
    assert fer2013.label_set.names == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert fer2013.images.array.shape == (32_298, 48, 48, 1)
    assert fer2013.is_grey.all()
    assert fer2013.problems == ()


@pytest.mark.fer2013
def test_read_dataset_fer2013_identical_images(fer2013) -> None:
    _, sizes = np.unique(fer2013.content_ids, return_counts=True)
    assert (sizes > 1).sum() == 1_276
    assert sizes[sizes > 1].sum() == 2_814
    train, val = (fer2013.content_ids[fer2013.splits == split] for split in ("train", "val"))
    assert np.isin(val, train).sum() == 280


@pytest.mark.fer2013
def test_read_dataset_fer2013_votes(fer2013) -> None:
    """Row 0 of FER+ reads 4 neutral, 1 sad, 3 anger, 2 disgust; plurality says "not a face" 177 and "unknown" 222 times."""
    row = fer2013.names.tolist().index("train/angry/Training_00000.png")
    assert fer2013.votes[row].tolist() == [3, 2, 0, 0, 1, 0, 4, 0, 0, 0]
    # The label of an image and most of its voters agree far above chance: the rows are joined as they should be.
    agree = fer2013.votes[:, :7].argmax(axis=1) == fer2013.label_ids
    assert agree.mean() > 0.6
