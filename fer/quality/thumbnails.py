"""`thumbnails`: every image of a dataset, small, in a few sheets that a browser is given at once.

The map of the Explore page shows the face under the pointer without asking the server. JPEG works on blocks of 8 × 8 pixels and a
thumbnail's side is a multiple of that, so neighbours on a sheet do not bleed into each other.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.errors import DataError
from fer.files import replacing
from fer.workspace import cache_dir

SIDE = 48  # pixels; FER2013's own
_SMALL_SIDE, _MANY = 32, 40_000  # of more images than this, thumbnails are smaller
COLUMNS = 16  # thumbnails side by side, and below each other: a sheet is decoded in some milliseconds
_QUALITY = 70
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Sheets of 16 × 16 thumbnails, row by row; image i is number i % 256 of sheet i // 256.

    Args:
        side: of each, in pixels.
        sheets: the sheets as JPEG files, one after the other, uint8.
        ends: int64, where each sheet ends in these bytes.
    """

    side: int
    sheets: NDArray[np.uint8]
    ends: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.sheets.ndim != 1 or (len(self.ends) and int(self.ends[-1]) != len(self.sheets)):
            raise DataError("Expected sheets of thumbnails one after the other, and where each ends.")


def thumbnails(dataset: Dataset, progress: Callable[[float], None] | None = None) -> Thumbnails:
    """Small pictures of all images, in their order; the second time, they are read from the cache.

    Args:
        dataset: any, also of no image.
        progress: called with the share done, 0…1.

    Raises:
        ImageError: a picture that was read before cannot be read any more.
    """
    side = SIDE if len(dataset) <= _MANY else _SMALL_SIDE
    digest = hashlib.sha256(f"thumbnails {_VERSION} {side}\n".encode())
    digest.update(np.ascontiguousarray(dataset.content_ids).tobytes())
    file = cache_dir() / "thumbnails" / f"{digest.hexdigest()[:32]}.npz"
    try:
        # Opened here, because np.load leaves its own file open when the archive is damaged.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as columns:
            return Thumbnails(side, **columns)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, DataError):
        made = _make(dataset, side, progress or (lambda _share: None))
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as beside:
        np.savez(beside, sheets=made.sheets, ends=made.ends)
    return made


def _make(dataset: Dataset, side: int, report: Callable[[float], None]) -> Thumbnails:
    n, a_sheet = len(dataset), COLUMNS * COLUMNS
    channels = 1 if dataset.is_grey.all() else 3
    files = []
    for begin in range(0, n, a_sheet):
        report(begin / n)
        faces = np.zeros((a_sheet, side, side, channels), np.uint8)
        rows = np.arange(begin, min(begin + a_sheet, n))
        faces[: len(rows)] = dataset.images.batch(rows, side, channels)
        sheet = faces.reshape(COLUMNS, COLUMNS, side, side, channels).swapaxes(1, 2)
        sheet = np.ascontiguousarray(sheet.reshape(COLUMNS * side, COLUMNS * side, channels)[..., ::-1])
        files.append(cv2.imencode(".jpg", sheet, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))[1].ravel())
    sheets = np.concatenate(files) if files else np.zeros(0, np.uint8)
    return Thumbnails(side, sheets, np.cumsum([len(file) for file in files], dtype=np.int64))
