"""`Scores`: probabilities beside the truth, and every figure that follows from the two.

The probabilities themselves are kept and the figures derived, so no figure can disagree with another. `Report` adds who answered
and on what.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError
from fer.evaluation import metrics
from fer.evaluation.intervals import wilson_interval
from fer.labels import LabelSet

# The figures that are one number (or one name) each, in the order in which a report lists them.
SINGLE_FIGURES = (
    "n", "accuracy", "balanced_accuracy",
    "macro_precision", "macro_recall", "macro_f1",
    "weighted_precision", "weighted_recall", "weighted_f1",
    "nll", "brier", "ece",
    "majority_label", "majority_accuracy",
)  # fmt: skip


class ClassRow(TypedDict):
    """One row of the classification report; shares 0…1."""

    label: str
    precision: float
    recall: float
    recall_ci95: list[float]
    f1: float
    support: int  # images of the class
    predicted: int  # images answered with it


class ConfusedPair(TypedDict):
    """One cell off the diagonal of the confusion matrix."""

    true: str
    predicted: str
    count: int
    share: float  # of the true class's images


@dataclass(frozen=True, eq=False)
class Scores:
    """Probabilities of N images beside their true labels.

    Args:
        label_set: K classes.
        y_true: label ids int16 (N,), N at least 1.
        y_prob: probabilities float32 (N, K), in the order of `label_set`; rows sum to 1.

    Raises:
        DataError: there is no image, shapes do not match, or the numbers are no probabilities.
    """

    label_set: LabelSet
    y_true: NDArray[np.int16]
    y_prob: NDArray[np.float32]

    def __post_init__(self) -> None:
        n, k = len(self.y_true), len(self.label_set)
        if not n:
            raise DataError("Nothing to score: there is no image. Choose a split that holds images.")
        if self.y_true.shape != (n,) or self.y_prob.shape != (n, k):
            raise DataError(f"Expected y_true ({n},), y_prob ({n}, {k}). Received: {self.y_true.shape}, {self.y_prob.shape}")
        # NaN fails both comparisons, so it is refused too.
        if not ((self.y_prob >= 0).all() and (np.abs(self.y_prob.sum(axis=1) - 1) < 1e-3).all()):
            raise DataError("Expected probabilities: 0 or more, each row with the sum 1. Received other numbers.")

    @property
    def n(self) -> int:
        """Images evaluated."""
        return len(self.y_true)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, in the order of rows and columns."""
        return self.label_set.names

    @cached_property
    def y_pred(self) -> NDArray[np.int16]:
        """The most probable class of each image, int16 (N,)."""
        most_probable: NDArray[np.int16] = self.y_prob.argmax(axis=1).astype(np.int16)
        return most_probable

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Confusion matrix, int64 (K, K); rows are true."""
        return metrics.confusion_matrix(self.y_true, self.y_pred, len(self.labels))

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0…1."""
        return metrics.accuracy(self.confusion)

    @property
    def accuracy_ci95(self) -> tuple[float, float]:
        """Wilson's interval of the accuracy."""
        return wilson_interval(int(np.trace(self.confusion)), self.n)

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall over the classes that have images, 0…1."""
        return metrics.balanced_accuracy(self.confusion)

    @cached_property
    def _macro(self) -> metrics.Averages:
        return metrics.averages(metrics.class_scores(self.confusion))

    @cached_property
    def _weighted(self) -> metrics.Averages:
        return metrics.averages(metrics.class_scores(self.confusion), weighted=True)

    @property
    def macro_precision(self) -> float:
        """Precision averaged over classes that occur, every class counting the same."""
        return self._macro.precision

    @property
    def macro_recall(self) -> float:
        """Recall averaged so."""
        return self._macro.recall

    @property
    def macro_f1(self) -> float:
        """F1 averaged so."""
        return self._macro.f1

    @property
    def weighted_precision(self) -> float:
        """Precision averaged over classes, each counting as often as it has images."""
        return self._weighted.precision

    @property
    def weighted_recall(self) -> float:
        """Recall averaged so; equal to the accuracy."""
        return self._weighted.recall

    @property
    def weighted_f1(self) -> float:
        """F1 averaged so."""
        return self._weighted.f1

    @property
    def majority_label(self) -> str:
        """The class with the most images."""
        return self.labels[int(self.confusion.sum(axis=1).argmax())]

    @property
    def majority_accuracy(self) -> float:
        """What a model would score that always answers `majority_label`, 0…1."""
        return int(self.confusion.sum(axis=1).max()) / self.n

    @cached_property
    def nll(self) -> float:
        """Mean negative log-likelihood, nats."""
        return metrics.nll(self.y_true, self.y_prob)

    @cached_property
    def brier(self) -> float:
        """Brier score, 0 (best)…2."""
        return metrics.brier(self.y_true, self.y_prob)

    @cached_property
    def ece(self) -> float:
        """Expected calibration error, 15 bins, 0 (best)…1."""
        return metrics.ece(self.y_true, self.y_prob)

    @cached_property
    def per_class(self) -> list[ClassRow]:
        """The classification report, a row a class."""
        scores = metrics.class_scores(self.confusion)
        return [
            ClassRow(
                label=label,
                precision=float(scores.precision[i]),
                recall=float(scores.recall[i]),
                recall_ci95=list(wilson_interval(int(self.confusion[i, i]), int(scores.support[i]))),
                f1=float(scores.f1[i]),
                support=int(scores.support[i]),
                predicted=int(scores.predicted[i]),
            )
            for i, label in enumerate(self.labels)
        ]

    @cached_property
    def most_confused(self) -> list[ConfusedPair]:
        """Every kind of mistake that was made, the most frequent first."""
        support = self.confusion.sum(axis=1)
        wrong = [(int(count), i, j) for (i, j), count in np.ndenumerate(self.confusion) if i != j and count]
        return [
            ConfusedPair(true=self.labels[i], predicted=self.labels[j], count=count, share=count / int(support[i]))
            for count, i, j in sorted(wrong, key=lambda mistake: -mistake[0])
        ]

    def as_dict(self) -> dict[str, object]:
        """All figures, ready for JSON."""
        return {
            **{name: getattr(self, name) for name in SINGLE_FIGURES},
            "accuracy_ci95": list(self.accuracy_ci95),
            "labels": list(self.labels),
            "confusion": self.confusion.tolist(),
            "per_class": self.per_class,
            "most_confused": self.most_confused,
        }
