"""A clip from file to timeline: a real face, found and read by the models that ship."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fer.clips.read import read_clip
from fer.clips.samples import load_samples
from fer.clips.settings import ClipSettings
from fer.errors import BundleError, ClipError, DetectionError, RunError
from tests.fer.clips.making import counting, encode, smiling

SETTINGS = ClipSettings(rate=5.0, detector="haar", smoothing_s=0.2)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a smiling face that moves; it turns away in the middle."""
    return encode(tmp_path_factory.mktemp("clip") / "smile.mp4", smiling(30, faceless=range(13, 17)))


def test_read_clip_follows_one_smiling_person_over_a_gap(clip: Path) -> None:
    told: list[float] = []
    timeline = read_clip(clip, SETTINGS, progress=lambda what, share: told.append(share))
    assert (timeline.name, timeline.reading.detector, timeline.reading.rate) == ("smile.mp4", "haar", 5.0)
    assert timeline.times_s == pytest.approx(np.arange(10) / 5, abs=2e-2)
    (person,) = timeline.people
    assert len(person) == 9  # turned away in one of the frames
    assert timeline.shares(person)["happy"] > 0.9
    assert np.ptp(person.xyxy[:, 0]) > 40  # it moved, and stayed one person
    assert (person.face_probability > timeline.reading.face_threshold).all()
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_read_clip_goes_on_after_what_was_kept_and_comes_to_the_same(clip: Path, tmp_path: Path) -> None:
    kept = tmp_path / "samples.jsonl"
    asked = iter([False, False, False, True])
    part = read_clip(clip, SETTINGS, keep_in=kept, is_to_stop=lambda: next(asked))
    assert (part.is_whole, len(part.times_s)) == (False, 4)
    with kept.open("a", encoding="utf-8") as file:
        file.write('{"time": 0.8, "fac')  # as a kill leaves it
    resumed = read_clip(clip, SETTINGS, keep_in=kept)
    whole = read_clip(clip, SETTINGS)
    assert resumed.is_whole
    assert resumed.times_s.tolist() == whole.times_s.tolist()
    assert resumed.people[0].raw == pytest.approx(whole.people[0].raw, abs=1e-6)
    assert resumed.people[0].xyxy == pytest.approx(whole.people[0].xyxy, abs=0.01)
    assert len(load_samples(kept)[1]) == 10


def test_read_clip_begins_anew_where_another_model_had_begun(clip: Path, tmp_path: Path) -> None:
    kept = tmp_path / "samples.jsonl"
    read_clip(clip, SETTINGS, keep_in=kept)
    first, *rows = kept.read_text(encoding="utf-8").splitlines()
    other = json.loads(first)
    other["reading"]["model_sha256"] = "0" * 64
    kept.write_text("\n".join([json.dumps(other), *rows[:5]]) + "\n", encoding="utf-8")
    assert len(read_clip(clip, SETTINGS, keep_in=kept).times_s) == 10
    assert load_samples(kept)[0].model_sha256 != "0" * 64


def test_load_samples_of_a_damaged_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text('{"time": 1}\n', encoding="utf-8")
    with pytest.raises(RunError, match="damaged"):
        load_samples(tmp_path / "samples.jsonl")


def test_read_clip_without_a_face_has_frames_and_no_people(tmp_path: Path) -> None:
    timeline = read_clip(encode(tmp_path / "wall.mp4", counting(8, (160, 120))), SETTINGS)
    assert len(timeline.times_s) == 3
    assert timeline.people == ()


def test_read_clip_takes_all_frames_where_no_rate_is_given(tmp_path: Path) -> None:
    clip = encode(tmp_path / "wall.mp4", counting(8, (160, 120)))
    assert len(read_clip(clip, ClipSettings(rate=None, detector="haar")).times_s) == 8


def test_read_clip_refuses_what_it_cannot_read_by(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"nothing of the kind")
    with pytest.raises(ClipError):
        read_clip(tmp_path / "no.mp4", SETTINGS)
    with pytest.raises(BundleError):
        read_clip(clip, ClipSettings(model="unheard-of"))
    with pytest.raises(BundleError):
        read_clip(clip, ClipSettings(head="unheard-of", detector="haar"))
    with pytest.raises(DetectionError):
        read_clip(clip, ClipSettings(detector="unheard-of"))
