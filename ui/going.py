"""Work that takes a minute, each in a thread of its own: the page stays free, shows how far it is, and a Stop is heard."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import streamlit as st

from fer.data.read import Progress
from fer.errors import DataError, FerError
from ui.words import duration, percent, show_error

T = TypeVar("T")
Key = tuple[object, ...]
_KEPT = 16  # measurements
# Before so much is done, how long the rest takes is a guess.
_TELLS = 0.03


class _StopRequested(Exception):
    """Raised inside the work by its own progress report, to end it."""


@dataclass
class Work(Generic[T]):
    """Something that goes on, or has ended.

    Args:
        do: does it; calls what it is given with what is being done and the share of that, 0…1, and stops where that raises.
        name: in messages, such as `audit`.
        steps: what `do` reports, in its order, with the share of the time that each takes; empty where all is one step.
        step, share: what is being done, and how much of it is done.
        error: why there is no result, in words; empty where it was stopped, or goes on.
        result: None before it is there.
    """

    do: Callable[[Progress], T]
    name: str
    steps: Mapping[str, float] = field(default_factory=dict)
    step: str = ""
    share: float = 0.0
    started: float = field(default_factory=time.monotonic)
    error: str = ""
    result: T | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self.started = time.monotonic()
        threading.Thread(target=self.run, name=self.name, daemon=True).start()

    def run(self) -> None:
        """Do it, and keep what comes of it."""
        try:
            self.result = self.do(self._report)
        except _StopRequested:
            pass
        except FerError as error:
            self.error = str(error)
        except MemoryError:
            self.error = f"The memory of this machine did not suffice for the {self.name}. Close other programs, or take less."
        except OSError as error:
            self.error = f"The {self.name} could not be kept: {error.strerror or error}. Free some space."
        except Exception as error:  # a defect of ours: the page must still learn that it is over
            logging.getLogger(__name__).exception("The %s failed", self.name)
            self.error = f"The {self.name} failed: {type(error).__name__}: {error}. Details stand in the server's log."
        finally:
            self.ended.set()

    @property
    def done(self) -> float:
        """Share of the whole that is done, 0…1."""
        if self.step not in self.steps:
            return 0.0 if self.steps else self.share
        before = list(self.steps)[: list(self.steps).index(self.step)]
        return sum(self.steps[step] for step in before) + self.steps[self.step] * self.share

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None where it is too early to tell."""
        return (time.monotonic() - self.started) * (1 - self.done) / self.done if self.done > _TELLS else None

    @property
    def words(self) -> str:
        """`Step 2 of 4: comparing images, 30 %. About 40 s left`."""
        step = self.step or "Beginning"
        if self.steps:
            number = list(self.steps).index(step) + 1 if step in self.steps else 1
            step = f"Step {number} of {len(self.steps)}: {step.lower()}"
        left = self.seconds_left
        return f"{step}, {percent(self.share, 0)}" + (f". About {duration(left)} left" if left is not None else "")

    def _report(self, step: str, share: float) -> None:
        if self.stopping.is_set():
            raise _StopRequested
        self.step, self.share = step, share


def show_going(work: Work[T], *, key: str, note: str = "") -> None:
    """How far some work is, with a Stop; drawn again twice a second, and the whole page once it has ended.

    Args:
        work: that goes on.
        key: of the button.
        note: stands beside it.
    """
    st.fragment(_draw, run_every=0.5)(work, key, note)


def _draw(work: Work[T], key: str, note: str) -> None:
    if work.ended.is_set():
        st.rerun()
    st.progress(min(work.done, 1.0), work.words)
    stopping = work.stopping.is_set()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Stopping" if stopping else "Stop",
            icon=":material/stop:",
            key=key,
            on_click=work.stopping.set,
            disabled=stopping,
        )
        if note:
            st.caption(note, width="content")


class _Shelf:
    """The measurements of this server, by all that their result depends on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: OrderedDict[Key, Work[Any]] = OrderedDict()

    def find(self, key: Key) -> Work[Any] | None:
        return self._works.get(key)

    def start(self, key: Key, work: Work[Any]) -> None:
        """Begin a measurement, or join the one that another session has begun."""
        with self._lock:
            known = self._works.get(key)
            if known is not None and not (known.ended.is_set() and known.result is None):
                return
            self._works[key] = work
            for old in list(self._works)[:-_KEPT]:
                if self._works[old].ended.is_set():
                    del self._works[old]
            work.start()


@st.cache_resource(show_spinner=False)
def _shelf() -> _Shelf:
    return _Shelf()


def measured(key: Key, measure: Callable[[Callable[[float], None]], T], *, title: str, words: str, name: str) -> T | None:
    """What a measurement has found; else its bar with a Stop, or the button that begins it.

    Args:
        key: all that the result depends on.
        measure: does it; calls what it is given with the share done, 0…1.
        title: of the button that begins it.
        words: what is being done, beside the bar.
        name: of the widgets.
    """

    def do(progress: Progress) -> T:
        return measure(lambda share: progress(words, share))

    work: Work[T] | None = _shelf().find(key)
    if work is not None and not work.ended.is_set():
        show_going(work, key=f"{name}_stop")
        return None
    if work is not None and work.result is not None:
        return work.result
    if work is not None and work.error:
        show_error(DataError(work.error))
    if st.button(title, icon=":material/play_arrow:", key=f"{name}_start"):
        _shelf().start(key, Work(do, "measurement"))
        st.rerun()
    return None
