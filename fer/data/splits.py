"""Splits: stratified, seeded, and never with the same picture on both sides.

FER2013 holds 1,276 groups of pixel-identical images; a split drawn image by image would put twins of training images into
validation and flatter every figure measured there. So groups of equal `content_ids` are drawn, not images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import SPLITS, UNSPLIT, Dataset
from fer.errors import SettingsError


def split_dataset(
    dataset: Dataset, fractions: Sequence[float] = (0.8, 0.2), *, seed: int = 0, keep_given: bool = True
) -> Dataset:
    """The dataset with each image assigned to train, val or test.

    Each class is divided by the fractions, up to the rounding of whole groups of identical images; what rounding leaves over
    in one class is made good in the next, so the totals are as close as the largest group allows. A group whose images carry
    several labels counts to its most frequent one.

    Args:
        fractions: two (train, val) or three (train, val, test) shares, each 0…1, together 1.
        seed: the same seed and images give the same split.
        keep_given: images that come with a split keep it, and their identical twins without one join them (in test rather than
            val rather than train, where twins are in several); the fractions are then of the images that are left. Otherwise
            everything is drawn anew.

    Raises:
        SettingsError: the fractions are not two or three shares of one.
    """
    _check_fractions(fractions)
    groups = np.unique(dataset.content_ids, return_inverse=True)[1]
    given = dataset.splits if keep_given else np.full(len(dataset), UNSPLIT, dtype="U5")
    splits = _join_twins(given, groups)
    free = np.flatnonzero(splits == UNSPLIT)
    drawn = _draw(groups[free], dataset.label_ids[free], fractions, np.random.default_rng(seed))
    splits[free] = np.array(SPLITS)[drawn]
    return replace(dataset, splits=splits)


def remove_leaks(dataset: Dataset) -> tuple[Dataset, int]:
    """The dataset without the training images that have an identical twin in val or test, and how many those were."""
    held_out = dataset.content_ids[np.isin(dataset.splits, SPLITS[1:])]
    leaking = (dataset.splits == SPLITS[0]) & np.isin(dataset.content_ids, held_out)
    return dataset.select(~leaking), int(leaking.sum())


def _check_fractions(fractions: Sequence[float]) -> None:
    valid = len(fractions) in (2, 3) and all(0 <= fraction <= 1 for fraction in fractions)
    if not valid or not math.isclose(sum(fractions), 1, abs_tol=1e-6):
        received = ", ".join(map(str, fractions))
        raise SettingsError(f"Expected two or three shares of 1, such as 0.8, 0.2 or 0.7, 0.2, 0.1. Received: {received}")


def _join_twins(given: NDArray[np.str_], groups: NDArray[np.intp]) -> NDArray[np.str_]:
    """Give images without a split that of their identical twins; those who have one keep it."""
    splits = given.astype("U5")
    for split in reversed(SPLITS):
        of_twins = np.isin(groups, groups[given == split])
        splits[(splits == UNSPLIT) & of_twins] = split
    return splits


def _draw(
    groups: NDArray[np.intp], label_ids: NDArray[np.int16], fractions: Sequence[float], rng: np.random.Generator
) -> NDArray[np.intp]:
    """Index of a split for each image, intp (N,), equal within a group."""
    ids, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    votes = np.zeros((len(ids), int(label_ids.max(initial=0)) + 1), np.intp)
    np.add.at(votes, (members, label_ids), 1)
    label_of_group = votes.argmax(axis=1)
    split_of_group = np.zeros(len(ids), np.intp)
    missing = [0.0] * len(fractions)  # images that each split is still short of
    for label in range(votes.shape[1]):
        of_label = rng.permutation(np.flatnonzero(label_of_group == label))
        of_label = of_label[np.argsort(-sizes[of_label], kind="stable")]  # single images come last and even things out
        total = int(sizes[of_label].sum())
        missing = [short + fraction * total for short, fraction in zip(missing, fractions, strict=True)]
        for group, luck in zip(of_label.tolist(), rng.random(len(of_label)).tolist(), strict=True):
            size = int(sizes[group])
            split = _pick(missing, size, luck)
            split_of_group[group] = split
            missing[split] -= size
    return split_of_group[members]


def _pick(missing: Sequence[float], size: int, luck: float) -> int:
    """A split with room for `size` images, drawn in proportion to the room; without any, the one that is shortest of images."""
    room = [short if short >= size else 0.0 for short in missing]
    threshold = luck * sum(room)
    if threshold <= 0:
        return max(range(len(missing)), key=missing.__getitem__)
    for split, short in enumerate(room):
        threshold -= short
        if threshold < 0:
            return split
    return max(range(len(room)), key=room.__getitem__)  # luck was a rounding error away from 1
