"""Exports that are being written, each in a thread of its own, so that the page stays free and a Stop is heard."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fer.data.read import Progress
from fer.errors import FerError


class _StopRequested(Exception):
    """Raised inside an export by its own progress report, to end it; what was written so far vanishes."""


@dataclass
class ExportJob:
    """An export or its packing that goes on, or has ended.

    Args:
        work: does it, and returns what was written; calls what it is given with what is being done and the fraction done, 0…1.
        layout: one of `fer.quality.export.LAYOUTS`.
        packs: whether it makes a ZIP of an export that stands already.
        step, share: what is being done, and how much of it is done, 0…1.
        error: why there is no result, in words.
        result: what was written; None before, and where there is none.
    """

    work: Callable[[Progress], Path]
    layout: str
    packs: bool = False
    step: str = "Beginning"
    share: float = 0.0
    started: float = field(default_factory=time.monotonic)
    error: str = ""
    result: Path | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin."""
        self.started = time.monotonic()
        threading.Thread(target=self._work, name="export", daemon=True).start()

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None where it is too early to tell."""
        return (time.monotonic() - self.started) * (1 - self.share) / self.share if self.share > 0.05 else None

    def _report(self, step: str, share: float) -> None:
        if self.stopping.is_set():
            raise _StopRequested
        self.step, self.share = step, share

    def _work(self) -> None:
        try:
            self.result = self.work(self._report)
        except _StopRequested:
            pass
        except FerError as error:
            self.error = str(error)
        except Exception as error:  # a defect of ours: the page must still learn that it is over
            logging.getLogger(__name__).exception("An export failed")
            self.error = f"The export failed: {type(error).__name__}: {error}. Details stand in the server's log."
        finally:
            self.ended.set()
