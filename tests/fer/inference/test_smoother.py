"""Probabilities over time, at even and uneven distances."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fer.errors import SettingsError
from fer.inference.smoother import Smoother, SteadyLabel, smooth, steady_labels

STEP = np.array([[1.0, 0.0]] + 10 * [[0.0, 1.0]])


def test_update_begins_with_the_first_frame_as_it_is() -> None:
    assert Smoother(0.5).update(3.0, [0.2, 0.8]).tolist() == [0.2, 0.8]


def test_update_without_a_time_constant_changes_nothing() -> None:
    smoother = Smoother(0.0)
    for time_s, row in enumerate(STEP):
        assert smoother.update(time_s, row).tolist() == row.tolist()


def test_update_against_the_integral_worked_out_by_hand() -> None:
    """From 0 to 1 in a second, time constant 1: the average is the integral of t·e^(t-1), which is e^-1."""
    smoother = Smoother(1.0)
    smoother.update(0.0, [0.0])
    assert smoother.update(1.0, [1.0])[0] == pytest.approx(math.exp(-1))
    # After that it stays at 1: what is missing halves with every ln 2.
    assert 1 - smoother.update(1 + math.log(2), [1.0])[0] == pytest.approx((1 - math.exp(-1)) / 2)


def test_update_does_not_depend_on_frames_that_lie_on_the_line() -> None:
    few, many = Smoother(0.7), Smoother(0.7)
    few.update(0.0, [0.0, 1.0])
    sparse = few.update(2.0, [1.0, 0.0])
    for time_s in (0.0, 0.1, 0.15, 0.9, 1.0, 1.95, 2.0):
        dense = many.update(time_s, [time_s / 2, 1 - time_s / 2])
    assert dense == pytest.approx(sparse)


def test_update_keeps_sums_of_one_over_uneven_times() -> None:
    rng = np.random.default_rng(0)
    smoother = Smoother(0.3)
    for time_s in np.cumsum(rng.exponential(0.2, 200)):
        row = smoother.update(time_s, rng.dirichlet(np.ones(7)))
        assert row.sum() == pytest.approx(1)
        assert row.min() >= 0


def test_update_after_a_long_gap_forgets_what_was_before() -> None:
    smoother = Smoother(0.3)
    smoother.update(0.0, [1.0, 0.0])
    assert smoother.update(1000.0, [0.0, 1.0])[1] > 0.999


def test_update_refuses_frames_out_of_order() -> None:
    smoother = Smoother(0.3)
    smoother.update(1.0, [1.0])
    with pytest.raises(SettingsError, match="order of time"):
        smoother.update(1.0, [1.0])


def test_smoother_refuses_a_negative_time_constant() -> None:
    with pytest.raises(SettingsError, match="-1"):
        Smoother(-1)


def test_smooth_leaves_a_peak_where_it_was() -> None:
    times = np.sort(np.random.default_rng(1).uniform(0, 10, 200))
    bump = np.exp(-(((times - 4) / 0.6) ** 2))
    smoothed = smooth(times, np.stack([bump, 1 - bump], axis=1), 0.4)
    assert times[smoothed[:, 0].argmax()] == pytest.approx(times[bump.argmax()], abs=0.15)
    assert smoothed[:, 0].max() < bump.max()
    assert smoothed.sum(axis=1) == pytest.approx(1)


def test_smooth_runs_alike_in_both_directions() -> None:
    times = np.array([0.0, 0.1, 0.5, 0.6, 1.4])
    rows = np.random.default_rng(2).dirichlet(np.ones(3), 5)
    backwards = smooth(-times[::-1], rows[::-1], 0.3)[::-1]
    assert smooth(times, rows, 0.3) == pytest.approx(backwards)


def test_smooth_of_one_frame_is_that_frame() -> None:
    assert smooth([2.0], [[0.3, 0.7]], 0.5).tolist() == [[0.3, 0.7]]


def test_steady_label_waits_until_another_is_clearly_ahead() -> None:
    steady = SteadyLabel(margin=0.1)
    shares = (0.9, 0.5, 0.48, 0.51, 0.46, 0.44, 0.52, 0.56)
    assert [steady.update([share, 1 - share]) for share in shares] == [0, 0, 0, 0, 0, 1, 1, 0]


def test_steady_labels_without_a_margin_are_the_most_probable() -> None:
    rows = np.random.default_rng(3).dirichlet(np.ones(4), 50)
    assert steady_labels(rows, 0.0).tolist() == rows.argmax(axis=1).tolist()
