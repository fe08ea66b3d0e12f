"""What several trainings that differ by their seed say together: an accuracy and its spread, and an honest difference of two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS, LEVEL = 2000, 0.95


def describe(right: NDArray[np.bool_]) -> dict[str, Any]:
    """Accuracy of each seed, their mean, and their standard deviation (of one seed 0).

    Args:
        right: (seeds, images); without images, all are None.
    """
    if not right.shape[1]:
        return {"seeds": None, "mean": None, "sd": None}
    accuracies = right.mean(axis=1)
    sd = float(accuracies.std(ddof=1)) if len(accuracies) > 1 else 0.0
    return {"seeds": accuracies.tolist(), "mean": float(accuracies.mean()), "sd": sd}


def paired_difference(right: NDArray[np.bool_], other: NDArray[np.bool_]) -> dict[str, float] | None:
    """By how much one accuracy is above another, with an interval over both other images and other seeds.

    Seeds and images are drawn again, each for itself (the pigeonhole bootstrap, Owen 2007, doi:10.1214/07-AOAS122), and both
    networks meet each draw: what is hard for both does not widen the interval.

    Args:
        right, other: (seeds, images), the same of both.

    Returns:
        `mean`, `low` and `high`; None without images.
    """
    seeds, images = right.shape
    if not images:
        return None
    gain = right.astype(np.float64) - other
    rng = np.random.default_rng(0)
    of_images = rng.multinomial(images, np.full(images, 1 / images), DRAWS) / images
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), DRAWS) / seeds
    means = ((of_images @ gain.T) * of_seeds).sum(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"mean": float(gain.mean()), "low": float(low), "high": float(high)}
