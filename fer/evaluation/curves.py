"""Curves of one class against the rest: ROC and precision-recall, with their areas, thinned for a chart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError
from fer.labels import LabelSet

POINTS = 200

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve from the strictest threshold to the loosest, in at most `POINTS` points.

    Args:
        x, y: float64 (P,), 0…1.
        threshold: float64 (P,): probabilities of at least this count as the class; infinity at the first point, where none does.
        area: under the whole curve, before it was thinned, 0…1.
    """

    x: Floats
    y: Floats
    threshold: Floats
    area: float


@dataclass(frozen=True, eq=False)
class ClassCurves:
    """How well one class is told from all others by its probability.

    Args:
        label: the class.
        images: how many are of it.
        roc: x false positive rate, y true positive rate; its area is the AUC. None where no image, or every one, is of the class.
        precision_recall: x recall, y precision; its area is the average precision. None where no image is of the class.
    """

    label: str
    images: int
    roc: Curve | None
    precision_recall: Curve | None


def class_curves(y_true: NDArray[np.integer], y_prob: NDArray[np.floating], label_set: LabelSet) -> list[ClassCurves]:
    """The curves of every class, in the order of the label set.

    Args:
        y_true: label ids (N,), N at least 1.
        y_prob: probabilities (N, K).
        label_set: K classes.
    """
    curves = []
    for label_id, label in enumerate(label_set):
        is_class = y_true == label_id
        images = int(is_class.sum())
        roc = roc_curve(is_class, y_prob[:, label_id]) if 0 < images < len(y_true) else None
        curves.append(ClassCurves(label, images, roc, precision_recall_curve(is_class, y_prob[:, label_id]) if images else None))
    return curves


def roc_curve(is_class: NDArray[np.bool_], score: NDArray[np.floating]) -> Curve:
    """ROC curve; its area is that under straight lines between the thresholds, as Fawcett 2006 draws it ("An introduction to ROC
    analysis", Pattern Recognition Letters 27(8), algorithms 1 and 2), so that an equal score counts half.

    Args:
        is_class: bool (N,), which images are of the class: some are, some are not.
        score: (N,), higher for the class.

    Raises:
        DataError: the lengths differ, or no image or every image is of the class.
    """
    threshold, hits, others = _counts(is_class, score)
    if not hits[-1] or not others[-1]:
        raise DataError("A ROC curve needs images of the class and others. Received: only one of the two.")
    x, y = others / others[-1], hits / hits[-1]
    return _thinned(x, y, threshold, float(np.trapezoid(y, x)))


def precision_recall_curve(is_class: NDArray[np.bool_], score: NDArray[np.floating]) -> Curve:
    """Precision-recall curve; its area is the average precision, the sum of precision times the recall gained at each threshold.

    Nothing lies between two thresholds here: straight lines would promise more than can be had (Davis and Goadrich 2006, "The
    relationship between precision-recall and ROC curves", ICML). Arguments and errors are those of `roc_curve`, but every image
    may be of the class.
    """
    threshold, hits, others = _counts(is_class, score)
    if not hits[-1]:
        raise DataError("A precision-recall curve needs images of the class. Received: none.")
    # Where nothing is answered yet, no answer is wrong.
    precision = np.where(hits + others > 0, hits / np.maximum(hits + others, 1), 1.0)
    recall = hits / hits[-1]
    return _thinned(recall, precision, threshold, float((np.diff(recall) * precision[1:]).sum()))


def _counts(is_class: NDArray[np.bool_], score: NDArray[np.floating]) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Distinct thresholds from high to low, infinity first, and how many images of the class and of others reach each."""
    if is_class.ndim != 1 or is_class.shape != score.shape or not len(is_class):
        raise DataError(f"Expected flags and scores of one length, over 0. Received shapes: {is_class.shape} and {score.shape}")
    order = np.argsort(-score, kind="stable")
    ordered = score[order].astype(np.float64)
    last_of_equals = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    hits = is_class[order].cumsum()[last_of_equals]
    zero = np.zeros(1, np.int64)
    return (
        np.append(np.inf, ordered[last_of_equals]),
        np.append(zero, hits),
        np.append(zero, last_of_equals + 1 - hits),
    )


def _thinned(x: Floats, y: Floats, threshold: Floats, area: float) -> Curve:
    """A curve of at most `POINTS` points, even along its length, so that steep parts keep theirs; both ends stay."""
    if len(x) > POINTS:
        length = np.append(0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
        kept = np.unique(np.searchsorted(length, np.linspace(0, length[-1], POINTS)))
        kept[-1] = len(x) - 1
        x, y, threshold = x[kept], y[kept], threshold[kept]
    return Curve(x, y, threshold, area)
