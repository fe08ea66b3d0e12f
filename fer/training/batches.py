"""`Batches`: what Keras draws from while it trains, augmented on the CPU beside the training step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer.recipes import Settings
from fer.training.prepare import LearningSet

Heads = dict[str, NDArray[np.float32]]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of a learning set.

    Each batch's chance comes from (seed, epoch, batch) alone, so an epoch that is run again after an interruption sees the same
    pictures in the same order.

    Args:
        data: images and targets.
        settings: preprocessing, augmentation, batch size and seed.
        training: shuffle and augment; otherwise in order and as they are.
        epoch: number of the first epoch, from 0.
        image_size: side of the images; None for the size that the network is made for.
    """

    def __init__(
        self, data: LearningSet, settings: Settings, *, training: bool, epoch: int = 0, image_size: int | None = None
    ) -> None:
        # Two threads ahead of the step are enough: a batch takes a tenth of the time that a step takes.
        super().__init__(workers=2 if training else 1, max_queue_size=8)
        self.data = data
        self.settings = settings
        self.training = training
        self.epoch = epoch
        self.preprocessing = replace(settings.preprocessing, size=image_size or settings.preprocessing.size)
        self._order = self._draw_order()

    def __len__(self) -> int:
        images = self.data.images_an_epoch if self.training else len(self.data)
        return -(-images // self.settings.training.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        size = self.settings.training.batch_size
        rows = self._order[index * size : (index + 1) * size]
        images = self.data.images[rows]
        rng = np.random.default_rng((self.settings.training.seed, self.epoch, index))
        if self.training:
            images = self.settings.augmentation.apply(images, rng, size=self.preprocessing.size)
        batch = LearningSet(
            images,
            {head: target[rows] for head, target in self.data.targets.items()},
            {head: weight[rows] for head, weight in self.data.weights.items()},
        )
        if self.data.rejects is not None:
            count = round(self.settings.data.rejects * len(rows))
            batch = batch.with_rejects(self.data.rejects.draw(rng, count, self.preprocessing.size))
        model_input = self.preprocessing.normalise(batch.images)
        if self.training and self.settings.training.mixup:
            share, partners = self._draw_mixture(rng, len(batch))
            mixed = share * model_input + (1 - share) * model_input[partners]
            return mixed, *mix_targets(batch.targets, batch.weights, share, partners)
        return model_input, batch.targets, batch.weights

    def on_epoch_end(self) -> None:
        if self.training:
            self.epoch += 1
            self._order = self._draw_order()

    def _draw_mixture(self, rng: np.random.Generator, count: int) -> tuple[np.float32, NDArray[np.int64]]:
        """The share of itself that each image of a batch keeps, and the row that the rest of it comes from."""
        alpha = self.settings.training.mixup
        return np.float32(rng.beta(alpha, alpha)), rng.permutation(count)

    def _draw_order(self) -> NDArray[np.int64]:
        if not self.training:
            return np.arange(len(self.data))
        return self.data.draw_order(np.random.default_rng((self.settings.training.seed, self.epoch)))


def mix_targets(targets: Heads, weights: Heads, share: np.float32, partners: NDArray[np.int64]) -> tuple[Heads, Heads]:
    """Targets and weights of a batch in which each image keeps `share` of itself and has the rest of a partner.

    A target takes part as far as it weighs.
    """
    mixed, weighs = {}, {}
    for head, target in targets.items():
        weighed = target * weights[head][:, None]
        mixed[head] = share * weighed + (1 - share) * weighed[partners]
        weighs[head] = np.maximum(weights[head], weights[head][partners])
    return mixed, weighs
