"""Intervals: how far a measured share may lie from the one that endless images would give."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fer.errors import SettingsError


def wilson_interval(correct: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22(158). It keeps its level for
    small n and stays within 0…1, where the textbook's ±1.96 standard errors do neither.

    Args:
        correct: right answers, 0…n.
        n: images, 0 or more; where there are none, anything is possible and the interval is (0, 1).
        level: how often intervals made so hold the true share, between 0 and 1.

    Returns:
        lower and upper end, each 0…1.

    Raises:
        SettingsError: a number lies outside its range.
    """
    if not (0 <= correct <= n and 0 < level < 1):
        raise SettingsError(f"Expected 0 <= correct <= n and a level between 0 and 1. Received: {correct} of {n}, level {level}")
    if not n:
        return 0.0, 1.0
    low, high = wilson_intervals(np.array(correct), np.array(n), level)
    return float(low), float(high)


def wilson_intervals(
    correct: NDArray[np.integer], n: NDArray[np.integer], level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`wilson_interval` of many shares at once: lower and upper ends float64, in the shape of `correct` and `n` (1 or more)."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, spread = correct / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * np.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return np.maximum(0.0, centre - half), np.minimum(1.0, centre + half)
