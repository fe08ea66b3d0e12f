"""`Preparation`: the face detector that takes some ten seconds to be made ready (`prepare_mtcnn`), once a machine.

That happens beside the requests: one that names the detector meanwhile is told to come again, rather than kept waiting.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future

from fer.api.log import LOGGER
from fer.api.problems import Problem
from fer.detection import DetectorInfo, prepare_mtcnn
from fer.errors import DetectionError

_COME_AGAIN_S = 10


class Preparation:
    """May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._going: Future[None] | None = None

    def begin(self) -> Future[None]:
        """Begin it, or join the one that goes on; the result comes, or the error, when it has ended."""
        with self._lock:
            if self._going is None or self._going.done():
                self._going = Future()
                threading.Thread(target=self._prepare, args=(self._going,), name="fer-api-prepare", daemon=True).start()
            return self._going

    def require(self, detector: DetectorInfo) -> None:
        """Refuse a detector that is not ready, and see to it that it will be.

        Raises:
            Problem: it is being prepared.
            DetectionError: it could not be; whoever asks next tries again.
        """
        if detector.ready:
            return
        with self._lock:
            ended = self._going if self._going and self._going.done() else None
            if ended:
                self._going = None
        if ended is None:
            self.begin()
            words = f"The face detector {detector.title} is being prepared, which takes some ten seconds, once. Come again."
            raise Problem("not-ready", words, headers={"Retry-After": str(_COME_AGAIN_S)})
        ended.result()

    def _prepare(self, going: Future[None]) -> None:
        try:
            prepare_mtcnn()
        except DetectionError as error:
            LOGGER.warning("detector not prepared", extra={"fields": {"error": str(error)}})
            going.set_exception(error)
        except BaseException as error:
            going.set_exception(error)
            raise
        else:
            going.set_result(None)
