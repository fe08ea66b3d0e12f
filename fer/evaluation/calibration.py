"""Calibration: one temperature a head, so that of the answers given with 70 % about 70 % are right; and how far that is so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError
from fer.evaluation import metrics
from fer.evaluation.intervals import wilson_interval

# Wider than any sane network needs; the search is a halving of this range in the logarithm.
_LOWEST, _HIGHEST = 0.05, 20.0
_GOLDEN = (5**0.5 - 1) / 2


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Probabilities of logits, float32 of the same shape (…, K), rows summing to 1."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float32] = (shifted / shifted.sum(axis=-1, keepdims=True)).astype(np.float32)
    return probabilities


def fit_temperature(logits: NDArray[np.floating], targets: NDArray[np.floating]) -> float:
    """The temperature under which the targets are the least surprising (Guo et al. 2017, arXiv:1706.04599).

    Args:
        logits: (N, K) of images that were not trained on.
        targets: (N, K) rows summing to 1: one-hot labels, or shares of votes.

    Returns:
        T between 0.05 and 20; probabilities are softmax(logits / T). Cross-entropy has one minimum in T, found by golden section.
    """
    wide = logits.astype(np.float64)

    def cross_entropy(log_temperature: float) -> float:
        scaled = wide / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(-(targets * (scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))).sum(axis=1).mean())

    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = cross_entropy(left), cross_entropy(right)
    for _ in range(40):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = cross_entropy(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = cross_entropy(right)
    return float(np.exp((low + high) / 2))


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Images answered with a confidence over `low` and up to `high`.

    Args:
        low, high: the bin's edges, 0…1.
        n: images, at least 1.
        confidence: their mean confidence, 0…1.
        accuracy, accuracy_ci95: share of right answers, 0…1, and Wilson's interval; calibrated is where it is the confidence.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    accuracy_ci95: tuple[float, float]


def reliability_bins(
    y_true: NDArray[np.integer], y_prob: NDArray[np.floating], bins: int = metrics.ECE_BINS
) -> list[ReliabilityBin]:
    """A reliability diagram (Guo et al. 2017, section 2): the bins of `metrics.ece` that hold images.

    Args:
        y_true: label ids (N,), N at least 1.
        y_prob: probabilities (N, K).
        bins: equal bins of the confidence.
    """
    confidence, right = y_prob.max(axis=1).astype(np.float64), y_prob.argmax(axis=1) == y_true
    bin_ids = metrics.confidence_bins(confidence, bins)
    n = np.bincount(bin_ids, minlength=bins)
    sums, hits = (np.bincount(bin_ids, weights=values, minlength=bins) for values in (confidence, right))
    return [
        ReliabilityBin(
            low=i / bins,
            high=(i + 1) / bins,
            n=int(n[i]),
            confidence=float(sums[i] / n[i]),
            accuracy=float(hits[i] / n[i]),
            accuracy_ci95=wilson_interval(int(hits[i]), int(n[i])),
        )
        for i in np.flatnonzero(n).tolist()
    ]


def temper(y_prob: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """Probabilities as they would be had their logits been divided by this, too; float32 of the same shape."""
    # The logarithm of a probability is its logit but for a constant, which the softmax takes out again.
    return softmax(_log(y_prob) / temperature)


def fit_temperature_of(y_true: NDArray[np.integer], y_prob: NDArray[np.floating]) -> float:
    """`fit_temperature` for probabilities (N, K) and label ids (N,): 1 is as they are, more makes them less sure."""
    return fit_temperature(_log(y_prob), np.eye(y_prob.shape[1])[y_true])


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """A temperature, and how probabilities do under one that was not fitted on them.

    Args:
        temperature: fitted on all images; for use.
        y_prob: float32 (N, K), each image under the temperature that the *other* half gave: figures taken on these are honest.
    """

    temperature: float
    y_prob: NDArray[np.float32]


def cross_fit_temperature(y_true: NDArray[np.integer], y_prob: NDArray[np.floating], seed: int = 0) -> CrossFitted:
    """Fit a temperature on one half of the images, apply it to the other, and the other way round.

    A temperature that is measured on the images it was fitted on looks better than it is; halves drawn at random mend that at the
    cost of half the images for each fit, and one number needs few.

    Args:
        y_true: label ids (N,), N at least 2.
        y_prob: probabilities (N, K).
        seed: of the halves.

    Raises:
        DataError: there are fewer than two images.
    """
    tempered = np.empty(y_prob.shape, np.float32)
    for fitted, measured in folds(len(y_true), 2, seed):
        tempered[measured] = temper(y_prob[measured], fit_temperature_of(y_true[fitted], y_prob[fitted]))
    return CrossFitted(fit_temperature_of(y_true, y_prob), tempered)


def folds(n: int, number: int, seed: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows 0…n-1 in so many random parts, as even as can be: for each, the rows of all others, and its own.

    Raises:
        DataError: there are fewer rows than parts.
    """
    if n < number:
        raise DataError(f"To fit on some images and measure on others takes {number} of them at least. Received: {n}")
    parts = np.array_split(np.random.default_rng(seed).permutation(n), number)
    return [(np.concatenate([*parts[:i], *parts[i + 1 :]]), part) for i, part in enumerate(parts)]


def _log(y_prob: NDArray[np.floating]) -> NDArray[np.float64]:
    logits: NDArray[np.float64] = np.log(np.maximum(y_prob, np.finfo(np.float32).tiny, dtype=np.float64))
    return logits
