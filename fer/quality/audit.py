"""`audit`: every search of this folder over one dataset, as one `Audit` that is kept in the cache.

The model's network answers for all images once; its answers serve the search for faceless images and for wrong labels. What is
found first serves what comes later: duplicates stay together when labels are judged.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.data.read import Progress
from fer.errors import DataError
from fer.files import write_json
from fer.quality.duplicates import find_duplicates
from fer.quality.findings import Audit, Finding
from fer.quality.images import find_broken_files, find_faceless_images, find_unusable_images, measure_images
from fer.quality.labels import find_disputed_labels, find_label_issues
from fer.workspace import cache_dir

if TYPE_CHECKING:  # the classifier opens LiteRT, which an audit out of the cache does not need
    from fer.bundles import Bundle
    from fer.inference.classifier import Examination

AUDIT_VERSION = 2  # raise it whenever the same dataset would be audited differently
_CHUNK = 1024
_MOST_THREADS = 4  # beyond that, a network of this size gains nothing
_SAME_PICTURE = ("identical", "near_duplicate")


def audit(dataset: Dataset, *, bundle: Bundle | None = None, progress: Progress | None = None) -> Audit:
    """Search a dataset for all that may be wrong with it; the second time, the answer is read from the cache.

    Args:
        dataset: with FER+ votes where they are to be held against the labels.
        bundle: the model that tells faces from other things and helps to judge labels; default: the default model.
        progress: called with what is being done and the fraction of that done, 0…1.

    Raises:
        BundleError: the default model is missing or damaged.
    """
    if bundle is None:
        from fer.bundles import default_model, load_bundle

        bundle = load_bundle(default_model())
    kept = cached_audit(dataset, bundle)
    if kept is None:
        kept = _search(dataset, bundle, progress or (lambda _what, _fraction: None))
        file = _file(dataset, bundle)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, kept.as_dict())
    return kept


def cached_audit(dataset: Dataset, bundle: Bundle) -> Audit | None:
    """The audit that an earlier call has left in the cache; None where there is none, or it is damaged."""
    try:
        kept = Audit.from_dict(json.loads(_file(dataset, bundle).read_text(encoding="utf-8")))
    except (OSError, ValueError, DataError):
        return None
    return replace(kept, dataset=dataset.name)  # which may have been called otherwise


def _file(dataset: Dataset, bundle: Bundle) -> Path:
    """Named after what an audit depends on: pixels, labels, splits, votes (the fingerprint), files left out, model, version."""
    left_out = [(problem.name, problem.reason) for problem in dataset.problems]
    parts = json.dumps([AUDIT_VERSION, dataset.fingerprint, left_out, bundle.sha256])
    return cache_dir() / "audits" / f"{hashlib.sha256(parts.encode()).hexdigest()[:32]}.json"


def _search(dataset: Dataset, bundle: Bundle, report: Progress) -> Audit:
    seconds: dict[str, float] = {}

    @contextmanager
    def step(name: str, what: str) -> Iterator[Callable[[float], None]]:
        start = time.perf_counter()
        report(what, 0.0)
        yield lambda fraction: report(what, fraction)
        report(what, 1.0)
        seconds[name] = round(time.perf_counter() - start, 3)

    with step("images", "Measuring images") as done:
        findings = [*find_broken_files(dataset), *find_unusable_images(measure_images(dataset, done))]
    with step("duplicates", "Comparing images"):
        duplicates = find_duplicates(dataset, progress=report)
    with step("model", "Asking the model") as done:
        answers = examine_images(dataset, bundle, done)
        findings += find_faceless_images(dataset, answers.face_probability, bundle.face)
    with step("labels", "Judging labels") as done:
        issues, issue_notes = find_label_issues(dataset, answers, _groups(duplicates, len(dataset)), done)
        disputed, vote_notes = find_disputed_labels(dataset)
    return Audit(
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        n=len(dataset),
        findings=(*findings, *duplicates, *issues, *disputed),
        seconds=seconds,
        notes=(*_model_notes(dataset, bundle), *issue_notes, *vote_notes),
    )


def examine_images(dataset: Dataset, bundle: Bundle, report: Callable[[float], None]) -> Examination:
    """What the network of a bundle says of all images."""
    from fer.inference.classifier import Classifier

    classifier = Classifier(bundle, threads=min(os.cpu_count() or 1, _MOST_THREADS))
    size, _, channels = bundle.preprocessing.input_shape

    def batches() -> Iterator[NDArray[np.uint8]]:
        for start in range(0, max(len(dataset), 1), _CHUNK):  # one batch at least, if it be empty
            report(start / max(len(dataset), 1))
            yield dataset.images.batch(np.arange(start, min(start + _CHUNK, len(dataset))), size, channels)

    return classifier.examine(batches())


def _model_notes(dataset: Dataset, bundle: Bundle) -> list[str]:
    notes = []
    if bundle.face is None:
        by_votes = "" if dataset.votes is None else " Those that FER+'s taggers call no face are listed."
        notes.append(
            f"Images without a face were not searched for: the model {bundle.name} cannot tell (it has no face test).{by_votes}"
        )
    if "data" in bundle.card:
        notes.append(
            f"Labels were judged with the help of the model {bundle.name}, which learned from {bundle.card['data']['name']}: of "
            "the images that it learned from, it knows the labels, wrong ones too, and finds fewer of those."
        )
    return notes


def _groups(duplicates: Sequence[Finding], n: int) -> NDArray[np.intp]:
    """A number for each image, intp (n,), equal for those that show the same picture, directly or by way of others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = [(finding.indices[0], row) for finding in duplicates if finding.kind in _SAME_PICTURE for row in finding.indices[1:]]
    one, other = np.array(edges, np.intp).reshape(-1, 2).T
    graph = coo_array((np.ones(len(edges), np.bool_), (one, other)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.intp)
