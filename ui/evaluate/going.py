"""Measurements that take a minute, each in a thread of its own, for all sessions: the page stays free and a Stop is heard."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import streamlit as st

from fer.errors import DataError, FerError
from ui.words import duration, percent, show_error

T = TypeVar("T")
Key = tuple[object, ...]
_KEPT = 16


class _StopRequested(Exception):
    """Raised inside a measurement by its own progress report, to end it."""


@dataclass
class Job(Generic[T]):
    """A measurement that goes on, or has ended.

    Args:
        work: does it; calls what it is given with the share done, 0…1.
        share: how much is done.
        error: why there is no result, in words; empty where it was stopped.
        result: None before it is there.
    """

    work: Callable[[Callable[[float], None]], T]
    share: float = 0.0
    started: float = field(default_factory=time.monotonic)
    error: str = ""
    result: T | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None where it is too early to tell."""
        return (time.monotonic() - self.started) * (1 - self.share) / self.share if self.share > 0.02 else None

    def run(self) -> None:
        try:
            self.result = self.work(self._report)
        except _StopRequested:
            pass
        except FerError as error:
            self.error = str(error)
        except Exception as error:  # a defect of ours: the page must still learn that it is over
            logging.getLogger(__name__).exception("A measurement failed")
            self.error = f"The measurement failed: {type(error).__name__}: {error}. Details stand in the server's log."
        finally:
            self.ended.set()

    def _report(self, share: float) -> None:
        if self.stopping.is_set():
            raise _StopRequested
        self.share = share


@st.cache_resource(show_spinner=False)
def _jobs() -> OrderedDict[Key, Job[Any]]:
    """By all that their result depends on; those of this server."""
    return OrderedDict()


def measured(key: Key, work: Callable[[Callable[[float], None]], T], *, title: str, words: str, name: str) -> T | None:
    """What a measurement has found; else its bar with a Stop, or the button that begins it.

    Args:
        key: all that the result depends on.
        work: does it; calls what it is given with the share done, 0…1.
        title: of the button that begins it.
        words: what is being done, beside the bar.
        name: of the widgets.
    """
    jobs = _jobs()
    job: Job[T] | None = jobs.get(key)
    if job is not None and not job.ended.is_set():
        st.fragment(_progress, run_every=0.5)(job, words, name)
        return None
    if job is not None and job.result is not None:
        return job.result
    if job is not None and job.error:
        show_error(DataError(job.error))
    if st.button(title, icon=":material/play_arrow:", key=f"{name}_start"):
        jobs[key] = begun = Job(work)
        while len(jobs) > _KEPT:
            jobs.popitem(last=False)
        threading.Thread(target=begun.run, name=name, daemon=True).start()
        st.rerun()
    return None


def _progress(job: Job[Any], words: str, name: str) -> None:
    if job.ended.is_set():
        st.rerun()
    left = "" if job.seconds_left is None else f", about {duration(job.seconds_left)} left"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(min(job.share, 1.0), f"{words}: {percent(job.share, 0)}{left}")
        stopping = job.stopping.is_set()
        if st.button("Stopping" if stopping else "Stop", icon=":material/stop:", key=f"{name}_stop", disabled=stopping):
            job.stopping.set()
