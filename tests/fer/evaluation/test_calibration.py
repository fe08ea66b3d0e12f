"""Calibration: the temperature that made the data is found again."""

import numpy as np
import pytest

from fer.errors import DataError
from fer.evaluation import metrics
from fer.evaluation.calibration import (
    cross_fit_temperature,
    fit_temperature,
    fit_temperature_of,
    folds,
    reliability_bins,
    softmax,
    temper,
)


def test_softmax_rows_sum_to_one_even_for_huge_logits() -> None:
    probabilities = softmax(np.array([[1000.0, 0.0, -1000.0], [0.0, 0.0, 0.0]]))
    assert probabilities.sum(axis=1) == pytest.approx([1, 1])
    assert probabilities[1] == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_fit_temperature_finds_the_one_that_drew_the_labels(true_temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (40_000, 5))
    shares = softmax(logits / true_temperature)
    labels = (shares.cumsum(axis=1) > rng.random((len(shares), 1))).argmax(axis=1)
    assert fit_temperature(logits, np.eye(5)[labels]) == pytest.approx(true_temperature, rel=0.03)


def test_fit_temperature_soft_targets_made_by_a_temperature_give_it_exactly() -> None:
    logits = np.random.default_rng(1).normal(0, 2, (500, 8))
    assert fit_temperature(logits, softmax(logits / 1.7)) == pytest.approx(1.7, rel=1e-3)


def test_reliability_bins_by_hand() -> None:
    y_prob = np.array([[0.8, 0.2], [0.7, 0.3], [1.0, 0.0], [0.5, 0.5]])
    low, high = reliability_bins(np.array([0, 1, 0, 1]), y_prob, bins=2)
    assert (low.low, low.high, low.n, low.confidence, low.accuracy) == (0, 0.5, 1, 0.5, 0)
    assert (high.low, high.high, high.n, high.confidence) == (0.5, 1, 3, pytest.approx(2.5 / 3))
    assert high.accuracy == pytest.approx(2 / 3)
    assert high.accuracy_ci95 == pytest.approx((0.2077, 0.9385), abs=1e-3)


def test_reliability_bins_are_those_of_the_calibration_error() -> None:
    rng = np.random.default_rng(0)
    y_prob, y_true = rng.dirichlet([1] * 5, size=500), rng.integers(0, 5, 500)
    bins = reliability_bins(y_true, y_prob)
    assert sum(part.n for part in bins) == 500
    assert sum(part.n * abs(part.accuracy - part.confidence) for part in bins) / 500 == pytest.approx(metrics.ece(y_true, y_prob))


def test_temper_is_the_softmax_of_the_divided_logits() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (20, 4))
    assert temper(softmax(logits), 1.7) == pytest.approx(softmax(logits / 1.7), abs=1e-6)
    assert temper(np.array([[1.0, 0.0]]), 0.5).tolist() == [[1.0, 0.0]]


def overconfident(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from probabilities, and those probabilities made surer by a temperature of a half."""
    rng = np.random.default_rng(seed)
    y_prob = softmax(rng.normal(0, 1.5, (n, 5)))
    return (y_prob.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1), temper(y_prob, 0.5)


def test_cross_fit_temperature_undoes_overconfidence() -> None:
    y_true, y_prob = overconfident(4000, 0)
    fitted = cross_fit_temperature(y_true, y_prob)
    assert fitted.temperature == fit_temperature_of(y_true, y_prob) == pytest.approx(2, rel=0.06)
    assert metrics.ece(y_true, fitted.y_prob) < 0.03 < 0.15 < metrics.ece(y_true, y_prob)
    assert (fitted.y_prob.argmax(axis=1) == y_prob.argmax(axis=1)).all()


def test_cross_fit_temperature_does_not_measure_on_what_it_fitted() -> None:
    """On few images the fit of all flatters itself; the cross-fitted figure does not, over many draws."""
    gains, honest = [], []
    for seed in range(60):
        y_true, y_prob = overconfident(16, seed)
        endless_true, endless_prob = overconfident(2000, 1000 + seed)
        temperature = fit_temperature_of(y_true, y_prob)
        new = metrics.nll(endless_true, temper(endless_prob, temperature))
        gains.append(new - metrics.nll(y_true, temper(y_prob, temperature)))
        honest.append(new - metrics.nll(y_true, cross_fit_temperature(y_true, y_prob).y_prob))
    assert np.mean(gains) > 0.02, "fitted and measured on the same images: better than it is"
    assert np.mean(honest) < 0.01


def test_folds_measure_each_row_once_and_never_where_it_was_fitted() -> None:
    parts = folds(11, 5, seed=0)
    assert sorted(np.concatenate([measured for _, measured in parts]).tolist()) == list(range(11))
    assert all(not set(fitted) & set(measured) and len(fitted) + len(measured) == 11 for fitted, measured in parts)
    with pytest.raises(DataError, match="takes 5 of them"):
        folds(4, 5, seed=0)
