"""ROC and precision-recall: equal to scikit-learn's, also with ties; thinned without losing their shape."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.errors import DataError
from fer.evaluation.curves import POINTS, class_curves, precision_recall_curve, roc_curve
from fer.labels import FER7


def case(seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Random flags and scores; every second case has many ties."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 120))
    is_class = rng.random(n) < rng.uniform(0.1, 0.9)
    is_class[:2] = [True, False]
    score = np.clip(rng.normal(0.4 + 0.2 * is_class, 0.2), 0, 1)
    return is_class, (score.round(1) if seed % 2 else score).astype(np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_curves_agree_with_scikit_learn(seed: int) -> None:
    from sklearn import metrics as reference

    is_class, score = case(seed)
    roc, pr = roc_curve(is_class, score), precision_recall_curve(is_class, score)
    assert roc.area == pytest.approx(reference.roc_auc_score(is_class, score))
    assert pr.area == pytest.approx(reference.average_precision_score(is_class, score))
    for ours, theirs in zip((roc.x, roc.y), reference.roc_curve(is_class, score, drop_intermediate=False), strict=False):
        assert ours == pytest.approx(theirs)
    precision, recall, thresholds = reference.precision_recall_curve(is_class, score)
    assert pr.y == pytest.approx(precision[::-1])
    assert pr.x == pytest.approx(recall[::-1])
    assert pr.threshold[1:] == pytest.approx(thresholds[::-1])


def test_roc_curve_by_hand() -> None:
    # From the surest: right, then a tie of a right and a wrong one, then a wrong one.
    curve = roc_curve(np.array([True, False, True, False]), np.array([0.9, 0.5, 0.5, 0.1]))
    assert curve.x.tolist() == [0, 0, 0.5, 1]
    assert curve.y.tolist() == [0, 0.5, 1, 1]
    assert curve.threshold.tolist() == [np.inf, 0.9, 0.5, 0.1]
    assert curve.area == 0.875  # of the four pairs of a right and a wrong one three stand in order, and the tie counts half


@pytest.mark.parametrize("draw", [roc_curve, precision_recall_curve])
def test_curves_of_equal_scores_have_one_step(draw) -> None:
    curve = draw(np.array([True, False, False, False]), np.full(4, 0.3))
    assert len(curve.x) == 2
    assert curve.area == (0.5 if draw is roc_curve else 0.25)


@pytest.mark.parametrize("draw", [roc_curve, precision_recall_curve])
def test_thinned_curves_keep_their_ends_area_and_shape(draw, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    is_class = rng.random(20_000) < 0.1
    score = rng.normal(is_class, 1)
    thinned = draw(is_class, score)
    monkeypatch.setattr("fer.evaluation.curves.POINTS", 10**9)
    whole = draw(is_class, score)
    assert len(thinned.x) <= POINTS < len(whole.x)
    assert thinned.area == whole.area
    for end in (0, -1):
        assert (thinned.x[end], thinned.y[end]) == (whole.x[end], whole.y[end])
    assert np.abs(np.interp(whole.x[50:], thinned.x, thinned.y) - whole.y[50:]).max() < 0.06


def test_class_curves_of_absent_classes_are_none() -> None:
    y_true, y_prob = np.array([0, 0, 3]), np.full((3, 7), 1 / 7, np.float32)
    curves = class_curves(y_true, y_prob, FER7)
    assert [curve.label for curve in curves] == list(FER7)
    assert [curve.images for curve in curves] == [2, 0, 0, 1, 0, 0, 0]
    assert [curve.roc is None for curve in curves] == [False, True, True, False, True, True, True]
    assert [curve.precision_recall is None for curve in curves] == [False, True, True, False, True, True, True]


def test_class_curves_of_one_class_only_have_no_roc() -> None:
    (angry, *_) = class_curves(np.zeros(4, np.int16), np.full((4, 7), 1 / 7), FER7)
    assert angry.roc is None
    assert angry.precision_recall is not None
    assert angry.precision_recall.area == 1


def test_curves_of_one_kind_or_of_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="images of the class and others"):
        roc_curve(np.ones(3, bool), np.zeros(3))
    with pytest.raises(DataError, match="images of the class"):
        precision_recall_curve(np.zeros(3, bool), np.zeros(3))
    with pytest.raises(DataError, match="one length"):
        roc_curve(np.zeros(0, bool), np.zeros(0))
