"""The architectures by name, and how a whole network is put together from one of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sized
from typing import TYPE_CHECKING, Protocol

from fer.networks.plain_cnn import PlainCnn
from fer.networks.pretrained import Pretrained
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


ARCHITECTURES: Mapping[str, type[NetworkSettings]] = {
    "plain_cnn": PlainCnn,
    "pretrained": Pretrained,
    "se_resnet": SeResNet,
    "vgg": Vgg,
}

# Name of the output that `served_network` adds.
FEATURES = "features"


def build_network(
    network: NetworkSettings,
    input_shape: tuple[int | None, int | None, int],
    heads: Mapping[str, int],
    *,
    log_odds: Collection[str] = (),
) -> keras.Model:
    """Trunk and heads as one Keras model.

    Args:
        network: settings of one of `ARCHITECTURES`.
        input_shape: (H, W, C); H and W may be None where the architecture takes any size.
        heads: number of classes of each head, by its name.
        log_odds: heads of two classes with one unit, the log-odds of the second class: their logits are 0 and that, whose
            softmax is its sigmoid, and whose cross-entropy is the binary one.

    Returns:
        A model from float (N, H, W, C) to `{head: logits float32 (N, K)}`.
    """
    import keras

    model_input = keras.Input(input_shape, name="model_input")
    features = network.features(model_input)
    # Logits in float32 also where the trunk computes in bfloat16: a softmax of 8-bit mantissas would be too coarse.
    logits = {}
    for head, classes in heads.items():
        answer = keras.layers.Dense(1 if head in log_odds else classes, dtype="float32", name=head)(features)
        logits[head] = keras.ops.pad(answer, ((0, 0), (1, 0))) if head in log_odds else answer
    return keras.Model(model_input, logits)


def log_odds_heads(labels: Mapping[str, Sized]) -> list[str]:
    """The heads that `build_network` gives one unit, by their classes: two classes need no second one."""
    return [head for head, names in labels.items() if len(names) == 2]


def served_network(model: keras.Model, *, mirror: bool) -> keras.Model:
    """The network that a bundle serves.

    Args:
        model: as `build_network` gives it.
        mirror: answer with the mean for an image and its mirror image, turned back where a position counts.

    Returns:
        A model with the logits of `model` and, where its trunk ends in global average pooling, one more output `features`, float
        (N, H', W', F): what the pooling averages. Its mean over positions is the face's embedding, and the same weights that make
        logits of that mean say where in the face a class was seen (class activation maps, arXiv:1512.04150).
    """
    import keras
    from keras import layers, ops

    outputs = dict(model.output)
    pooling = [x for x in model.layers if isinstance(x, layers.GlobalAveragePooling2D) and not x.keepdims]
    if pooling:
        outputs[FEATURES] = pooling[-1].input
    network = keras.Model(model.input, outputs)
    if not mirror:
        return network
    model_input = keras.Input(model.input_shape[1:], name="model_input")
    # One batch of twice the length: the weights stand once in the exported file.
    both = network(ops.concatenate([model_input, ops.flip(model_input, axis=2)], axis=0))
    answers = {}
    for name, answer in both.items():
        plain, turned = ops.unstack(ops.reshape(answer, (2, -1, *answer.shape[1:])), 2)
        answers[name] = (plain + (ops.flip(turned, axis=2) if name == FEATURES else turned)) / 2
    return keras.Model(model_input, answers)


def count_multiply_adds(model: keras.Model) -> int:
    """Multiply-adds of one image through convolutions and dense layers (the rest is noise beside them)."""
    import keras

    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            positions = math.prod(layer.output.shape[1:3])
            total += positions * math.prod(layer.kernel.shape)
        elif isinstance(layer, keras.layers.Dense):
            total += math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
    return total
