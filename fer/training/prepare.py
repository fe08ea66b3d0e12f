"""Dataset → what a network learns from: pixels at the input's size and a target for each head, without leaks between splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer.data import Dataset, remove_leaks, split_dataset
from fer.data.rejects import Rejects, sample_photographs, shows_no_face
from fer.data.votes import vote_distribution, with_labels_of_votes
from fer.errors import DataError
from fer.labels import FER8, ClassMap, LabelSet
from fer.quality.balance import NO_BALANCE, BalancedClass, balance
from fer.recipes import Settings
from fer.recipes.settings import DataSettings

LABELS_HEAD = "labels"
VOTES_HEAD = "votes"
FACE_HEAD = "face"  # no label set of expressions: its two classes are "not a face" and "face"
NO_FACE, FACE = np.eye(2, dtype=np.float32)

# Pictures without a face that join the validation part, as a share of it.
VALIDATION_REJECTS = 0.25


@dataclass(frozen=True)
class LearningSet:
    """N images with their targets.

    Args:
        images: uint8 (N, S, S, C).
        targets: by head, float32 (N, K), rows summing to 1.
        weights: by head, float32 (N,); 0 where an image says nothing to that head.
        quotas: images of each class of the labels that an epoch shows, (K,); None where it shows each image once.
        rejects: where the batches of this set draw pictures without a face from; None where they do not.
    """

    images: NDArray[np.uint8]
    targets: dict[str, NDArray[np.float32]]
    weights: dict[str, NDArray[np.float32]]
    quotas: NDArray[np.int64] | None = None
    rejects: Rejects | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def images_an_epoch(self) -> int:
        """How many images an epoch shows, repeated ones each time."""
        return len(self) if self.quotas is None else int(self.quotas.sum())

    def draw_order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Rows in the order in which an epoch shows them, int64 (images_an_epoch,).

        Of a class that is shown less, an epoch draws which; of one that is shown more, all are, and equally often but for one.
        """
        if self.quotas is None:
            return rng.permutation(len(self))
        label_ids = self.targets[LABELS_HEAD].argmax(axis=1)
        drawn = []
        for label_id, quota in enumerate(self.quotas.tolist()):
            rows = np.flatnonzero(label_ids == label_id)
            if quota:
                whole, rest = divmod(quota, len(rows))
                drawn += [np.repeat(rows, whole), rng.permutation(rows)[:rest]]
        return rng.permutation(np.concatenate(drawn))

    def with_rejects(self, pictures: NDArray[np.uint8]) -> LearningSet:
        """This set followed by pictures without a face, which say something to the face head alone.

        Args:
            pictures: uint8 (M, S, S, C).
        """
        targets = {head: np.zeros((len(pictures), target.shape[1]), np.float32) for head, target in self.targets.items()}
        weights = {head: np.zeros(len(pictures), np.float32) for head in self.weights}
        targets[FACE_HEAD][:], weights[FACE_HEAD][:] = NO_FACE, 1
        return LearningSet(
            np.concatenate([self.images, pictures]),
            {head: np.concatenate([target, targets[head]]) for head, target in self.targets.items()},
            {head: np.concatenate([weight, weights[head]]) for head, weight in self.weights.items()},
        )


@dataclass(frozen=True)
class PreparedData:
    """Train and validation, the label set of each head, and what was left out of train because validation or test has it too."""

    train: LearningSet
    val: LearningSet
    heads: dict[str, LabelSet]
    dataset: Dataset
    leaks_removed: int

    @property
    def outputs(self) -> dict[str, int]:
        """Width of each output of the network: the heads', and the face's where it is learned."""
        return {head: target.shape[1] for head, target in self.train.targets.items()}


def choose_data(dataset: Dataset, settings: Settings) -> tuple[Dataset, int]:
    """Pick classes, split where no split is given, and remove leaks; no pixel is read.

    Returns:
        the images that are learned from and validated on, and how many were left out of train as leaks.

    Raises:
        LabelError: a class asked for is not in the data.
        DataError: no images are left to train on or to validate on, or only one class.
    """
    if settings.data.labels_from == "votes":
        dataset = with_labels_of_votes(dataset)
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
    return dataset, leaks_removed


def prepare_data(dataset: Dataset, settings: Settings) -> PreparedData:
    """Choose the data (`choose_data`, whose errors it has), and lay out pixels and targets."""
    dataset, leaks_removed = choose_data(dataset, settings)
    heads = {LABELS_HEAD: dataset.label_set}
    if settings.data.votes and dataset.votes is not None and settings.training.votes_weight > 0:
        heads[VOTES_HEAD] = FER8
    train, val = (_learning_set(dataset.split(split), heads, settings) for split in ("train", "val"))
    train = _balanced(train, dataset.counts()["train"], settings.data)
    if settings.data.rejects:
        train = _with_rejects_in_batches(train)
        source = Rejects(val.images, sample_photographs("val"))
        pictures = source.draw(np.random.default_rng(0), round(VALIDATION_REJECTS * len(val)), settings.preprocessing.size)
        val = val.with_rejects(pictures)
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
    if settings.data.rejects:
        is_face = np.ones(len(dataset), bool) if dataset.votes is None else ~shows_no_face(dataset.votes)
        targets[FACE_HEAD], weights[FACE_HEAD] = np.where(is_face[:, None], FACE, NO_FACE), np.ones(len(dataset), np.float32)
    return LearningSet(images, targets, weights)


def images_by_class(counts: Mapping[str, int], data: DataSettings) -> NDArray[np.int64]:
    """How many images of each class an epoch shows, int64 (K,).

    Args:
        counts: images of each class in train.
        data: says how classes are balanced, and which is overfed.

    Raises:
        DataError: a class is to be shown more often that the data does not have.
    """
    times = data.times_fed
    unknown = [name for name in times if not counts.get(name)]
    if unknown:
        raise DataError(f"data.overfeed names {', '.join(unknown)}. Classes to train on: {', '.join(counts)}")
    after = dict(counts) if data.balance == NO_BALANCE else {row.label: row.after for row in _balance_rows(counts, data)}
    return np.array([n * times.get(name, 1) for name, n in after.items()], np.int64)


def _balance_rows(counts: Mapping[str, int], data: DataSettings) -> list[BalancedClass]:
    return [row for row in balance(counts) if row.method == data.balance]


def _balanced(train: LearningSet, counts: Mapping[str, int], data: DataSettings) -> LearningSet:
    """The training set with the quotas and weights of classes that the settings ask for."""
    shown = images_by_class(counts, data)
    if data.balance != NO_BALANCE:
        by_class = np.array([row.weight for row in _balance_rows(counts, data)], np.float32)
        weights = train.weights[LABELS_HEAD] * by_class[train.targets[LABELS_HEAD].argmax(axis=1)]
        train = replace(train, weights={**train.weights, LABELS_HEAD: weights})
    return train if shown.tolist() == list(counts.values()) else replace(train, quotas=shown)


def _with_rejects_in_batches(train: LearningSet) -> LearningSet:
    """The training set with a source of rejects; what its own images show no face of teaches no expression any more."""
    is_face = train.targets[FACE_HEAD][:, 1]
    return replace(
        train,
        weights={**train.weights, LABELS_HEAD: train.weights[LABELS_HEAD] * is_face},
        rejects=Rejects(train.images, sample_photographs("train")),
    )
