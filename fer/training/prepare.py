"""Dataset → what a network learns from: pixels at the input's size and a target for each head, without leaks between splits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer.data import Dataset, remove_leaks, split_dataset
from fer.data.votes import vote_distribution
from fer.errors import DataError
from fer.labels import FER8, ClassMap, LabelSet
from fer.recipes import Settings

LABELS_HEAD = "labels"
VOTES_HEAD = "votes"


@dataclass(frozen=True)
class LearningSet:
    """N images with their targets.

    Args:
        images: uint8 (N, S, S, C).
        targets: by head, float32 (N, K), rows summing to 1.
        weights: by head, float32 (N,); 0 where an image says nothing to that head.
    """

    images: NDArray[np.uint8]
    targets: dict[str, NDArray[np.float32]]
    weights: dict[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class PreparedData:
    """Train and validation, the label set of each head, and what was left out of train because validation or test has it too."""

    train: LearningSet
    val: LearningSet
    heads: dict[str, LabelSet]
    dataset: Dataset
    leaks_removed: int


def prepare_data(dataset: Dataset, settings: Settings) -> PreparedData:
    """Pick classes, split where no split is given, remove leaks, and lay out pixels and targets.

    Raises:
        LabelError: a class asked for is not in the data.
        DataError: no images are left to train on or to validate on, or only one class.
    """
    dataset = dataset.with_classes(ClassMap.parse(dataset.label_set, settings.data.classes))
    dataset = _with_validation(dataset, settings)
    dataset, leaks_removed = remove_leaks(dataset) if settings.data.remove_leaks else (dataset, 0)
    for split, use in (("train", "train"), ("val", "validate")):
        if split not in dataset.split_names:
            have = ", ".join(f"{sum(counts.values()):,} in {name or 'no split'}" for name, counts in dataset.counts().items())
            raise DataError(
                f"No images to {use} on: of the classes chosen, the dataset {dataset.name!r} has {have or 'none'}. "
                "Give data with more images in train, or in no split."
            )
    if len(np.unique(dataset.split("train").label_ids)) < 2:
        raise DataError("Training needs images of at least two classes.")
    heads = {LABELS_HEAD: dataset.label_set}
    if settings.data.votes and dataset.votes is not None and settings.training.votes_weight > 0:
        heads[VOTES_HEAD] = FER8
    train, val = (_learning_set(dataset.split(split), heads, settings) for split in ("train", "val"))
    return PreparedData(train, val, heads, dataset, leaks_removed)


def _with_validation(dataset: Dataset, settings: Settings) -> Dataset:
    """Every dataset gets a validation part: its own, or one drawn from what may be trained on."""
    if "val" in dataset.split_names:
        return dataset
    if "train" not in dataset.split_names:
        # Without any split, or with a lone test part: everything without a split is drawn from.
        return split_dataset(dataset, settings.data.fractions, seed=settings.training.seed)
    train_fraction, val_fraction = settings.data.fractions[:2]
    share = val_fraction / (train_fraction + val_fraction)
    train = split_dataset(dataset.split("train"), (1 - share, share), seed=settings.training.seed, keep_given=False)
    splits = dataset.splits.copy()
    splits[dataset.splits == "train"] = train.splits
    return dataset.with_splits(splits)


def _learning_set(dataset: Dataset, heads: dict[str, LabelSet], settings: Settings) -> LearningSet:
    preprocessing = settings.preprocessing
    images = dataset.images.batch(np.arange(len(dataset)), preprocessing.size, preprocessing.channels)
    targets = {LABELS_HEAD: np.eye(len(dataset.label_set), dtype=np.float32)[dataset.label_ids]}
    weights = {LABELS_HEAD: np.ones(len(dataset), np.float32)}
    if VOTES_HEAD in heads and dataset.votes is not None:
        targets[VOTES_HEAD], weights[VOTES_HEAD] = vote_distribution(dataset.votes)
    return LearningSet(images, targets, weights)
