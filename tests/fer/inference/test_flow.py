"""fer/inference/flow.py: faces go along with the picture, and what is gone is not claimed."""

import cv2
import numpy as np
import pytest
from skimage import data

from fer.boxes import iou_matrix, square_xyxy
from fer.detection import Faces
from fer.inference.flow import FaceFlow

FACE = np.array([[180, 70, 270, 180]], np.float32)  # the astronaut's, marked by hand
EYES = np.array([[[205, 110], [245, 108], [225, 130], [210, 150], [240, 148]]], np.float32)


def faces(xyxy: np.ndarray = FACE, landmarks: np.ndarray | None = EYES) -> Faces:
    return Faces(xyxy, square_xyxy(xyxy, 1.26), np.full(len(xyxy), 0.9, np.float32), landmarks)


def moved(degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    turn = cv2.getRotationMatrix2D((225, 125), degrees, scale)
    turn[:, 2] += shift
    return turn


@pytest.mark.parametrize(
    ("degrees", "scale", "shift"), [(0, 1, (0, 0)), (0, 1, (14, -9)), (6, 1, (3, 3)), (0, 1.06, (-5, 2)), (-4, 0.95, (8, 8))]
)
def test_follow_moves_box_crop_and_points_as_the_picture_moves(degrees: float, scale: float, shift: tuple[float, float]) -> None:
    image, turn = data.astronaut(), moved(degrees, scale, shift)
    flow = FaceFlow()
    flow.follow(image, faces())
    after, found = flow.follow(cv2.warpAffine(image, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE), faces())
    assert found.tolist() == [True]
    middle = np.array([225, 125]) @ turn[:, :2].T + turn[:, 2]
    half = np.array([45, 55]) * scale
    expected = np.concatenate([middle - half, middle + half])
    assert iou_matrix(after.xyxy, expected)[0, 0] > 0.95
    assert np.abs(after.landmarks[0] - (EYES[0] @ turn[:, :2].T + turn[:, 2])).max() < 1.5
    np.testing.assert_allclose(after.crop_xyxy, square_xyxy(after.xyxy, 1.26), atol=0.01)


def test_follow_loses_a_face_that_is_gone() -> None:
    flow = FaceFlow()
    flow.follow(data.astronaut(), faces())
    _, found = flow.follow(cv2.resize(data.coffee(), (512, 512)), faces())
    assert found.tolist() == [False]


def test_follow_loses_a_face_behind_a_wall() -> None:
    flow = FaceFlow()
    flow.follow(data.astronaut(), faces())
    _, found = flow.follow(np.full((512, 512, 3), 90, np.uint8), faces())
    assert found.tolist() == [False]


def test_follow_at_the_first_frame_and_after_a_change_of_size_claims_nothing() -> None:
    flow = FaceFlow()
    assert flow.follow(data.astronaut(), faces())[1].tolist() == [False]
    assert flow.follow(data.astronaut()[:400], faces())[1].tolist() == [False]


def test_follow_without_faces_keeps_the_frame_for_the_next() -> None:
    flow = FaceFlow()
    after, found = flow.follow(data.astronaut(), Faces.collect([], [], []))
    assert len(after) == len(found) == 0
    assert flow.follow(data.astronaut(), faces())[1].tolist() == [True]
