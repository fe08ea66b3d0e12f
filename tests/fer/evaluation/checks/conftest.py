"""Evidence for the checks, made of answers as wished and of a bundle that ships."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.bundles import Bundle, load_bundle
from fer.data.dataset import ArrayStore, Dataset
from fer.evaluation.checks import Evidence
from fer.evaluation.evaluate import Question
from fer.evaluation.report import Report
from fer.inference.classifier import Classifier
from fer.labels import FER7, LabelSet


@pytest.fixture(scope="session")
def compact() -> Bundle:
    return load_bundle("compact")


@pytest.fixture(scope="session")
def compact_classifier(compact: Bundle) -> Classifier:
    return Classifier(compact)


def with_card(bundle: Bundle, **changes: Any) -> Bundle:
    return replace(bundle, card={**bundle.card, **changes})


@pytest.fixture(scope="session")
def changed_card() -> Callable[..., Bundle]:
    """The bundle with sections of its card replaced."""
    return with_card


def make_evidence(
    bundle: Bundle,
    classifier: Classifier,
    true: Sequence[int] | NDArray[np.integer],
    said: Sequence[int] | NDArray[np.integer],
    *,
    label_set: LabelSet = FER7,
    head_labels: LabelSet | None = None,
    recipe: str = "",
    confidence: float = 0.6,
    claims: tuple[Any, ...] = (),
) -> Evidence:
    n, k = len(true), len(label_set)
    y_prob = np.full((n, k), (1 - confidence) / (k - 1), np.float32)
    y_prob[np.arange(n), said] = confidence
    dataset = Dataset(
        name="drawn",
        label_set=label_set,
        images=ArrayStore.of(np.zeros((n, 8, 8, 1), np.uint8)),
        label_ids=np.array(true, np.int16),
        splits=np.full(n, "test"),
        names=np.array([f"{i}.png" for i in range(n)]),
        content_ids=np.arange(n, dtype=np.uint64),
        is_grey=np.ones(n, bool),
    )
    bundle = with_card(bundle, recipe=recipe)
    head = replace(bundle.head("labels"), label_set=head_labels or label_set)
    report = Report(
        label_set=label_set,
        y_true=dataset.label_ids,
        y_prob=y_prob,
        names=dataset.names,
        model=bundle.name,
        bundle_sha256=bundle.sha256,
        head=head.name,
        dataset=dataset.name,
        source="tests",
        fingerprint=dataset.fingerprint,
        split="test",
        created="2026-11-21T12:00:00+00:00",
    )
    question = Question(bundle, dataset, dataset, "test", head, None, ())
    return Evidence(bundle, dataset, question, report, classifier, claims)


@pytest.fixture(scope="session")
def answered(compact: Bundle, compact_classifier: Classifier) -> Callable[..., Evidence]:
    """Evidence of images labelled `true` and answered with `said`, both label ids; see `make_evidence`."""
    return lambda true, said, **options: make_evidence(compact, compact_classifier, true, said, **options)


def draw_answers(seed: int, n: int, k: int, accuracy: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels of uneven frequency, and answers of which about so many are right; the rest is guessed."""
    rng = np.random.default_rng(seed)
    share = np.linspace(1, 2, k)
    true = rng.choice(k, n, p=share / share.sum())
    wrong = (true + rng.integers(1, k, n)) % k
    return true, np.where(rng.random(n) < accuracy, true, wrong)


@pytest.fixture(scope="session")
def drawn() -> Callable[..., tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """`draw_answers`."""
    return draw_answers
