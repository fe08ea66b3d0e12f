"""`LiveView`: the newest camera frame in, the annotated frame and the last answers out.

Sits between whatever brings frames (WebRTC's worker thread in `ui/webcam/stream.py`, a loop over a clip) and whatever shows the
answers (a panel that polls `LiveView.snapshot`). It knows neither Streamlit nor WebRTC.

A frame callback must not raise: the video would stand still without a word. So `LiveView.process` catches everything, keeps the
failure as text for the panel and hands the picture back as it came.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fer.drawing import annotate_people
from fer.errors import FerError
from fer.inference.history import Moment
from fer.inference.recorder import Recorder, mark_recording
from fer.inference.shown_face import ShownFace

LOGGER = logging.getLogger(__name__)

# Rates and latencies are those of the last two seconds: long enough to be steady, short enough to show a change.
_WINDOW_S = 2.0
# Followers want every frame later than the one before; a clock may stand still between two.
_SMALLEST_STEP_S = 1e-6
# What a session remembers, so that hours of it take no more memory than these minutes.
HISTORY_S, HISTORY_EVERY_S = 600.0, 0.1


class Follower(Protocol):
    """What answers for one frame after another, such as a `FaceFollower`; it is called by one thread at a time."""

    def update(self, time_s: float, image: NDArray[np.uint8]) -> tuple[ShownFace, ...]: ...


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """The state of a `LiveView` at one moment.

    Attributes:
        faces: those of the newest processed frame, with what the detector took for one and the model refused (`is_face`); empty
            when it shows none, and before the first frame.
        frames: frames processed since the last `LiveView.reset`.
        frames_per_second: processed frames a second over the last two seconds.
        latency_ms: median time that one of those frames took to process.
        seconds_since_frame: age of the newest processed frame; None before the first.
        resolution_wh: width and height of the newest frame in pixels; None before the first.
        error: why the newest frame has no answer, in words; None when it has one.
    """

    faces: tuple[ShownFace, ...]
    frames: int
    frames_per_second: float
    latency_ms: float
    seconds_since_frame: float | None
    resolution_wh: tuple[int, int] | None
    error: str | None


class LiveView:
    """Has frames answered and draws on them, one at a time; every method may be called from any thread.

    Args:
        follower: answers; may be exchanged while frames flow (`configure`).
        mirror: flip frames left to right first, as people expect of a picture of themselves.
        clock: seconds, monotonic; for tests.

    Attributes:
        recorder: keeps frames while it is on.
    """

    def __init__(
        self, follower: Follower | None = None, *, mirror: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._at_work = threading.Lock()  # held while a frame is answered: a stream that ends may meet the next one's first frame
        self._settings = (follower, mirror)
        self._frame_s = -math.inf
        self.recorder = Recorder()
        self.reset()

    def configure(self, follower: Follower, *, mirror: bool) -> None:
        """Answer the next frames with these settings."""
        with self._lock:
            self._settings = (follower, mirror)

    @property
    def now_s(self) -> float:
        """The time by the clock that moments are told in."""
        return self._clock()

    def reset(self) -> None:
        """Forget answers, history, counts and errors, as before the first frame."""
        self.pause()
        with self._lock:
            self._history: deque[Moment] = deque()

    def pause(self) -> None:
        """The stream has ended: forget answers, counts and errors, not the history; a recording ends, too."""
        self.recorder.stop()
        with self._lock:
            self._faces: tuple[ShownFace, ...] = ()
            self._frames = 0
            self._recent: deque[tuple[float, float]] = deque()  # (finished at, seconds taken)
            self._last: float | None = None
            self._resolution_wh: tuple[int, int] | None = None
            self._error: str | None = None

    def process(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame with its faces drawn on it, uint8 RGB (H, W, 3), of the same size; never raises.

        When something fails, the frame comes back without boxes and the reason stands in `snapshot().error`.
        """
        started = self._clock()
        with self._lock:
            follower, mirror = self._settings
        # Recognition runs outside the lock, so that the panel never waits for a frame.
        faces: tuple[ShownFace, ...] = ()
        error: str | None = None
        try:
            if mirror:
                image = np.ascontiguousarray(image[:, ::-1])
            if follower is not None:
                with self._at_work:
                    self._frame_s = max(self._clock(), self._frame_s + _SMALLEST_STEP_S)
                    faces = follower.update(self._frame_s, image)
                recording = self.recorder.take(self._frame_s, image, faces)
                image = annotate_people(image, faces)
                if recording:
                    mark_recording(image)
        except FerError as failure:
            error = str(failure)
        except Exception as failure:
            error = f"This frame could not be read: {type(failure).__name__}: {failure}"
            self._log_once(error, failure)
        self._store(image, faces, error, started)
        return image

    def report(self, error: str) -> None:
        """Show a failure that happened around `process`, such as a frame that cannot be decoded."""
        with self._lock:
            self._faces, self._error = (), error

    def snapshot(self) -> LiveSnapshot:
        """The newest answers and the current rates."""
        now = self._clock()
        with self._lock:
            self._forget_before(now - _WINDOW_S)
            took = [seconds for _, seconds in self._recent]
            # A stream that has just begun is measured over its own length, not over an empty window.
            span = min(_WINDOW_S, now - self._recent[0][0] + took[0]) if took else _WINDOW_S
            return LiveSnapshot(
                faces=self._faces,
                frames=self._frames,
                frames_per_second=len(took) / span if span > 0 else 0.0,
                latency_ms=1000 * median(took) if took else 0.0,
                seconds_since_frame=None if self._last is None else now - self._last,
                resolution_wh=self._resolution_wh,
                error=self._error,
            )

    def history(self) -> tuple[Moment, ...]:
        """What was shown over the last `HISTORY_S` seconds, a moment every `HISTORY_EVERY_S`."""
        with self._lock:
            return tuple(self._history)

    def _store(self, image: NDArray[np.uint8], faces: tuple[ShownFace, ...], error: str | None, started: float) -> None:
        now = self._clock()
        with self._lock:
            self._faces, self._error = faces, error
            self._frames += 1
            self._last = now
            self._resolution_wh = (int(image.shape[1]), int(image.shape[0]))
            self._recent.append((now, now - started))
            self._forget_before(now - _WINDOW_S)
            if error is None and (not self._history or now - self._history[-1].time_s >= HISTORY_EVERY_S):
                self._history.append(Moment(now, faces))
                while self._history[0].time_s < now - HISTORY_S:
                    self._history.popleft()

    def _forget_before(self, moment: float) -> None:
        while self._recent and self._recent[0][0] < moment:
            self._recent.popleft()

    def _log_once(self, error: str, failure: Exception) -> None:
        # Thirty frames a second would write the same trace thirty times a second.
        with self._lock:
            known = error == self._error
        if not known:
            LOGGER.error("A frame failed: %s", error, exc_info=failure)
