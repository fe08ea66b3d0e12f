"""Metrics on plain arrays: counts turn into a confusion matrix, and everything that counts can say is read from that.

Plain NumPy, because importing scikit-learn costs seconds; the tests hold each function against scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError

ECE_BINS = 15


def confusion_matrix(y_true: NDArray[np.integer], y_pred: NDArray[np.integer], n: int) -> NDArray[np.int64]:
    """How often each true class was answered with each class.

    Args:
        y_true: label ids (N,), each in 0…n-1.
        y_pred: label ids (N,), each in 0…n-1.
        n: number of classes.

    Returns:
        int64 (n, n); rows are the true classes, columns the answers.

    Raises:
        DataError: the lengths differ, or a label id lies outside.
    """
    if y_true.ndim != 1 or y_true.shape != y_pred.shape:
        raise DataError(f"Expected two equally long rows of label ids. Received shapes: {y_true.shape} and {y_pred.shape}")
    for name, ids in (("y_true", y_true), ("y_pred", y_pred)):
        if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= n):
            raise DataError(f"Label ids of {name} must lie in 0…{n - 1}. Received: {int(ids.min())}…{int(ids.max())}")
    pairs = y_true.astype(np.int64) * n + y_pred
    return np.bincount(pairs, minlength=n * n).reshape(n, n).astype(np.int64)


def accuracy(confusion: NDArray[np.int64]) -> float:
    """Share of right answers, 0…1, from a confusion matrix (K, K) of at least one image."""
    return float(np.trace(confusion) / _total(confusion))


def balanced_accuracy(confusion: NDArray[np.int64]) -> float:
    """Mean recall over the classes that have images, 0…1, from a confusion matrix (K, K) of at least one image."""
    _total(confusion)
    support = confusion.sum(axis=1)
    return float(np.mean(np.diag(confusion)[support > 0] / support[support > 0]))


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Precision, recall and F1 a class, float64 (K,) each 0…1, and how many images are of it and were answered with it."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]
    predicted: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Averages:
    """Precision, recall and F1 averaged over classes, each 0…1."""

    precision: float
    recall: float
    f1: float


def class_scores(confusion: NDArray[np.int64], *, zero_division: float = 0.0) -> ClassScores:
    """Scores a class from a confusion matrix (K, K).

    Args:
        confusion: rows are true.
        zero_division: what stands where nothing can be divided by: precision of a class never answered, recall of a class without
            images, F1 of a class with neither. 0 counts it as a failure, as scikit-learn does by default.
    """
    hits, support, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)

    def share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.where(whole > 0, part / np.maximum(whole, 1), zero_division)

    return ClassScores(share(hits, predicted), share(hits, support), share(2 * hits, support + predicted), support, predicted)


def averages(scores: ClassScores, *, weighted: bool = False) -> Averages:
    """Average over the classes that occur among the true labels or the answers (the others say nothing about the model).

    Args:
        scores: of at least one image.
        weighted: weigh each class by its number of images; otherwise every class counts the same ("macro").

    Raises:
        DataError: there are no images.
    """
    weights = scores.support if weighted else (scores.support + scores.predicted > 0).astype(np.int64)
    if not weights.any():
        raise DataError("Nothing to average: there is no image. Choose a split that holds images.")
    return Averages(*(float(np.average(column, weights=weights)) for column in (scores.precision, scores.recall, scores.f1)))


def nll(y_true: NDArray[np.integer], y_prob: NDArray[np.floating]) -> float:
    """Mean negative log-likelihood of the true class, in nats, 0 or more.

    Args:
        y_true: label ids (N,), N at least 1.
        y_prob: probabilities (N, K). Below float32's resolution (1.2e-7) they count as that: a sure mistake costs 15.9,
            not infinity.
    """
    chosen = _true_probabilities(y_true, y_prob)
    return float(-np.log(np.maximum(chosen, np.finfo(np.float32).eps)).mean())


def brier(y_true: NDArray[np.integer], y_prob: NDArray[np.floating]) -> float:
    """Brier score: mean over images of the squared distance to the one-hot truth, summed over classes, 0 (best)…2.

    Brier 1950, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78(1), equation 2.
    """
    chosen = _true_probabilities(y_true, y_prob)
    squares = np.square(y_prob, dtype=np.float64).sum(axis=1)
    return float(np.mean(squares - 2 * chosen + 1))


def ece(y_true: NDArray[np.integer], y_prob: NDArray[np.floating], bins: int = ECE_BINS) -> float:
    """Expected calibration error: how far the confidence is from the share of right answers, 0 (best)…1.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 2: equal bins ((m-1)/M, m/M] of the top probability, each
    weighted by its share of the images.
    """
    _true_probabilities(y_true, y_prob)
    confidence = y_prob.max(axis=1).astype(np.float64)
    gap = (y_prob.argmax(axis=1) == y_true) - confidence
    bin_ids = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return float(np.abs(np.bincount(bin_ids, weights=gap, minlength=bins)).sum() / len(gap))


def kl_divergence(target: NDArray[np.floating], y_prob: NDArray[np.floating]) -> float:
    """Mean Kullback-Leibler divergence of predictions from target distributions, in nats, 0 (best) or more.

    Args:
        target: distributions (N, K), N at least 1; rows sum to 1.
        y_prob: probabilities (N, K), clipped as in `nll`.
    """
    if target.shape != y_prob.shape or not len(target):
        raise DataError(f"Expected distributions and probabilities of one shape (N, K). Received: {target.shape}, {y_prob.shape}")
    floor = np.finfo(np.float32).eps
    ratio = np.log(np.maximum(target, floor, dtype=np.float64)) - np.log(np.maximum(y_prob, floor, dtype=np.float64))
    return float((target * ratio).sum(axis=1).mean())


def _total(confusion: NDArray[np.int64]) -> int:
    total = int(confusion.sum())
    if not total:
        raise DataError("Nothing to score: the confusion matrix counts no image. Choose a split that holds images.")
    return total


def _true_probabilities(y_true: NDArray[np.integer], y_prob: NDArray[np.floating]) -> NDArray[np.float64]:
    """The probability given to each image's true class, float64 (N,); the shapes are checked on the way."""
    if y_prob.ndim != 2 or y_true.shape != y_prob.shape[:1] or not len(y_true):
        raise DataError(f"Expected label ids (N,) and probabilities (N, K), N over 0. Received: {y_true.shape}, {y_prob.shape}")
    chosen: NDArray[np.float64] = y_prob[np.arange(len(y_true)), y_true].astype(np.float64)
    return chosen
