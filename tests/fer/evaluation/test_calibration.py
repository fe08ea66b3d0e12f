"""Calibration: the temperature that made the data is found again."""

import numpy as np
import pytest

from fer.evaluation.calibration import fit_temperature, softmax


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
