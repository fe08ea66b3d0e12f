"""Two or more models on the same images: is one better, by how much, and who mends whose mistakes?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError
from fer.evaluation.bootstrap import SEED
from fer.evaluation.report import Report

RESAMPLES = 10_000


@dataclass(frozen=True, eq=False)
class PairComparison:
    """Two models on the same N images.

    Args:
        first, second: positions of the two among the reports compared.
        both_right, both_wrong: row numbers of images, int64.
        only_first, only_second: of those that one of the two alone answers rightly: there it mends the other's mistake.
        difference: accuracy of the first less that of the second, -1…1.
        difference_ci95: its interval by a paired bootstrap.
        p_value: of McNemar's test: how often two equally good models differ as much as these by chance.
        p_adjusted: the same, with all pairs that were compared at once taken into account (Holm).
    """

    first: int
    second: int
    both_right: NDArray[np.int64]
    only_first: NDArray[np.int64]
    only_second: NDArray[np.int64]
    both_wrong: NDArray[np.int64]
    difference: float
    difference_ci95: tuple[float, float]
    p_value: float
    p_adjusted: float

    @property
    def is_more_than_noise(self) -> bool:
        """Whether chance explains the difference in less than one of twenty cases, all pairs taken into account."""
        return self.p_adjusted < 0.05


def compare_reports(reports: Sequence[Report]) -> list[PairComparison]:
    """Compare every pair of models.

    Args:
        reports: two or more, of the same images with the same labels.

    Returns:
        a comparison a pair, in the order of the reports.

    Raises:
        DataError: there are fewer than two reports, or they are of other images or labels.
    """
    if len(reports) < 2:
        raise DataError(f"A comparison takes two reports or more. Received: {len(reports)}")
    for report in reports[1:]:
        _require_same_images(reports[0], report)
    right = [report.y_pred == report.y_true for report in reports]
    pairs = list(combinations(range(len(reports)), 2))
    p_values = [mcnemar(int((right[a] & ~right[b]).sum()), int((right[b] & ~right[a]).sum())) for a, b in pairs]
    return [
        PairComparison(
            first=a,
            second=b,
            both_right=np.flatnonzero(right[a] & right[b]),
            only_first=np.flatnonzero(right[a] & ~right[b]),
            only_second=np.flatnonzero(right[b] & ~right[a]),
            both_wrong=np.flatnonzero(~right[a] & ~right[b]),
            difference=float(right[a].mean() - right[b].mean()),
            difference_ci95=paired_interval(right[a], right[b]),
            p_value=p_value,
            p_adjusted=adjusted,
        )
        for (a, b), p_value, adjusted in zip(pairs, p_values, holm(p_values), strict=True)
    ]


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p-value of McNemar's test, 0…1, from the images that one of two models alone answers rightly.

    The exact binomial form, for any number of images: the chi-square form (McNemar 1947, "Note on the sampling error of the
    difference between correlated proportions or percentages", Psychometrika 12(2)), with Edwards' correction for continuity, only
    approximates it.
    """
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def paired_interval(
    right_first: NDArray[np.bool_], right_second: NDArray[np.bool_], *, level: float = 0.95, seed: int = SEED
) -> tuple[float, float]:
    """Percentile interval of a difference of accuracies, images drawn with replacement and both models judged on the same draw.

    Args:
        right_first, right_second: bool (N,), which images each model answers rightly; N at least 1.
        level: how often intervals made so hold the true difference, between 0 and 1.
        seed: the same one gives the same interval.

    Returns:
        lower and upper end, each -1…1.
    """
    n = len(right_first)
    # Only three kinds of images matter, and a resample is how many of each it drew.
    kinds = np.array([(right_first & ~right_second).sum(), (right_second & ~right_first).sum()])
    drawn = np.random.default_rng(seed).multinomial(n, np.append(kinds, n - kinds.sum()) / n, size=RESAMPLES)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, [0.5 - level / 2, 0.5 + level / 2]).tolist()
    return low, high


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of tests made together, each 0…1, so that all of them taken at 5 % err in at most 5 of 100 cases.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2).
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return [float(value) for value in adjusted]


def differences(first: Report, other: Report) -> list[str]:
    """Why two reports cannot be compared, in words; empty where they are of the same images with the same labels.

    Votes of FER+ may have been given to one alone: what both tell of is common to them.
    """
    same_order = len(first.names) == len(other.names) and bool((first.names == other.names).all())
    same_pictures = bool(first.pixels) and first.pixels == other.pixels
    data = (
        f"the data (two versions of {first.dataset})"
        if first.dataset == other.dataset
        else f"the data ({first.dataset} and {other.dataset})"
    )
    differing = [
        what
        for what, same in (
            (data, first.fingerprint == other.fingerprint or same_pictures),
            (f"the split ({first.split} and {other.split})", first.split == other.split),
            (f"the images ({first.n:,} and {other.n:,})", same_order),
            (f"the classes ({', '.join(first.labels)}; and {', '.join(other.labels)})", first.labels == other.labels),
        )
        if not same
    ]
    if not differing and not (first.y_true == other.y_true).all():
        differing = ["the labels of some images"]
    return differing


def _require_same_images(first: Report, other: Report) -> None:
    differing = differences(first, other)
    if differing:
        raise DataError(
            f"Models are compared on the same images. Between {first.model} and {other.model} differ: {'; '.join(differing)}. "
            "Evaluate both on the same data and split."
        )
