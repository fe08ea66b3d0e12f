"""Plain convolution blocks and dense layers: the networks of the reference systems that trained on small grey faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer.errors import SettingsError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class PlainCnn:
    """Per block: convolution (same padding), batch normalisation, ReLU, 2×2 max pooling, dropout; then dense layers alike.

    Args:
        filters: output channels of each convolution.
        kernels: kernel side of each convolution.
        dropouts: dropout rate after each block.
        dense: units of each dense layer.
        dense_dropout: dropout rate after each dense layer.
        dense_norm: batch normalisation in the dense layers as well.
    """

    filters: tuple[int, ...] = (64, 128, 256, 512)
    kernels: tuple[int, ...] = (3, 5, 3, 3)
    dropouts: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
    dense: tuple[int, ...] = (256, 512, 1024)
    dense_dropout: float = 0.25
    dense_norm: bool = True

    def __post_init__(self) -> None:
        if not len(self.filters) == len(self.kernels) == len(self.dropouts):
            raise SettingsError(
                "plain_cnn needs as many kernels and dropouts as filters. "
                f"Received: {len(self.filters)} filters, {len(self.kernels)} kernels, {len(self.dropouts)} dropouts."
            )
        rates = (*self.dropouts, self.dense_dropout)
        if min((*self.filters, *self.kernels, *self.dense), default=1) < 1 or not all(0 <= rate < 1 for rate in rates):
            raise SettingsError(
                f"plain_cnn takes filters, kernels and units of 1 or more, and rates from 0 to below 1. Received: {self}"
            )

    @property
    def any_input_size(self) -> bool:
        return False  # the dense layers are as wide as the flattened image

    def features(self, model_input: keras.KerasTensor) -> keras.KerasTensor:
        from keras import layers

        x = model_input
        for filters, kernel, dropout in zip(self.filters, self.kernels, self.dropouts, strict=True):
            x = layers.Conv2D(filters, kernel, padding="same")(x)
            x = layers.BatchNormalization()(x)
            if min(x.shape[1:3]) < 2:
                raise SettingsError(
                    f"plain_cnn halves the image {len(self.filters)} times, and an input of {model_input.shape[1]} pixels is too "
                    "small for that. Raise preprocessing.size, or take fewer filters, kernels and dropouts."
                )
            # The largest of what ReLU gives is ReLU of the largest: the same, at a quarter of the values.
            x = layers.MaxPooling2D(2)(x)
            x = layers.Activation("relu")(x)
            x = layers.Dropout(dropout)(x)
        x = layers.Flatten()(x)
        for units in self.dense:
            x = layers.Dense(units)(x)
            if self.dense_norm:
                x = layers.BatchNormalization()(x)
            x = layers.Activation("relu")(x)
            x = layers.Dropout(self.dense_dropout)(x)
        return x
