"""Distillation: a network learns, beside the targets, what teachers answer to the very same augmented images.

After Beyer et al., "Knowledge distillation: a good teacher is patient and consistent" (arXiv:2106.05237), and Hinton et al.
(arXiv:1503.02531). Teachers are trained networks of ours, from bundles or from runs, so nothing but Keras is needed to ask them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from fer.errors import SettingsError
from fer.labels import LabelSet
from fer.recipes import Settings
from fer.training.prepare import LABELS_HEAD
from fer.training.trained import open_trained

# model input (N, S, S, C) -> probabilities (N, K) by head, softened by a temperature
Ask = Callable[[Any, float], dict[str, Any]]


class Student(keras.Model):  # type: ignore[misc]
    """A network whose training loss is shared between its targets and its teachers; everything else is Keras' own."""

    def learn_from(self, ask: Ask, settings: Settings) -> None:
        """Set the teachers. Kept as a function, which Keras does not look into: their weights are not the student's."""
        self._ask, self._settings = ask, settings.training

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The targets' loss; in training, `distil_weight` of it is replaced by the divergence from the teachers."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training:
            return loss
        weight, temperature = self._settings.distil_weight, self._settings.distil_temperature
        shows_expression = sample_weight[LABELS_HEAD]  # a picture without a face has none that a teacher could tell
        divergence = 0.0
        for head, taught in self._ask(x, temperature).items():
            answered = ops.log_softmax(ops.cast(y_pred[head], "float32") / temperature)
            per_image = ops.sum(taught * (ops.log(taught + 1e-9) - answered), axis=-1)
            divergence += ops.mean(per_image * ops.cast(shows_expression, "float32"))
        # Softened, gradients shrink with the square of the temperature (arXiv:1503.02531, section 2).
        return (1 - weight) * loss + weight * temperature**2 * divergence


def join_teachers(settings: Settings, heads: Mapping[str, LabelSet]) -> Ask:
    """The mean answer of all teachers of a run.

    Args:
        settings: the student's.
        heads: label sets of the student's heads; a teacher is asked for those that it has, too.

    Raises:
        SettingsError: a teacher takes other pixels than the student, or has no head with the classes of one of the student's.
        FerError: a teacher is missing or damaged.
    """
    teachers = [_load_teacher(reference, settings, heads) for reference in settings.training.teachers]

    def ask(model_input: Any, temperature: float) -> dict[str, Any]:
        answers: dict[str, list[Any]] = {}
        for model, size, taught in teachers:
            # Each sees faces at the size that it was made for, also while the student begins with small ones.
            fitted = model_input
            if model_input.shape[1] != size:
                fitted = ops.image.resize(model_input, (size, size), interpolation="bilinear", data_format="channels_last")
            logits = model(fitted, training=False)
            for head in taught:
                answers.setdefault(head, []).append(ops.softmax(ops.cast(logits[head], "float32") / temperature))
        return {head: ops.stop_gradient(sum(given) / len(given)) for head, given in answers.items()}

    return ask


def _load_teacher(reference: str, student: Settings, heads: Mapping[str, LabelSet]) -> tuple[Any, int, list[str]]:
    """A teacher's network, the size of its input, and the heads that it shares with the student."""
    teacher = open_trained(reference)
    ours, theirs = student.preprocessing, teacher.settings.preprocessing
    if (ours.channels, ours.scale) != (theirs.channels, theirs.scale):
        raise SettingsError(
            f"The teacher {reference!r} takes {theirs.channels} channel(s) scaled {theirs.scale!r}, the student {ours.channels} "
            f"scaled {ours.scale!r}. They see the same pixels; train both with the same preprocessing."
        )
    shared = [head for head, label_set in heads.items() if teacher.labels.get(head) == list(label_set)]
    if not shared:
        raise SettingsError(f"The teacher {reference!r} has no head with the student's classes. It has: {teacher.labels}")
    model = teacher.build()
    model.trainable = False
    return model, theirs.size, shared
