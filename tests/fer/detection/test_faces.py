"""fer/detection/faces.py: `Faces`, and what every backend shares."""

import numpy as np
import pytest

from fer.detection.faces import Faces, require_image, to_working_size
from fer.errors import DetectionError, ImageError


def test_collect_puts_the_largest_face_first() -> None:
    boxes = [[0, 0, 30, 30], [5, 5, 95, 95], [0, 0, 50, 50]]
    landmarks = np.arange(30).reshape(3, 5, 2)
    faces = Faces.collect(boxes, boxes, [0.1, 0.2, 0.3], landmarks)
    assert (faces.xyxy[:, 2] - faces.xyxy[:, 0]).tolist() == [90, 50, 30]
    np.testing.assert_allclose(faces.detection_score, [0.2, 0.3, 0.1])
    assert faces.landmarks is not None
    assert faces.landmarks[0, 0].tolist() == [10, 11]


def test_collect_leaves_out_faces_narrower_than_asked() -> None:
    boxes = [[0, 0, 30, 30], [5, 5, 95, 95]]
    assert len(Faces.collect(boxes, boxes, [0.1, 0.2], min_size=31)) == 1


def test_collect_of_nothing_is_empty() -> None:
    faces = Faces.collect([], [], [])
    assert len(faces) == 0
    assert faces.xyxy.shape == faces.crop_xyxy.shape == (0, 4)
    assert Faces.collect([], [], [], []).landmarks is not None


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"crop_xyxy": np.zeros((1, 4), np.float32)}, "crop_xyxy"),
        ({"detection_score": np.zeros(2, np.float64)}, "detection_score"),
        ({"landmarks": np.zeros((2, 10), np.float32)}, "landmarks"),
    ],
)
def test_faces_refuse_arrays_that_do_not_belong_together(changed: dict[str, np.ndarray], named: str) -> None:
    arrays = {
        "xyxy": np.zeros((2, 4), np.float32),
        "crop_xyxy": np.zeros((2, 4), np.float32),
        "detection_score": np.zeros(2, np.float32),
    }
    with pytest.raises(DetectionError, match=named):
        Faces(**{**arrays, **changed})


@pytest.mark.parametrize(
    ("image", "received"),
    [
        (np.zeros((9, 9), np.uint8), r"uint8 \(9, 9\)"),
        (np.zeros((9, 9, 3), np.float32), "float32"),
        (np.zeros((9, 9, 4), np.uint8), r"\(9, 9, 4\)"),
        (np.zeros((0, 9, 3), np.uint8), r"\(0, 9, 3\)"),
        ("face.jpg", "str"),
    ],
)
def test_require_image_says_what_came_instead(image: object, received: str) -> None:
    with pytest.raises(ImageError, match=f"uint8 RGB.*Received: .*{received}"):
        require_image(image)


@pytest.mark.parametrize(
    ("shape", "expected", "scale"),
    [
        ((480, 640), (360, 480), 0.75),  # too large: shrunk
        ((200, 300), (200, 300), 1.0),  # between: as it is
        ((48, 48), (192, 192), 4.0),  # a face crop: enlarged
        ((1, 4000), (1, 480), 0.12),  # never without pixels
    ],
)
def test_to_working_size(shape: tuple[int, int], expected: tuple[int, int], scale: float) -> None:
    working, factor = to_working_size(np.zeros((*shape, 3), np.uint8), 480)
    assert working.shape[:2] == expected
    assert factor == pytest.approx(scale)


def test_roll_degrees_is_the_slope_between_the_eyes_clockwise() -> None:
    upright, leaning = np.zeros((5, 2)), np.zeros((5, 2))
    upright[:2] = [[10, 20], [30, 20]]
    leaning[:2] = [[10, 20], [30, 40]]  # the eye on the right is lower: the head leans to the right
    boxes = [[0, 0, 40, 40]] * 2
    faces = Faces.collect(boxes, boxes, [0.9, 0.9], [upright, leaning])
    assert faces.roll_degrees is not None
    np.testing.assert_allclose(faces.roll_degrees, [0, 45])
    assert Faces.collect(boxes, boxes, [0.9, 0.9]).roll_degrees is None
