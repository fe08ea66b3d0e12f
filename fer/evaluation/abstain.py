"""Abstaining: a model that may say "unsure" answers fewer images and is right more often; how much it gains, and from where on.

The threshold that is chosen here can be kept in a bundle (`fer/evaluation/calibrate.py`), and prediction then uses it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError, SettingsError
from fer.evaluation.calibration import fit_temperature_of, folds, temper
from fer.evaluation.intervals import wilson_interval, wilson_intervals
from fer.words import percent

POINTS = 200
# Of five parts, four choose a threshold much as all would: the more images choose, the lower it may be.
FOLDS = 5


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Accuracy against coverage, from the surest answers to all of them, in at most `POINTS` points.

    Args:
        threshold: float64 (P,), falling: answers of at least this confidence are given.
        coverage: float64 (P,), the share of images that are answered then, rising to 1.
        accuracy: float64 (P,), the share of right ones among them.
        aurc: area under the risk-coverage curve over all points, 0 (best)…1: the mean share of mistakes over all coverages.
    """

    threshold: NDArray[np.float64]
    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    aurc: float


def risk_coverage(y_true: NDArray[np.integer], y_prob: NDArray[np.floating]) -> RiskCoverage:
    """The risk-coverage curve (Geifman, Uziel and El-Yaniv 2019, https://arxiv.org/abs/1805.08206).

    Answers of equal confidence are given together; for the area, each of them counts as wrong as all are on average.

    Args:
        y_true: label ids (N,), N at least 1.
        y_prob: probabilities (N, K).
    """
    threshold, answered, right = _by_confidence(y_true, y_prob)
    n = len(y_true)
    wrong = np.interp(np.arange(1, n + 1), np.append(0, answered), np.append(0, answered - right))
    kept = np.unique(np.searchsorted(answered, np.linspace(1, n, min(n, POINTS))))
    return RiskCoverage(
        threshold=threshold[kept],
        coverage=answered[kept] / n,
        accuracy=right[kept] / answered[kept],
        aurc=float((wrong / np.arange(1, n + 1)).mean()),
    )


@dataclass(frozen=True, slots=True)
class Abstention:
    """From which confidence on a model answers.

    Args:
        wished: the accuracy that was asked for.
        threshold: answers of at least this confidence are given, 0…1; 0 where all are.
        n: images on which it was measured, answered or not.
        answered: how many of them are answered.
        right: how many of those rightly.
    """

    wished: float
    threshold: float
    n: int
    answered: int
    right: int

    @property
    def coverage(self) -> float:
        """Share of images that are answered, 0…1."""
        return self.answered / self.n

    @property
    def accuracy(self) -> float | None:
        """Share of right ones among them, 0…1; None where none is answered."""
        return self.right / self.answered if self.answered else None

    @property
    def accuracy_ci95(self) -> tuple[float, float]:
        """Wilson's interval of the accuracy."""
        return wilson_interval(self.right, self.answered)


def find_threshold(y_true: NDArray[np.integer], y_prob: NDArray[np.floating], wished: float) -> float:
    """The smallest confidence whose answers are right often enough: by the lower end of Wilson's 95 % interval.

    The lower end, not the share itself: whoever picks the smallest threshold whose share reaches 90 % gets less than 90 % on new
    images in every second case, because chance is picked with it. With the lower end that happened in 2 to 3 of 100 simulated
    cases (1,000 and 3,589 images); the price is a coverage of 34 instead of 41 % at a wish of 90 % and an accuracy of 74 %.

    Args:
        y_true: label ids (N,), N at least 1.
        y_prob: probabilities (N, K).
        wished: accuracy, over 0 and under 1.

    Returns:
        the threshold, halfway to the next confidence below, so that rounding moves no image; 0 where all may be answered.

    Raises:
        SettingsError: the wish lies outside its range.
        DataError: no threshold reaches it.
    """
    if not 0 < wished < 1:
        raise SettingsError(f"A wished accuracy lies between 0 and 1, such as 0.9 for 90 %. Received: {wished}")
    threshold, answered, right = _by_confidence(y_true, y_prob)
    surely = wilson_intervals(right, answered)[0]
    reaching = np.flatnonzero(surely >= wished)
    if not len(reaching):
        best = int(surely.argmax())
        raise DataError(
            f"No threshold reaches {percent(wished)} for sure on these {len(y_true):,} images. The best: answers of at least "
            f"{percent(threshold[best])} confidence, {percent(answered[best] / len(y_true))} of the images, are right in "
            f"{percent(right[best] / answered[best])} "
            f"(with its interval: at least {percent(surely[best])}). Wish for less, or measure more images."
        )
    last = int(reaching[-1])
    return 0.0 if last == len(threshold) - 1 else float(threshold[last] + threshold[last + 1]) / 2


def choose_abstention(
    y_true: NDArray[np.integer], y_prob: NDArray[np.floating], wished: float, *, fit_temperature: bool = False, seed: int = 0
) -> Abstention:
    """`find_threshold` on all images, measured honestly: each part of the images by the threshold that the other parts give.

    Args:
        y_true: label ids (N,), N at least `FOLDS`.
        y_prob: probabilities (N, K).
        wished: accuracy, over 0 and under 1.
        fit_temperature: put the probabilities under a new temperature first, fitted wherever the threshold is.
        seed: of the parts.

    Raises:
        SettingsError: the wish lies outside its range.
        DataError: no threshold reaches it, or there are too few images.
    """

    def under(temperature: float | None, rows: NDArray[np.int64]) -> NDArray[np.floating]:
        return y_prob[rows] if temperature is None else temper(y_prob[rows], temperature)

    def choose(rows: NDArray[np.int64]) -> tuple[float | None, float]:
        temperature = fit_temperature_of(y_true[rows], y_prob[rows]) if fit_temperature else None
        return temperature, find_threshold(y_true[rows], under(temperature, rows), wished)

    answered = right = 0
    _, threshold = choose(np.arange(len(y_true)))
    for chosen_on, measured in folds(len(y_true), FOLDS, seed):
        try:
            temperature, least = choose(chosen_on)
        except DataError:  # all images just reach it, these do not: they would have been answered never
            continue
        measured_prob = under(temperature, measured)
        given = measured_prob.max(axis=1) >= least
        answered += int(given.sum())
        right += int((given & (measured_prob.argmax(axis=1) == y_true[measured])).sum())
    return Abstention(wished, threshold, len(y_true), answered, right)


def _by_confidence(
    y_true: NDArray[np.integer], y_prob: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct confidences from high to low (P,), and how many images are answered, and rightly, from each on."""
    confidence = y_prob.max(axis=1).astype(np.float64)
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    last_of_equals = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    right = (y_prob.argmax(axis=1) == y_true)[order].cumsum()
    return ordered[last_of_equals], last_of_equals + 1, right[last_of_equals]
