"""A recording: pictures at the wished pace, judged; and a camera's thread that is never let down."""

from __future__ import annotations

import numpy as np
import pytest

from fer.data.synthetic import draw_scene
from fer.detection import Faces, get_detector
from fer.errors import DetectionError
from fer.inference.burst import LARGEST_CROP, BurstCamera, find_shots

FRAME = np.random.default_rng(0).integers(60, 200, (120, 160, 3), dtype=np.uint8)


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Detector:
    """Finds the boxes that it is told to."""

    name = "told"

    def __init__(self, *boxes: tuple[int, int, int, int]) -> None:
        self.boxes = boxes

    def detect(self, image: np.ndarray, *, min_size: int = 20) -> Faces:
        return Faces.collect(self.boxes, self.boxes, [0.9] * len(self.boxes))


LARGE, SMALL = (20, 20, 100, 100), (110, 20, 140, 50)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def camera(clock: Clock) -> BurstCamera:
    camera = BurstCamera(clock=clock)
    camera.configure(Detector(LARGE), None, mirror=False)
    return camera


def film(camera: BurstCamera, clock: Clock, seconds: float, rate: float = 30) -> None:
    for _ in range(round(seconds * rate)):
        camera.process(FRAME)
        clock.now += 1 / rate


def test_recording_takes_so_many_pictures_evenly(camera: BurstCamera, clock: Clock) -> None:
    film(camera, clock, 1)
    assert camera.take() is None, "nothing is recorded before it is asked for"
    camera.start(pictures=6, seconds=3)
    film(camera, clock, 1.5)
    assert camera.snapshot().recording
    assert camera.snapshot().share == pytest.approx(0.5)
    assert camera.take() is None, "not before its end"
    film(camera, clock, 1.5)
    snapshot = camera.snapshot()
    assert (snapshot.recording, snapshot.share, snapshot.faces) == (False, 1.0, 1)
    taken = camera.take()
    assert taken is not None
    shots, faceless = taken
    assert (len(shots), faceless) == (6, 0)
    np.testing.assert_array_equal(shots[0].face_crop, FRAME[20:100, 20:100])
    assert camera.take() is None, "once"


def test_recording_of_a_camera_that_falls_silent_ends(camera: BurstCamera, clock: Clock) -> None:
    camera.start(pictures=6, seconds=3)
    film(camera, clock, 1)
    clock.now += 6
    assert not camera.snapshot().recording
    taken = camera.take()
    assert taken is not None
    assert len(taken[0]) == 2


def test_recording_counts_pictures_without_a_face(camera: BurstCamera, clock: Clock) -> None:
    camera.start(pictures=4, seconds=1)
    film(camera, clock, 0.5)
    camera.configure(Detector(), None, mirror=False)
    film(camera, clock, 0.5)
    assert camera.snapshot().faces == 0
    taken = camera.take()
    assert taken is not None
    assert (len(taken[0]), taken[1]) == (2, 2)


def test_recording_is_not_mirrored_what_is_shown_is(camera: BurstCamera, clock: Clock) -> None:
    camera.configure(Detector(LARGE), None, mirror=True)
    camera.start(pictures=1, seconds=1)
    shown = camera.process(FRAME)
    assert shown.shape == FRAME.shape
    np.testing.assert_array_equal(shown[-5:], FRAME[-5:, ::-1])
    taken = camera.take()
    assert taken is not None
    np.testing.assert_array_equal(taken[0][0].face_crop, FRAME[20:100, 20:100])


def test_process_looks_for_faces_only_as_often_as_is_of_use(camera: BurstCamera, clock: Clock) -> None:
    looked: list[float] = []

    class Counting(Detector):
        def detect(self, image: np.ndarray, *, min_size: int = 20) -> Faces:
            looked.append(clock.now)
            return super().detect(image)

    camera.configure(Counting(LARGE), None, mirror=False)
    film(camera, clock, 2)
    assert len(looked) <= 11, "of 60 frames"
    assert not np.array_equal(camera.process(FRAME), FRAME), "the box stays in between"
    camera.start(pictures=30, seconds=1)
    film(camera, clock, 1.1)
    taken = camera.take()
    assert taken is not None
    assert len(taken[0]) == 30, "while it is recorded, as often as that needs"


@pytest.mark.parametrize("failure", [DetectionError("The detector is gone."), ValueError("odd pixels")])
def test_process_never_raises(camera: BurstCamera, failure: Exception) -> None:
    class Broken(Detector):
        def detect(self, image: np.ndarray, *, min_size: int = 20) -> Faces:
            raise failure

    camera.configure(Broken(), None, mirror=False)
    np.testing.assert_array_equal(camera.process(FRAME), FRAME)
    assert str(failure) in (camera.snapshot().error or "")
    camera.configure(Detector(LARGE), None, mirror=False)
    camera.process(FRAME)
    assert camera.snapshot().error is None


def test_find_shots_names_what_speaks_against_a_picture() -> None:
    blurred = np.full_like(FRAME, 120) + np.linspace(0, 40, 160).astype(np.uint8)[None, :, None]
    blank = np.full_like(FRAME, 120)
    cases = [
        (FRAME, (LARGE,)),
        (FRAME, (LARGE, (20, 40, 90, 110))),
        (FRAME, (LARGE, SMALL)),
        (blurred, (LARGE,)),
        (blank, (LARGE,)),
    ]
    faults = []
    for image, boxes in cases:
        (shot,), _ = find_shots([image], Detector(*boxes))
        faults.append(shot.fault)
    assert faults == ["", "2 faces in view", "", "blurred", "blank"], "a small face in the background is no matter"


def test_find_shots_leaves_out_pictures_without_a_face() -> None:
    assert find_shots([FRAME, FRAME], Detector()) == ([], 2)
    assert find_shots([], Detector()) == ([], 0)


def test_find_shots_crops_are_square_and_of_bounded_size() -> None:
    image, _ = draw_scene(3, ("happy",), (900, 900))
    (shot,), faceless = find_shots([image], get_detector("haar"))
    assert faceless == 0
    height, width = shot.face_crop.shape[:2]
    assert height == width <= LARGEST_CROP
    assert shot.face_crop.base is None, "the whole frame would stay in memory"
    assert shot.fault == ""
