"""fer/detection/mtcnn.py: its parts by hand, its boxes against the wheel's own, and what happens when it cannot be made."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.boxes import iou_matrix
from fer.detection import default_detector_name, mtcnn
from fer.detection.mtcnn import MtcnnDetector, _patches, _survivors, _to_squares, describe, prepare_mtcnn
from fer.errors import DetectionError
from fer.workspace import cache_dir


def test_survivors_keeps_the_best_of_those_that_overlap() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [40, 40, 50, 50], [2, 2, 6, 6]], np.float32)
    scores = np.array([0.8, 0.9, 0.7, 0.95], np.float32)
    # By union the small box inside counts 0.16; by the smaller area it is wholly covered, and being the best it wins.
    assert _survivors(boxes, scores, 0.5).tolist() == [3, 1, 2]
    assert _survivors(boxes, scores, 0.5, over_smaller=True).tolist() == [3, 2]


def test_to_squares_takes_the_longer_side() -> None:
    boxes = np.array([[0, 0, 10, 20], [0, 0, 20, 10]], np.float32)
    np.testing.assert_allclose(_to_squares(boxes), [[-5, 0, 15, 20], [0, -5, 20, 15]], atol=1e-4)


def test_patches_are_grey_outside_the_picture() -> None:
    white = np.full((20, 20, 3), 255, np.uint8)
    (patch,) = _patches(white, np.array([[-23, 0, 0, 19]], np.float32), 24)
    assert abs(patch[:, 0]).max() < 0.01  # outside: 0 in [-1, 1]
    assert patch[0, -1].tolist() == pytest.approx([127.5 / 128] * 3)  # the picture's first column


def fake_worker(code: int, stderr: str = "", files: tuple[str, ...] = ()) -> object:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        for name in files:
            (Path(command[-1]) / name).write_bytes(b"half a network")
        return subprocess.CompletedProcess(command, code, "", stderr)

    return run


def test_prepare_mtcnn_after_a_failing_worker_says_why_and_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", fake_worker(1, "Traceback …\nMemoryError: no room", ("pnet.tflite",)))
    with pytest.raises(DetectionError, match=r"could not be converted: MemoryError: no room.*yunet"):
        prepare_mtcnn()
    assert list((cache_dir() / "detectors").iterdir()) == []


def test_detector_of_damaged_networks_says_what_to_delete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", fake_worker(0, "", ("pnet.tflite", "rnet.tflite", "onet.tflite")))
    with pytest.raises(DetectionError, match=r"cannot be read .*Delete that folder"):
        MtcnnDetector()


def test_describe_without_the_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtcnn, "_wheel_version", lambda: None)
    assert not describe().available
    assert "pip install" in describe().state
    with pytest.raises(DetectionError, match="pip install"):
        prepare_mtcnn()


_WHEEL = """
import json, sys
import numpy as np
from mtcnn import MTCNN
images = np.load(sys.argv[1])
detector = MTCNN()
rows = [detector.detect_faces(images[name], box_format="xyxy", output_type="numpy", fit_to_image=False) for name in images.files]
print(json.dumps([row[:, 1:6].tolist() for row in rows]))
"""


@pytest.mark.slow
def test_detect_finds_the_boxes_that_the_wheel_finds(
    astronaut: np.ndarray, astronaut_turned: np.ndarray, face_xyxy: np.ndarray, coffee: np.ndarray, tmp_path: Path
) -> None:
    half = cv2.resize(astronaut, (240, 240), interpolation=cv2.INTER_AREA)
    # Of the working size, so that both see the same pixels.
    images = {
        "upright": cv2.resize(astronaut, (480, 480), interpolation=cv2.INTER_AREA),
        "turned": cv2.resize(astronaut_turned, (480, 480), interpolation=cv2.INTER_AREA),
        "two": np.ascontiguousarray(np.concatenate([half, half[:, ::-1]], axis=1)),
        "none": cv2.resize(coffee, (480, 320), interpolation=cv2.INTER_AREA),
    }
    np.savez(tmp_path / "images.npz", **images)
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", _WHEEL, str(tmp_path / "images.npz")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    expected = [np.array(rows, np.float32).reshape(-1, 5) for rows in json.loads(done.stdout.splitlines()[-1])]

    assert default_detector_name() == "haar"
    detector = MtcnnDetector()
    assert describe().state == "Ready."
    assert default_detector_name() == "mtcnn", "prepared, it is the better one"
    probe = "import sys; from fer.detection import get_detector; get_detector('mtcnn'); print('tensorflow' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["False"], "converted once, it needs no TensorFlow"
    sizes = {path.name: path.stat().st_size for path in prepare_mtcnn().iterdir()}
    assert sizes["pnet.tflite"] > 25_000  # 18 KB would be the network without its weights

    for (name, image), wheel in zip(images.items(), expected, strict=True):
        faces = detector.detect(image)
        assert len(faces) == len(wheel) == {"two": 2, "none": 0}.get(name, 1), name
        if len(wheel):
            overlaps = iou_matrix(faces.xyxy, wheel[:, :4])
            assert overlaps.max(axis=1).min() > 0.85, name
            np.testing.assert_allclose(faces.detection_score, wheel[overlaps.argmax(axis=1), 4], atol=0.05)
    faces = detector.detect(astronaut)
    assert iou_matrix(faces.xyxy, face_xyxy)[0, 0] > 0.7
    crop = faces.crop_xyxy[0]
    assert crop[2] - crop[0] == pytest.approx(1.28 * (faces.xyxy[0, 2] - faces.xyxy[0, 0]), rel=1e-4)
    assert faces.landmarks is not None
    eyes = (faces.landmarks[0, :2] - crop[:2]) / (crop[2] - crop[0])
    np.testing.assert_allclose(eyes, [[0.31, 0.39], [0.68, 0.38]], atol=0.08)
