"""VGG with batch normalisation and global average pooling: teachers for small faces, too heavy to be served.

After Simonyan and Zisserman (arXiv:1409.1556). The dense layers of the original, nine tenths of its weights, give way to a mean
over positions (Lin et al., arXiv:1312.4400). Eight convolutions (`depths` 2, 2, 2, 2) suit images of 48 pixels; sixteen
(2, 2, 4, 4, 4) are VGG19's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fer.errors import SettingsError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class Vgg:
    """Stages of 3×3 convolutions, each stage at half the size of the one before.

    Args:
        widths: channels of each stage.
        depths: convolutions of each stage.
        dropout: rate before the heads.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    depths: tuple[int, ...] = (2, 2, 2, 2)
    dropout: float = 0.4

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.depths) or not self.widths:
            raise SettingsError(f"vgg needs as many depths as widths. Received: {self.widths} and {self.depths}")
        if min(*self.widths, *self.depths) < 1 or not 0 <= self.dropout < 1:
            raise SettingsError(f"vgg takes channels and depths of 1 or more, and a rate from 0 to below 1. Received: {self}")

    @property
    def any_input_size(self) -> bool:
        return True

    def features(self, model_input: keras.KerasTensor) -> keras.KerasTensor:
        from keras import layers

        x = model_input
        for stage, (filters, depth) in enumerate(zip(self.widths, self.depths, strict=True)):
            if stage:
                x = layers.MaxPooling2D(2, padding="same")(x)
            for _ in range(depth):
                x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
                x = layers.BatchNormalization(momentum=0.9)(x)  # short, as in se_resnet
                x = layers.Activation("relu")(x)
        x = layers.GlobalAveragePooling2D()(x)
        return layers.Dropout(self.dropout)(x)
