"""Who is who from frame to frame."""

from __future__ import annotations

import numpy as np
import pytest

from fer.errors import SettingsError
from fer.inference.tracker import FaceTracker

SIDE = 60.0


def box(x: float, y: float = 100.0, side: float = SIDE) -> tuple[float, float, float, float]:
    return (x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def test_update_numbers_faces_from_one_and_keeps_their_numbers_in_any_order() -> None:
    tracker = FaceTracker()
    assert tracker.update(0.0, [box(100), box(300)]).tolist() == [1, 2]
    assert tracker.update(0.1, [box(305), box(98)]).tolist() == [2, 1]
    assert tracker.update(0.2, [box(99), box(500), box(306)]).tolist() == [1, 3, 2]


def test_update_without_faces_gives_none() -> None:
    tracker = FaceTracker()
    found = tracker.update(0.0, [])
    assert found.shape == (0,)
    assert found.dtype == np.int64
    assert tracker.update(0.1, np.zeros((0, 4), np.float32)).tolist() == []


@pytest.mark.parametrize("speed", [100.0, 300.0, 550.0])  # pixels a second; the last is nearly a width a frame
def test_update_follows_a_face_that_moves_quickly(speed: float) -> None:
    tracker = FaceTracker()
    numbers = [int(tracker.update(i / 10, [box(50 + speed * i / 10)])[0]) for i in range(12)]
    assert set(numbers) == {1}


def test_update_remembers_a_face_that_vanishes_for_a_moment() -> None:
    tracker = FaceTracker(memory_s=2.0)
    tracker.update(0.0, [box(100)])
    for i in range(1, 15):
        tracker.update(i / 10, [])
    assert tracker.update(1.6, [box(110)]).tolist() == [1]


def test_update_takes_a_face_that_was_long_gone_for_somebody_new_and_never_gives_a_number_twice() -> None:
    tracker = FaceTracker(memory_s=0.5)
    seen = []
    for round_ in range(4):
        seen += tracker.update(2.0 * round_, [box(100)]).tolist()
        tracker.update(2.0 * round_ + 0.9, [])
    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize("hidden", [0, 2, 4])
def test_update_tells_faces_apart_that_cross(hidden: int) -> None:
    """Two faces walk through each other; while they are closest the hind one is hidden."""
    tracker = FaceTracker()
    for i in range(21):
        left, right = box(100 + 20 * i), box(500 - 20 * i, y=112)
        boxes = [left] if abs(i - 10) < hidden else [left, right]
        numbers = tracker.update(i / 20, boxes).tolist()
        assert numbers == [1, 2][: len(boxes)]


def test_update_does_not_give_a_vanished_face_to_its_neighbour() -> None:
    tracker = FaceTracker()
    tracker.update(0.0, [box(100)])
    tracker.update(0.1, [box(100)])
    # Somebody appears beside the place of the first, a width and a half away.
    assert tracker.update(0.2, [box(100 + 1.5 * SIDE)]).tolist() == [2]


def test_update_matches_all_faces_at_once_rather_than_each_to_its_best() -> None:
    tracker = FaceTracker()
    tracker.update(0.0, [box(100), box(140)])
    # Both move right by half the distance between them and a bit: the first lies best over the second's old place.
    assert tracker.update(0.1, [box(121), box(161)]).tolist() == [1, 2]


def test_update_does_not_depend_on_how_often_it_is_called() -> None:
    for rate in (5, 10, 30):
        tracker = FaceTracker()
        numbers = {int(tracker.update(i / rate, [box(100 + 150 * i / rate)])[0]) for i in range(2 * rate)}
        assert numbers == {1}


@pytest.mark.parametrize("time_s", [0.5, 0.4, float("nan")])
def test_update_refuses_frames_out_of_order(time_s: float) -> None:
    tracker = FaceTracker()
    tracker.update(0.5, [])
    with pytest.raises(SettingsError, match="order of time"):
        tracker.update(time_s, [])


def test_tracker_refuses_a_negative_memory() -> None:
    with pytest.raises(SettingsError, match="-1"):
        FaceTracker(memory_s=-1)
