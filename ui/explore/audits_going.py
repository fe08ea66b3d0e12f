"""Audits of this server: those at hand, and those that are being made, each in a thread of its own.

An audit takes a minute and belongs to no session: who reloads the browser, or opens a second one, finds it going on. What it has
found is kept by the library in the cache; the newest also stay in memory, laid out for the page.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from fer.bundles import Bundle
from fer.data.dataset import Dataset
from fer.errors import FerError
from fer.quality.audit import audit, cached_audit
from fer.quality.findings import Audit
from fer.quality.settled import FindingTable

# What `audit` reports, in its order, with the share of the time that it takes (of 32,298 images, on two cores).
STEPS: Mapping[str, float] = {
    "Measuring images": 0.05,
    "Comparing images": 0.1,
    "Asking the model": 0.45,
    "Judging labels": 0.4,
}
_IMAGES_A_SECOND = 500
_KEPT = 3

Key = tuple[object, ...]


class _StopRequested(Exception):
    """Raised inside an audit by its own progress report, to end it."""


@dataclass
class AuditJob:
    """An audit that is being made, or that ended without a result.

    Args:
        step, share: what is being done, and how much of that is done, 0…1.
        started: `time.monotonic()`.
        error: why there is no result, in words; empty where it was stopped, or goes on.
    """

    step: str = next(iter(STEPS))
    share: float = 0.0
    started: float = field(default_factory=time.monotonic)
    error: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def done(self) -> float:
        """Share of the whole that is done, 0…1."""
        before = list(STEPS)[: list(STEPS).index(self.step)]
        return sum(STEPS[step] for step in before) + STEPS[self.step] * self.share

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None where it is too early to tell."""
        elapsed = time.monotonic() - self.started
        return elapsed * (1 - self.done) / self.done if self.done > 0.05 else None

    def report(self, step: str, share: float) -> None:
        if self.stopping.is_set():
            raise _StopRequested
        self.step, self.share = step, share


class AuditShelf:
    """What all sessions share: audits by what they are of, and the jobs that make them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: OrderedDict[Key, FindingTable] = OrderedDict()
        self._jobs: dict[Key, AuditJob] = {}

    def find(self, dataset: Dataset, bundle: Bundle) -> FindingTable | None:
        """The findings, where the dataset has been audited with this model; read from the cache if need be."""
        with self._lock:
            key = _key(dataset, bundle)
            if key not in self._tables:
                known = cached_audit(dataset, bundle)
                if known is None:
                    return None
                self._keep(key, dataset, known)
            self._tables.move_to_end(key)
            return self._tables[key]

    def job(self, dataset: Dataset, bundle: Bundle) -> AuditJob | None:
        """The job that makes this audit, or that ended without a result; None where there is none."""
        return self._jobs.get(_key(dataset, bundle))

    def start(self, dataset: Dataset, bundle: Bundle) -> None:
        """Begin an audit, or join the one that is going on."""
        with self._lock:
            key = _key(dataset, bundle)
            job = self._jobs.get(key)
            if job is None or job.ended.is_set():
                job = self._jobs[key] = AuditJob()
                threading.Thread(target=self._work, args=(key, job, dataset, bundle), name="audit", daemon=True).start()

    def _work(self, key: Key, job: AuditJob, dataset: Dataset, bundle: Bundle) -> None:
        try:
            made = audit(dataset, bundle=bundle, progress=job.report)
            with self._lock:
                self._keep(key, dataset, made)
                del self._jobs[key]
        except _StopRequested:
            with self._lock:
                del self._jobs[key]
        except FerError as error:
            job.error = str(error)
        except MemoryError:
            job.error = "The memory of this machine did not suffice for the audit. Close other programs, or audit a part of it."
        except OSError as error:
            job.error = f"The audit could not be kept: {error.strerror or error}. Free some space, or set FER_CACHE."
        except Exception as error:  # a defect of ours: the page must still learn that the audit is over
            logging.getLogger(__name__).exception("The audit of %s failed", dataset.name)
            job.error = f"The audit failed: {type(error).__name__}: {error}. Details stand in the server's log."
        finally:
            job.ended.set()

    def _keep(self, key: Key, dataset: Dataset, found: Audit) -> None:
        self._tables[key] = FindingTable(dataset, found)
        while len(self._tables) > _KEPT:
            self._tables.popitem(last=False)


def _key(dataset: Dataset, bundle: Bundle) -> Key:
    return dataset.fingerprint, dataset.problems, bundle.sha256


@st.cache_resource(show_spinner=False)
def audit_shelf() -> AuditShelf:
    """The shelf of this server."""
    return AuditShelf()


def expected_time(n: int) -> str:
    """How long an audit of n images takes, in words."""
    seconds = n / _IMAGES_A_SECOND
    if seconds < 20:
        return "some seconds"
    return "about a minute" if seconds < 90 else f"about {seconds / 60:.0f} minutes"
