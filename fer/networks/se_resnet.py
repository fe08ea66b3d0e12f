"""A small residual network with channel attention: what runs in real time on one core.

Residual blocks after He et al. (arXiv:1512.03385), squeeze-and-excitation after Hu et al. (arXiv:1709.01507).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer.errors import SettingsError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class SeResNet:
    """Stem at full and half size, then stages of residual blocks, each stage at half the size of the one before.

    Args:
        stem: channels of the stem's two convolutions; the second one halves the image.
        widths: channels of each stage.
        depths: blocks of each stage.
        squeeze: channels are divided by this in the attention's bottleneck.
        dropout: rate before the heads.
    """

    stem: tuple[int, ...] = (24, 32)
    widths: tuple[int, ...] = (32, 64, 128)
    depths: tuple[int, ...] = (1, 2, 2)
    squeeze: int = 8
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if len(self.stem) != 2:
            raise SettingsError(f"se_resnet has a stem of two convolutions. Received: {len(self.stem)} stem channels.")
        if len(self.widths) != len(self.depths) or not self.widths:
            raise SettingsError(f"se_resnet needs as many depths as widths. Received: {self.widths} and {self.depths}")
        if min(*self.stem, *self.widths, *self.depths, self.squeeze) < 1 or not 0 <= self.dropout < 1:
            raise SettingsError(
                f"se_resnet takes channels, depths and squeeze of 1 or more, and a rate from 0 to below 1. Received: {self}"
            )

    @property
    def any_input_size(self) -> bool:
        return True

    def features(self, model_input: keras.KerasTensor) -> keras.KerasTensor:
        from keras import layers

        def conv_norm(x: keras.KerasTensor, filters: int, kernel: int = 3, stride: int = 1) -> keras.KerasTensor:
            x = layers.Conv2D(
                filters,
                kernel,
                strides=stride,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
            )(x)
            # A short memory: with Keras' 0.99, the statistics of a training of 50 steps would still be half its random start.
            return layers.BatchNormalization(momentum=0.9)(x)

        def attend(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
            gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
            gate = layers.Conv2D(max(4, filters // self.squeeze), 1, activation="relu")(gate)
            gate = layers.Conv2D(filters, 1, activation="sigmoid")(gate)
            return layers.Multiply()([x, gate])

        def block(x: keras.KerasTensor, filters: int, stride: int) -> keras.KerasTensor:
            shortcut = x
            if stride > 1:
                # Average pooling keeps what a strided 1×1 convolution would throw away.
                shortcut = layers.AveragePooling2D(stride, padding="same")(shortcut)
            if shortcut.shape[-1] != filters:
                shortcut = conv_norm(shortcut, filters, kernel=1)
            x = layers.Activation("relu")(conv_norm(x, filters, stride=stride))
            x = attend(conv_norm(x, filters), filters)
            return layers.Activation("relu")(layers.Add()([x, shortcut]))

        x = layers.Activation("relu")(conv_norm(model_input, self.stem[0]))
        x = layers.Activation("relu")(conv_norm(x, self.stem[1], stride=2))
        for stage, (filters, depth) in enumerate(zip(self.widths, self.depths, strict=True)):
            for position in range(depth):
                x = block(x, filters, stride=2 if stage > 0 and position == 0 else 1)
        x = layers.GlobalAveragePooling2D()(x)
        return layers.Dropout(self.dropout)(x)
