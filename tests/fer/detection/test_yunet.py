"""fer/detection/yunet.py: on a real photo with the real file, and fetching with the download replaced by local files."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from fer.boxes import iou_matrix
from fer.detection import yunet
from fer.detection.yunet import YuNetDetector, fetch_yunet, yunet_path
from fer.errors import DetectionError
from fer.workspace import cache_dir


@pytest.fixture(scope="module")
def detector(shared_data: Path) -> YuNetDetector:
    return YuNetDetector(shared_data / yunet.FILE_NAME)


@pytest.mark.fer2013
def test_detect_finds_the_face_of_a_photo(detector: YuNetDetector, astronaut: np.ndarray, face_xyxy: np.ndarray) -> None:
    faces = detector.detect(astronaut)
    assert len(faces) == 1
    assert iou_matrix(faces.xyxy, face_xyxy)[0, 0] > 0.7
    assert 0.7 <= faces.detection_score[0] <= 1


@pytest.mark.fer2013
def test_detect_crops_a_square_of_1_26_box_widths(detector: YuNetDetector, astronaut: np.ndarray) -> None:
    faces = detector.detect(astronaut)
    (left, top, right, bottom), box = faces.crop_xyxy[0], faces.xyxy[0]
    assert right - left == pytest.approx(1.26 * (box[2] - box[0]), rel=1e-4)
    assert bottom - top == pytest.approx(right - left, rel=1e-4)
    assert (left + right) / 2 == pytest.approx((box[0] + box[2]) / 2, abs=0.01)
    assert (top + bottom) / 2 == pytest.approx((box[1] + box[3]) / 2, abs=0.01)


@pytest.mark.fer2013
def test_detect_puts_the_eyes_where_fer2013_has_them(detector: YuNetDetector, astronaut: np.ndarray) -> None:
    faces = detector.detect(astronaut)
    assert faces.landmarks is not None
    crop = faces.crop_xyxy[0]
    eyes = (faces.landmarks[0, :2] - crop[:2]) / (crop[2] - crop[0])
    np.testing.assert_allclose(eyes, [[0.31, 0.39], [0.68, 0.38]], atol=0.06)


@pytest.mark.fer2013
def test_detect_gives_boxes_in_the_pixels_of_the_picture_given(detector: YuNetDetector, astronaut: np.ndarray) -> None:
    large = cv2.resize(astronaut, None, fx=2.5, fy=2.5)
    assert iou_matrix(detector.detect(large).xyxy, detector.detect(astronaut).xyxy * 2.5)[0, 0] > 0.9


@pytest.mark.fer2013
def test_detect_finds_a_turned_face(detector: YuNetDetector, astronaut_turned: np.ndarray) -> None:
    assert len(detector.detect(astronaut_turned)) == 1


@pytest.mark.fer2013
def test_detect_finds_the_face_of_a_48_pixel_crop(detector: YuNetDetector, astronaut: np.ndarray) -> None:
    crop = cv2.resize(astronaut[70:180, 170:280], (48, 48), interpolation=cv2.INTER_AREA)
    faces = detector.detect(crop)
    assert len(faces) == 1
    assert 40 < faces.crop_xyxy[0, 2] - faces.crop_xyxy[0, 0] < 56


@pytest.mark.fer2013
def test_detect_leaves_out_faces_smaller_than_asked(detector: YuNetDetector, astronaut: np.ndarray) -> None:
    assert len(detector.detect(astronaut, min_size=300)) == 0


@pytest.mark.fer2013
def test_detect_finds_nothing_where_nothing_is(detector: YuNetDetector, coffee: np.ndarray) -> None:
    assert len(detector.detect(coffee)) == 0
    assert len(detector.detect(np.zeros((1, 1, 3), np.uint8))) == 0


@pytest.mark.fer2013
def test_detect_finds_what_opencvs_own_yunet_finds(detector: YuNetDetector, shared_data: Path, astronaut: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    for width, height in ((480, 480), (416, 480), (480, 352)):  # sizes that need no resampling and no padding
        picture = cv2.resize(np.tile(astronaut[:240, 110:350], (1, 2, 1)), (width, height))
        picture = np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)
        theirs = cv2.FaceDetectorYN.create(str(shared_data / yunet.FILE_NAME), "", (width, height), 0.7, 0.3)
        found = theirs.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
        found = found[np.argsort(-found[:, 2], kind="stable")]
        faces = detector.detect(picture)
        assert faces.landmarks is not None
        np.testing.assert_allclose(faces.xyxy, np.c_[found[:, :2], found[:, :2] + found[:, 2:4]], atol=0.01)
        np.testing.assert_allclose(faces.landmarks.reshape(-1, 10), found[:, 4:14], atol=0.01)
        np.testing.assert_allclose(faces.detection_score, found[:, 14], atol=1e-4)


@pytest.mark.fer2013
@pytest.mark.parametrize("shape", [(1, 5000, 3), (5000, 1, 3), (3, 700, 3)])
def test_detect_in_a_very_narrow_picture_finds_nothing(detector: YuNetDetector, shape: tuple[int, ...]) -> None:
    assert len(detector.detect(np.zeros(shape, np.uint8))) == 0


@pytest.mark.fer2013
def test_detect_from_many_threads_gives_what_one_gives(detector: YuNetDetector, astronaut: np.ndarray) -> None:
    # Different sizes, which calls could mix up.
    images = [astronaut[: 512 - 40 * i, : 512 - 10 * i] for i in range(6)] * 4
    alone = [detector.detect(image).xyxy for image in images]
    with ThreadPoolExecutor(6) as pool:
        together = [faces.xyxy for faces in pool.map(detector.detect, images)]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("what", ["no network", "cut", "empty", "another network"])
def test_detector_of_another_file_says_so(tmp_path: Path, what: str) -> None:
    path = tmp_path / "yunet.onnx"
    value = onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, 640, 640])
    answer = onnx.helper.make_tensor_value_info("answer", onnx.TensorProto.FLOAT, [1, 3, 640, 640])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["input"], ["answer"])], "another", [value], [answer])
    another = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    path.write_bytes({"no network": b"not a network", "cut": another[:60], "empty": b"", "another network": another}[what])
    with pytest.raises(DetectionError, match="cannot be read as the YuNet face detector"):
        YuNetDetector(path)


def test_yunet_path_is_what_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert yunet_path() == cache_dir() / "detectors" / yunet.FILE_NAME
    monkeypatch.setenv("FER_YUNET", str(tmp_path / "mine.onnx"))
    assert yunet_path() == tmp_path / "mine.onnx"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the file on the web, fetched through a file:// URL."""
    path = tmp_path / "published.onnx"
    path.write_bytes(b"network" * 5000)
    monkeypatch.setattr(yunet, "URL", path.as_uri())
    monkeypatch.setattr(yunet, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(yunet, "_SIZE_BYTES", path.stat().st_size)
    return path


def test_fetch_yunet_keeps_the_file_and_reports_progress(published: Path) -> None:
    shares: list[float] = []
    path = fetch_yunet(lambda words, share: shares.append(share))
    assert path == yunet_path()
    assert path.read_bytes() == published.read_bytes()
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert list(path.parent.iterdir()) == [path]


def test_fetch_yunet_fetches_once(published: Path) -> None:
    path = fetch_yunet()
    published.unlink()
    assert fetch_yunet() == path


def test_fetch_yunet_replaces_a_damaged_file(published: Path) -> None:
    yunet_path().parent.mkdir(parents=True)
    yunet_path().write_bytes(b"cut sho")
    assert fetch_yunet().read_bytes() == published.read_bytes()


@pytest.mark.parametrize(
    "content", [b"network" * 4999, b"NETWORK" * 5000, b"network" * 90_000, b""], ids=["cut", "changed", "long", "empty"]
)
def test_fetch_yunet_refuses_another_file_and_keeps_nothing(published: Path, content: bytes) -> None:
    published.write_bytes(content)
    with pytest.raises(DetectionError, match="another file than expected"):
        fetch_yunet()
    assert not list(cache_dir().rglob("*.onnx"))


def test_fetch_yunet_without_a_connection_says_what_to_do(published: Path) -> None:
    published.unlink()
    with pytest.raises(DetectionError, match=r"could not be fetched.*FER_YUNET.*haar"):
        fetch_yunet()
    assert not list(cache_dir().rglob("*.onnx"))


def test_fetch_yunet_where_nothing_can_be_written_says_so(published: Path) -> None:
    cache_dir().parent.mkdir(parents=True, exist_ok=True)
    cache_dir().write_text("a file where a folder should be")
    with pytest.raises(DetectionError, match="cannot be written"):
        fetch_yunet()
