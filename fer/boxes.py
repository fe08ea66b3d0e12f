"""Boxes and the geometry of face crops: what lies between a detector's boxes and the pixels that a network sees.

Boxes are `xyxy`: left, top, right, bottom in absolute pixels, right and bottom exclusive. They may reach beyond the picture, as a
face at the edge does.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer.errors import ImageError

Boxes = NDArray[np.float32]

# A face that leans by less is taken for upright: networks do not mind, and eyes are not found more exactly in every frame.
LEVEL_DEGREES = 5.0


def as_xyxy(boxes: ArrayLike) -> Boxes:
    """Boxes as float32 (F, 4); nothing at all becomes (0, 4)."""
    return np.asarray(boxes, np.float32).reshape(-1, 4)


def square_xyxy(xyxy: ArrayLike, scale: float | ArrayLike = 1.0) -> Boxes:
    """Squares about the centres of boxes, their side a multiple of the *width*.

    The width is what detectors agree upon: they differ in how much forehead and chin they take.

    Args:
        xyxy: (F, 4).
        scale: side of the square / width of the box; one number, or one a box (F,).

    Returns:
        float32 (F, 4).
    """
    boxes = as_xyxy(xyxy)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:3] - boxes[:, :1]) * np.asarray(scale, np.float32).reshape(-1, 1) / 2
    return np.concatenate([centres - half, centres + half], axis=1, dtype=np.float32)


def clip_xyxy(xyxy: ArrayLike, resolution_wh: tuple[int, int]) -> Boxes:
    """The parts of boxes that lie inside a picture of (width, height); float32 (F, 4)."""
    width, height = resolution_wh
    return np.clip(as_xyxy(xyxy), 0, np.array([width, height, width, height], np.float32))


def iou_matrix(xyxy_a: ArrayLike, xyxy_b: ArrayLike, *, over_smaller: bool = False) -> NDArray[np.float32]:
    """Overlap of every box of one list with every box of another.

    Args:
        xyxy_a: (A, 4).
        xyxy_b: (B, 4).
        over_smaller: divide the intersection by the smaller area instead of the union, so that a box inside another counts as 1.

    Returns:
        float32 (A, B) in [0, 1]; 0 where a box has no area.
    """
    a, b = as_xyxy(xyxy_a)[:, None], as_xyxy(xyxy_b)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    intersection: NDArray[np.float32] = np.prod(np.maximum(sides, 0), axis=2)
    area_a, area_b = np.prod(a[..., 2:] - a[..., :2], axis=2), np.prod(b[..., 2:] - b[..., :2], axis=2)
    whole = np.minimum(area_a, area_b) if over_smaller else area_a + area_b - intersection
    overlap = np.zeros_like(intersection)
    np.divide(intersection, whole, out=overlap, where=whole > 0)
    return overlap


def crop_faces(image: NDArray[np.uint8], xyxy: ArrayLike, roll_degrees: ArrayLike | None = None) -> list[NDArray[np.uint8]]:
    """Cut boxes out of a picture; outside the picture its border pixels go on, as they do in FER2013's own crops.

    Args:
        image: uint8 RGB (H, W, 3).
        xyxy: (F, 4), rounded to whole pixels here; a box is at least one pixel wide and high.
        roll_degrees: (F,), by how much each face leans to the right in the picture (clockwise); it is turned back about the
            middle of its box. Turning resamples, so what leans by less than `LEVEL_DEGREES` stays. None: all stay as they are.

    Returns:
        F images, uint8 (h, w, 3). Those wholly inside and not turned are views of `image`.

    Raises:
        ImageError: a box does not touch the picture.
    """
    height, width = image.shape[:2]
    boxes = as_xyxy(xyxy)
    rolls = np.zeros(len(boxes)) if roll_degrees is None else np.asarray(roll_degrees, np.float64)
    crops = []
    for box, roll in zip(boxes, rolls, strict=True):
        left, top = math.floor(box[0] + 0.5), math.floor(box[1] + 0.5)
        right, bottom = max(math.floor(box[2] + 0.5), left + 1), max(math.floor(box[3] + 0.5), top + 1)
        inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        if inside.size == 0:
            raise ImageError(f"The box {box.tolist()} lies outside the picture of {width}×{height} pixels.")
        if abs(roll) >= LEVEL_DEGREES:
            crops.append(_turned_crop(image, (left, top, right, bottom), float(roll)))
            continue
        above, below, before, after = (max(side, 0) for side in (-top, bottom - height, -left, right - width))
        if above or below or before or after:
            inside = np.asarray(cv2.copyMakeBorder(inside, above, below, before, after, cv2.BORDER_REPLICATE), np.uint8)
        crops.append(inside)
    return crops


def _turned_crop(image: NDArray[np.uint8], box: tuple[int, int, int, int], degrees: float) -> NDArray[np.uint8]:
    """A box cut out of the picture that is turned about the box's middle, counter-clockwise by so much."""
    left, top, right, bottom = box
    # Pixels are points at whole coordinates: a box from 0 to 48 has its middle at 23.5.
    turn = cv2.getRotationMatrix2D(((left + right - 1) / 2, (top + bottom - 1) / 2), degrees, 1.0)
    turn[:, 2] -= (left, top)
    size_wh = (right - left, bottom - top)
    return np.asarray(cv2.warpAffine(image, turn, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
