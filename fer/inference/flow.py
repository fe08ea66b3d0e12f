"""`FaceFlow`: faces of one frame found again in the next by the movement of the picture, without a detector.

Points on the face are followed (Lucas and Kanade 1981, in Bouguet's pyramids), and the movement, turn and change of size that
most of them agree upon moves the face; what comes back to another place when it is followed backwards is left out (the
forward-backward error of Kalal et al., "Forward-Backward Error: Automatic Detection of Tracking Failures", 2010).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.detection import Faces

# The picture is shrunk to this before: points are then followed in a millisecond, to half a pixel of it.
_LONGEST_SIDE = 320
# Points on each face: a grid over the inner part of its box, where there is no background.
_GRID, _INNER = 6, 0.7
_FARTHEST_BACK = 1.0  # pixels of the small picture
_FEWEST_POINTS = 8
# From one frame to the next a face does not change its size by more; if it seems to, it is lost.
_MOST_GROWTH = 1.25
_WINDOW_WH, _LEVELS = (15, 15), 3


class FaceFlow:
    """Keeps the last frame; for one stream of frames, and one thread."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None

    def follow(self, image: NDArray[np.uint8], faces: Faces) -> tuple[Faces, NDArray[np.bool_]]:
        """Move faces of the frame before to this one.

        Args:
            image: uint8 RGB (H, W, 3), of the same size as the frame before.
            faces: of the frame before.

        Returns:
            The faces, those that were found again moved; and which were, bool (F,). None is at the first frame, and after a
            change of size.
        """
        scale = min(1.0, _LONGEST_SIDE / max(image.shape[:2]))
        size_wh = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        now = np.asarray(cv2.cvtColor(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY), np.uint8)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape or not len(faces):
            return faces, np.zeros(len(faces), bool)
        moves = _movements(before, now, faces.xyxy * scale)
        found = np.array([move is not None for move in moves])
        xyxy, crop_xyxy = faces.xyxy.copy(), faces.crop_xyxy.copy()
        landmarks = None if faces.landmarks is None else faces.landmarks.copy()
        for i, move in enumerate(moves):
            if move is not None:
                move = move.copy()
                move[:, 2] /= scale
                xyxy[i], crop_xyxy[i] = _moved(xyxy[i], move), _moved(crop_xyxy[i], move)
                if landmarks is not None:
                    landmarks[i] = landmarks[i] @ move[:, :2].T + move[:, 2]
        return Faces(xyxy, crop_xyxy, faces.detection_score, landmarks), found


def _movements(before: NDArray[np.uint8], now: NDArray[np.uint8], xyxy: NDArray[np.float32]) -> list[NDArray[np.float64] | None]:
    """For each box the similarity (2, 3) that takes the frame before to this one; None where too few points agree."""
    steps = (np.arange(_GRID) + 0.5) / _GRID * _INNER + (1 - _INNER) / 2
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    points = (xyxy[:, None, :2] + grid * (xyxy[:, None, 2:] - xyxy[:, None, :2])).astype(np.float32)
    start = points.reshape(-1, 1, 2)
    there, seen = _followed(before, now, start)
    back, seen_back = _followed(now, before, there)
    kept = seen & seen_back & (np.abs(back - start).max(axis=(1, 2)) < _FARTHEST_BACK)
    movements: list[NDArray[np.float64] | None] = []
    for source, target, good in zip(points, there.reshape(points.shape), kept.reshape(len(xyxy), -1), strict=True):
        movements.append(_agreed(source[good], target[good]))
    return movements


def _followed(
    before: NDArray[np.uint8], now: NDArray[np.uint8], points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where points (P, 1, 2) of one picture are in the other, and which were found there, bool (P,)."""
    there, seen, _ = cv2.calcOpticalFlowPyrLK(before, now, points, points.copy(), winSize=_WINDOW_WH, maxLevel=_LEVELS)
    return np.asarray(there, np.float32), np.asarray(seen)[:, 0] == 1


def _agreed(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64] | None:
    if len(source) < _FEWEST_POINTS:
        return None
    move, agrees = cv2.estimateAffinePartial2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=1.5)
    # OpenCV says None where no points agree, and its annotations do not.
    if not np.shape(move) or int(agrees.sum()) < _FEWEST_POINTS:
        return None
    growth = math.hypot(move[0, 0], move[1, 0])
    return np.asarray(move, np.float64) if 1 / _MOST_GROWTH < growth < _MOST_GROWTH else None


def _moved(box: NDArray[np.float32], move: NDArray[np.float64]) -> NDArray[np.float32]:
    """A box whose middle goes along and whose sides change with the size; it stays upright."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    middle = middle @ move[:, :2].T + move[:, 2]
    half = half * math.hypot(move[0, 0], move[1, 0])
    return np.concatenate([middle - half, middle + half]).astype(np.float32)
