"""FER+ votes: target distributions, the strict protocol, and the counts that it is known to keep."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.data.votes import strict_labels, vote_distribution
from fer.errors import DataError
from fer.evaluation.ferplus import score_votes
from fer.labels import FER8, VOTE_COLUMNS


def votes(**given: int) -> NDArray[np.uint8]:
    """One row of votes, (1, 10)."""
    return np.array([[given.get(name, 0) for name in VOTE_COLUMNS]], np.uint8)


@pytest.mark.parametrize(
    ("row", "label"),
    [
        (votes(happy=10), "happy"),
        (votes(happy=6, neutral=4), "happy"),
        (votes(happy=5, neutral=5), None),  # half is not more than half
        (votes(sad=4, fear=3, neutral=1, angry=1, surprise=1), "sad"),  # 4 of the 7 left once single votes are gone
        (votes(sad=4, fear=3, neutral=3), None),
        (votes(contempt=6, unknown=4), "contempt"),
        (votes(neutral=4, unknown=4, happy=2), None),  # unknown counts among the remaining votes
        (votes(unknown=7, happy=3), None),
        (votes(not_a_face=10), None),
        (votes(happy=1, sad=1), None),
        (votes(), None),  # no row of FER+ belongs to the image
    ],
)
def test_strict_labels_by_hand(row: NDArray[np.uint8], label: str | None) -> None:
    assert strict_labels(row).tolist() == [-1 if label is None else FER8.label_id(label)]


def test_vote_distribution_drops_single_votes_and_what_is_no_emotion() -> None:
    distribution, weights = vote_distribution(votes(happy=6, neutral=2, sad=1, unknown=2))
    assert weights.tolist() == [1.0]
    assert dict(zip(FER8, distribution[0].tolist(), strict=True)) == {**dict.fromkeys(FER8, 0.0), "happy": 0.75, "neutral": 0.25}
    assert distribution.dtype == weights.dtype == np.float32


@pytest.mark.parametrize(
    ("row", "weight"),
    [
        (votes(unknown=5, happy=4), 0.0),
        (votes(not_a_face=6, happy=4), 0.0),
        (votes(unknown=4, happy=4), 1.0),  # a tie is no win
        (votes(happy=1, sad=1), 0.0),
        (votes(), 0.0),
    ],
)
def test_vote_distribution_weighs_nothing_where_no_emotion_wins(row: NDArray[np.uint8], weight: float) -> None:
    distribution, weights = vote_distribution(row)
    assert weights.tolist() == [weight]
    assert distribution.sum() == weight


def test_votes_are_left_as_they_were() -> None:
    row = votes(happy=6, sad=1)
    strict_labels(row)
    vote_distribution(row)
    assert (row == votes(happy=6, sad=1)).all()


@pytest.mark.parametrize("reader", [strict_labels, vote_distribution])
def test_votes_of_another_shape_are_refused(reader) -> None:
    with pytest.raises(DataError, match="unknown"):
        reader(np.zeros((3, 8), np.uint8))


def test_score_votes_by_hand() -> None:
    table = np.concatenate([votes(happy=8, neutral=2), votes(sad=10), votes(sad=5, fear=5), votes(unknown=10)])
    y_prob = np.full((4, 8), 0.05, np.float32)
    for row, name in enumerate(("happy", "neutral", "sad", "fear")):
        y_prob[row, FER8.label_id(name)] = 0.65
    score = score_votes(table, y_prob)
    assert score is not None
    assert (score.n, score.accuracy, score.kl_n) == (2, 0.5, 3)
    assert score.accuracy_ci95 == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert score.nll == pytest.approx(-(np.log(0.65) + np.log(0.05)) / 2)
    assert score.ece == pytest.approx(0.15)
    first = 0.8 * np.log(0.8 / 0.65) + 0.2 * np.log(0.2 / 0.05)
    second = np.log(1 / 0.05)
    third = 0.5 * np.log(0.5 / 0.65) + 0.5 * np.log(0.5 / 0.05)
    assert score.kl == pytest.approx((first + second + third) / 3, rel=1e-5)
    assert score.as_dict()["accuracy_ci95"] == list(score.accuracy_ci95)


def test_score_votes_with_no_image_kept_is_none() -> None:
    assert score_votes(votes(unknown=10), np.full((1, 8), 0.125, np.float32)) is None


def test_score_votes_of_another_number_of_classes_is_refused() -> None:
    with pytest.raises(DataError, match=r"\(1, 8\).*\(1, 7\)"):
        score_votes(votes(happy=10), np.full((1, 7), 1 / 7, np.float32))


@pytest.mark.fer2013
def test_strict_labels_of_the_real_votes_keep_as_many_as_before(shared_data: Path) -> None:
    # Counted when this was written. With votes for "unknown" and "NF" left out of the half, it would be 25,806 and 3,278.
    columns = {"angry": "anger", "happy": "happiness", "sad": "sadness", "not_a_face": "NF"}
    with (shared_data / "fer2013new.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = np.array([[int(row[columns.get(name, name)]) for name in VOTE_COLUMNS] for row in rows], np.uint8)
    usage = np.array([row["Usage"] for row in rows])
    kept = strict_labels(table) >= 0
    assert {part: int(kept[usage == part].sum()) for part in ("Training", "PublicTest")} == {
        "Training": 25_060,
        "PublicTest": 3_199,
    }
