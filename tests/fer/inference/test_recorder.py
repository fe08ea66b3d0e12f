"""fer/inference/recorder.py: nothing unless it is on, no more than its limits, and one size of pictures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from fer.inference.recorder import Recorder, Recording, mark_recording
from fer.inference.shown_face import ShownFace
from fer.labels import FER7

IMAGE = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], (48, 1, 3))
FACE = ShownFace((8.0, 8.0, 40.0, 40.0), 0.9, FER7, (0.04,) * 6 + (0.76,), label_id=6)


def feed(recorder: Recorder, seconds: float, *, fps: int = 30, image: np.ndarray = IMAGE, begin_s: float = 50.0) -> None:
    for i in range(round(seconds * fps)):
        recorder.take(begin_s + i / fps, image, (FACE,))


def recorded(recorder: Recorder) -> Recording:
    recording = recorder.recording()
    assert recording is not None
    return recording


def test_take_keeps_nothing_unless_it_was_started() -> None:
    recorder = Recorder()
    assert not recorder.take(0.0, IMAGE, (FACE,))
    assert recorder.recording() is None


def test_take_keeps_fifteen_frames_a_second_from_when_it_was_started() -> None:
    recorder = Recorder()
    recorder.start()
    feed(recorder, 2.0)
    recorder.stop()
    feed(recorder, 1.0, begin_s=60.0)
    recording = recorded(recorder)
    assert len(recording.frames) == 30
    assert recording.frames[0].time_s == 0
    assert recording.seconds == pytest.approx(29 / 15, abs=0.01)
    assert recording.frames[0].faces == (FACE,)
    picture = cv2.imdecode(np.frombuffer(recording.frames[0].jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.abs(picture.astype(int) - IMAGE).mean() < 3
    assert not recording.is_on
    assert recorder.has_ended


@pytest.mark.parametrize("limits", [{"max_seconds": 1.0}, {"max_bytes": 10_000}])
def test_take_ends_by_itself_at_its_limits(limits: dict[str, int]) -> None:
    recorder = Recorder(**limits)  # type: ignore[arg-type]
    recorder.start()
    feed(recorder, 5.0)
    recording = recorded(recorder)
    assert recording.is_full
    assert not recording.is_on
    assert recording.seconds <= 1.05


def test_take_brings_pictures_and_faces_to_the_size_of_the_first() -> None:
    recorder = Recorder()
    recorder.start()
    recorder.take(0.0, IMAGE, (FACE,))
    twice = np.asarray(cv2.resize(IMAGE, (128, 96)), np.uint8)
    recorder.take(1.0, twice, (replace(FACE, xyxy=(16.0, 16.0, 80.0, 80.0)),))
    recording = recorded(recorder)
    assert cv2.imdecode(np.frombuffer(recording.frames[1].jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (48, 64, 3)
    assert recording.frames[1].faces[0].xyxy == FACE.xyxy
    assert recording.resolution_wh == (64, 48)


def test_mark_marks_the_newest_frame_once() -> None:
    recorder = Recorder()
    recorder.mark()
    recorder.start()
    recorder.mark()
    feed(recorder, 1.0)
    recorder.mark()
    recorder.mark()
    assert recorded(recorder).marks_s == (recorded(recorder).frames[-1].time_s,)


def test_start_and_discard_forget_what_was_recorded() -> None:
    recorder = Recorder()
    for forget in (recorder.start, recorder.discard):
        recorder.start()
        feed(recorder, 1.0)
        forget()
        recording = recorder.recording()
        assert recording is None or not recording.frames


@pytest.mark.parametrize("shape", [(480, 640), (48, 64), (720, 1280)])
def test_mark_recording_draws_red_in_the_upper_right_corner(shape: tuple[int, int]) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    mark_recording(image)
    red = (image[..., 0] > 150) & (image[..., 1] < 100)
    assert red[: shape[0] // 4, shape[1] * 3 // 4 :].any()
    assert not red[shape[0] // 2 :].any()
