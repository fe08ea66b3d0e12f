"""Batch normalisation in one kernel where the backend has one, for training alone: same weights and results in less time.

Keras composes it of many passes over the activations, in float32 whatever the network computes in; on a CPU that is a fifth of a
training step in float32, and a third in bfloat16. TensorFlow has it as one kernel (Ioffe and Szegedy 2015,
https://arxiv.org/abs/1502.03167). A convolution's bias, two passes more, is left out before it, as the mean that is taken away
at once holds it too. This is the one place that calls a backend by its name; on others, networks stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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
    convolution_before = _lone_convolutions(model)
    biased = set(convolution_before.values())

    def fused(layer: Any) -> Any:
        kind = type(layer)
        # The kernel takes images; behind the trunk there is little to normalise.
        if kind is keras.layers.BatchNormalization and len(layer.output.shape) == 4:
            kind = FusedBatchNormalization
        elif layer.name in biased:
            kind = _ConvolutionWithoutBias
        return kind.from_config(layer.get_config())

    clone = keras.models.clone_model(model, clone_function=fused)
    clone.set_weights(model.get_weights())
    for norm, convolution in convolution_before.items():
        clone.get_layer(norm).take_bias_of(clone.get_layer(convolution))
    return clone


def _lone_convolutions(model: Any) -> dict[str, str]:
    """By the name of each normalisation, that of the convolution with a bias before it, whose output goes nowhere else."""
    plain = {
        id(layer.output): layer.name
        for layer in model.layers
        if type(layer) is keras.layers.Conv2D and layer.use_bias and layer.activation is keras.activations.linear
    }
    read = Counter(
        id(tensor)
        for node in (*(operation.input for operation in model.operations), model.output)
        for tensor in keras.tree.flatten(node)
    )
    return {
        layer.name: plain[id(layer.input)]
        for layer in model.layers
        if type(layer) is keras.layers.BatchNormalization and id(layer.input) in plain and read[id(layer.input)] == 1
    }


class _ConvolutionWithoutBias(keras.layers.Conv2D):  # type: ignore[misc]  # Keras is untyped
    """Has its bias, and leaves it to the normalisation behind it."""

    def call(self, inputs: Any) -> Any:
        return self.convolution_op(inputs, self.kernel)


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras' own layer, over the last axis of images, whose training step is TensorFlow's kernel."""

    # A function, since Keras would take a layer that is kept here for a part of this one.
    _bias: Callable[[], Any] | None = None

    def take_bias_of(self, convolution: Any) -> None:
        """Count in the bias of the convolution before this, which leaves it out."""
        self._bias = lambda: convolution.bias

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """As Keras' layer: (N, H, W, C) → the same, by the batch's own mean and variance while it is trained."""
        bias = None if self._bias is None else self._bias()
        if not (training and self.trainable):
            inputs = inputs if bias is None else keras.ops.add(inputs, keras.ops.cast(bias, inputs.dtype))
            return super().call(inputs, training=training, mask=mask)
        from tensorflow.compat.v1.nn import fused_batch_norm

        beta = self.beta
        if bias is not None:
            bias = keras.ops.cast(bias, "float32")
            beta = beta + 0 * bias  # changes nothing, as the bias does, whose slope is therefore 0, and not missing
        outputs, mean, variance = fused_batch_norm(inputs, self.gamma, beta, epsilon=self.epsilon, is_training=True)
        mean = mean if bias is None else mean + keras.ops.stop_gradient(bias)
        n, h, w, _ = keras.ops.shape(inputs)
        values = keras.ops.cast(n * h * w, "float32")
        # The kernel gives the variance for an estimate from a sample, n / (n - 1) times the batch's own, which Keras averages.
        variance *= (values - 1) / values
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1 - self.momentum))
        return outputs
