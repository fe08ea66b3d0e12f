"""`estimate_training`: what a training will take, from two of its batches, before it is started."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from fer.data import Dataset
from fer.quality.balance import NO_BALANCE
from fer.recipes import Settings
from fer.training.prepare import PreparedData, choose_data, images_by_class, prepare_data
from fer.training.worker import prepare_keras

_TIMED = 2
# A forward pass is about a third of a step, which goes forward and back.
_FORWARD = 1 / 3
# Of the free memory; the rest is the system's, and what batches need that are made ahead.
_FITTING = 0.85


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training is expected to take on this machine.

    Args:
        parameters: of the network.
        multiply_adds: of one image through it.
        images: an epoch shows.
        steps: batches an epoch has.
        epochs: at most.
        seconds_an_epoch: validation included.
        memory_bytes: of the process, all images included.
        available_bytes: free on this machine now.
    """

    parameters: int
    multiply_adds: int
    images: int
    steps: int
    epochs: int
    seconds_an_epoch: float
    memory_bytes: int
    available_bytes: int

    @property
    def warning(self) -> str:
        """Why it would not fit, in words; empty where it does."""
        if self.memory_bytes <= _FITTING * self.available_bytes:
            return ""
        return (
            f"It would take about {self.memory_bytes / 2**30:.1f} GiB, and {self.available_bytes / 2**30:.1f} GiB are free. "
            "Take a smaller batch_size, preprocessing.size or network."
        )

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "warning": self.warning}


def estimate_training(dataset: Dataset, settings: Settings) -> Estimate:
    """Build the network, train two batches of it, and reckon from there. Nothing is written.

    Epochs of small images take less than it says: it is reckoned at full size.

    Raises:
        FerError: the data or settings do not serve.
    """
    settings = settings.with_overrides({"training.small_size": 0})
    chosen, _ = choose_data(dataset, settings)
    side, _, channels = settings.preprocessing.input_shape
    pixels = len(chosen) * side * side * channels
    available = psutil.virtual_memory().available
    prepared, images, validated = _a_few_batches(chosen, settings)
    prepare_keras(Path(os.devnull))
    import keras

    from fer.networks import count_multiply_adds
    from fer.training.batches import Batches
    from fer.training.compile import build_model, compile_model, computes_in_bfloat16

    keras.mixed_precision.set_global_policy("mixed_bfloat16" if computes_in_bfloat16(settings) else "float32")
    model = build_model(settings, prepared)
    compile_model(model, settings, prepared)
    batches = Batches(prepared.train, settings, training=True)
    seconds = []
    for step in range(1 + _TIMED):  # the first one compiles
        model_input, targets, weights = batches[step % len(batches)]
        start = time.perf_counter()
        model.train_on_batch(model_input, targets, sample_weight=weights)
        seconds.append(time.perf_counter() - start)
    batch_size, small = settings.training.batch_size, len(batches[0][0])
    a_step = float(np.mean(seconds[1:])) * min(batch_size, images) / small
    steps = -(-images // batch_size)
    return Estimate(
        parameters=int(model.count_params()),
        multiply_adds=count_multiply_adds(model),
        images=images,
        steps=steps,
        epochs=settings.training.epochs,
        seconds_an_epoch=a_step * (steps + _FORWARD * validated / batch_size),
        memory_bytes=psutil.Process().memory_info().rss + pixels,
        available_bytes=available,
    )


def _a_few_batches(chosen: Dataset, settings: Settings) -> tuple[PreparedData, int, int]:
    """Data for some batches, images that an epoch of all of it shows, and those of its validation."""
    train, val = (np.flatnonzero(chosen.splits == split) for split in ("train", "val"))
    wanted = (1 + _TIMED) * settings.training.batch_size
    # One image of each class at least: what is made of the classes must be as in the training itself.
    firsts = [train[chosen.label_ids[train] == label_id][:1] for label_id in range(len(chosen.label_set))]
    some = np.unique(np.concatenate([*firsts, np.random.default_rng(0).permutation(train)[:wanted], val[:1]]))
    plain = replace(settings.data, labels_from="dataset", classes=(), balance=NO_BALANCE, overfeed=())
    prepared = prepare_data(chosen.select(some), replace(settings, data=plain))
    return prepared, int(images_by_class(chosen.counts()["train"], settings.data).sum()), len(val)
