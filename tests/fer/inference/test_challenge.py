"""fer/inference/challenge.py: turns in order, and results of the right moments only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fer.inference.challenge import READY_S, SHOW_S, Challenge
from fer.inference.history import Moment
from fer.inference.shown_face import ShownFace
from fer.labels import LabelSet

LABELS = LabelSet(("happy", "sad"))
FACE = ShownFace((0.0, 0.0, 9.0, 9.0), 0.9, LABELS, (0.7, 0.3), label_id=0)
GAME = Challenge(LABELS, 100.0)
TURN_S = READY_S + SHOW_S


def test_turn_goes_through_the_expressions_with_time_to_get_ready() -> None:
    first, shown, second = GAME.turn(100.5), GAME.turn(100 + READY_S + 1), GAME.turn(100 + TURN_S)
    assert first is not None
    assert (first.label, first.is_ready, first.left_s) == ("happy", False, READY_S - 0.5)
    assert shown is not None
    assert (shown.label, shown.is_ready, shown.left_s) == ("happy", True, SHOW_S - 1)
    assert second is not None
    assert (second.label, second.position, second.is_ready) == ("sad", 1, False)
    assert GAME.turn(GAME.ends_s) is None


def test_results_are_the_surest_moments_of_each_turn() -> None:
    moments = [
        Moment(100.1, (replace(FACE, probabilities=(0.99, 0.01)),)),  # still getting ready
        Moment(100 + READY_S, (FACE,)),
        Moment(100 + READY_S + 1, (replace(FACE, probabilities=(0.8, 0.2)), replace(FACE, probabilities=(1.0, 0.0)))),
        Moment(100 + TURN_S + READY_S, (replace(FACE, probabilities=(0.6, 0.4)),)),
    ]
    assert GAME.results(moments) == {"happy": pytest.approx(0.8), "sad": pytest.approx(0.4)}


def test_results_without_a_face_are_nought() -> None:
    refused = replace(FACE, face_probability=0.1, face_threshold=0.5)
    assert GAME.results([Moment(100 + READY_S, ()), Moment(101 + READY_S, (refused,))]) == {"happy": 0, "sad": 0}
