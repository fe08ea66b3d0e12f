"""Wilson's interval: published values, ends, and how often it holds the truth."""

from __future__ import annotations

import numpy as np
import pytest

from fer.errors import SettingsError
from fer.evaluation.intervals import wilson_interval


@pytest.mark.parametrize(
    ("correct", "n", "expected"),
    [
        (81, 263, (0.2553, 0.3662)),  # this and the next three: the examples of Newcombe 1998, Statistics in Medicine 17(8)
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        (0, 0, (0.0, 1.0)),  # nothing seen, nothing known
    ],
)
def test_wilson_interval_gives_the_published_values(correct: int, n: int, expected: tuple[float, float]) -> None:
    assert wilson_interval(correct, n) == pytest.approx(expected, abs=5e-5)


def test_wilson_interval_is_symmetric_in_right_and_wrong() -> None:
    low, high = wilson_interval(7, 9)
    assert wilson_interval(2, 9) == pytest.approx((1 - high, 1 - low))


def test_wilson_interval_of_a_higher_level_is_wider() -> None:
    low, high = wilson_interval(60, 100, level=0.99)
    assert low < wilson_interval(60, 100)[0]
    assert high > wilson_interval(60, 100)[1]


@pytest.mark.parametrize("share", [0.03, 0.5, 0.68, 0.97])
def test_wilson_interval_holds_the_truth_about_as_often_as_it_says(share: float) -> None:
    n, rounds = 150, 4000
    intervals = np.array([wilson_interval(correct, n) for correct in range(n + 1)])
    drawn = intervals[np.random.default_rng(1).binomial(n, share, size=rounds)]
    assert 0.93 <= np.mean((drawn[:, 0] <= share) & (share <= drawn[:, 1])) <= 0.975


@pytest.mark.parametrize(("correct", "n", "level"), [(5, 4, 0.95), (-1, 4, 0.95), (1, 4, 1.0), (1, 4, 95)])
def test_wilson_interval_out_of_range_is_refused(correct: int, n: int, level: float) -> None:
    with pytest.raises(SettingsError, match="Received"):
        wilson_interval(correct, n, level)
