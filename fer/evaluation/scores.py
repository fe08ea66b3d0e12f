"""`Scores`: probabilities beside the truth, and every figure that follows from the two.

The probabilities themselves are kept and the figures derived, so no figure can disagree with another. `Report` adds who answered
and on what.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError
from fer.evaluation import metrics
from fer.evaluation.abstain import RiskCoverage, risk_coverage
from fer.evaluation.bootstrap import Interval, bootstrap_intervals
from fer.evaluation.calibration import CrossFitted, ReliabilityBin, cross_fit_temperature, reliability_bins
from fer.evaluation.curves import ClassCurves, class_curves
from fer.evaluation.intervals import wilson_interval
from fer.labels import LabelSet

# The figures that are one number (or one name) each, in the order in which a report lists them.
SINGLE_FIGURES = (
    "n", "accuracy", "balanced_accuracy",
    "macro_precision", "macro_recall", "macro_f1",
    "weighted_precision", "weighted_recall", "weighted_f1",
    "kappa", "mcc", "top2_accuracy",
    "nll", "brier", "ece", "aurc",
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
    auc: float | None  # of the class against the rest; None without images of it, or of others
    average_precision: float | None  # None without images of it


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
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond chance, -1…1."""
        return metrics.cohens_kappa(self.confusion)

    @property
    def mcc(self) -> float:
        """Matthews' correlation of truth and answers, -1…1."""
        return metrics.matthews_corrcoef(self.confusion)

    @cached_property
    def bootstrap_ci95(self) -> dict[str, Interval | None]:
        """Intervals of `balanced_accuracy`, `macro_f1`, `kappa` and `mcc`; None where every answer is right."""
        return bootstrap_intervals(self.confusion)

    @cached_property
    def top2_accuracy(self) -> float:
        """Share of images whose class is among the two most probable, 0…1; of two classes always 1."""
        return metrics.top_k_accuracy(self.y_true, self.y_prob, 2)

    @property
    def top2_accuracy_ci95(self) -> tuple[float, float]:
        """Wilson's interval of it."""
        return wilson_interval(round(self.top2_accuracy * self.n), self.n)

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
    def reliability(self) -> list[ReliabilityBin]:
        """The bins of the reliability diagram that hold images."""
        return reliability_bins(self.y_true, self.y_prob)

    @cached_property
    def recalibrated(self) -> Scores | None:
        """The figures under a new temperature, fitted on one half of the images for the other; None of a single image."""
        return None if self._cross_fitted is None else Scores(self.label_set, self.y_true, self._cross_fitted.y_prob)

    @property
    def best_temperature(self) -> float | None:
        """By which the logits should be divided again to be calibrated on these images; None of a single image."""
        return None if self._cross_fitted is None else self._cross_fitted.temperature

    @cached_property
    def _cross_fitted(self) -> CrossFitted | None:
        return cross_fit_temperature(self.y_true, self.y_prob) if self.n > 1 else None

    @cached_property
    def risk_coverage(self) -> RiskCoverage:
        """Accuracy against the share of images that are answered, the surest first."""
        return risk_coverage(self.y_true, self.y_prob)

    @property
    def aurc(self) -> float:
        """Area under the risk-coverage curve, 0 (best)…1."""
        return self.risk_coverage.aurc

    @cached_property
    def curves(self) -> list[ClassCurves]:
        """ROC and precision-recall curve of each class against the rest."""
        return class_curves(self.y_true, self.y_prob, self.label_set)

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
                auc=curves.roc.area if curves.roc else None,
                average_precision=curves.precision_recall.area if curves.precision_recall else None,
            )
            for i, (label, curves) in enumerate(zip(self.labels, self.curves, strict=True))
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
            "top2_accuracy_ci95": list(self.top2_accuracy_ci95),
            **{f"{name}_ci95": interval and list(interval) for name, interval in self.bootstrap_ci95.items()},
            "labels": list(self.labels),
            "confusion": self.confusion.tolist(),
            "per_class": self.per_class,
            "most_confused": self.most_confused,
            "reliability": [asdict(bin_) for bin_ in self.reliability],
            "recalibrated": self.recalibrated
            and {
                "temperature": self.best_temperature,
                **{name: getattr(self.recalibrated, name) for name in ("nll", "brier", "ece", "aurc")},
            },
        }
