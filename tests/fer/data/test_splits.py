"""Splits keep their promises on many random datasets: shares, classes, groups, seeds."""

from __future__ import annotations

import numpy as np
import pytest

from fer.data import Dataset, remove_leaks, split_dataset
from fer.data.dataset import ArrayStore
from fer.errors import SettingsError
from fer.labels import FER7

FRACTIONS = [(0.8, 0.2), (0.7, 0.2, 0.1), (0.5, 0.5), (0.9, 0.05, 0.05), (1 / 3, 1 / 3, 1 / 3), (1.0, 0.0), (0.0, 1.0)]


def _dataset(label_ids: object, content_ids: object = None, splits: object = None) -> Dataset:
    labels = np.asarray(label_ids, np.int16)
    n = len(labels)
    return Dataset(
        "drawn",
        FER7,
        ArrayStore.of(np.zeros((n, 8, 8, 1), np.uint8)),
        labels,
        np.full(n, "", "U5") if splits is None else np.array(splits, "U5"),
        np.array([f"{i}.png" for i in range(n)]),
        np.arange(n).astype(np.uint64) if content_ids is None else np.asarray(content_ids, np.uint64),
        np.ones(n, np.bool_),
    )


def _random_dataset(seed: int) -> tuple[Dataset, int]:
    """Some size, imbalance and share of duplicates; and the size of the largest group."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 400))
    labels = rng.choice(7, n, p=rng.dirichlet(np.ones(7)))
    content = rng.integers(0, max(1, int(n * rng.uniform(0.5, 20))), n)
    return _dataset(labels, content), int(np.unique(content, return_counts=True)[1].max())


def _shares(dataset: Dataset) -> list[int]:
    return [int((dataset.splits == split).sum()) for split in ("train", "val", "test")]


@pytest.mark.parametrize("fractions", FRACTIONS)
@pytest.mark.parametrize("seed", range(12))
def test_split_dataset_promises(fractions: tuple[float, ...], seed: int) -> None:
    dataset, largest_group = _random_dataset(seed)
    split = split_dataset(dataset, fractions, seed=seed)
    # Every image has a split, and no group of identical images is torn.
    assert "" not in split.splits
    for content in np.unique(dataset.content_ids):
        assert len(set(split.splits[dataset.content_ids == content])) == 1
    # The totals are as asked, up to the largest group.
    for got, fraction in zip(_shares(split), fractions, strict=False):
        assert abs(got - fraction * len(dataset)) < largest_group + 1
    # Nothing else has changed.
    assert split.label_ids is dataset.label_ids
    assert split.names is dataset.names


@pytest.mark.parametrize("fractions", FRACTIONS)
@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 101])
def test_split_dataset_small_totals_are_the_nearest(fractions: tuple[float, ...], n: int) -> None:
    got = _shares(split_dataset(_dataset(np.arange(n) % 7), fractions))
    assert sum(got) == n
    assert all(abs(count - fraction * n) < 1 for count, fraction in zip(got, fractions, strict=False))


@pytest.mark.parametrize("seed", range(5))
def test_split_dataset_is_stratified(seed: int) -> None:
    counts = (200, 11, 50, 400, 30, 5, 104)
    split = split_dataset(_dataset(np.repeat(np.arange(7), counts)), (0.7, 0.2, 0.1), seed=seed)
    for label, count in enumerate(counts):
        for name, fraction in zip(("train", "val", "test"), (0.7, 0.2, 0.1), strict=True):
            got = ((split.label_ids == label) & (split.splits == name)).sum()
            assert abs(got - fraction * count) < 2  # own rounding, and what the class before left over


def test_split_dataset_rare_classes_still_fill_validation() -> None:
    """Eight images of each of seven classes, a tenth each: rounded class by class, validation would stay empty or double."""
    assert _shares(split_dataset(_dataset(np.arange(28) % 7), (0.9, 0.1))) == [25, 3, 0]


def test_split_dataset_seed() -> None:
    dataset = _dataset(np.arange(200) % 7)
    first, again, other = (split_dataset(dataset, seed=seed).splits for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_split_dataset_twins_are_spread_like_the_rest() -> None:
    """Groups must not all end up in train, where they would leave validation unlike the data."""
    content = np.concatenate([np.repeat(np.arange(200), 2), np.arange(1000, 1600)])
    dataset = _dataset(np.zeros(1000), content)
    in_val = [(split_dataset(dataset, seed=seed).splits[:400] == "val").mean() for seed in range(5)]
    assert 0.12 < np.mean(in_val) < 0.28


def test_split_dataset_group_with_conflicting_labels_stays_together() -> None:
    split = split_dataset(_dataset([0, 1, 1, 0, 2, 3], [5, 5, 5, 6, 7, 8]), (0.5, 0.5))
    assert len(set(split.splits[:3])) == 1


def test_split_dataset_group_larger_than_any_share() -> None:
    split = split_dataset(_dataset([0] * 10, [1] * 10), (0.7, 0.2, 0.1))
    assert _shares(split) == [10, 0, 0]


def test_split_dataset_keeps_given() -> None:
    given = ["train", "val", "test", "", "", "", ""]
    #                       twins of:  train  val  both
    content = [1, 2, 3, 1, 2, 4, 5]
    split = split_dataset(_dataset([0] * 7, content, given), (0.5, 0.5))
    assert split.splits[:5].tolist() == ["train", "val", "test", "train", "val"]
    assert sorted(split.splits[5:].tolist()) == ["train", "val"]


def test_split_dataset_twins_in_several_given_splits() -> None:
    """A leak that was given stays as it was; a newcomer goes to the more protected side."""
    split = split_dataset(_dataset([0] * 5, [1, 1, 1, 2, 2], ["train", "val", "", "test", ""]), (0.5, 0.5))
    assert split.splits.tolist() == ["train", "val", "val", "test", "test"]


def test_split_dataset_everything_given_changes_nothing() -> None:
    dataset = _dataset(np.arange(9) % 7, splits=["train"] * 6 + ["val"] * 3)
    assert split_dataset(dataset).fingerprint == dataset.fingerprint


def test_split_dataset_anew() -> None:
    dataset = _dataset(np.arange(100) % 7, splits=["test"] * 100)
    assert _shares(split_dataset(dataset, (0.8, 0.2), keep_given=False)) == [80, 20, 0]


def test_split_dataset_does_not_touch_its_argument() -> None:
    dataset = _dataset(np.arange(10) % 7)
    split_dataset(dataset)
    assert set(dataset.splits) == {""}


def test_split_dataset_no_images() -> None:
    assert len(split_dataset(_dataset([]))) == 0


@pytest.mark.parametrize("fractions", [(1.0,), (0.5, 0.4), (0.7, 0.2, 0.2), (1.2, -0.2), (0.25,) * 4, (), (float("nan"), 0.5)])
def test_split_dataset_fractions_out_of_range(fractions: tuple[float, ...]) -> None:
    with pytest.raises(SettingsError, match="two or three shares"):
        split_dataset(_dataset([0, 1]), fractions)


def test_remove_leaks() -> None:
    dataset = _dataset(
        [0] * 7,
        [1, 2, 3, 1, 2, 9, 3],
        ["train", "train", "train", "val", "test", "val", ""],
    )
    clean, removed = remove_leaks(dataset)
    assert removed == 2
    assert clean.names.tolist() == ["2.png", "3.png", "4.png", "5.png", "6.png"]
    assert remove_leaks(clean)[1] == 0


@pytest.mark.parametrize("seed", range(5))
def test_split_dataset_leaves_nothing_to_remove(seed: int) -> None:
    dataset, _ = _random_dataset(seed)
    assert remove_leaks(split_dataset(dataset, (0.7, 0.2, 0.1)))[1] == 0


@pytest.mark.fer2013
def test_splits_fer2013(fer2013: Dataset) -> None:
    clean, removed = remove_leaks(fer2013)
    val = clean.content_ids[clean.splits == "val"]
    assert not np.isin(clean.content_ids[clean.splits == "train"], val).any()
    assert len(val) == 3_589
    assert removed == 350
    anew = split_dataset(fer2013, (0.7, 0.2, 0.1), keep_given=False)
    shares = np.array(_shares(anew)) / len(fer2013)
    np.testing.assert_allclose(shares, (0.7, 0.2, 0.1), atol=0.0005)
    assert remove_leaks(anew)[1] == 0
