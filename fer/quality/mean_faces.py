"""The mean face of each class and how far its faces are spread around it: what a class looks like in one picture.

One pass over the images; the Explore page shows the result beside the measures of `images.py`.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.errors import DataError
from fer.files import replacing
from fer.workspace import cache_dir

SIDE = 48  # a mean is smooth: more pixels would show no more
MEAN_FACES_VERSION = 1  # raise it whenever the same images would give another mean
_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class MeanFaces:
    """What K classes look like on average.

    Args:
        mean: float32 (K, 48, 48, C), 0…255, RGB or, where all images are grey, luma (C 1); 0 for a class without images.
        spread: float32 (K, 48, 48, C), standard deviation of each pixel over the images of the class, 0…127.5.
        counts: int64 (K,), images of each class.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        k = len(self.counts)
        if self.mean.shape[:3] != (k, SIDE, SIDE) or self.spread.shape != self.mean.shape:
            raise DataError(f"Expected means and spreads of {k} classes, {SIDE}×{SIDE} pixels each. Received: {self.mean.shape}")


def mean_faces(dataset: Dataset, progress: Callable[[float], None] | None = None) -> MeanFaces:
    """Mean and standard deviation of the images of each class; of the same images and labels, the second time from the cache.

    Args:
        dataset: any, also of no image.
        progress: called with the share done, 0…1.

    Raises:
        ImageError: a picture that was read before cannot be read any more.
    """
    digest = hashlib.sha256("\n".join([f"mean faces {MEAN_FACES_VERSION}", *dataset.label_set]).encode())
    for column in (dataset.content_ids, dataset.label_ids):
        digest.update(np.ascontiguousarray(column).tobytes())
    file = cache_dir() / "mean-faces" / f"{digest.hexdigest()[:32]}.npz"
    try:
        # Opened here, because np.load leaves its own file open when the archive is damaged.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as columns:
            return MeanFaces(**columns)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, DataError):
        faces = _average(dataset, progress)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as beside:
        np.savez(beside, **{column.name: getattr(faces, column.name) for column in fields(faces)})
    return faces


def _average(dataset: Dataset, progress: Callable[[float], None] | None) -> MeanFaces:
    n, k, channels = len(dataset), len(dataset.label_set), 1 if dataset.is_grey.all() else 3
    # float64 holds sums of squared bytes of any number of images without an error, so one pass loses nothing.
    sums, squares = (np.zeros((k, SIDE, SIDE, channels), np.float64) for _ in range(2))
    for start in range(0, n, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, n))
        images = dataset.images.batch(rows, SIDE, channels)
        for label_id in np.unique(dataset.label_ids[rows]).tolist():
            of_class = images[dataset.label_ids[rows] == label_id].astype(np.uint32)
            sums[label_id] += of_class.sum(axis=0)
            squares[label_id] += np.square(of_class).sum(axis=0)
        if progress:
            progress((rows[-1] + 1) / n)
    counts = np.bincount(dataset.label_ids, minlength=k)
    divisor = np.maximum(counts, 1).reshape(k, 1, 1, 1)
    mean = sums / divisor
    spread = np.sqrt(np.maximum(squares / divisor - np.square(mean), 0))
    return MeanFaces(mean.astype(np.float32), spread.astype(np.float32), counts.astype(np.int64))
