"""fer/clips/recorded.py: a camera's recording as files, all of them in memory."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import av
import numpy as np
import pytest

from fer.clips.recorded import recorded_clip, recorded_csv, recorded_json, recorded_timeline
from fer.clips.samples import Reading
from fer.errors import DataError
from fer.inference.recorder import Recorder, Recording
from fer.inference.shown_face import ShownFace
from fer.labels import FER7

HAPPY = (0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02)
FACE = ShownFace((60.0, 40.0, 180.0, 200.0), 0.9, FER7, HAPPY, label_id=3, raw=(0.01, 0.01, 0.01, 0.94, 0.01, 0.01, 0.01))
OTHER = replace(FACE, xyxy=(200.0, 40.0, 300.0, 200.0), number=4)
NOBODY = replace(FACE, number=9, face_probability=0.1, face_threshold=0.5, label_id=-1)
READING = Reading("tiny", "0" * 64, "labels", FER7, "yunet", 20, None, 0.4, 0.5)


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Two seconds; the second person leaves after one, and the second frame of the first second was marked."""
    recorder = Recorder()
    recorder.start()
    for i in range(30):
        faces = (FACE, OTHER, NOBODY) if i < 15 else (FACE,)
        recorder.take(7 + i / 15, np.full((241, 320, 3), 5 * i, np.uint8), faces)
        if i == 1:
            recorder.mark()
    made = recorder.recording()
    assert made is not None
    return made


def test_recorded_timeline_has_what_was_shown_and_keeps_the_numbers(recording: Recording) -> None:
    timeline = recorded_timeline(recording, READING, 0.4)
    assert [person.number for person in timeline.people] == [1, 4]
    np.testing.assert_allclose(timeline.person(4).smoothed[0], HAPPY, atol=1e-6)
    assert timeline.person(4).raw[0, 3] == pytest.approx(0.94)
    assert len(timeline.person(1)) == 30
    assert timeline.seen_s(timeline.person(4)) == pytest.approx(1.0, abs=0.05)


def test_recorded_timeline_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="Nothing was recorded"):
        recorded_timeline(Recording((), (), (0, 0), False, False), READING, 0.4)


def test_recorded_csv_tells_marks_beside_the_frames(recording: Recording) -> None:
    rows = list(csv.DictReader(io.StringIO(recorded_csv(recorded_timeline(recording, READING, 0.4), recording))))
    assert len(rows) == 45
    assert [row["mark"] for row in rows if row["person"] == "1"][:3] == ["", "1", ""]
    assert rows[0]["label"] == "happy"


def test_recorded_json_tells_marks_and_by_what_it_was_read(recording: Recording) -> None:
    told = json.loads(recorded_json(recorded_timeline(recording, READING, 0.4), recording))
    assert told["marks_s"] == [pytest.approx(1 / 15, abs=1e-5)]
    assert told["reading"]["model"] == "tiny"
    assert len(told["people"][0]["frames"]) == 30


def test_recorded_clip_plays_with_faces_marked(recording: Recording) -> None:
    content = recorded_clip(recorded_timeline(recording, READING, 0.4), recording)
    with av.open(io.BytesIO(content)) as clip:
        frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    assert len(frames) == 30
    assert frames[0].shape == (240, 320, 3)
    plain = np.full_like(frames[20], 100)
    assert (np.abs(frames[20].astype(int) - plain) > 40).any(axis=2).sum() > 300
