"""Faces of a table, cut out of their pictures again: for those who look at some of thousands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, suppress

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.boxes import crop_faces, square_xyxy
from fer.data.sources import failures_in_words
from fer.errors import ImageError
from fer.folders.pictures import PicturePlace, open_pictures
from fer.folders.table import Row
from fer.images import MAX_IMAGE_BYTES, read_image

_SCALE = 1.3  # detectors' boxes hug the face; people know each other by hair and chin too


def read_crops(place: PicturePlace, rows: Sequence[Row], *, side: int) -> list[NDArray[np.uint8] | None]:
    """The face of each row; the whole picture where a row has no face; None where the picture cannot be read (any more).

    Args:
        place: where the pictures were when they were read.
        rows: of the table that was made of them.
        side: what is longer than this many pixels is shrunk.

    Returns:
        uint8 RGB (h, w, 3) each, in the order of the rows.

    Raises:
        DataError: there are no pictures at the place any more.
    """
    at: defaultdict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        at[row["picture"]].append(number)
    crops: list[NDArray[np.uint8] | None] = [None] * len(rows)
    for name, image in _read(place, at):
        for number in at[name]:
            crops[number] = _shrunk(_crop(image, rows[number]), side)
    return crops


def read_one(place: PicturePlace, name: str) -> NDArray[np.uint8] | None:
    """One picture of the place, uint8 RGB (H, W, 3); None where it cannot be read (any more).

    Raises:
        DataError: there are no pictures at the place any more.
    """
    return next((image for _, image in _read(place, [name])), None)


def _read(place: PicturePlace, names: Collection[str]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    pictures = open_pictures(place)
    with closing(pictures.source), failures_in_words(pictures.source.title):
        for name, stream in pictures.source.read(names):
            with suppress(ImageError, OSError):
                yield name, read_image(stream.read(MAX_IMAGE_BYTES + 1))


def _crop(image: NDArray[np.uint8], row: Row) -> NDArray[np.uint8]:
    if row["face"] is None:
        return image
    with suppress(ImageError):  # it may be another picture by now
        (image,) = crop_faces(image, square_xyxy([(row["x1"], row["y1"], row["x2"], row["y2"])], _SCALE))
    return image


def _shrunk(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A copy, so that the large picture that a crop is a view of can go."""
    factor = side / max(image.shape[:2])
    if factor >= 1:
        return image.copy()
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
