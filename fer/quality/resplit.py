"""Splits drawn anew, so that no picture and none of its copies stands on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.data.splits import split_dataset


def resplit(
    dataset: Dataset, fractions: Sequence[float] = (0.8, 0.1, 0.1), *, seed: int = 0, groups: Iterable[Sequence[int]] = ()
) -> Dataset:
    """The dataset with every image drawn anew into train, val or test; `CleaningList.move_to` makes decisions of the result.

    Args:
        dataset: splits that it has are forgotten.
        fractions: shares of train and val, or of train, val and test, together 1 (see `fer.data.split_dataset`).
        seed: the same seed and images give the same splits.
        groups: rows that belong together beside those of identical pixels, such as the `indices` of near duplicates. Groups that
            share an image become one.

    Raises:
        SettingsError: the fractions are not two or three shares of one.
    """
    # `split_dataset` keeps equal content together; here, content is the group.
    grouped = replace(dataset, content_ids=_group_ids(dataset.content_ids, groups))
    return dataset.with_splits(split_dataset(grouped, fractions, seed=seed, keep_given=False).splits)


def _group_ids(content_ids: NDArray[np.uint64], groups: Iterable[Sequence[int]]) -> NDArray[np.uint64]:
    """Equal for images that are joined by equal content or by groups, also over several of them: uint64 (N,)."""
    identical = np.unique(content_ids, return_inverse=True)[1]
    parents = list(range(int(identical.max(initial=-1)) + 1))

    def root(group: int) -> int:
        while parents[group] != group:
            parents[group] = parents[parents[group]]
            group = parents[group]
        return group

    for rows in groups:
        for row in rows[1:]:
            parents[root(int(identical[row]))] = root(int(identical[rows[0]]))
    roots = np.array([root(group) for group in range(len(parents))], np.uint64)
    return roots[identical] if len(roots) else content_ids
