"""Batch normalisation in one kernel where the backend has one, for training alone: same weights and results in less time.

Keras composes it of many passes over the activations, in float32 whatever the network computes in; on a CPU that is a fifth of a
training step in float32, and a third in bfloat16 (`benchmarks/training.py`). TensorFlow has it as one kernel (Ioffe and Szegedy
2015, https://arxiv.org/abs/1502.03167). This is the one place that calls a backend by its name; on others, networks stay as is.
"""

from __future__ import annotations

from typing import Any

import keras


def with_fused_norm(model: Any) -> Any:
    """The network with the same weights, its batch normalisation fused where the backend can.

    Args:
        model: a functional model, float32 or bfloat16.

    Returns:
        a network with the same layers by the same names and the same weights in the same order, for the same checkpoints; the one
        given where the backend has no such kernel.
    """
    if keras.backend.backend() != "tensorflow":
        return model

    def fused(layer: Any) -> Any:
        # The kernel takes images; behind the trunk there is little to normalise.
        is_of_images = type(layer) is keras.layers.BatchNormalization and len(layer.output.shape) == 4
        kind = FusedBatchNormalization if is_of_images else type(layer)
        return kind.from_config(layer.get_config())

    clone = keras.models.clone_model(model, clone_function=fused)
    clone.set_weights(model.get_weights())
    return clone


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # Keras is untyped
    """Keras' own layer, over the last axis of images, whose training step is TensorFlow's kernel."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """As Keras' layer: (N, H, W, C) → the same, by the batch's own mean and variance while it is trained."""
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        from tensorflow.compat.v1.nn import fused_batch_norm

        outputs, mean, variance = fused_batch_norm(inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True)
        n, h, w, _ = keras.ops.shape(inputs)
        values = keras.ops.cast(n * h * w, "float32")
        # The kernel gives the variance for an estimate from a sample, n / (n - 1) times the batch's own, which Keras averages.
        variance *= (values - 1) / values
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1 - self.momentum))
        return outputs
