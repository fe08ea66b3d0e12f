"""What validation shows beside its figures: which class is taken for which, and the mistakes that the network is surest of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from fer.evaluation.calibration import softmax
from fer.files import replacing
from fer.preprocessing import Preprocessing
from fer.training.prepare import LABELS_HEAD, LearningSet

# Looked at for mistakes after every epoch: a fixed sample of the validation part, which costs a hundredth of an epoch.
SAMPLE = 512
STRIP = 12


class Confusion(keras.metrics.Metric):  # type: ignore[misc]
    """Counts (K, K) of true classes (rows) and answers, over the images that have a weight.

    Args:
        classes: K.
    """

    def __init__(self, classes: int, name: str = "confusion") -> None:
        super().__init__(name=name)
        self.counts = self.add_variable((classes, classes), initializer="zeros", name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        classes = self.counts.shape[0]
        true, answered = (ops.one_hot(ops.argmax(values, axis=-1), classes) for values in (y_true, y_pred))
        if sample_weight is not None:
            true = true * ops.cast(ops.reshape(sample_weight, (-1, 1)) > 0, true.dtype)
        self.counts.assign_add(ops.cast(ops.matmul(ops.transpose(true), answered), self.counts.dtype))

    def result(self) -> Any:
        """How many images were counted: Keras wants one number; `counts` has them all."""
        return ops.sum(self.counts)


def confusion_of(model: Any) -> list[list[int]]:
    """The counts of a compiled model's `Confusion` since they were last reset, rows are true."""
    (metric,) = (metric for metric in _metrics(model) if isinstance(metric, Confusion))
    return np.rint(ops.convert_to_numpy(metric.counts.value)).astype(int).tolist()  # type: ignore[no-any-return]


def _metrics(model: Any) -> list[Any]:
    return [metric for compiled in model.metrics for metric in (compiled, *getattr(compiled, "metrics", ()))]


@dataclass(frozen=True)
class Mistakes:
    """The answers of a sample that were wrong, the surest first.

    Args:
        images: uint8 (M, S, S, C), as the network sees them.
        label_ids: int16 (M,), what they are.
        answers: int16 (M,), what they were taken for.
        confidences: float32 (M,), how sure the network was.
    """

    images: NDArray[np.uint8]
    label_ids: NDArray[np.int16]
    answers: NDArray[np.int16]
    confidences: NDArray[np.float32]

    def save(self, path: Path) -> None:
        """Write them as a NumPy archive, whole or not at all."""
        with replacing(path) as beside:
            np.savez(beside, images=self.images, label_ids=self.label_ids, answers=self.answers, confidences=self.confidences)


class Sample:
    """A fixed sample of the validation part, to look for mistakes in.

    Args:
        val: the validation part; pictures without a face are passed over.
        preprocessing: of the run.
    """

    def __init__(self, val: LearningSet, preprocessing: Preprocessing) -> None:
        rows = np.flatnonzero(val.weights[LABELS_HEAD] > 0)
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:SAMPLE])
        self._images, self._label_ids = val.images[rows], val.targets[LABELS_HEAD][rows].argmax(axis=1)
        self._preprocessing = preprocessing

    def worst_mistakes(self, model: Any) -> Mistakes:
        """Ask the network as it is now."""
        logits = ops.convert_to_numpy(model(self._preprocessing.normalise(self._images), training=False)[LABELS_HEAD])
        probabilities = softmax(np.asarray(logits, np.float32))
        answers, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
        wrong = np.flatnonzero(answers != self._label_ids)
        worst = wrong[np.argsort(-confidences[wrong], kind="stable")][:STRIP]
        return Mistakes(
            self._images[worst],
            self._label_ids[worst].astype(np.int16),
            answers[worst].astype(np.int16),
            confidences[worst].astype(np.float32),
        )
