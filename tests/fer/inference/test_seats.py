"""fer/inference/seats.py: as many viewers as there are seats, and seats of those who left are free."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from fer.errors import SettingsError
from fer.inference.live import LiveView
from fer.inference.seats import Seats, most_viewers


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def view(clock: Clock) -> LiveView:
    return LiveView(clock=clock)


def test_take_is_refused_to_one_more_and_granted_when_somebody_leaves(clock: Clock) -> None:
    seats = Seats(2, clock=clock)
    first, second, third = view(clock), view(clock), view(clock)
    assert seats.take(first)
    assert seats.take(second)
    assert seats.take(first), "who has a seat keeps it"
    assert not seats.has_room(third)
    assert not seats.take(third)
    seats.leave(first)
    assert seats.has_room(third)
    assert seats.take(third)
    assert not seats.take(first)


def test_take_gives_away_the_seat_of_who_gets_no_frames_any_more(clock: Clock) -> None:
    seats, first, second = Seats(1, clock=clock), view(clock), view(clock)
    seats.take(first)
    clock.now += 14  # still connecting
    assert not seats.take(second)
    first.process(np.zeros((4, 4, 3), np.uint8))
    clock.now += 4
    assert not seats.take(second)
    clock.now += 2
    assert seats.take(second)


def test_take_gives_away_the_seat_of_a_session_that_is_gone(clock: Clock) -> None:
    seats, first = Seats(1, clock=clock), view(clock)
    seats.take(first)
    del first
    gc.collect()
    assert seats.take(view(clock))


def test_most_viewers_follows_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_LIVE_VIEWERS", "3")
    assert most_viewers() == 3
    monkeypatch.delenv("FER_LIVE_VIEWERS")
    assert most_viewers() >= 2


@pytest.mark.parametrize("setting", ["0", "-1", "many", "1.5"])
def test_most_viewers_refuses_what_is_no_number(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("FER_LIVE_VIEWERS", setting)
    with pytest.raises(SettingsError, match="FER_LIVE_VIEWERS"):
        most_viewers()
