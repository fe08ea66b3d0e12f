"""`Service`: what the API's requests share in one server: models, workers, room for so many at once, and the metrics."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import ParamSpec, TypeVar

from starlette.requests import Request

from fer.api.metrics import ApiMetrics
from fer.api.options import PredictOptions
from fer.api.pictures import PictureAnswer, PictureReader
from fer.api.problems import Problem
from fer.api.recognizers import Recognizers
from fer.api.settings import ApiSettings
from fer.api.uploads import UploadedFile
from fer.errors import FerError

_P = ParamSpec("_P")
_T = TypeVar("_T")
# So many may arrive beside those that can be read, to be told there, in words, that they come too early.
_MORE_CLIPS = 3


def service_of(request: Request) -> Service:
    """The service of the app that a request has come to."""
    service: Service = request.app.state.service
    return service


class Service:
    """One a server; nothing is loaded before it is needed, or `warm_up` is called."""

    def __init__(self, settings: ApiSettings) -> None:
        self.settings = settings
        self.metrics = ApiMetrics()
        self.recognizers = Recognizers(settings.model, settings.detector)
        self.started = time.time()
        self.starting_clips = threading.Lock()
        self._workers = ThreadPoolExecutor(settings.workers, thread_name_prefix="fer-api")
        self._room = {"pictures": settings.max_requests, "clips": settings.max_clips + _MORE_CLIPS}
        self._free = {what: threading.BoundedSemaphore(room) for what, room in self._room.items()}
        self.state = "starting"  # then `ok`, or `failed`

    async def run(self, work: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
        """Let a worker do what takes longer than an instant; first come, first served."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, lambda: work(*arguments, **options))

    @contextmanager
    def room(self, what: str = "pictures") -> Iterator[None]:
        """Room for one more request with `pictures` or `clips`, which arrive slowly and must not take the room of the others.

        Raises:
            Problem: there is none.
        """
        if not self._free[what].acquire(blocking=False):
            detail = f"{self._room[what]} requests with {what} are being answered or wait already. Come again in a second."
            raise Problem("busy", detail, headers={"Retry-After": "1"})
        try:
            yield
        finally:
            self._free[what].release()

    def read(
        self, upload: UploadedFile, options: PredictOptions, *, prefer_classes: int | None = None
    ) -> tuple[PictureReader, PictureAnswer | Problem]:
        """Read a picture in the way asked for; one call, so that it waits for a worker once.

        Args:
            upload: the picture's file.
            options: what the client has asked for.
            prefer_classes: take the head with so many where none is asked for and there is one.

        Returns:
            who has read it, and what came out.

        Raises:
            FerError: there is no such model, head or detector, or it cannot be loaded.
        """
        recognizer = self.recognizers.recognizer(options.model, options.detector)
        sizes = [len(head.label_set) for head in recognizer.bundle.heads]
        if options.head is None and options.classes is None and prefer_classes in sizes:
            options = replace(options, classes=prefer_classes)
        reader = PictureReader(recognizer, options, self.settings.max_pixels, self.metrics)
        return reader, reader.read(upload)

    def warm_up(self) -> None:
        """Load the default model and detector.

        Raises:
            FerError: that cannot be done.
        """
        try:
            self.recognizers.warm_up()
        except FerError:
            self.state = "failed"
            raise
        self.state = "ok"

    def close(self) -> None:
        """Let the workers go when they have done what they are at."""
        self._workers.shutdown(wait=False, cancel_futures=True)
