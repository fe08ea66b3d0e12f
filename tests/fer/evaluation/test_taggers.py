"""The model beside FER+'s taggers: rows and shares worked by hand, and an interval that holds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.evaluation.taggers import TaggerFigures, accuracy_by_agreement, compare_with_taggers, judge_by_taggers
from fer.labels import FER8, VOTE_COLUMNS


def votes(*rows: dict[str, int]) -> NDArray[np.uint8]:
    return np.array([[row.get(name, 0) for name in VOTE_COLUMNS] for row in rows], np.uint8)


def says(*labels: str) -> NDArray[np.float32]:
    """A model that gives these answers."""
    y_prob = np.full((len(labels), len(FER8)), 0.05, np.float32)
    y_prob[np.arange(len(labels)), FER8.encode(labels)] = 0.65
    return y_prob


def test_accuracy_by_agreement_by_hand() -> None:
    given = votes(
        {"happy": 10},
        {"happy": 9, "unknown": 1},  # what is no emotion is a vote, too
        {"sad": 9, "fear": 1},
        {"sad": 4, "fear": 3, "neutral": 1, "angry": 1, "surprise": 1},  # 4 of the 7 votes that the protocol counts
        {"sad": 5, "fear": 5},  # no majority: nowhere
    )
    rows = accuracy_by_agreement(given, says("happy", "happy", "fear", "sad", "sad"))
    assert [(row.words, row.n, row.accuracy) for row in rows] == [
        ("4 or fewer", 1, 1.0),
        ("9", 2, 0.5),
        ("10", 1, 1.0),
    ]


def test_compare_with_taggers_by_hand() -> None:
    # Six against four: without one of the six, 5 of 9 still say happy; without one of the four, 6 of 9.
    # So all ten are judged against happy: the six are right, the four wrong.
    line = compare_with_taggers(votes({"happy": 6, "sad": 4}, {"happy": 6, "sad": 4}), says("happy", "sad"))
    assert line is not None
    assert (line.n, line.tagger, line.model, line.difference) == (2, 0.6, 0.5, pytest.approx(-0.1))


def test_compare_with_taggers_leaves_out_who_leaves_no_majority() -> None:
    # Without one of the happy five, 4 of 9 is no majority; without the one who said sad, 5 of 8 is (fear's vote is a slip).
    line = compare_with_taggers(votes(*[{"happy": 5, "neutral": 4, "sad": 1}] * 2), says("happy", "happy"))
    assert line is not None
    # Without one of the five: 4 happy, 4 neutral. Of the four: 5 of 8, who said neutral is wrong. Sad: 5 of 9, wrong too.
    assert (line.tagger, line.model) == (0.0, 1.0)


def test_compare_with_taggers_counts_unknown_as_wrong() -> None:
    line = compare_with_taggers(votes(*[{"happy": 8, "unknown": 2}] * 2), says("happy", "happy"))
    assert line is not None
    assert (line.tagger, line.model) == (0.8, 1.0)


def test_compare_with_taggers_sees_no_difference_between_a_tagger_and_another() -> None:
    """A model that is an eleventh tagger: the interval of the difference holds nought in about 95 of 100 cases."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        leaning = rng.dirichlet([0.3] * 8, 300)
        rows = np.zeros((300, len(VOTE_COLUMNS)), np.uint8)
        rows[:, :8] = rng.multinomial(10, leaning)
        answers = (rng.random((300, 1)) > leaning.cumsum(axis=1)).sum(axis=1)
        line = compare_with_taggers(rows, np.eye(8, dtype=np.float32)[answers])
        assert line is not None
        held += line.difference_ci95[0] <= 0 <= line.difference_ci95[1]
    assert 0.90 <= held / 200 <= 0.99


def test_compare_with_taggers_without_a_majority_is_none() -> None:
    assert compare_with_taggers(votes({"happy": 5, "sad": 5}, {"unknown": 10}), says("happy", "sad")) is None


def test_judge_by_taggers_survives_json() -> None:
    figures = judge_by_taggers(votes({"happy": 10}, {"sad": 7, "fear": 3}), says("happy", "fear"))
    assert figures is not None
    assert TaggerFigures.from_dict(json.loads(json.dumps(figures.as_dict()))) == figures
    assert judge_by_taggers(votes({"unknown": 10}), says("happy")) is None
