"""fer/inference/follower.py: from frames to steady answers, with a detector and a network that say what they are told to."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from skimage import data

from fer.boxes import as_xyxy, iou_matrix, square_xyxy
from fer.detection import Faces
from fer.errors import DetectionError, SettingsError
from fer.inference.follower import FaceFollower
from fer.inference.pace import STEPS, Pace
from fer.inference.recognizer import FacePrediction
from fer.labels import FER7

FACE_XYXY = (180.0, 70.0, 270.0, 180.0)  # the astronaut's, marked by hand
HAPPY = (0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02)
SAD = (0.02, 0.02, 0.02, 0.02, 0.88, 0.02, 0.02)


class Told:
    """A recognizer that finds the boxes of `boxes` and reads `probabilities` from each face."""

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self.boxes, self.probabilities, self.face_probability = list(boxes), HAPPY, 1.0
        self.looked: list[tuple[int, ...]] = []
        self.upright: list[bool] = []
        self.detector = SimpleNamespace(name="told", detect=self.detect)

    def detect(self, image: np.ndarray, *, min_size: int) -> Faces:
        self.looked.append(image.shape)
        scale = image.shape[1] / 512
        xyxy = as_xyxy(self.boxes) * np.float32(scale)
        return Faces.collect(xyxy, square_xyxy(xyxy), [0.9] * len(xyxy), min_size=min_size)

    def read(self, image: np.ndarray, faces: Faces, *, head: str | None, upright: bool) -> tuple[FacePrediction, ...]:
        self.upright.append(upright)
        return tuple(
            FacePrediction(tuple(box), 0.9, FER7, self.probabilities, self.face_probability, 0.5) for box in faces.xyxy.tolist()
        )


def follower(told: Told, *, step: int = 0, **options: object) -> FaceFollower:
    """One whose pace does not change."""
    pace = Pace()
    pace.took = lambda time_s, seconds: None  # type: ignore[method-assign]
    pace._level = step
    return FaceFollower(told, pace=pace, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return data.astronaut()


def shifted(image: np.ndarray, x: float, y: float = 0) -> np.ndarray:
    return cv2.warpAffine(image, np.array([[1, 0, x], [0, 1, y]], float), image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def test_update_smooths_the_probabilities_and_keeps_the_raw(astronaut: np.ndarray) -> None:
    told = Told(FACE_XYXY)
    followed = follower(told, smoothing_s=0.5)
    followed.update(0.0, astronaut)
    told.probabilities = SAD
    (face,) = followed.update(0.1, astronaut)
    assert 0.02 < face.probabilities[4] < 0.4
    assert sum(face.probabilities) == pytest.approx(1)
    assert face.label == "happy"
    assert face.raw == SAD
    assert [f.label for i in range(2, 30) for f in followed.update(i / 10, astronaut)][-1] == "sad"


def test_update_does_not_change_the_label_back_and_forth_between_two_that_are_level(astronaut: np.ndarray) -> None:
    told = Told(FACE_XYXY)
    followed = follower(told, smoothing_s=0)
    labels = set()
    for i in range(20):
        ahead = 0.04 if i % 2 else -0.04
        told.probabilities = (0.0, 0.0, 0.0, 0.5 + ahead, 0.5 - ahead, 0.0, 0.0)
        labels |= {face.label for face in followed.update(i / 30, astronaut)}
    assert len(labels) == 1


def test_update_tells_people_apart_and_knows_who_comes_back(astronaut: np.ndarray) -> None:
    other = (350.0, 300.0, 430.0, 390.0)
    told = Told(FACE_XYXY, other)
    followed = follower(told)
    assert [face.number for face in followed.update(0.0, astronaut)] == [1, 2]
    told.boxes = [other]
    black = np.zeros_like(astronaut)  # so that nothing can be followed, and only who is detected is there
    assert [face.number for face in followed.update(0.1, black)] == [2]
    told.boxes = [FACE_XYXY, other]
    assert [face.number for face in followed.update(1.0, black)] == [1, 2]


def test_update_between_detections_follows_the_picture(astronaut: np.ndarray) -> None:
    told = Told(FACE_XYXY)
    followed = follower(told, step=2)
    boxes = []
    for i in range(4):
        boxes += [face.xyxy for face in followed.update(i / 30, shifted(astronaut, 6 * i))]
    assert STEPS[2].every == 4
    assert len(told.looked) == 1
    for i, box in enumerate(boxes):
        assert iou_matrix(box, np.add(FACE_XYXY, (6 * i, 0, 6 * i, 0)))[0, 0] > 0.93


def test_update_in_a_smaller_picture_gives_boxes_of_the_whole_one(astronaut: np.ndarray) -> None:
    told = Told(FACE_XYXY)
    (face,) = follower(told, step=3).update(0.0, astronaut)
    assert told.looked == [(320, 320, 3)]
    np.testing.assert_allclose(face.xyxy, FACE_XYXY, atol=0.01)


def test_update_looks_at_once_for_a_face_that_was_lost(astronaut: np.ndarray) -> None:
    told = Told(FACE_XYXY)
    followed = follower(told, step=2)
    followed.update(0.0, astronaut)
    told.boxes = []
    assert followed.update(0.03, np.zeros_like(astronaut)) == ()
    assert len(told.looked) == 2


def test_update_holds_a_face_that_the_detector_misses_for_a_moment_and_not_for_long(astronaut: np.ndarray) -> None:
    told = Told(FACE_XYXY)
    followed = follower(told)
    followed.update(0.0, astronaut)
    told.boxes = []
    seen = {i / 10: [face.number for face in followed.update(i / 10, shifted(astronaut, 2 * i))] for i in range(1, 10)}
    assert seen[0.4] == [1]
    assert seen[0.7] == []


def test_update_shows_what_is_no_face_as_such_and_learns_nothing_from_it(astronaut: np.ndarray) -> None:
    told = Told(FACE_XYXY)
    followed = follower(told, smoothing_s=0)
    followed.update(0.0, astronaut)
    told.probabilities, told.face_probability = SAD, 0.1
    (face,) = followed.update(0.1, astronaut)
    assert face.label == "not a face"
    assert face.confidence == pytest.approx(0.9)
    assert face.probabilities == HAPPY


def test_update_reads_faces_upright(astronaut: np.ndarray) -> None:
    told = Told(FACE_XYXY)
    follower(told).update(0.0, astronaut)
    assert told.upright == [True]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: FaceFollower(SimpleNamespace(detector=None)), DetectionError),  # type: ignore[arg-type]
        (lambda: follower(Told(), smoothing_s=-1), SettingsError),
    ],
)
def test_follower_refuses_what_it_cannot_work_with(make: Callable[[], FaceFollower], error: type[Exception]) -> None:
    with pytest.raises(error):
        make()
