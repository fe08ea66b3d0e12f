"""`FaceTracker`: the faces of one frame after another, each with the number of the person it belongs to.

It stands between a detector and whatever looks at people over time: the timeline of a clip (`fer/clips`), a camera. It knows no
files and no clock: who calls it says when each frame was.

Its parts are those of the trackers that match boxes alone: a straight-line forecast and the Hungarian assignment (SORT, Bewley
et al. 2016, arXiv:1602.00763), lost faces that are remembered and a second round for what the first left over (ByteTrack, Zhang
et al. 2022, arXiv:2110.06864), which here looks at enlarged boxes instead of low scores (C-BIoU, Yang et al. 2023,
arXiv:2211.14317): detectors give no faces of low score, and a face may move by its own width within a tenth of a second. Packages
that have such trackers bring matplotlib and OpenCV's full build, which cannot stand beside the headless one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer.boxes import as_xyxy, iou_matrix
from fer.errors import SettingsError

# How long a face that vanished (turned away, covered) may come back as the same person.
MEMORY_S = 2.0
# Rounds of matching: how much of its side a box grows by on every side, and the overlap (IoU) that makes two boxes one face.
# In the second round boxes match whose centres are up to one width apart: faces side by side are further apart than that.
_ROUNDS = ((0.0, 0.3), (0.25, 0.2))
# A vanished face is taken to go on as it moved, but not for long: people turn round.
_COAST_S = 0.5
# Time constant over which velocity is averaged: detectors' boxes tremble.
_VELOCITY_S = 0.2


@dataclass(slots=True)
class _Track:
    """A face as it was last seen; velocity of its centre in pixels a second, float32 (2,)."""

    person: int
    xyxy: NDArray[np.float32]
    velocity: NDArray[np.float32]
    time_s: float

    def forecast(self, time_s: float) -> NDArray[np.float32]:
        moved = self.velocity * np.float32(min(time_s - self.time_s, _COAST_S))
        return self.xyxy + np.tile(moved, 2)

    def meet(self, time_s: float, xyxy: NDArray[np.float32]) -> None:
        took = time_s - self.time_s
        new = (_centre(xyxy) - _centre(self.xyxy)) / np.float32(took)
        self.velocity = self.velocity + np.float32(1 - math.exp(-took / _VELOCITY_S)) * (new - self.velocity)
        self.xyxy, self.time_s = xyxy, time_s


class FaceTracker:
    """Follows faces from frame to frame by overlap; for one stream of frames, and one thread.

    Args:
        memory_s: how long a vanished face is remembered, in seconds; after that it comes back as somebody new.

    Raises:
        SettingsError: the memory is negative.
    """

    def __init__(self, *, memory_s: float = MEMORY_S) -> None:
        if memory_s < 0:
            raise SettingsError(f"A tracker remembers faces for 0 seconds or more. Received: {memory_s}")
        # Loaded now, and not at the second frame of a camera: WebRTC gives up on one that takes long.
        import scipy.optimize  # noqa: F401

        self._memory_s = memory_s
        self._tracks: list[_Track] = []
        self._numbers = itertools.count(1)
        self._time_s = -math.inf

    def update(self, time_s: float, xyxy: ArrayLike) -> NDArray[np.int64]:
        """Take the faces of the next frame.

        Args:
            time_s: of the frame, in seconds from any beginning; later than the frame before.
            xyxy: (F, 4), the faces' boxes in pixels; may be empty.

        Returns:
            int64 (F,): each face's person, from 1; a number is never given to two people.

        Raises:
            SettingsError: the time is not later than the one before.
        """
        if not time_s > self._time_s:
            raise SettingsError(f"Frames come in the order of time: after {self._time_s} s came {time_s} s.")
        self._time_s = time_s
        boxes = as_xyxy(xyxy)
        self._tracks = [track for track in self._tracks if time_s - track.time_s <= self._memory_s]
        persons = np.zeros(len(boxes), np.int64)
        tracks = self._tracks
        for growth, enough in _ROUNDS:
            faces = np.flatnonzero(persons == 0).tolist()
            tracks = [track for track in tracks if track.time_s < time_s]
            for track, face in _matches(tracks, boxes[faces], time_s, growth, enough):
                track.meet(time_s, boxes[faces[face]])
                persons[faces[face]] = track.person
        for face in np.flatnonzero(persons == 0).tolist():
            track = _Track(next(self._numbers), boxes[face], np.zeros(2, np.float32), time_s)
            self._tracks.append(track)
            persons[face] = track.person
        return persons


def _matches(
    tracks: Sequence[_Track], boxes: NDArray[np.float32], time_s: float, growth: float, enough: float
) -> list[tuple[_Track, int]]:
    """Pairs of a track and a face's position in `boxes`, so that the sum of their overlaps is the largest there is."""
    if not tracks or not len(boxes):
        return []
    from scipy.optimize import linear_sum_assignment

    expected = np.stack([track.forecast(time_s) for track in tracks])
    overlap = iou_matrix(_grown(expected, growth), _grown(boxes, growth))
    # What is too little is worth nothing: else two poor pairs could outweigh a good one.
    overlap[overlap < enough] = 0
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    return [(tracks[row], int(column)) for row, column in zip(rows, columns, strict=True) if overlap[row, column] > 0]


def _grown(xyxy: NDArray[np.float32], growth: float) -> NDArray[np.float32]:
    margin = np.float32(growth) * (xyxy[:, 2:] - xyxy[:, :2])
    return np.concatenate([xyxy[:, :2] - margin, xyxy[:, 2:] + margin], axis=1)


def _centre(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    return (xyxy[:2] + xyxy[2:]) * np.float32(0.5)
