"""Peaks, changes, baselines, and the way through valence and arousal."""

from __future__ import annotations

import numpy as np
import pytest

from fer.clips.affect import COORDINATES, derive_affect, has_coordinates
from fer.clips.moments import CHANGE, PEAK, above_baseline, baseline, find_moments
from fer.errors import DataError
from fer.labels import EMOTIONS, FER7, LabelSet
from tests.fer.clips.making import HAPPY, SAD, samples, timeline_of, together

BUMP = [0.05] * 10 + [0.3, 0.6, 0.8, 0.95, 0.8, 0.6, 0.3] + [0.05] * 10


def found(shares: list[float], kind: str, **options: float) -> list[tuple[float, str]]:
    moments = find_moments(timeline_of(samples(shares), **options))
    return [(round(moment.time_s, 2), moment.label) for moment in moments if moment.kind == kind]


def test_find_moments_finds_the_top_of_a_smile() -> None:
    assert found(BUMP, PEAK) == [(1.3, "happy")]
    assert found(BUMP, PEAK, smoothing_s=0.2) == [(1.3, "happy")]  # smoothing does not move it


def test_find_moments_finds_changes_there_and_back() -> None:
    changes = [m for m in find_moments(timeline_of(samples(BUMP))) if m.kind == CHANGE]
    assert [(m.before, m.label, round(m.time_s, 1)) for m in changes] == [("neutral", "happy", 1.1), ("happy", "neutral", 1.6)]
    assert changes[0].probability == pytest.approx(0.6, abs=1e-6)


def test_find_moments_sees_nothing_in_a_face_at_rest() -> None:
    rng = np.random.default_rng(0)
    assert find_moments(timeline_of(samples([float(0.2 + 0.08 * rng.random()) for _ in range(60)]))) == []


def test_find_moments_passes_over_a_flicker() -> None:
    assert found([0.05] * 10 + [0.9, 0.9] + [0.05] * 10, CHANGE) == []


def test_find_moments_counts_a_smile_that_is_there_from_the_first_frame_on() -> None:
    assert found([0.9, 0.8, 0.6, 0.3] + [0.05] * 10, PEAK) == [(0.0, "happy")]


def test_find_moments_counts_two_smiles_and_not_the_dent_in_one() -> None:
    assert [time for time, _ in found(BUMP + BUMP, PEAK)] == [1.3, 4.0]
    dented = [0.05] * 5 + [0.7, 0.9, 0.8, 0.92, 0.7] + [0.05] * 5
    assert [time for time, _ in found(dented, PEAK)] == [0.8]


def test_find_moments_are_of_every_person_in_the_order_of_time() -> None:
    late = [0.05] * 15 + [0.5, 0.9, 0.5] + [0.05] * 9
    moments = find_moments(timeline_of(together(samples(BUMP, left=20), samples(late, SAD, left=200))))
    assert [m.person for m in moments if m.kind == PEAK] == [1, 2]
    assert [m.time_s for m in moments] == sorted(m.time_s for m in moments)


def test_baseline_is_the_person_s_mean_and_what_is_above_sums_to_nothing() -> None:
    (person,) = timeline_of(samples([0.2] * 10 + [0.6] * 10)).people
    usual = baseline(person)
    assert usual[HAPPY] == pytest.approx(0.4, abs=1e-6)
    above = above_baseline(person, usual)
    assert above[0, HAPPY] == pytest.approx(-0.2, abs=1e-6)
    assert above[-1, HAPPY] == pytest.approx(0.2, abs=1e-6)
    assert above.sum(axis=1) == pytest.approx(0, abs=1e-6)


def test_baseline_of_a_stretch_at_rest_makes_that_stretch_nothing() -> None:
    (person,) = timeline_of(samples([0.2] * 10 + [0.6] * 10)).people
    above = above_baseline(person, baseline(person, (0.0, 0.9)), raw=True)
    assert np.abs(above[:10]).max() < 1e-6
    assert above[15, HAPPY] == pytest.approx(0.4, abs=1e-6)


def test_baseline_where_nobody_is_seen_says_what_to_do() -> None:
    (person,) = timeline_of(samples([0.2] * 10)).people
    with pytest.raises(DataError, match=r"from 5\.0 to 6\.0 s"):
        baseline(person, (5.0, 6.0))


def test_derive_affect_of_a_sure_answer_is_its_place_and_of_a_mixture_between() -> None:
    rows = np.zeros((2, len(FER7)))
    rows[0, HAPPY] = 1
    rows[1, [HAPPY, FER7.label_id("neutral")]] = 0.5
    assert derive_affect(rows, FER7).tolist() == [[0.81, 0.51], [0.405, 0.255]]


def test_coordinates_are_known_of_every_emotion_and_of_no_merged_class() -> None:
    assert set(COORDINATES) == set(EMOTIONS)
    assert np.abs(list(COORDINATES.values())).max() <= 1
    assert has_coordinates(FER7)
    assert not has_coordinates(LabelSet(("positive", "negative")))


def test_timeline_affect_has_a_point_a_frame() -> None:
    timeline = timeline_of(samples(BUMP))
    affect = timeline.affect(timeline.people[0])
    assert affect.shape == (len(BUMP), 2)
    assert affect[:, 0].argmax() == 13
