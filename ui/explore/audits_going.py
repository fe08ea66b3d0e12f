"""Audits of this server: those at hand, and those that are being made, each in a thread of its own.

An audit takes a minute and belongs to no session: who reloads the browser, or opens a second one, finds it going on. What it has
found is kept by the library in the cache; the newest also stay in memory, laid out for the page.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

import streamlit as st

from fer.bundles import Bundle
from fer.data.dataset import Dataset
from fer.data.read import Progress
from fer.quality.audit import audit, cached_audit
from fer.quality.findings import Audit
from fer.quality.settled import FindingTable
from ui.going import Work

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


class AuditShelf:
    """What all sessions share: audits by what they are of, and the jobs that make them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: OrderedDict[Key, FindingTable] = OrderedDict()
        self._jobs: dict[Key, Work[None]] = {}

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

    def job(self, dataset: Dataset, bundle: Bundle) -> Work[None] | None:
        """What makes this audit, or ended without a result and says why; None where there is nothing of that."""
        with self._lock:
            key = _key(dataset, bundle)
            job = self._jobs.get(key)
            if job is not None and job.ended.is_set() and not job.error:
                del self._jobs[key]  # it has left its findings, or was stopped
                return None
            return job

    def start(self, dataset: Dataset, bundle: Bundle) -> None:
        """Begin an audit, or join the one that is going on."""

        def make(progress: Progress) -> None:
            made = audit(dataset, bundle=bundle, progress=progress)
            with self._lock:
                self._keep(key, dataset, made)

        with self._lock:
            key = _key(dataset, bundle)
            job = self._jobs.get(key)
            if job is None or job.ended.is_set():
                self._jobs[key] = job = Work(make, "audit", STEPS)
                job.start()

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
