"""`LiveView`: the newest camera frame in, the annotated frame and the last answers out.

Sits between whatever brings frames (WebRTC's worker thread in `ui/webcam/stream.py`, a loop over a clip) and whatever shows the
answers (a panel that polls `LiveView.snapshot`). It knows neither Streamlit nor WebRTC.

A frame callback must not raise: the video would stand still without a word. So `LiveView.process` catches everything, keeps the
failure as text for the panel and hands the picture back as it came.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fer.drawing import annotate
from fer.errors import FerError
from fer.inference.recognizer import FacePrediction

LOGGER = logging.getLogger(__name__)

# Rates and latencies are those of the last two seconds: long enough to be steady, short enough to show a change.
_WINDOW_S = 2.0


class FrameRecognizer(Protocol):
    """What a `LiveView` needs of a `Recognizer`."""

    def predict(self, image: NDArray[np.uint8], *, head: str | None = None) -> tuple[FacePrediction, ...]: ...


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """The state of a `LiveView` at one moment.

    Attributes:
        predictions: faces of the newest processed frame, with what the detector took for one and the model refused (`is_face`);
            empty when it shows none, and before the first frame.
        frames: frames processed since the last `LiveView.reset`.
        frames_per_second: processed frames a second over the last two seconds.
        latency_ms: median time that one of those frames took to process.
        seconds_since_frame: age of the newest processed frame; None before the first.
        resolution_wh: width and height of the newest frame in pixels; None before the first.
        error: why the newest frame has no answer, in words; None when it has one.
    """

    predictions: tuple[FacePrediction, ...]
    frames: int
    frames_per_second: float
    latency_ms: float
    seconds_since_frame: float | None
    resolution_wh: tuple[int, int] | None
    error: str | None


class LiveView:
    """Recognises and annotates frames one at a time; every method may be called from any thread.

    Args:
        recognizer: answers for one frame; may be exchanged while frames flow (`configure`).
        head: which of the bundle's heads answers; None takes its default.
        mirror: flip frames left to right first, as people expect of a picture of themselves.
        clock: seconds, monotonic; for tests.
    """

    def __init__(
        self,
        recognizer: FrameRecognizer | None = None,
        *,
        head: str | None = None,
        mirror: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._settings = (recognizer, head, mirror)
        self.reset()

    def configure(self, recognizer: FrameRecognizer, *, head: str | None, mirror: bool) -> None:
        """Answer the next frames with these settings."""
        with self._lock:
            self._settings = (recognizer, head, mirror)

    def reset(self) -> None:
        """Forget answers, counts and errors, as before the first frame."""
        with self._lock:
            self._predictions: tuple[FacePrediction, ...] = ()
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
            recognizer, head, mirror = self._settings
        # Recognition runs outside the lock, so that the panel never waits for a frame.
        predictions: tuple[FacePrediction, ...] = ()
        error: str | None = None
        try:
            if mirror:
                image = np.ascontiguousarray(image[:, ::-1])
            if recognizer is not None:
                predictions = recognizer.predict(image, head=head)
                image = annotate(image, predictions)
        except FerError as failure:
            error = str(failure)
        except Exception as failure:
            error = f"This frame could not be read: {type(failure).__name__}: {failure}"
            self._log_once(error, failure)
        self._store(image, predictions, error, started)
        return image

    def report(self, error: str) -> None:
        """Show a failure that happened around `process`, such as a frame that cannot be decoded."""
        with self._lock:
            self._predictions, self._error = (), error

    def snapshot(self) -> LiveSnapshot:
        """The newest answers and the current rates."""
        now = self._clock()
        with self._lock:
            self._forget_before(now - _WINDOW_S)
            took = [seconds for _, seconds in self._recent]
            # A stream that has just begun is measured over its own length, not over an empty window.
            span = min(_WINDOW_S, now - self._recent[0][0] + took[0]) if took else _WINDOW_S
            return LiveSnapshot(
                predictions=self._predictions,
                frames=self._frames,
                frames_per_second=len(took) / span if span > 0 else 0.0,
                latency_ms=1000 * median(took) if took else 0.0,
                seconds_since_frame=None if self._last is None else now - self._last,
                resolution_wh=self._resolution_wh,
                error=self._error,
            )

    def _store(
        self, image: NDArray[np.uint8], predictions: tuple[FacePrediction, ...], error: str | None, started: float
    ) -> None:
        now = self._clock()
        with self._lock:
            self._predictions, self._error = predictions, error
            self._frames += 1
            self._last = now
            self._resolution_wh = (int(image.shape[1]), int(image.shape[0]))
            self._recent.append((now, now - started))
            self._forget_before(now - _WINDOW_S)

    def _forget_before(self, moment: float) -> None:
        while self._recent and self._recent[0][0] < moment:
            self._recent.popleft()

    def _log_once(self, error: str, failure: Exception) -> None:
        # Thirty frames a second would write the same trace thirty times a second.
        with self._lock:
            known = error == self._error
        if not known:
            LOGGER.error("A frame failed: %s", error, exc_info=failure)
