"""`CameraDelay`: how long a frame waits until it is answered, told from the camera's own clock.

A camera's stamps and this machine's clock differ by an unknown amount, to which the way through the network adds. Both are the
same for every frame, or nearly: what a frame needs beyond the quickest of the last half minute is what it waited. So a picture
that falls behind its camera is seen, as it is not from the time that a frame is worked on. Exposure, encoding and the quickest
way itself cannot be seen from here, and are left out.
"""

from __future__ import annotations

import threading
from collections import deque
from statistics import median

# Long enough to hold a frame that came without waiting, short enough for clocks that drift: 30 s of 100 ppm are 3 ms.
_QUICKEST_OF_S = 30.0
_WINDOW_S = 2.0


class CameraDelay:
    """Takes note of frames, and says what they needed lately; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ways: deque[tuple[float, float]] = deque()
        self._needed: deque[tuple[float, float]] = deque()
        self._stamp_s: float | None = None

    def note(self, stamp_s: float, arrived_s: float, answered_s: float) -> None:
        """Take note of a frame.

        Args:
            stamp_s: when it was taken, in seconds on the camera's clock.
            arrived_s: when it came to be answered, in seconds on this machine's monotonic clock.
            answered_s: when it was answered, on the same.
        """
        with self._lock:
            if self._stamp_s is not None and stamp_s < self._stamp_s:  # a stream that has begun anew has another clock
                self._ways.clear()
                self._needed.clear()
            self._stamp_s = stamp_s
            self._ways.append((arrived_s, arrived_s - stamp_s))
            self._needed.append((answered_s, answered_s - stamp_s))
            _forget(self._ways, arrived_s - _QUICKEST_OF_S)
            _forget(self._needed, answered_s - _WINDOW_S)

    @property
    def seconds(self) -> float | None:
        """The median of the last two seconds of frames; None before the first."""
        with self._lock:
            if not self._needed:
                return None
            return median(needed for _, needed in self._needed) - min(way for _, way in self._ways)


def _forget(noted: deque[tuple[float, float]], before_s: float) -> None:
    while noted[0][0] < before_s:
        noted.popleft()
