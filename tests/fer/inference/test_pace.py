"""fer/inference/pace.py: less for each frame where the time is short, more where there is some to spare."""

from itertools import pairwise

import pytest

from fer.errors import SettingsError
from fer.inference.pace import STEPS, Pace


class Camera:
    """Thirty frames a second that take as long as they are told to."""

    def __init__(self) -> None:
        self.pace, self.time_s = Pace(1 / 30), 0.0

    def run(self, seconds: float, took_s: float) -> list[int]:
        """The steps of that time, as places in STEPS, without repetitions."""
        met: list[int] = []
        for _ in range(round(seconds * 30)):
            self.time_s += 1 / 30
            self.pace.took(self.time_s, took_s)
            place = STEPS.index(self.pace.step)
            if not met or met[-1] != place:
                met.append(place)
        return met


def test_step_stays_the_best_where_frames_are_quick_enough() -> None:
    assert Camera().run(20, 0.03) == [0]


def test_step_goes_down_one_by_one_where_frames_take_too_long_and_ends_at_the_last() -> None:
    assert Camera().run(20, 0.2) == [0, 1, 2, 3, 4]


def test_step_does_not_change_for_a_single_slow_frame() -> None:
    camera = Camera()
    camera.run(5, 0.005)
    camera.pace.took(camera.time_s + 0.03, 0.5)
    camera.time_s += 0.03
    assert camera.run(3, 0.005) == [0]


def test_step_comes_back_up_where_there_is_time_again() -> None:
    camera = Camera()
    camera.run(10, 0.2)
    assert camera.run(20, 0.002)[-1] == 0


def test_step_neither_rises_nor_falls_in_between() -> None:
    camera = Camera()
    camera.run(2.1, 0.05)
    (place,) = camera.run(0.5, 0.025)
    assert place > 0
    assert camera.run(30, 0.025) == [place]


def test_a_better_step_that_does_not_hold_is_tried_ever_less_often() -> None:
    camera = Camera()
    # The best step takes too long, the next is quick: a pace that forgot would swing every second.
    tries = []
    for _ in range(60 * 30):
        camera.time_s += 1 / 30
        before = camera.pace.step
        camera.pace.took(camera.time_s, 0.05 if before == STEPS[0] else 0.01)
        if before != STEPS[0] and camera.pace.step == STEPS[0]:
            tries.append(camera.time_s)
    assert 3 <= len(tries) <= 7
    gaps = [b - a for a, b in pairwise(tries)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 4 * gaps[0]


def test_pace_without_time_is_refused() -> None:
    with pytest.raises(SettingsError, match="more than 0 seconds"):
        Pace(0)
