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
    return float(balanced_accuracies(confusion))


def cohens_kappa(confusion: NDArray[np.int64]) -> float:
    """Agreement beyond chance, -1…1: 0 is what answers of these frequencies would reach by chance.

    Cohen 1960, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20(1), equation 1.

    Args:
        confusion: (K, K), of at least one image.

    Returns:
        kappa; 0 where chance alone is always right, because truth and answers are one class: nothing is shown then.
    """
    _total(confusion)
    return float(kappas(confusion))


def matthews_corrcoef(confusion: NDArray[np.int64]) -> float:
    """Matthews' correlation of truth and answers for K classes, -1…1; 0 for a constant answer.

    Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation coefficient", Computational Biology and
    Chemistry 28(5-6).

    Args:
        confusion: (K, K), of at least one image.
    """
    _total(confusion)
    return float(mccs(confusion))


# The same figures of many confusion matrices at once, int64 (…, K, K) → float64 (…): `bootstrap.py` has thousands. Each matrix
# counts at least one image.


def balanced_accuracies(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """`balanced_accuracy` of each confusion matrix (…, K, K)."""
    hits, support, _ = _margins(confusions)
    return _ratio((hits / np.maximum(support, 1)).sum(axis=-1), (support > 0).sum(axis=-1))


def macro_f1s(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean F1 over the classes that occur among truth or answers, as `averages` has it, of each confusion matrix (…, K, K)."""
    hits, support, predicted = _margins(confusions)
    both = support + predicted
    return _ratio((2 * hits / np.maximum(both, 1)).sum(axis=-1), (both > 0).sum(axis=-1))


def kappas(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """`cohens_kappa` of each confusion matrix (…, K, K)."""
    hits, support, predicted = _margins(confusions)
    n = support.sum(axis=-1)
    by_chance = (support * predicted).sum(axis=-1)  # times n²
    return _ratio(hits.sum(axis=-1) * n - by_chance, n * n - by_chance)


def mccs(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """`matthews_corrcoef` of each confusion matrix (…, K, K)."""
    hits, support, predicted = _margins(confusions)
    n = support.sum(axis=-1)
    covariance = hits.sum(axis=-1) * n - (support * predicted).sum(axis=-1)
    of_truth, of_answers = (n * n - np.square(margin).sum(axis=-1) for margin in (support, predicted))
    # Rooted one by one: the product of the two overflows an int64 from some 50,000 images on.
    return _ratio(covariance, np.sqrt(of_truth) * np.sqrt(of_answers))


def _margins(confusions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Right answers, images and answers a class, each (…, K)."""
    return np.diagonal(confusions, axis1=-2, axis2=-1), confusions.sum(axis=-1), confusions.sum(axis=-2)


def _ratio(part: NDArray[np.number], whole: NDArray[np.number]) -> NDArray[np.float64]:
    """Part by whole; 0 where the whole is 0."""
    ratio: NDArray[np.float64] = np.where(whole != 0, part / np.where(whole != 0, whole, 1), 0.0)
    return ratio


def top_k_accuracy(y_true: NDArray[np.integer], y_prob: NDArray[np.floating], k: int) -> float:
    """Share of images whose true class is among the k most probable, 0…1.

    Of equally probable classes the first comes first, as it does in the most probable one: with k = 1 this is the accuracy.

    Args:
        y_true: label ids (N,), N at least 1.
        y_prob: probabilities (N, K).
        k: 1 or more.
    """
    chosen = _true_probabilities(y_true, y_prob)[:, None]
    before = np.arange(y_prob.shape[1]) < y_true[:, None]
    rank = ((y_prob > chosen) | ((y_prob == chosen) & before)).sum(axis=1)
    return float((rank < k).mean())


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
    hits, support, predicted = _margins(confusion)

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
    return float(np.abs(np.bincount(confidence_bins(confidence, bins), weights=gap, minlength=bins)).sum() / len(gap))


def confidence_bins(confidence: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """In which of the equal bins ((m-1)/M, m/M] each confidence (N,) lies, 0…bins-1."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


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
