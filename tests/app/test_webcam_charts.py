"""ui/webcam/charts.py: what the live charts are drawn of."""

from __future__ import annotations

import numpy as np
import pytest

from fer.inference.history import PersonHistory
from fer.labels import FER7
from ui.webcam.charts import affect_options, change_options, probability_options, radar_options

HAPPY = np.array([0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02])


def history(*times_s: float) -> PersonHistory:
    return PersonHistory(1, FER7, np.array(times_s), np.tile(HAPPY, (len(times_s), 1)), np.full(len(times_s), 3, np.int16))


def test_probability_options_counts_back_from_now_in_percent() -> None:
    options = probability_options(history(100.0, 100.1, 100.2), 110.0)
    assert options["dataset"]["source"] == [[-10.0, 2, 2, 2, 88, 2, 2, 2], [-9.8, 2, 2, 2, 88, 2, 2, 2]]
    assert [series["name"] for series in options["series"]] == list(FER7)
    assert options["series"][3]["encode"] == {"x": 0, "y": 4}


def test_probability_options_break_the_areas_where_the_person_was_away() -> None:
    rows = probability_options(history(100.0, 100.1, 105.0, 105.1), 110.0)["dataset"]["source"]
    assert [row[0] for row in rows] == [-10.0, -5.01, -5.0]
    assert rows[1][1:] == [None] * 7


def test_change_options_are_points_above_and_below_the_face_at_rest() -> None:
    usual = np.full(7, 1 / 7)
    (row,) = change_options(history(100.0), usual, 100.0)["dataset"]["source"]
    assert row[4] == pytest.approx(100 * (0.88 - 1 / 7), abs=0.1)
    assert sum(row[1:]) == pytest.approx(0, abs=0.5)


def test_affect_options_end_in_a_dot_and_draw_nothing_of_nobody() -> None:
    path = np.array([[0.0, 0.0], [0.5, 0.25]])
    assert affect_options(path, FER7)["series"][2]["data"] == [[0.5, 0.25]]
    assert affect_options(path[:0], FER7)["series"][2]["data"] == []


def test_radar_options_have_a_corner_for_each_expression() -> None:
    options = radar_options({"happy": 0.9, "sad": 0.25}, FER7)
    assert [corner["name"] for corner in options["radar"]["indicator"]] == ["😄 happy", "😢 sad"]
    assert options["series"][0]["data"][0]["value"] == [90, 25]
