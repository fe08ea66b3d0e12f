"""Label sets and datasets held against each other, with numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fer.data import Dataset
from fer.errors import DataError
from fer.labels import FER7, FER8, VOTE_COLUMNS, LabelSet
from fer.quality.comparison import Leakage, overlap, relabelled_by_votes, relabelled_elsewhere
from tests.fer.quality.conftest import picture


def votes(**by_column: int) -> list[int]:
    return [by_column.get(column, 0) for column in VOTE_COLUMNS]


@pytest.fixture
def voted(make_dataset) -> Dataset:
    """Six images with votes: fear twice to surprise, once kept; one kept; one undecided; one no face."""
    labels = ["fear", "fear", "fear", "happy", "sad", "sad"]
    table = [
        votes(surprise=6, fear=4),
        votes(surprise=9, fear=1),  # the single vote for fear is a slip, yet one of ten
        votes(fear=8, sad=2),
        votes(happy=10),
        votes(sad=5, neutral=5),
        votes(not_a_face=9, sad=1),
    ]
    return replace(make_dataset(FER7.encode(labels).tolist()), votes=np.array(table, np.uint8))


def test_relabelled_by_votes_by_hand(voted: Dataset) -> None:
    found = relabelled_by_votes(voted)
    assert (found.label_set, found.other_set) == (FER7, FER8)
    assert found.rows.tolist() == [0, 1, 2, 3]
    assert found.left_out == 2
    assert found.changed.tolist() == [True, True, False, False]
    assert found.changed_share == 0.5
    assert found.most_changed() == ("fear", "surprise", 2)
    assert found.certainty == pytest.approx([0.6, 0.9, 0.8, 1.0])
    table = found.table()
    assert table.shape == (7, 8)
    assert table[FER7.label_id("fear"), FER8.label_id("surprise")] == 2
    assert table.sum() == 4


def test_relabelling_lists_the_most_certain_images_first(voted: Dataset) -> None:
    found = relabelled_by_votes(voted)
    assert found.images("fear", "surprise").tolist() == [1, 0]
    assert found.images("afraid", "fear").tolist() == [2]
    assert found.images("happy", "sad").tolist() == []


def test_relabelled_by_votes_without_votes_says_so(make_dataset) -> None:
    with pytest.raises(DataError, match="no FER"):
        relabelled_by_votes(make_dataset([0]))


def test_relabelling_of_nothing_and_of_columns_that_do_not_fit(voted: Dataset) -> None:
    found = relabelled_by_votes(voted.select(np.zeros(6, bool)))
    assert (len(found), found.changed_share, found.most_changed()) == (0, 0.0, None)
    with pytest.raises(DataError, match="two labels"):
        replace(found, other_ids=np.zeros(3, np.int16))


@pytest.fixture
def pair(make_dataset) -> tuple[Dataset, Dataset]:
    """Two datasets of noise with pictures 2, 3 and 4 in common, 3 twice in the second under two labels."""
    ours = make_dataset([0, 1, 2, 3, 4], ["train", "train", "train", "val", "test"])
    shown = [2, 3, 3, 4, 9]
    theirs = make_dataset(
        LabelSet(("fear", "happy", "surprise")).encode(["fear", "surprise", "happy", "fear", "fear"]).tolist(),
        ["val", "val", "test", "train", "train"],
        pictures=[picture(seed) for seed in shown],
        label_set=LabelSet(("fear", "happy", "surprise")),
    )
    return ours, replace(theirs, name="others")


def test_relabelled_elsewhere_takes_the_copy_that_agrees(pair: tuple[Dataset, Dataset]) -> None:
    ours, theirs = pair  # FER7: 2 is fear, 3 is happy, 4 is sad
    found = relabelled_elsewhere(ours, theirs)
    assert found.rows.tolist() == [2, 3, 4]
    assert found.other_set.decode(found.other_ids) == ["fear", "happy", "fear"]
    assert found.changed.tolist() == [False, False, True]
    assert found.most_changed() == ("sad", "fear", 1)
    assert found.left_out == 2


def test_overlap_counts_pictures_and_leaks_both_ways(pair: tuple[Dataset, Dataset]) -> None:
    ours, theirs = pair
    found = overlap(ours, theirs)
    assert found.pictures == 3
    assert found.rows.tolist() == [2, 3, 4]
    assert found.other_rows.tolist() == [0, 1, 2, 3]
    assert found.leaks == (
        Leakage(True, "val", 1, 2),  # picture 2 is in our train and in their val; 3 is in our val
        Leakage(False, "test", 1, 1),  # picture 4
    )


def test_overlap_of_strangers_is_empty(make_dataset) -> None:
    ours, theirs = make_dataset([0, 1]), make_dataset([0], pictures=[picture(7)])
    assert (overlap(ours, theirs).pictures, overlap(ours, theirs).leaks) == (0, ())
    assert len(relabelled_elsewhere(ours, theirs)) == 0


@pytest.mark.fer2013
@pytest.mark.slow
def test_fer2013_against_ferplus(fer2013: Dataset) -> None:
    found = relabelled_by_votes(fer2013)
    assert (len(found), found.left_out) == (28_259, 4_039)
    assert found.changed_share == pytest.approx(0.324, abs=0.001)
    assert found.most_changed() == ("sad", "neutral", 2419)
