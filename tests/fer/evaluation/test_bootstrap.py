"""Bootstrap intervals: they hold the true figure as often as they say, and the same seed gives the same ends."""

from __future__ import annotations

import numpy as np
import pytest

from fer.evaluation import metrics
from fer.evaluation.bootstrap import FIGURES, bootstrap_intervals

# How often a true class (row) is answered with each class, in shares of all images: four classes, the last one rare.
CELLS = np.array([[0.30, 0.06, 0.03, 0.01], [0.04, 0.21, 0.05, 0.00], [0.03, 0.05, 0.17, 0.00], [0.005, 0.005, 0.01, 0.03]])


def test_bootstrap_intervals_hold_the_true_figure_as_often_as_they_say() -> None:
    """Of 95 % intervals 92 to 98 in 100 do; with 400 cases chance alone moves that by 2.2."""
    endless = (CELLS * 10**6).round().astype(np.int64)
    truth = {name: float(measure(endless)) for name, measure in FIGURES.items()}
    rng = np.random.default_rng(0)
    held = dict.fromkeys(FIGURES, 0)
    for case in range(400):
        confusion = rng.multinomial(1000, CELLS.ravel()).reshape(CELLS.shape)
        for name, interval in bootstrap_intervals(confusion, resamples=400, seed=case).items():
            assert interval is not None
            held[name] += interval[0] <= truth[name] <= interval[1]
    assert all(0.92 <= count / 400 <= 0.98 for count in held.values()), held


def test_bootstrap_intervals_lie_around_the_figure_and_narrow_with_more_images() -> None:
    few = (CELLS * 200).round().astype(np.int64)
    wide, narrow = bootstrap_intervals(few), bootstrap_intervals(few * 16)
    for name, measure in FIGURES.items():
        (low, high), (inner_low, inner_high) = wide[name], narrow[name]
        assert low < float(measure(few)) < high
        # Sixteen times the images, a quarter of the width.
        assert (high - low) / (inner_high - inner_low) == pytest.approx(4, rel=0.15)


def test_bootstrap_intervals_agree_with_resampled_images() -> None:
    rng = np.random.default_rng(1)
    y_true, y_pred = np.repeat([0, 1, 2], [60, 30, 10]), np.repeat([0, 1, 2], [45, 40, 15])
    drawn = []
    for _ in range(2000):
        rows = rng.integers(0, 100, 100)
        drawn.append(metrics.cohens_kappa(metrics.confusion_matrix(y_true[rows], y_pred[rows], 3)))
    interval = bootstrap_intervals(metrics.confusion_matrix(y_true, y_pred, 3))["kappa"]
    assert interval == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)


def test_bootstrap_intervals_depend_on_the_seed_alone() -> None:
    confusion = (CELLS * 100).round().astype(np.int64)
    assert bootstrap_intervals(confusion) == bootstrap_intervals(confusion)
    assert bootstrap_intervals(confusion, seed=1) != bootstrap_intervals(confusion)


def test_bootstrap_intervals_without_a_mistake_are_none() -> None:
    assert set(bootstrap_intervals(np.diag([10, 20, 0])).values()) == {None}


def test_bootstrap_intervals_of_a_constant_answer_show_no_agreement() -> None:
    intervals = bootstrap_intervals(np.array([[50, 0], [30, 0]]))
    assert intervals["kappa"] == intervals["mcc"] == (0.0, 0.0)
