"""`Dataset`: labelled face images from whatever source, as one value that every later room takes.

Readers (`fer/data/read.py` and its neighbours) build it, splits and class maps derive new ones from it, training and evaluation
consume it. Images stay where they are (one memory-mapped array, or files on disk); a `Dataset` holds only tables about them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError
from fer.images import read_image
from fer.labels import VOTE_COLUMNS, ClassMap, LabelSet

SPLITS = ("train", "val", "test")
UNSPLIT = ""


class ImageStore(Protocol):
    """Random access to N images that are read only when asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """One image, uint8 RGB (H, W, 3)."""
        ...

    def select(self, indices: NDArray[np.integer]) -> ImageStore:
        """The images at these indices, in this order; no pixels are copied."""
        ...

    def batch(self, indices: NDArray[np.integer], size: int, channels: int) -> NDArray[np.uint8]:
        """Images resized to a square, uint8 (N, size, size, channels); one channel is luma, three are RGB."""
        ...


@dataclass(frozen=True)
class ArrayStore:
    """Images of one small size in one uint8 array (N, H, W, C), C 1 or 3, usually memory-mapped."""

    array: NDArray[np.uint8]
    rows: NDArray[np.integer]

    @classmethod
    def of(cls, array: NDArray[np.uint8]) -> ArrayStore:
        """All images of an array."""
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] not in (1, 3):
            raise DataError(f"Expected images as uint8 (N, H, W, 1 or 3). Received: {array.dtype} {array.shape}")
        return cls(array, np.arange(len(array)))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        image = self.array[self.rows[index]]
        return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else np.asarray(image)

    def select(self, indices: NDArray[np.integer]) -> ArrayStore:
        return ArrayStore(self.array, self.rows[indices])

    def batch(self, indices: NDArray[np.integer], size: int, channels: int) -> NDArray[np.uint8]:
        images = self.array[self.rows[indices]]
        if images.shape[1:] == (size, size, channels):
            return np.asarray(images)
        out = np.empty((len(images), size, size, channels), np.uint8)
        for row, image in enumerate(images):
            out[row] = fit_image(image, size, channels)
        return out


@dataclass(frozen=True)
class FileStore:
    """Images of any size, one file each, decoded when asked for."""

    paths: Sequence[Path]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return read_image(self.paths[index])

    def select(self, indices: NDArray[np.integer]) -> FileStore:
        return FileStore([self.paths[int(i)] for i in indices])

    def batch(self, indices: NDArray[np.integer], size: int, channels: int) -> NDArray[np.uint8]:
        out = np.empty((len(indices), size, size, channels), np.uint8)
        for row, index in enumerate(indices):
            out[row] = fit_image(self[int(index)], size, channels)
        return out


def fit_image(image: NDArray[np.uint8], size: int, channels: int) -> NDArray[np.uint8]:
    """Resize an image to a square and to 1 (luma, ITU-R BT.601) or 3 (RGB) channels.

    Args:
        image: uint8 (H, W, 1 or 3), RGB.
        size: side of the result in pixels.
        channels: 1 or 3.

    Returns:
        uint8 (size, size, channels). Shrinking averages areas, growing interpolates linearly.
    """
    fitted: NDArray[Any] = image
    if image.shape[2] != channels:
        fitted = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY if channels == 1 else cv2.COLOR_GRAY2RGB)
    if image.shape[:2] != (size, size):
        shrinking = size < min(image.shape[:2])
        fitted = cv2.resize(fitted, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    return fitted.reshape(size, size, channels)


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that was left out of a dataset, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """N labelled images.

    Args:
        name: for people, e.g. `fer2013`.
        label_set: the classes; `label_ids` index into it.
        images: N images.
        label_ids: int16 (N,).
        splits: str (N,), each `train`, `val`, `test` or `""` where no split is given.
        names: str (N,), path inside the source with `/`, or `row 17` for a CSV.
        content_ids: uint64 (N,), equal exactly where the decoded pixels are equal.
        is_grey: bool (N,), whether the picture has no colour (one channel, or three equal ones).
        votes: uint8 (N, 10) votes of FER+ taggers in the order of `fer.labels.VOTE_COLUMNS`; None where there are none.
        source: where it was read from, for people.
        problems: what was left out.
    """

    name: str
    label_set: LabelSet
    images: ImageStore
    label_ids: NDArray[np.int16]
    splits: NDArray[np.str_]
    names: NDArray[np.str_]
    content_ids: NDArray[np.uint64]
    is_grey: NDArray[np.bool_]
    votes: NDArray[np.uint8] | None = None
    source: str = ""
    problems: tuple[Problem, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        n = len(self.images)
        for column in ("label_ids", "splits", "names", "content_ids", "is_grey"):
            if len(getattr(self, column)) != n:
                raise DataError(f"Dataset {self.name!r}: {n} images, but {len(getattr(self, column))} {column}.")
        votes_shape = (n, len(VOTE_COLUMNS))
        if self.votes is not None and self.votes.shape != votes_shape:
            raise DataError(f"Dataset {self.name!r}: expected votes of shape {votes_shape}. Received: {self.votes.shape}")
        if not np.isin(self.label_ids, np.arange(len(self.label_set))).all():
            raise DataError(f"Dataset {self.name!r}: label ids must lie in 0…{len(self.label_set) - 1}.")
        unknown = set(np.unique(self.splits).tolist()) - {*SPLITS, UNSPLIT}
        if unknown:
            raise DataError(f"Dataset {self.name!r}: splits are {', '.join(SPLITS)}. Received: {', '.join(sorted(unknown))}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that hold images, in the order train, val, test, unsplit."""
        present = set(np.unique(self.splits).tolist())
        return tuple(split for split in (*SPLITS, UNSPLIT) if split in present)

    def counts(self) -> dict[str, dict[str, int]]:
        """Images a split and label: `{"train": {"angry": 3995, …}, …}`."""
        table: dict[str, dict[str, int]] = {}
        for split in self.split_names:
            counts = np.bincount(self.label_ids[self.splits == split], minlength=len(self.label_set))
            table[split] = dict(zip(self.label_set, counts.tolist(), strict=True))
        return table

    def select(self, indices: NDArray[np.integer] | NDArray[np.bool_]) -> Dataset:
        """The images at these indices (or under this mask), in this order."""
        rows: NDArray[np.integer] = np.arange(len(self))[indices]
        return replace(
            self,
            images=self.images.select(rows),
            label_ids=self.label_ids[rows],
            splits=self.splits[rows],
            names=self.names[rows],
            content_ids=self.content_ids[rows],
            is_grey=self.is_grey[rows],
            votes=None if self.votes is None else self.votes[rows],
        )

    def split(self, split: str) -> Dataset:
        """One split of the dataset.

        Raises:
            DataError: the dataset has no such split.
        """
        if split not in self.split_names:
            have = ", ".join(name or "no split at all" for name in self.split_names) or "no images"
            raise DataError(f"Dataset {self.name!r} has no split {split!r}. It has: {have}")
        return self.select(self.splits == split)

    def with_splits(self, splits: NDArray[np.str_]) -> Dataset:
        """The same images with other splits, str (N,)."""
        return replace(self, splits=splits)

    def with_classes(self, class_map: ClassMap) -> Dataset:
        """The images of the classes kept, relabelled."""
        if class_map.source != self.label_set:
            raise DataError(f"The class map is for {class_map.source.names}, the dataset has {self.label_set.names}.")
        label_ids = class_map.apply(self.label_ids)
        kept = replace(self, label_ids=np.maximum(label_ids, 0), label_set=class_map.target) if len(self) else self
        return kept.select(label_ids >= 0)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over pixels, labels, order of classes, splits and votes: equal where a training would see the same data."""
        digest = hashlib.sha256("\n".join(self.label_set.names).encode())
        for column in (self.content_ids, self.label_ids, self.splits.astype("U5")):
            digest.update(np.ascontiguousarray(column).tobytes())
        if self.votes is not None:
            digest.update(np.ascontiguousarray(self.votes).tobytes())
        return digest.hexdigest()
