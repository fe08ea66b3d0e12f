"""What a face detector gives and is: `Faces`, the `FaceDetector` protocol, and what all backends share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer.boxes import Boxes, as_xyxy
from fer.errors import DetectionError, ImageError

# Faces smaller than this (box width in pixels) show no expression that could be read.
MIN_FACE_SIZE = 20

# Pictures of less than this are enlarged first: FER2013's own 48 px crops are found at 160 to 240 px and hardly at all at 48.
_SMALLEST_WORKING_SIDE = 192


@dataclass(frozen=True, slots=True)
class Faces:
    """F faces of one picture, the largest first.

    Args:
        xyxy: float32 (F, 4), the detector's own boxes; they may reach beyond the picture.
        crop_xyxy: float32 (F, 4), the square to cut so that the face fills it as in FER2013.
        detection_score: float32 (F,) in [0, 1]; comparable within one detector only.
        landmarks: float32 (F, 5, 2) in pixels, None where the detector finds none. Order, as seen in the picture: left eye, right
            eye, nose, left and right corner of the mouth.

    Raises:
        DetectionError: the arrays do not belong together.
    """

    xyxy: Boxes
    crop_xyxy: Boxes
    detection_score: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.xyxy)
        expected = {"xyxy": (n, 4), "crop_xyxy": (n, 4), "detection_score": (n,)}
        if self.landmarks is not None:
            expected["landmarks"] = (n, 5, 2)
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32:
                raise DetectionError(f"Expected {name} as float32 {shape}. Received: {array.dtype} {array.shape}")

    @classmethod
    def collect(
        cls,
        xyxy: ArrayLike,
        crop_xyxy: ArrayLike,
        detection_score: ArrayLike,
        landmarks: ArrayLike | None = None,
        *,
        min_size: float = 0,
    ) -> Faces:
        """Faces from plain arrays (or empty lists), the largest first, without those narrower than `min_size`."""
        boxes, crops = as_xyxy(xyxy), as_xyxy(crop_xyxy)
        widths = boxes[:, 2] - boxes[:, 0]
        order = np.argsort(-widths, kind="stable")
        order = order[widths[order] >= min_size]
        points = None if landmarks is None else np.asarray(landmarks, np.float32).reshape(-1, 5, 2)[order]
        return cls(boxes[order], crops[order], np.asarray(detection_score, np.float32).reshape(-1)[order], points)

    def __len__(self) -> int:
        return len(self.xyxy)

    @property
    def roll_degrees(self) -> NDArray[np.float64] | None:
        """By how much each face leans to the right in the picture (clockwise), float64 (F,): the slope between its eyes.

        None where the detector finds no eyes.
        """
        if self.landmarks is None:
            return None
        across = (self.landmarks[:, 1] - self.landmarks[:, 0]).astype(np.float64)
        return np.degrees(np.arctan2(across[:, 1], across[:, 0]))


class FaceDetector(Protocol):
    """A picture in, faces out. Every detector may be used from any thread."""

    name: str

    def detect(self, image: NDArray[np.uint8], *, min_size: int = MIN_FACE_SIZE) -> Faces:
        """Find the faces of a picture.

        Args:
            image: uint8 RGB (H, W, 3).
            min_size: leave out faces whose box is narrower, in pixels of the picture.

        Returns:
            The faces, the largest first; empty where there are none.

        Raises:
            ImageError: the image has another shape or dtype.
        """
        ...


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """A detector as a page lists it.

    Args:
        name: what `get_detector` takes.
        title: for people.
        available: whether `get_detector` would give it now.
        state: why, or why not, and what to do about it; one short sentence.
        licence: of the weights.
        note: what it is good at and what it misses.
        ready: whether it is there at once; otherwise its first use takes some ten seconds.
    """

    name: str
    title: str
    available: bool
    state: str
    licence: str
    note: str
    ready: bool = True


def require_image(image: object) -> None:
    """Refuse what is no picture.

    Raises:
        ImageError: not uint8, not (H, W, 3), or without pixels.
    """
    if isinstance(image, np.ndarray):
        if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
            return
        received = f"{image.dtype} {image.shape}"
    else:
        received = type(image).__name__
    raise ImageError(f"Expected a picture as uint8 RGB (H, W, 3). Received: {received}. `read_image` gives one from a file.")


def to_working_size(image: NDArray[np.uint8], longest_side: int) -> tuple[NDArray[np.uint8], float]:
    """Shrink a picture whose longest side is longer, enlarge one that is very small.

    Args:
        image: uint8 RGB (H, W, 3).
        longest_side: in pixels.

    Returns:
        The picture, and its scale: divide boxes by it to come back.
    """
    require_image(image)
    longest = max(image.shape[:2])
    scale = min(longest_side / longest, max(1.0, _SMALLEST_WORKING_SIDE / longest))
    if scale == 1:
        return image, 1.0
    size_wh = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    resized = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8), scale
