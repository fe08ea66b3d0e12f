"""fer/explain/belief.py: maps that are right, wrong and drawn by lot, of a model whose reasons are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fer.explain import Belief, Heatmap, Question, measure_belief
from tests.fer.explain.conftest import CORNER, SIDE


def heatmap(values: np.ndarray, label: str = "happy") -> Heatmap:
    return Heatmap(values.astype(np.float32), label, "occlusion")


def right_map() -> np.ndarray:
    values = np.zeros((SIDE, SIDE))
    values[CORNER] = 1
    return values


def test_belief_of_the_right_map_has_deletion_far_below_insertion(question: Question) -> None:
    belief = measure_belief(question, heatmap(right_map()))
    assert belief.deletion_area < 0.2
    assert belief.insertion_area > 0.8
    assert belief.beaten == 19
    assert belief.is_believable
    assert belief.verdict.startswith("This map can be believed")


def test_belief_of_the_opposite_map_has_deletion_above_insertion(question: Question) -> None:
    belief = measure_belief(question, heatmap(1 - right_map()))
    assert belief.deletion_area > belief.insertion_area
    assert belief.beaten == 0
    assert belief.verdict.startswith("Do not believe this map")


def test_belief_of_random_maps_is_rare(question: Question) -> None:
    rng = np.random.default_rng(3)
    maps = [heatmap(np.kron(rng.random((6, 6)), np.ones((8, 8)))) for _ in range(20)]
    beliefs = [measure_belief(question, values, seed=seed) for seed, values in enumerate(maps)]
    assert sum(belief.is_believable for belief in beliefs) <= 3, "one in twenty is expected"
    assert 5 < np.mean([belief.beaten for belief in beliefs]) < 14


def test_belief_of_an_empty_map_is_that_of_chance(question: Question) -> None:
    assert not measure_belief(question, heatmap(np.zeros((SIDE, SIDE)))).is_believable


def test_belief_begins_and_ends_where_it_should(question: Question) -> None:
    belief = measure_belief(question, heatmap(right_map()))
    whole = float(question.answer(question.image[None])[0, 0])
    assert belief.shares[[0, -1]].tolist() == [0, 1]
    assert belief.deletion[0] == belief.insertion[-1] == pytest.approx(whole)
    assert (belief.random_deletion[:, 0] == belief.deletion[0]).all()
    assert (belief.random_deletion[:, -1] == belief.deletion[-1]).all()
    assert (belief.random_insertion[:, 0] == belief.insertion[0]).all()
    assert belief.deletion.shape == belief.shares.shape == (13,)
    assert belief.random_deletion.shape == (19, 13)


def test_belief_is_the_same_again(question: Question) -> None:
    values = heatmap(np.random.default_rng(0).random((SIDE, SIDE)))
    first, again = (measure_belief(question, values) for _ in range(2))
    np.testing.assert_array_equal(first.random_insertion, again.random_insertion)
    np.testing.assert_array_equal(first.deletion, again.deletion)


def test_belief_is_of_the_maps_own_class(question: Question) -> None:
    sad = measure_belief(question, heatmap(right_map(), "sad"))
    assert sad.label == "sad"
    assert sad.deletion[0] == pytest.approx(float(question.answer(question.image[None])[0, 2]))
    assert sad.deletion_area > sad.insertion_area, "the bright corner speaks against sad"


def test_areas_are_those_of_curves_worked_by_hand() -> None:
    flat = np.array([[0.5, 0.5, 0.5]] * 4, np.float32)
    belief = Belief(
        label="happy",
        shares=np.array([0, 0.5, 1]),
        deletion=np.array([1, 0.5, 0], np.float32),
        insertion=np.array([0, 1, 1], np.float32),
        random_deletion=flat,
        random_insertion=flat + np.array([[0], [0.1], [0.3], [0.3]], np.float32),
    )
    assert belief.deletion_area == pytest.approx(0.5)
    assert belief.insertion_area == pytest.approx(0.75)
    assert belief.beaten == 2  # 0.25 against 0, 0.1, 0.3 and 0.3
    assert "only 2 of 4" in belief.verdict
    almost = replace(belief, random_insertion=flat + np.array([[0], [0], [0], [0.3]], np.float32), label="sad")
    assert "only 3 of 4" in almost.verdict
    assert not almost.is_believable
