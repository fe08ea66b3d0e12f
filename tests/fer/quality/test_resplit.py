"""Splits drawn anew: no copies on both sides, whatever the groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fer.data import Dataset, remove_leaks
from fer.errors import SettingsError
from fer.quality.cleaning import CleaningList
from fer.quality.resplit import resplit

MakeDataset = Callable[..., Dataset]


@pytest.fixture
def dataset(make_dataset: MakeDataset) -> Dataset:
    """Sixty images, the first twenty of them ten pairs of twins, all in train."""
    pictures = make_dataset(np.arange(60) % 3)
    return replace(pictures, content_ids=np.concatenate([np.arange(20) // 2, np.arange(100, 140)]).astype(np.uint64))


@pytest.mark.parametrize("seed", range(5))
def test_resplit_groups_stay_together(dataset: Dataset, seed: int) -> None:
    # A chain over twins (1 is 0's twin, 3 is 2's), a pair, a group of one, and the empty one of a broken file.
    groups = [(0, 2), (3, 30, 31), (40, 41), (50,), ()]
    anew = resplit(dataset, (0.6, 0.2, 0.2), seed=seed, groups=groups)
    assert remove_leaks(anew)[1] == 0
    assert len(set(anew.splits[[0, 1, 2, 3, 30, 31]])) == 1
    assert anew.splits[40] == anew.splits[41]
    shares = [(anew.splits == split).mean() for split in ("train", "val", "test")]
    np.testing.assert_allclose(shares, (0.6, 0.2, 0.2), atol=0.06)
    assert anew.content_ids.tolist() == dataset.content_ids.tolist()


def test_resplit_seed_and_other_groups(dataset: Dataset) -> None:
    assert resplit(dataset, seed=1).fingerprint == resplit(dataset, seed=1).fingerprint
    assert resplit(dataset, seed=1).fingerprint != resplit(dataset, seed=2).fingerprint
    all_one = resplit(dataset, (0.5, 0.5), groups=[range(60)])
    assert len(all_one.split_names) == 1


def test_resplit_as_decisions_holds_on_the_raw_dataset(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1] * 20)
    decided = CleaningList().decide(dataset, [0, 7], "drop").decide(dataset, [3], "relabel", "sad")
    cleaned, _ = decided.apply(dataset)
    anew = resplit(cleaned, (0.5, 0.3, 0.2))
    again, summary = decided.move_to(cleaned, anew.splits, reason="drawn anew").apply(dataset)
    assert again.fingerprint == anew.fingerprint
    assert (summary.dropped, summary.relabelled) == (2, 1)


def test_resplit_no_images_and_bad_shares(dataset: Dataset) -> None:
    assert len(resplit(dataset.select(np.array([], np.int64)))) == 0
    with pytest.raises(SettingsError, match="two or three shares"):
        resplit(dataset, (0.5, 0.4))
