"""`Recorder`: frames and their answers kept in memory, from when it is started until it is stopped, full or emptied.

A `LiveView` has one, and hands it every frame; it is off until somebody asks. Nothing goes to disk: what it holds ends with it.
`fer/clips/recorded.py` makes tables and a clip of it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.inference.shown_face import ShownFace

MAX_SECONDS = 120.0
MAX_BYTES = 96 * 2**20
# Enough for a clip that is pleasant to watch; every frame would fill the memory twice as fast.
_EVERY_S = 1 / 15
_EARLY_S = 0.005  # frames of a camera tremble about their moments
_JPEG_QUALITY = 85
_RED, _WHITE = (220, 40, 40), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """A frame.

    Args:
        time_s: since the recording began.
        jpeg: the picture, as it was shown but without boxes.
        faces: in pixels of that picture.
    """

    time_s: float
    jpeg: bytes
    faces: tuple[ShownFace, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded.

    Args:
        frames: in the order of time.
        marks_s: moments that the user has marked, in seconds since it began.
        resolution_wh: of all its pictures, in pixels.
        is_on: whether it goes on.
        is_full: whether it has ended by itself, at the most that is kept.
    """

    frames: tuple[RecordedFrame, ...]
    marks_s: tuple[float, ...]
    resolution_wh: tuple[int, int]
    is_on: bool
    is_full: bool

    @property
    def seconds(self) -> float:
        return self.frames[-1].time_s if self.frames else 0.0


class Recorder:
    """Every method may be called from any thread.

    Args:
        max_seconds: how long a recording may be.
        max_bytes: how much its pictures may hold.
    """

    def __init__(self, *, max_seconds: float = MAX_SECONDS, max_bytes: int = MAX_BYTES) -> None:
        self._max_seconds, self._max_bytes = max_seconds, max_bytes
        self._lock = threading.Lock()
        self._began_s: float | None = None
        self._forget()

    def start(self) -> None:
        """Record from the next frame on; what was recorded before is forgotten."""
        with self._lock:
            self._forget()
            self._is_on = True

    def stop(self) -> None:
        """Record no more; what was recorded stays."""
        with self._lock:
            self._is_on = False

    def discard(self) -> None:
        """Stop, and forget what was recorded."""
        with self._lock:
            self._forget()

    def mark(self) -> None:
        """Mark the newest frame; does nothing while none is recorded."""
        with self._lock:
            if self._is_on and self._frames and self._frames[-1].time_s not in self._marks_s:
                self._marks_s.append(self._frames[-1].time_s)

    def take(self, time_s: float, image: NDArray[np.uint8], faces: Sequence[ShownFace]) -> bool:
        """Keep a frame, if it is on and one is due; returns whether it is on.

        Args:
            time_s: of the frame, later than the one before.
            image: uint8 RGB (H, W, 3), without boxes.
            faces: in pixels of it.
        """
        with self._lock:
            if not self._is_on:
                return False
            self._began_s = time_s if self._began_s is None else self._began_s
            since_s = time_s - self._began_s
            if not self._frames or since_s >= self._frames[-1].time_s + _EVERY_S - _EARLY_S:
                self._keep(since_s, image, faces)
            return self._is_on

    @property
    def has_ended(self) -> bool:
        """Whether a recording is there that does not go on."""
        with self._lock:
            return bool(self._frames) and not self._is_on

    def recording(self) -> Recording | None:
        """What is recorded so far; None where nothing is."""
        with self._lock:
            if not self._is_on and not self._frames:
                return None
            return Recording(tuple(self._frames), tuple(self._marks_s), self._size_wh, self._is_on, self._is_full)

    def _forget(self) -> None:
        self._frames: list[RecordedFrame] = []
        self._marks_s: list[float] = []
        self._began_s = None
        self._bytes = 0
        self._size_wh = (0, 0)
        self._is_on = self._is_full = False

    def _keep(self, since_s: float, image: NDArray[np.uint8], faces: Sequence[ShownFace]) -> None:
        height, width = image.shape[:2]
        self._size_wh = self._size_wh if self._frames else (width, height)
        if (width, height) != self._size_wh:  # WebRTC changes the size of its pictures as the network allows
            scale_xyxy = np.tile(np.array(self._size_wh) / (width, height), 2)
            image = np.asarray(cv2.resize(image, self._size_wh, interpolation=cv2.INTER_AREA), np.uint8)
            faces = [replace(face, xyxy=tuple((np.array(face.xyxy) * scale_xyxy).tolist())) for face in faces]
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
        self._bytes += encoded.nbytes
        self._frames.append(RecordedFrame(since_s, encoded.tobytes(), tuple(faces)))
        if since_s >= self._max_seconds or self._bytes >= self._max_bytes:
            self._is_on, self._is_full = False, True


def mark_recording(image: NDArray[np.uint8]) -> None:
    """Draw the red sign on a frame, in place: a dot in the upper right corner, and REC beside it."""
    height, width = image.shape[:2]
    unit = max(4, round(min(height, width) / 48))
    cv2.circle(image, (width - 2 * unit, 2 * unit), unit, _RED, -1, cv2.LINE_AA)
    place, size = (width - 10 * unit, round(2.6 * unit)), unit / 12
    for colour, line in ((_RED, 5), (_WHITE, 2)):
        cv2.putText(image, "REC", place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, line, cv2.LINE_AA)
