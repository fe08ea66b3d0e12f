"""The architectures by name, and how a whole network is put together from one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from fer.networks.plain_cnn import PlainCnn
from fer.networks.se_resnet import SeResNet
from fer.networks.vgg import Vgg

if TYPE_CHECKING:
    import keras


class NetworkSettings(Protocol):
    """What every architecture's settings dataclass offers."""

    @property
    def any_input_size(self) -> bool:
        """Whether one set of weights takes images of any size (so training may begin with small ones)."""
        ...

    def features(self, model_input: keras.KerasTensor) -> keras.KerasTensor:
        """The trunk: float (N, H, W, C) → float (N, F)."""
        ...


ARCHITECTURES: Mapping[str, type[NetworkSettings]] = {"plain_cnn": PlainCnn, "se_resnet": SeResNet, "vgg": Vgg}


def build_network(
    network: NetworkSettings,
    input_shape: tuple[int | None, int | None, int],
    heads: Mapping[str, int],
) -> keras.Model:
    """Trunk and heads as one Keras model.

    Args:
        network: settings of one of `ARCHITECTURES`.
        input_shape: (H, W, C); H and W may be None where the architecture takes any size.
        heads: number of classes of each head, by its name.

    Returns:
        A model from float (N, H, W, C) to `{head: logits float32 (N, K)}`.
    """
    import keras

    model_input = keras.Input(input_shape, name="model_input")
    features = network.features(model_input)
    # Logits in float32 also where the trunk computes in bfloat16: a softmax of 8-bit mantissas would be too coarse.
    logits = {head: keras.layers.Dense(classes, dtype="float32", name=head)(features) for head, classes in heads.items()}
    return keras.Model(model_input, logits)


def mirrored(model: keras.Model) -> keras.Model:
    """The network that answers with the mean of a model's logits for an image and for its mirror image."""
    import keras
    from keras import ops

    model_input = keras.Input(model.input_shape[1:], name="model_input")
    # One batch of twice the length: the weights stand once in the exported file.
    both = model(ops.concatenate([model_input, ops.flip(model_input, axis=2)], axis=0))
    logits = {head: ops.mean(ops.reshape(answer, (2, -1, answer.shape[-1])), axis=0) for head, answer in both.items()}
    return keras.Model(model_input, logits)


def count_multiply_adds(model: keras.Model) -> int:
    """Multiply-adds of one image through convolutions and dense layers (the rest is noise beside them)."""
    import keras

    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            positions = math.prod(layer.output.shape[1:3])
            total += positions * math.prod(layer.kernel.shape)
        elif isinstance(layer, keras.layers.Dense):
            total += math.prod(layer.kernel.shape)
    return total
