"""The live view: what a camera's worker thread and a polling panel rely on."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import ImageColor

from fer.errors import DetectionError
from fer.inference.live import HISTORY_EVERY_S, HISTORY_S, LiveView
from fer.inference.shown_face import ShownFace
from fer.labels import FER7

FRAME = np.full((48, 64, 3), 90, np.uint8)
FACE = ShownFace(
    xyxy=(8.0, 8.0, 40.0, 40.0),
    detection_score=0.9,
    label_set=FER7,
    probabilities=(0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02),
    label_id=3,
)


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Follower:
    """Answers what it is told to, after calling a function (to let time pass, or to fail)."""

    def __init__(self, *faces: ShownFace, first: Callable[[], None] = lambda: None) -> None:
        self.faces, self.first = faces, first
        self.images: list[np.ndarray] = []
        self.times_s: list[float] = []

    def update(self, time_s: float, image: np.ndarray) -> tuple[ShownFace, ...]:
        self.first()
        self.images.append(image)
        self.times_s.append(time_s)
        return self.faces


def fail_with(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_process_draws_the_face_and_keeps_its_answer() -> None:
    live = LiveView(Follower(FACE))
    annotated = live.process(FRAME)
    assert annotated.shape == FRAME.shape
    assert annotated.dtype == np.uint8
    assert not np.array_equal(annotated, FRAME)
    snapshot = live.snapshot()
    assert snapshot.faces == (FACE,)
    assert snapshot.frames == 1
    assert snapshot.resolution_wh == (64, 48)
    assert snapshot.error is None


def test_process_of_what_is_not_a_face_says_so_instead_of_an_expression() -> None:
    refused = replace(FACE, face_probability=0.1, face_threshold=0.5)
    live = LiveView(Follower(refused))
    annotated = live.process(FRAME)
    assert [face.label for face in live.snapshot().faces] == ["not a face"]
    assert not (annotated == ImageColor.getrgb(FER7.colour("happy"))).all(axis=2).any()


def test_process_leaves_the_camera_frame_untouched() -> None:
    frame = FRAME.copy()
    LiveView(Follower(FACE)).process(frame)
    assert np.array_equal(frame, FRAME)


def test_process_without_a_face_answers_with_none_and_no_error() -> None:
    live = LiveView(Follower())
    live.process(FRAME)
    assert live.snapshot().faces == ()
    assert live.snapshot().error is None


def test_process_mirrors_before_recognising() -> None:
    frame = FRAME.copy()
    frame[:, :10] = 200
    follower = Follower()
    LiveView(follower, mirror=True).process(frame)
    assert (follower.images[0][:, -10:] == 200).all()
    assert (follower.images[0][:, :-10] == 90).all()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DetectionError("The detector's file is gone."), "The detector's file is gone."),  # expected: its own text
        (ZeroDivisionError("oops"), "ZeroDivisionError: oops"),  # a defect of ours: named, not hidden
    ],
)
def test_process_when_recognition_fails_returns_the_frame_and_reports(error: Exception, words: str) -> None:
    live = LiveView(Follower(FACE))
    live.process(FRAME)
    live.configure(Follower(first=fail_with(error)), mirror=False)
    assert np.array_equal(live.process(FRAME), FRAME)
    snapshot = live.snapshot()
    assert words in (snapshot.error or "")
    assert snapshot.faces == ()  # not the face of an earlier frame


def test_process_logs_a_repeated_defect_once(caplog: pytest.LogCaptureFixture) -> None:
    live = LiveView(Follower(first=fail_with(ZeroDivisionError("oops"))))
    for _ in range(5):
        live.process(FRAME)
    assert len(caplog.records) == 1


def test_process_recovers_after_a_failure() -> None:
    live = LiveView(Follower(first=fail_with(ValueError("once"))))
    live.process(FRAME)
    live.configure(Follower(FACE), mirror=False)
    live.process(FRAME)
    assert live.snapshot().error is None
    assert live.snapshot().faces == (FACE,)


def test_process_before_configure_passes_frames_through() -> None:
    live = LiveView()
    assert np.array_equal(live.process(FRAME), FRAME)
    assert live.snapshot().frames == 1


def test_configure_takes_effect_on_the_next_frame() -> None:
    first, second = Follower(), Follower()
    live = LiveView(first)
    live.process(FRAME)
    live.configure(second, mirror=False)
    live.process(FRAME)
    assert (len(first.images), len(second.images)) == (1, 1)


def test_process_gives_each_frame_a_later_time_even_when_the_clock_stands_still() -> None:
    follower = Follower()
    live = LiveView(follower, clock=Clock())
    for _ in range(3):
        live.process(FRAME)
    assert follower.times_s == sorted(set(follower.times_s))


def test_process_numbers_people_where_there_are_several() -> None:
    alone = LiveView(Follower(FACE)).process(FRAME)
    numbered = LiveView(Follower(FACE, replace(FACE, xyxy=(42.0, 30.0, 60.0, 46.0), number=2))).process(FRAME)
    assert not np.array_equal(alone[:30, :40], numbered[:30, :40]), "a number stands before the label"


def test_history_holds_ten_moments_a_second_of_the_last_minutes() -> None:
    clock = Clock()
    live = LiveView(Follower(FACE), clock=clock)
    for _ in range(round(30 * (HISTORY_S + 5))):
        clock.now += 1 / 30
        live._store(FRAME, (FACE,), None, clock.now)  # drawing 18,000 frames would take a minute
    moments = live.history()
    assert clock.now - moments[0].time_s == pytest.approx(HISTORY_S, abs=0.2)
    assert len(moments) == pytest.approx(HISTORY_S / HISTORY_EVERY_S, rel=0.25)
    assert moments[-1].faces == (FACE,)
    live.reset()
    assert live.history() == ()


def test_history_passes_over_frames_that_failed() -> None:
    live = LiveView(Follower(first=fail_with(ValueError("oops"))))
    live.process(FRAME)
    assert live.history() == ()


def test_snapshot_before_any_frame_is_empty() -> None:
    snapshot = LiveView(Follower(FACE)).snapshot()
    assert (snapshot.faces, snapshot.frames, snapshot.frames_per_second) == ((), 0, 0.0)
    assert snapshot.seconds_since_frame is None
    assert snapshot.resolution_wh is None


def test_snapshot_rates_are_those_of_the_last_two_seconds() -> None:
    clock = Clock()

    def take(seconds: float) -> Callable[[], None]:
        def wait() -> None:
            clock.now += seconds

        return wait

    live = LiveView(Follower(first=take(0.5)), clock=clock)
    live.process(FRAME)  # slow, and long ago by the time of the question
    clock.now += 10
    live.configure(Follower(first=take(0.02)), mirror=False)
    for _ in range(60):  # 3 s at 20 frames a second: 20 ms of work, 30 ms of waiting
        live.process(FRAME)
        clock.now += 0.03
    snapshot = live.snapshot()
    assert snapshot.frames == 61
    assert snapshot.frames_per_second == pytest.approx(20, abs=0.5)
    assert snapshot.latency_ms == pytest.approx(20, abs=0.1)
    assert snapshot.seconds_since_frame == pytest.approx(0.03)


def test_snapshot_of_a_young_stream_is_not_diluted_by_an_empty_window() -> None:
    clock = Clock()
    live = LiveView(Follower(), clock=clock)
    for _ in range(10):  # half a second at 20 frames a second
        clock.now += 0.05
        live.process(FRAME)
    assert live.snapshot().frames_per_second == pytest.approx(20, rel=0.15)


def test_snapshot_of_a_stream_that_stands_still_falls_to_zero() -> None:
    clock = Clock()
    live = LiveView(Follower(), clock=clock)
    live.process(FRAME)
    clock.now += 5
    assert live.snapshot().frames_per_second == 0
    assert live.snapshot().seconds_since_frame == pytest.approx(5)


def test_reset_forgets_everything_but_the_settings() -> None:
    live = LiveView(Follower(FACE))
    live.process(FRAME)
    live.report("broken")
    live.reset()
    assert live.snapshot().frames == 0
    assert live.snapshot().error is None
    live.process(FRAME)
    assert live.snapshot().faces == (FACE,)


def test_report_shows_a_failure_around_the_frame() -> None:
    live = LiveView(Follower(FACE))
    live.process(FRAME)
    live.report("The frame could not be decoded.")
    assert live.snapshot().error == "The frame could not be decoded."
    assert live.snapshot().faces == ()


def test_snapshot_does_not_wait_for_a_frame_in_progress() -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        assert leave.wait(10)

    live = LiveView(Follower(FACE, first=hold))
    worker = threading.Thread(target=live.process, args=(FRAME,))
    worker.start()
    try:
        assert entered.wait(10)
        assert live.snapshot().frames == 0  # would never return if the lock were held
    finally:
        leave.set()
        worker.join(10)
    assert live.snapshot().frames == 1


def test_live_view_survives_threads_that_all_use_it() -> None:
    live = LiveView(Follower(FACE))

    def use() -> None:
        for _ in range(50):
            live.process(FRAME)
            live.snapshot()
            live.configure(Follower(FACE), mirror=False)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert live.snapshot().frames == 200


def test_live_import_needs_neither_streamlit_nor_webrtc_nor_tensorflow() -> None:
    heavy = ("streamlit", "streamlit_webrtc", "av", "tensorflow")
    code = f"import sys, fer.inference.live; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
