"""fer/inference/delay.py: waiting is told from the camera's stamps, whatever its clock says."""

from __future__ import annotations

import pytest

from fer.inference.delay import CameraDelay


def note(delay: CameraDelay, stamps_s: list[float], *, way_s: float = 0.0, work_s: float = 0.02, ahead_s: float = 1000.0) -> None:
    for stamp in stamps_s:
        arrived = stamp + ahead_s + way_s
        delay.note(stamp, arrived, arrived + work_s)


def test_seconds_of_frames_that_do_not_wait_are_those_they_are_worked_on() -> None:
    delay = CameraDelay()
    assert delay.seconds is None
    note(delay, [i / 30 for i in range(60)])
    assert delay.seconds == pytest.approx(0.02)


def test_seconds_grow_when_frames_fall_behind_the_camera() -> None:
    delay = CameraDelay()
    note(delay, [i / 30 for i in range(60)])
    note(delay, [2 + i / 30 for i in range(90)], way_s=0.3)
    assert delay.seconds == pytest.approx(0.32)


def test_seconds_forget_a_quickest_frame_of_long_ago() -> None:
    delay = CameraDelay()
    note(delay, [0.0])
    note(delay, [1 + i / 10 for i in range(400)], way_s=0.05)  # clocks that drift, or another way through the network
    assert delay.seconds == pytest.approx(0.02)


def test_seconds_begin_anew_with_a_stream_of_another_clock() -> None:
    delay = CameraDelay()
    note(delay, [100.0, 100.1])
    note(delay, [0.0, 0.1], ahead_s=5000.0)
    assert delay.seconds == pytest.approx(0.02)
