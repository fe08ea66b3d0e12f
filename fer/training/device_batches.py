"""`DeviceBatches`: batches for a graphics processor, which keeps all images and varies them itself.

Where a step takes milliseconds, images that OpenCV varies come too late. Here a batch travels as row numbers and as the few
numbers that say how each image varies; pixels stay on the device as uint8 and are gathered, varied and normalised there by one
compiled function. Targets are small and stay on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from fer.recipes import Settings
from fer.training.batches import Batches, mix_targets
from fer.training.graph_augmentation import GraphAugmentation
from fer.training.prepare import LearningSet

# Pictures without a face are drawn with OpenCV, so a stock of them is drawn once; varied, each seems another one.
REJECTS_IN_STOCK = 8192


class DeviceBatches(Batches):
    """The batches of `Batches`, made on the device: see there for the arguments, and for where chance comes from.

    Differences: all batches of a training epoch are full, the last one with images from the epoch's beginning, because a batch of
    another size would have the training step compiled once more; and rejects are varied as faces are.
    """

    def __init__(
        self, data: LearningSet, settings: Settings, *, training: bool, epoch: int = 0, image_size: int | None = None
    ) -> None:
        super().__init__(data, settings, training=training, epoch=epoch, image_size=image_size)
        _, side, _, channels = data.images.shape
        # The rows of `data`, and rejects behind them where there are some.
        self._stock = data
        if data.rejects is not None:
            rng = np.random.default_rng(settings.training.seed)
            self._stock = data.with_rejects(data.rejects.draw(rng, REJECTS_IN_STOCK, side))
        self._augmentation = GraphAugmentation(settings.augmentation, side, self.preprocessing.size, channels)
        self._images = ops.convert_to_tensor(self._stock.images)
        self._make = compiled(self._model_input)

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        size = self.settings.training.batch_size
        rows = self._order[index * size : (index + 1) * size]
        if not self.training:
            return self._make(self._images, rows.astype(np.int32)), *self._targets(rows)
        rng = np.random.default_rng((self.settings.training.seed, self.epoch, index))
        if self.data.rejects is not None:
            count = round(self.settings.data.rejects * len(rows))
            rows = np.concatenate([rows, rng.integers(len(self.data), len(self._stock), count)])
        drawn = self._augmentation.draw(rng, len(rows))
        targets, weights = self._targets(rows)
        if not self.settings.training.mixup:
            return self._make(self._images, rows.astype(np.int32), drawn), targets, weights
        share, partners = self._draw_mixture(rng, len(rows))
        model_input = self._make(self._images, rows.astype(np.int32), drawn, share, partners.astype(np.int32))
        return model_input, *mix_targets(targets, weights, share, partners)

    def _targets(self, rows: NDArray[np.int64]) -> tuple[dict[str, Any], dict[str, Any]]:
        targets = {head: target[rows] for head, target in self._stock.targets.items()}
        return targets, {head: weight[rows] for head, weight in self._stock.weights.items()}

    def _model_input(self, images: Any, rows: Any, drawn: Any = None, share: Any = None, partners: Any = None) -> Any:
        """uint8 images of the whole set → float32 model input of the rows asked for."""
        chosen = ops.take(images, rows, axis=0)
        pixels = ops.cast(chosen, "float32") if drawn is None else self._augmentation.apply(chosen, drawn)
        offset, divisor = self.preprocessing.offset_and_divisor
        model_input = (pixels - offset) / divisor
        return model_input if share is None else share * model_input + (1 - share) * ops.take(model_input, partners, axis=0)

    def _draw_order(self) -> NDArray[np.int64]:
        order, size = super()._draw_order(), self.settings.training.batch_size
        return np.resize(order, -(-len(order) // size) * size) if self.training else order


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors, compiled by the backend; Keras compiles only its own steps."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(function)
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function)  # type: ignore[no-any-return]
    return function  # PyTorch computes on the device without
