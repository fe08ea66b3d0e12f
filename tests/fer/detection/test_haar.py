"""fer/detection/haar.py: on a real photo, upright, turned, dark and as a face crop."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from fer.boxes import iou_matrix
from fer.detection.haar import HaarDetector


@pytest.fixture(scope="module")
def detector() -> HaarDetector:
    return HaarDetector()


def test_detect_finds_the_face_of_a_photo(detector: HaarDetector, astronaut: np.ndarray, face_xyxy: np.ndarray) -> None:
    faces = detector.detect(astronaut)
    assert len(faces) == 1
    assert iou_matrix(faces.xyxy, face_xyxy)[0, 0] > 0.6
    assert 0.5 <= faces.detection_score[0] < 1
    assert faces.landmarks is None
    # FER2013 was cut with this cascade: its box is the crop.
    np.testing.assert_allclose(faces.crop_xyxy, faces.xyxy, atol=1e-3)


@pytest.mark.parametrize("scale", [0.75, 2.5])
def test_detect_gives_boxes_in_the_pixels_of_the_picture_given(
    detector: HaarDetector, astronaut: np.ndarray, scale: float
) -> None:
    resized = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    assert iou_matrix(detector.detect(resized).xyxy, detector.detect(astronaut).xyxy * scale)[0, 0] > 0.8


@pytest.mark.parametrize("mirror", [False, True], ids=["to the right", "to the left"])
def test_detect_turns_boxes_of_a_turned_search_back(detector: HaarDetector, astronaut: np.ndarray, mirror: bool) -> None:
    turn = cv2.getRotationMatrix2D((225, 125), -30, 1.0)
    image = cv2.warpAffine(astronaut, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    faces = detector.detect(np.ascontiguousarray(image[:, ::-1]) if mirror else image)
    assert len(faces) == 1
    box = faces.xyxy[0]
    centre = [511 - 225 if mirror else 225, 125]
    np.testing.assert_allclose([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], centre, atol=15)


def test_detect_equalises_a_dark_picture(detector: HaarDetector, astronaut: np.ndarray, face_xyxy: np.ndarray) -> None:
    dark = (astronaut * 0.12).astype(np.uint8)
    assert iou_matrix(detector.detect(dark).xyxy, face_xyxy)[0, 0] > 0.6


def test_detect_finds_a_face_that_touches_the_frame(detector: HaarDetector, astronaut: np.ndarray) -> None:
    face = detector.detect(astronaut).xyxy[0].astype(int)
    crop = cv2.resize(astronaut[face[1] : face[3], face[0] : face[2]], (48, 48), interpolation=cv2.INTER_AREA)
    faces = detector.detect(crop)
    assert len(faces) == 1
    assert 40 < faces.crop_xyxy[0, 2] - faces.crop_xyxy[0, 0] < 54


def test_detect_finds_nothing_where_nothing_is(detector: HaarDetector, coffee: np.ndarray) -> None:
    assert len(detector.detect(coffee)) == 0
    assert len(detector.detect(np.zeros((1, 1, 3), np.uint8))) == 0


def test_detect_leaves_out_faces_smaller_than_asked(detector: HaarDetector, astronaut: np.ndarray) -> None:
    assert len(detector.detect(astronaut, min_size=300)) == 0


def test_detect_from_many_threads_gives_what_one_gives(detector: HaarDetector, astronaut: np.ndarray) -> None:
    images = [astronaut[:300, : 300 + 8 * i] for i in range(4)] * 2
    alone = [detector.detect(image).xyxy for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = [faces.xyxy for faces in pool.map(detector.detect, images)]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
