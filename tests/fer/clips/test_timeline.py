"""From samples to people: who is kept, what is smoothed, what is shown."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from fer.clips.settings import ClipSettings
from fer.clips.store import load_timeline, save_timeline
from fer.clips.timeline import Person
from fer.errors import DataError, RunError, SettingsError
from fer.inference.shown_face import NOT_A_FACE_ID
from tests.fer.clips.making import HAPPY, INFO, NEUTRAL, SAD, face, samples, timeline_of, together, towards

STEP = [0.1] * 10 + [0.9] * 10


def test_build_timeline_keeps_raw_and_smoothed_apart() -> None:
    timeline = timeline_of(samples(STEP), smoothing_s=0.3)
    (person,) = timeline.people
    assert person.raw[:, HAPPY].tolist() == pytest.approx(STEP, abs=1e-6)
    assert 0.3 < person.smoothed[10, HAPPY] < 0.8  # on its way
    assert person.smoothed.sum(axis=1) == pytest.approx(1)
    assert (np.diff(person.smoothed[:, HAPPY]) > -1e-6).all()


def test_build_timeline_numbers_people_from_left_to_right_and_in_the_order_they_come() -> None:
    first = together(samples([0.9] * 10, left=200), samples([0.8] * 10, SAD, left=20))
    later = together(
        samples([0.9] * 5, left=200, start_s=1.0), samples([0.8] * 5, SAD, left=20, start_s=1.0), samples([0.7] * 5, start_s=1.0)
    )
    timeline = timeline_of(first + later)
    assert [round(float(person.xyxy[0, 0])) for person in timeline.people] == [20, 200, 100]
    assert [len(person) for person in timeline.people] == [15, 15, 5]
    assert timeline.shares(timeline.person(1))["sad"] == 1.0


def test_build_timeline_leaves_out_who_was_hardly_seen() -> None:
    found = together(samples([0.9] * 10), samples([0.9] * 10, left=230))
    found = [replace(sample, predictions=sample.predictions[: 1 + (i < 2)]) for i, sample in enumerate(found)]
    assert len(timeline_of(found).people) == 1


def test_build_timeline_leaves_out_what_is_seen_now_and_then_only() -> None:
    """As a detector takes a pattern of the wall for a face at times."""
    found = together(samples([0.9] * 30), samples([0.9] * 30, left=230))
    flickering = [replace(sample, predictions=sample.predictions[: 1 + (i % 5 == 0)]) for i, sample in enumerate(found)]
    assert len(timeline_of(flickering).people) == 1
    often = [replace(sample, predictions=sample.predictions[: 1 + (i % 2 == 0)]) for i, sample in enumerate(found)]
    assert len(timeline_of(often).people) == 2


def test_build_timeline_leaves_out_what_the_model_takes_for_no_face() -> None:
    never = [replace(s, predictions=(replace(s.predictions[0], face_probability=0.1),)) for s in samples([0.9] * 10)]
    assert timeline_of(never).people == ()


def test_build_timeline_passes_over_frames_in_which_the_face_is_refused() -> None:
    found = samples([0.9] * 10)
    odd = face(towards(SAD, 0.95), found[4].predictions[0].xyxy, face_probability=0.2)
    found[4] = replace(found[4], predictions=(odd,))
    (person,) = timeline_of(found, smoothing_s=0.3).people
    assert person.label_ids[4] == NOT_A_FACE_ID
    assert person.raw[4, SAD] == pytest.approx(0.95, abs=1e-6)  # the raw is kept
    assert person.smoothed[:, HAPPY] == pytest.approx(0.9, abs=1e-6)  # and says nothing of the expression
    shown = timeline_of(found).faces_at(0.4)[0]
    assert (shown.label, shown.is_face) == ("not a face", False)


def test_build_timeline_of_nothing_has_no_people() -> None:
    timeline = timeline_of([])
    assert timeline.people == ()
    assert timeline.faces_at(0.5) == []


def test_shares_are_of_time_not_of_frames() -> None:
    """Two seconds of happy in few frames, one of sad in many."""
    found = samples([0.9] * 5, rate=2.0) + samples([0.9] * 20, SAD, rate=20.0, start_s=2.5)
    timeline = timeline_of(found)
    shares = timeline.shares(timeline.people[0])
    assert shares["happy"] == pytest.approx(2.5 / 3.475, abs=0.05)
    assert sum(shares.values()) == pytest.approx(1)


def test_stretches_end_where_the_person_is_gone_but_not_where_a_frame_is_missed() -> None:
    found = samples([0.9] * 40)
    for missing in (5, *range(20, 30)):
        found[missing] = replace(found[missing], predictions=())
    timeline = timeline_of(found)
    (person,) = timeline.people
    spans = [(person.times_s[part][0], person.times_s[part][-1]) for part in timeline.stretches(person)]
    assert np.round(spans, 3).tolist() == [[0.0, 1.9], [3.0, 3.9]]
    assert len(timeline.faces_at(0.5)) == 1
    assert timeline.faces_at(2.5) == []
    assert timeline.seen_s(person) == pytest.approx(2.9, abs=0.01)


def test_faces_at_moves_the_box_between_frames_and_shows_the_steady_label() -> None:
    found = samples([0.9, 0.52, 0.46, 0.9])
    moved = found[1].predictions[0]
    found[1] = replace(found[1], predictions=(replace(moved, xyxy=(110.0, 50.0, 170.0, 120.0)),))
    timeline = timeline_of(found)
    (shown,) = timeline.faces_at(0.05)
    assert shown.xyxy[0] == pytest.approx(105)
    (shown,) = timeline.faces_at(0.2)
    assert int(np.argmax(shown.probabilities)) == NEUTRAL  # by a hair: the label waits
    assert (shown.label, shown.confidence) == ("happy", pytest.approx(0.46, abs=1e-6))


def test_duration_is_the_clip_s_unless_it_was_cut_short_or_not_read_to_its_end() -> None:
    found = samples([0.9] * 20)
    assert timeline_of(found).duration_s == pytest.approx(2.0)
    cut = timeline_of(found, info=replace(INFO, duration_s=60.0))
    assert cut.cut_short
    assert cut.duration_s == pytest.approx(2.0)
    stopped = timeline_of(found, info=replace(INFO, duration_s=60.0), is_whole=False)
    assert not stopped.cut_short
    assert stopped.duration_s == pytest.approx(2.0)
    assert timeline_of(found, info=replace(INFO, duration_s=None)).duration_s == pytest.approx(2.0)


def test_person_refuses_arrays_that_do_not_belong_together() -> None:
    (person,) = timeline_of(samples([0.9] * 5)).people
    with pytest.raises(DataError, match="xyxy"):
        Person(
            1, person.times_s, person.xyxy[:3], person.detection_score, person.raw, person.raw, person.raw[:, 0], person.label_ids
        )
    with pytest.raises(DataError, match="rise"):
        replace(person, times_s=person.times_s[::-1])


def test_person_that_is_not_there_is_said_so() -> None:
    with pytest.raises(DataError, match="no person 7"):
        timeline_of(samples([0.9] * 5)).person(7)


def test_load_timeline_gives_back_what_was_saved(tmp_path: Path) -> None:
    found = together(samples([*STEP], left=20), samples([0.8] * 20, SAD, left=200))
    found[3] = replace(found[3], predictions=(replace(found[3].predictions[0], face_probability=None), found[3].predictions[1]))
    timeline = timeline_of(found, smoothing_s=0.3)
    save_timeline(timeline, tmp_path)
    back = load_timeline(tmp_path)
    assert (back.name, back.info, back.reading, back.smoothing_s, back.is_whole) == (
        "party.mp4",
        INFO,
        timeline.reading,
        0.3,
        True,
    )
    assert back.times_s.tolist() == timeline.times_s.tolist()
    for one, other in zip(back.people, timeline.people, strict=True):
        for name in ("times_s", "xyxy", "detection_score", "raw", "smoothed", "face_probability", "label_ids"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            assert getattr(one, name).dtype == getattr(other, name).dtype


def test_load_timeline_without_people_is_possible(tmp_path: Path) -> None:
    save_timeline(timeline_of([]), tmp_path)
    assert load_timeline(tmp_path).people == ()


@pytest.mark.parametrize("damage", [b"", b"{", b'{"format": 1}'])
def test_load_timeline_of_a_damaged_folder_says_so(tmp_path: Path, damage: bytes) -> None:
    save_timeline(timeline_of(samples(STEP)), tmp_path)
    (tmp_path / "timeline.json").write_bytes(damage)
    with pytest.raises(RunError, match="damaged"):
        load_timeline(tmp_path)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rate": 0}, "frames a second"),
        ({"rate": 1000}, "frames a second"),
        ({"smoothing_s": -1}, "Smoothing"),
        ({"min_size": 0}, "1 pixel"),
    ],
)
def test_clip_settings_refuse_values_out_of_range(values: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        ClipSettings(**values)  # type: ignore[arg-type]


def test_clip_settings_come_back_from_their_dict_and_name_unknown_keys() -> None:
    settings = ClipSettings(rate=None, head="votes", smoothing_s=1.0)
    assert ClipSettings.from_dict(asdict(settings)) == settings
    with pytest.raises(SettingsError, match="speed"):
        ClipSettings.from_dict({"speed": 3})
