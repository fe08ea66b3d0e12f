"""Bootstrap: intervals of figures that are no plain share, such as kappa, and of the difference between two models.

A figure that the confusion matrix alone decides needs no image drawn anew: images drawn with replacement fall into the matrix's
cells as a multinomial draw says, so thousands of resamples are one array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from fer.evaluation import metrics

RESAMPLES = 2000
SEED = 2013

FIGURES: Mapping[str, Callable[[NDArray[np.int64]], NDArray[np.float64]]] = {
    "balanced_accuracy": metrics.balanced_accuracies,
    "macro_f1": metrics.macro_f1s,
    "kappa": metrics.kappas,
    "mcc": metrics.mccs,
}

Interval = tuple[float, float]


def bootstrap_intervals(
    confusion: NDArray[np.int64], *, resamples: int = RESAMPLES, level: float = 0.95, seed: int = SEED
) -> dict[str, Interval | None]:
    """Percentile intervals of `FIGURES` (Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3).

    In simulation with FER2013's classes, 95 % intervals held the true figure in 95 of 100 cases with 3,589 images, and in 92 to
    94 with 100, of which two were of disgust. BCa (section 14.3) did no better for kappa, MCC and F1, and for the balanced
    accuracy of 100 images, where a class is a single one now and then, it fell to 84.

    Args:
        confusion: (K, K), of at least one image.
        resamples: how many; the ends move by less than a hundredth of the interval's width between seeds from some thousand on.
        level: how often intervals made so hold the true figure, between 0 and 1.
        seed: the same one gives the same intervals.

    Returns:
        lower and upper end of each figure; None where every answer is right: no resample differs then, and how rare mistakes are
        cannot be told this way. (Wilson's interval of the accuracy can.)
    """
    n = int(confusion.sum())
    if int(np.trace(confusion)) == n:
        return dict.fromkeys(FIGURES)
    drawn = np.random.default_rng(seed).multinomial(n, confusion.ravel() / n, size=resamples).reshape(-1, *confusion.shape)
    ends = [0.5 - level / 2, 0.5 + level / 2]
    found: dict[str, Interval | None] = {}
    for name, measure in FIGURES.items():
        low, high = np.quantile(measure(drawn), ends).tolist()
        found[name] = (low, high)
    return found
