"""Scores: figures derived from probabilities, and numbers that are no probabilities."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.errors import DataError
from fer.evaluation.scores import SINGLE_FIGURES, Scores
from fer.labels import FER8, LabelSet

LABELS = LabelSet(("happy", "sad", "neutral", "fear"))


def scores() -> Scores:
    """Six images: three happy (one taken for sad), two sad (both taken for neutral), one neutral (right); no fear."""
    y_true = np.array([0, 0, 0, 1, 1, 2], np.int16)
    y_pred = [0, 0, 1, 2, 2, 2]
    y_prob = np.full((6, 4), 0.1, np.float32)
    y_prob[range(6), y_pred] = 0.7
    return Scores(LABELS, y_true, y_prob)


def test_scores_by_hand() -> None:
    got = scores()
    assert got.n == 6
    assert got.confusion.tolist() == [[2, 1, 0, 0], [0, 0, 2, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert got.accuracy == pytest.approx(0.5)
    assert got.accuracy_ci95 == pytest.approx((0.188, 0.812), abs=1e-3)
    assert got.balanced_accuracy == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert (got.macro_precision, got.macro_recall, got.macro_f1) == pytest.approx(
        ((1 + 0 + 1 / 3) / 3, 5 / 9, (0.8 + 0 + 0.5) / 3)
    )
    assert (got.weighted_recall, got.weighted_f1) == pytest.approx((0.5, (0.8 * 3 + 0 + 0.5) / 6))
    assert got.nll == pytest.approx(-(np.log(0.7) + np.log(0.1)) / 2)
    assert got.ece == pytest.approx(0.2)
    assert (got.majority_label, got.majority_accuracy) == ("happy", 0.5)
    assert got.kappa == pytest.approx((3 * 6 - 11) / (36 - 11))  # by chance 3·2 + 2·1 + 1·3 = 11 of 36
    # Beside the three right answers the happy one taken for sad: of three classes with 0.1 happy is the first.
    assert got.top2_accuracy == pytest.approx(4 / 6)


def test_per_class_has_a_row_for_every_class_in_order() -> None:
    rows = scores().per_class
    assert [row["label"] for row in rows] == list(LABELS)
    assert (rows[0]["precision"], rows[0]["recall"], rows[0]["support"], rows[0]["predicted"]) == (
        1.0,
        pytest.approx(2 / 3),
        3,
        2,
    )
    # Two of the three happy faces stand before all others, and the third stands level with them.
    assert rows[0]["auc"] == pytest.approx(2 / 3 + 1 / 3 / 2)
    assert rows[3]["auc"] is rows[3]["average_precision"] is None
    assert rows[3]["support"] == 0
    assert rows[3]["recall_ci95"] == [0.0, 1.0]


def test_most_confused_starts_with_the_most_frequent() -> None:
    assert scores().most_confused == [
        {"true": "sad", "predicted": "neutral", "count": 2, "share": 1.0},
        {"true": "happy", "predicted": "sad", "count": 1, "share": pytest.approx(1 / 3)},
    ]


def test_as_dict_holds_plain_values() -> None:
    figures = scores().as_dict()
    tables = {"labels", "confusion", "per_class", "most_confused", "reliability", "recalibrated"}
    intervals = {f"{name}_ci95" for name in ("accuracy", "balanced_accuracy", "macro_f1", "kappa", "mcc", "top2_accuracy")}
    assert {*SINGLE_FIGURES, *tables, *intervals} == set(figures)
    json.dumps(figures, allow_nan=False)
    assert all(type(figures[name]) in (int, float, str) for name in SINGLE_FIGURES)


@pytest.mark.parametrize(
    ("y_prob", "match"),
    [
        (np.full((2, 3), 1 / 3), r"y_prob \(2, 4\)"),
        (np.full((2, 4), 0.5), "sum 1"),
        (np.array([[1.5, -0.5, 0, 0], [1, 0, 0, 0]]), "0 or more"),
        (np.full((2, 4), np.nan), "probabilities"),
    ],
    ids=["another number of classes", "logits", "negative", "NaN"],
)
def test_scores_of_other_numbers_than_probabilities_are_refused(y_prob: NDArray[np.float64], match: str) -> None:
    with pytest.raises(DataError, match=match):
        Scores(LABELS, np.zeros(2, np.int16), y_prob.astype(np.float32))


def test_scores_of_no_image_are_refused() -> None:
    with pytest.raises(DataError, match="no image"):
        Scores(LABELS, np.zeros(0, np.int16), np.zeros((0, 4), np.float32))


def test_recalibrated_figures_are_of_the_same_answers() -> None:
    got = scores()
    assert got.recalibrated is not None
    assert got.recalibrated.confusion.tolist() == got.confusion.tolist()
    assert got.recalibrated.nll != got.nll
    one = Scores(LABELS, got.y_true[:1], got.y_prob[:1])
    assert (one.recalibrated, one.best_temperature, one.as_dict()["recalibrated"]) == (None, None, None)


def test_figures_of_3589_images_take_no_time() -> None:
    """Everything that a report works out, bootstrap and curves included; it took 0.1 s of a core when it was written."""
    rng = np.random.default_rng(0)
    y_prob = rng.dirichlet([0.3] * 8, size=3589).astype(np.float32)
    many = Scores(FER8, rng.integers(0, 8, 3589).astype(np.int16), y_prob)
    start = time.process_time()
    many.as_dict()
    assert time.process_time() - start < 1
