"""Published backbones of `keras.applications`, with ImageNet weights, under a small head: the classic way of transfer.

A backbone only works on pixels as it was trained on. Each one's own scaling is a part of the network here, so that every dataset,
bundle and page hands it the same thing: RGB in 0…1. `weights.py` gets the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer.errors import SettingsError

if TYPE_CHECKING:
    import keras

_APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True, slots=True)
class Backbone:
    """One network of `keras.applications`.

    Args:
        title: for people.
        builder: its name in `keras.applications`.
        caffe: takes BGR less the mean of ImageNet; the others take RGB 0…255 and scale it themselves.
        url: of its ImageNet weights without the classifier, which Keras keeps in its cache under the last part of that name.
        digest: of that file.
        size: bytes of that file, about.
        options: further arguments of the builder.
    """

    title: str
    builder: str
    caffe: bool
    url: str
    digest: str
    size: int
    options: tuple[tuple[str, object], ...] = ()


# File names and hashes are those that Keras 3.15 itself asks for.
BACKBONES: Mapping[str, Backbone] = {
    "vgg16": Backbone(
        "VGG16",
        "VGG16",
        True,
        f"{_APPLICATIONS}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "md5:6d6bbae143d832006294945121d1f1fc",
        58_889_256,
    ),
    "resnet50": Backbone(
        "ResNet50",
        "ResNet50",
        True,
        f"{_APPLICATIONS}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "md5:4d473c1dd8becc155b73f8504c6f6626",
        94_765_736,
    ),
    "resnet101": Backbone(
        "ResNet101",
        "ResNet101",
        True,
        f"{_APPLICATIONS}/resnet/resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "md5:88cf7a10940856eca736dc7b7e228a21",
        171_446_536,
    ),
    "mobilenet_v3": Backbone(
        "MobileNetV3 (large)",
        "MobileNetV3Large",
        False,
        f"{_APPLICATIONS}/mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
        "md5:07fb09a5933dd0c8eaafa16978110389",
        12_683_000,
        (("include_preprocessing", True),),
    ),
    "efficientnet_v2_b0": Backbone(
        "EfficientNetV2-B0",
        "EfficientNetV2B0",
        False,
        f"{_APPLICATIONS}/efficientnet_v2/efficientnetv2-b0_notop.h5",
        "md5:893217f2bb855e2983157299931e43ff",
        24_274_000,
        (("include_preprocessing", True),),
    ),
    "convnext_tiny": Backbone(
        "ConvNeXt-Tiny",
        "ConvNeXtTiny",
        False,
        f"{_APPLICATIONS}/convnext/convnext_tiny_notop.h5",
        "sha256:d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        111_650_000,
    ),
}
POOLS = ("average", "flatten")
_SMALLEST_SIDE = 32  # what keras.applications takes
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A published backbone, pooled, then dense layers with ReLU and dropout.

    Args:
        backbone: one of `BACKBONES`.
        weights: what its weights begin as: `imagenet`, the path of a weights file for it, or `random`.
        own_scaling: pixels are scaled as the backbone was trained on; otherwise it gets RGB in 0…1 as they come.
        pool: what becomes of its feature map: `average` over positions, or `flatten`.
        dense: units of each dense layer.
        dropout: rate after each dense layer, and before the heads where there is none.
    """

    backbone: str = "vgg16"
    weights: str = "imagenet"
    own_scaling: bool = True
    pool: str = "average"
    dense: tuple[int, ...] = ()
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise SettingsError(f"Unknown network.backbone {self.backbone!r}. Known: {', '.join(BACKBONES)}")
        if not self.weights:
            raise SettingsError("network.weights is imagenet, random, or the path of a weights file. Received nothing.")
        if self.pool not in POOLS:
            raise SettingsError(f"network.pool is one of {', '.join(POOLS)}. Received: {self.pool!r}")
        if min(self.dense, default=1) < 1 or not 0 <= self.dropout < 1:
            raise SettingsError(f"pretrained takes units of 1 or more, and a rate from 0 to below 1. Received: {self}")

    @property
    def any_input_size(self) -> bool:
        return self.pool == "average"

    def features(self, model_input: keras.KerasTensor) -> keras.KerasTensor:
        from keras import layers

        if model_input.shape[-1] != 3:
            raise SettingsError(f"{self.backbone} takes RGB: set preprocessing.channels to 3. Received: {model_input.shape[-1]}")
        if (model_input.shape[1] or _SMALLEST_SIDE) < _SMALLEST_SIDE:
            raise SettingsError(
                f"{self.backbone} takes images of {_SMALLEST_SIDE} pixels and more: raise preprocessing.size. "
                f"Received: {model_input.shape[1]}"
            )
        x = self._scaled(model_input) if self.own_scaling else model_input
        x = build_backbone(self.backbone, x).output
        x = layers.GlobalAveragePooling2D()(x) if self.pool == "average" else layers.Flatten()(x)
        for units in self.dense:
            x = layers.Dense(units, activation="relu")(x)
            x = layers.Dropout(self.dropout)(x)
        return x if self.dense else layers.Dropout(self.dropout)(x)

    def _scaled(self, model_input: keras.KerasTensor) -> keras.KerasTensor:
        """RGB 0…1 as the backbone wants it."""
        from keras import layers, ops

        x = layers.Rescaling(255.0)(model_input)
        if not BACKBONES[self.backbone].caffe:
            return x
        return layers.Rescaling(1.0, offset=[-mean for mean in _CAFFE_MEAN_BGR])(ops.flip(x, axis=-1))


def build_backbone(name: str, x: keras.KerasTensor) -> keras.Model:
    """A backbone on top of a tensor (N, H, W, 3), with random weights and without its classifier."""
    import keras

    backbone = BACKBONES[name]
    builder = getattr(keras.applications, backbone.builder)
    return builder(include_top=False, weights=None, input_tensor=x, **dict(backbone.options))
