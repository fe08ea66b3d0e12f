"""Two label sets of the same images, and two datasets: who was relabelled to what, what stands in both, and what leaks by that.

The searches of the audit look inside one dataset; here it is held against the votes of FER+ or against another dataset.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import SPLITS, Dataset
from fer.data.votes import LEFT_OUT, strict_labels
from fer.errors import DataError
from fer.labels import FER8, LabelSet


@dataclass(frozen=True, eq=False)
class Relabelling:
    """Two labels for each of M images of a dataset of N.

    Args:
        label_set: the classes of the dataset.
        other_set: the classes of the other labels.
        rows: intp (M,), the images, as rows of the dataset.
        label_ids: int16 (M,), labels in the dataset, indices into `label_set`.
        other_ids: int16 (M,), the other labels, indices into `other_set`.
        certainty: float32 (M,), 0…1: the share of the votes that the other label has; 1 where nobody voted.
        left_out: images of the dataset that have no other label: N - M.

    Raises:
        DataError: the columns differ in length.
    """

    label_set: LabelSet
    other_set: LabelSet
    rows: NDArray[np.intp]
    label_ids: NDArray[np.int16]
    other_ids: NDArray[np.int16]
    certainty: NDArray[np.float32]
    left_out: int

    def __post_init__(self) -> None:
        lengths = [len(column) for column in (self.rows, self.label_ids, self.other_ids, self.certainty)]
        if len(set(lengths)) != 1:
            raise DataError(f"Expected two labels and a certainty for each image. Received columns of {lengths}")

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def changed(self) -> NDArray[np.bool_]:
        """Whether the two labels differ, bool (M,)."""
        names = self.label_set.names
        same = np.array([names.index(name) if name in names else -1 for name in self.other_set], np.int16)
        return np.asarray(same[self.other_ids] != self.label_ids)

    @property
    def changed_share(self) -> float:
        """Share of the M images whose labels differ, 0…1; 0 of no images."""
        return float(self.changed.mean()) if len(self) else 0.0

    def table(self) -> NDArray[np.int64]:
        """How many images go from each class to each other class, int64 (K, L), rows are the dataset's labels."""
        counts = np.zeros((len(self.label_set), len(self.other_set)), np.int64)
        np.add.at(counts, (self.label_ids, self.other_ids), 1)
        return counts

    def most_changed(self) -> tuple[str, str, int] | None:
        """The most frequent change: from, to, how many images; None where no label differs."""
        changes = np.zeros_like(self.table())
        np.add.at(changes, (self.label_ids[self.changed], self.other_ids[self.changed]), 1)
        if not changes.any():
            return None
        label_id, other_id = np.unravel_index(int(changes.argmax()), changes.shape)
        return self.label_set.names[label_id], self.other_set.names[other_id], int(changes[label_id, other_id])

    def images(self, label: str, other: str) -> NDArray[np.intp]:
        """Rows of the dataset that go from one class to another, the most certain first.

        Raises:
            LabelError: a class is unknown.
        """
        wanted = (self.label_ids == self.label_set.label_id(label)) & (self.other_ids == self.other_set.label_id(other))
        order = np.argsort(-self.certainty[wanted], kind="stable")
        found: NDArray[np.intp] = self.rows[wanted][order]
        return found


def relabelled_by_votes(dataset: Dataset) -> Relabelling:
    """The labels of a dataset beside the strict majority of FER+'s taggers (`fer.data.votes.strict_labels`).

    Raises:
        DataError: the dataset has no votes.
    """
    if dataset.votes is None:
        raise DataError(f"The dataset {dataset.name!r} has no FER+ votes to hold against its labels.")
    voted = strict_labels(dataset.votes)
    rows = np.flatnonzero(voted != LEFT_OUT)
    votes = dataset.votes[rows].astype(np.float32)
    certainty = votes[np.arange(len(rows)), voted[rows]] / np.maximum(votes.sum(axis=1), 1)
    return Relabelling(dataset.label_set, FER8, rows, dataset.label_ids[rows], voted[rows], certainty, len(dataset) - len(rows))


def relabelled_elsewhere(dataset: Dataset, other: Dataset) -> Relabelling:
    """The labels of a dataset beside those that the same pixels carry in another one.

    Where the other has several copies, one with the dataset's own label is taken rather than any: a label counts as changed only
    where no copy agrees with it.
    """
    ours = dataset.label_set.names
    as_ours = np.array([ours.index(name) if name in ours else -1 for name in other.label_set], np.int16)
    copies: dict[int, dict[int, int]] = {}  # by content, the other's label id by the id that this label has with us
    common = np.isin(other.content_ids, dataset.content_ids)
    for content, other_id in zip(other.content_ids[common].tolist(), other.label_ids[common].tolist(), strict=True):
        copies.setdefault(content, {}).setdefault(int(as_ours[other_id]), other_id)
    rows = np.flatnonzero(np.isin(dataset.content_ids, other.content_ids))
    label_ids = dataset.label_ids[rows]
    other_ids = [
        labels.get(label_id, next(iter(labels.values())))
        for labels, label_id in zip(map(copies.__getitem__, dataset.content_ids[rows].tolist()), label_ids.tolist(), strict=True)
    ]
    certainty = np.ones(len(rows), np.float32)
    other_column = np.array(other_ids, np.int16)
    return Relabelling(dataset.label_set, other.label_set, rows, label_ids, other_column, certainty, len(dataset) - len(rows))


@dataclass(frozen=True, slots=True)
class Leakage:
    """Held-out images of one dataset that stand in the training part of another.

    Args:
        in_other: whether they are held out in the second dataset, and stand in the training part of the first; else the reverse.
        split: theirs, `val` or `test`.
        images: how many of that split leak.
        n: images of that split.
    """

    in_other: bool
    split: str
    images: int
    n: int


@dataclass(frozen=True, eq=False)
class Overlap:
    """What two datasets have in common, pixel for pixel.

    Args:
        pictures: distinct pictures that stand in both.
        rows: intp, images of the first that stand in the second, too.
        other_rows: intp, images of the second that stand in the first, too.
        leaks: of training on the one and testing on the other; only where there are any.
    """

    pictures: int
    rows: NDArray[np.intp]
    other_rows: NDArray[np.intp]
    leaks: tuple[Leakage, ...]


def overlap(dataset: Dataset, other: Dataset) -> Overlap:
    """The images that two datasets share, and the leaks that follow."""
    leaks = (*_leaks(dataset, other, in_other=True), *_leaks(other, dataset, in_other=False))
    return Overlap(
        pictures=len(np.intersect1d(dataset.content_ids, other.content_ids)),
        rows=np.flatnonzero(np.isin(dataset.content_ids, other.content_ids)),
        other_rows=np.flatnonzero(np.isin(other.content_ids, dataset.content_ids)),
        leaks=tuple(leak for leak in leaks if leak.images),
    )


def _leaks(learned: Dataset, tested: Dataset, *, in_other: bool) -> list[Leakage]:
    """One for each held-out split of `tested`. What has no split is learned from as well as not, and counts as neither."""
    train = learned.content_ids[learned.splits == SPLITS[0]]
    parts = {split: tested.content_ids[tested.splits == split] for split in SPLITS[1:]}
    return [Leakage(in_other, split, int(np.isin(ids, train).sum()), len(ids)) for split, ids in parts.items()]
