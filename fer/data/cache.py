"""Datasets on disk: what reading a source has found, kept under a key of its content so that the next reading is instant.

An entry is a folder: `meta.json`, `table.npz` (one array a column) and the pixels, as `images.raw` (uint8, all of one small size,
memory-mapped) or as `files/` (unpacked pictures) or not at all (a folder's pictures stay where they are). It is written
beside and then renamed, so that a reader sees all of it or nothing, whoever else writes the same one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import ArrayStore, Dataset, FileStore, ImageStore, Problem
from fer.data.sources import FolderSource
from fer.errors import DataError
from fer.images import content_id, is_grey_image
from fer.labels import LabelSet
from fer.workspace import cache_dir

READER_VERSION = 3  # raise it whenever the same source would be read differently
LARGEST_ARRAY_SIDE = 128  # larger pictures stay files: as an array they would outgrow the page cache
_PIXELS = "images.raw"
_STALE_SECONDS = 24 * 3600
_CHUNK = 2**20


def content_key(path: Path) -> str:
    """sha256 of what a reading of `path` depends on: a file's bytes, or the names, sizes and times of a folder's files."""
    digest = hashlib.sha256(f"reader {READER_VERSION}\n".encode())
    if path.is_dir():
        for name, status in FolderSource(path).statuses().items():
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
    else:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def entry_dir(key: str) -> Path:
    """Where the entry of a key stands, or will stand."""
    return cache_dir() / "datasets" / key[:32]


@contextmanager
def new_entry(entry: Path) -> Iterator[Path]:
    """An empty folder to fill; it becomes `entry` when the block ends, and vanishes when the block raises."""
    work = entry.parent / f".tmp-{entry.name[:8]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    _sweep(entry.parent)
    work.mkdir(parents=True)
    try:
        yield work
        try:
            work.replace(entry)
        except OSError:
            if not (entry / "meta.json").is_file():
                raise
            # Somebody else finished the same entry first; theirs is as good as ours.
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what killed readers have left."""
    for left in folder.glob(".tmp-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


class EntryWriter:
    """Fills an entry, one image after the other; holds one image and the table in memory.

    The pixels go into one array as long as all images have one size of at most 128 pixels a side; with the first that has not,
    the array is given up for good. With `array_only` they must have one size, and any will do.

    Args:
        work: the folder to fill.
        array_only: there are no files to fall back on.
    """

    def __init__(self, work: Path, *, array_only: bool = False) -> None:
        self._work = work
        self._array_only = array_only
        self._raw: BinaryIO | None = (work / _PIXELS).open("wb")
        self._shape: tuple[int, ...] = ()
        self._rows: list[tuple[str, str, str, int, bool]] = []
        self.problems: list[Problem] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._raw is not None:
            with contextlib.suppress(OSError):  # what could not be flushed has already been reported, or is about to vanish
                self._raw.close()

    @property
    def names(self) -> list[str]:
        """Names of the images added so far."""
        return [row[0] for row in self._rows]

    @property
    def has_array(self) -> bool:
        """Whether all images so far are in the array."""
        return self._raw is not None

    def add(self, name: str, label: str, split: str, image: NDArray[np.uint8]) -> None:
        """Take one image, uint8 (H, W, 1 or 3)."""
        grey = is_grey_image(image)
        self._rows.append((name, label, split, content_id(image), grey))
        if self._raw is not None:
            self._raw = self._write(self._raw, image[..., :1] if grey else image)

    def _write(self, raw: BinaryIO, image: NDArray[np.uint8]) -> BinaryIO | None:
        height, width, channels = self._shape or image.shape
        if image.shape[:2] != (height, width) or (max(height, width) > LARGEST_ARRAY_SIDE and not self._array_only):
            raw.close()
            (self._work / _PIXELS).unlink()
            return None
        if image.shape[2] > channels:
            raw, channels = self._widen(raw), 3
        self._shape = (height, width, channels)
        raw.write(np.broadcast_to(image, self._shape).tobytes())
        return raw

    def _widen(self, raw: BinaryIO) -> BinaryIO:
        """The first colour image among grey ones: give all of them three channels."""
        raw.close()
        grey_path = (self._work / _PIXELS).replace(self._work / "grey.raw")
        raw = (self._work / _PIXELS).open("wb")
        with grey_path.open("rb") as grey:
            while chunk := grey.read(_CHUNK):
                raw.write(np.frombuffer(chunk, np.uint8).repeat(3).tobytes())
        grey_path.unlink()
        return raw

    def skip(self, name: str, reason: str) -> None:
        """Note what is left out."""
        self.problems.append(Problem(name, reason))

    def finish(self, pixels: str, *, sort: bool) -> None:
        """Write table and meta. `pixels` is `array`, `files` (unpacked into the entry) or `folder` (they stay where they are)."""
        if self._raw is not None:
            self._raw.close()
        names, labels, splits, ids, greys = zip(*self._rows, strict=True)
        label_set = LabelSet.from_names(labels)
        order = np.argsort(np.array(names), kind="stable") if sort else np.arange(len(names))
        np.savez(
            self._work / "table.npz",
            order=order,
            label_ids=label_set.encode(labels),
            splits=np.array(splits, dtype="U5"),
            names=np.array(names),
            content_ids=np.array(ids, dtype=np.uint64),
            is_grey=np.array(greys, dtype=np.bool_),
        )
        meta = {
            "labels": label_set.names,
            "pixels": pixels,
            "shape": (len(names), *self._shape),
            "problems": [[problem.name, problem.reason] for problem in self.problems],
        }
        (self._work / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


def load_entry(entry: Path, *, name: str, source: Path) -> Dataset | None:
    """The dataset that an entry holds, or None where there is no entry or it is damaged."""
    try:
        meta: dict[str, Any] = json.loads((entry / "meta.json").read_text(encoding="utf-8"))
        # Opened here, because np.load leaves its own file open when the archive is damaged.
        with (entry / "table.npz").open("rb") as file, np.load(file, allow_pickle=False) as table:
            columns = {key: table[key] for key in table.files}
        order = columns.pop("order")
        images = _images(entry, meta, columns["names"], source).select(order)
        columns["names"] = np.array([_as_text(name) for name in columns["names"].tolist()])
        return Dataset(
            name=name,
            label_set=LabelSet(tuple(meta["labels"])),
            images=images,
            source=str(source),
            problems=tuple(Problem(_as_text(name), reason) for name, reason in meta["problems"]),
            **{key: column[order] for key, column in columns.items()},
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, DataError):
        return None


def _as_text(name: str) -> str:
    """A file's name as text that can be written and sent: names on disk and in archives need not be UTF-8."""
    return name.encode("utf-8", "replace").decode()


def _images(entry: Path, meta: dict[str, Any], names: Sequence[str], source: Path) -> ImageStore:
    if meta["pixels"] == "array":
        return ArrayStore.of(np.memmap(entry / _PIXELS, np.uint8, "r", shape=tuple(meta["shape"])))
    in_place = meta["pixels"] == "folder"
    root = source if in_place else entry / "files"
    if not root.is_dir():
        raise FileNotFoundError(root)
    return FileStore([root / str(name if in_place else number) for number, name in enumerate(names)])
