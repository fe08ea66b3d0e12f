"""Real photographs, of scikit-image's wheel, through everything that answers: library, command line, table and page."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
from PIL import Image

from fer import FacePrediction, Recognizer, read_image
from fer.cli import main
from fer.folders import predict_folder
from ui.predict.answers import Picture, answer_picture
from ui.predict.downloads import faces_csv, faces_json
from ui.predict.options import Options

PHOTOS = Path(skimage.__file__).parent / "data"
ASTRONAUT = PHOTOS / "astronaut.png"  # NASA, public domain: one woman who smiles, 512 × 512
YUNET = pytest.param("yunet", marks=pytest.mark.fer2013)  # its file lies with the shared data


@pytest.fixture(params=["haar", YUNET])
def recognizer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Recognizer:
    if request.param == "yunet":
        monkeypatch.setenv("FER_YUNET", str(request.getfixturevalue("shared_data") / "yunet_n_640_640.onnx"))
    return Recognizer(detector=request.param)


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return read_image(ASTRONAUT)


def assert_smiles(face: FacePrediction) -> None:
    assert face.label == "happy"
    assert face.confidence > 0.9


def test_photo_of_one_face_is_found_and_smiles(recognizer: Recognizer, astronaut: np.ndarray) -> None:
    (face,) = recognizer.predict(astronaut)
    assert_smiles(face)
    assert face.xyxy == pytest.approx((178, 64, 272, 169), abs=15)


@pytest.mark.parametrize("name", ["chelsea.png", "coffee.png", "rocket.jpg"])  # a cat, a cup, a rocket
def test_photo_without_a_face_has_none(recognizer: Recognizer, name: str) -> None:
    assert recognizer.predict(read_image(PHOTOS / name)) == ()


def test_photo_of_thirty_faces_finds_each(recognizer: Recognizer, astronaut: np.ndarray) -> None:
    one = cv2.resize(astronaut[:240, 110:350], (160, 160), interpolation=cv2.INTER_AREA)
    faces = recognizer.predict(np.tile(one, (5, 6, 1)))
    assert len(faces) == 30
    assert all(face.label == "happy" for face in faces)
    middles = {(int(sum(face.xyxy[::2]) // 320), int(sum(face.xyxy[1::2]) // 320)) for face in faces}
    assert len(middles) == 30, "one in each place"


@pytest.mark.parametrize("cut", [np.s_[:, 190:], np.s_[70:]], ids=["left", "top"])
def test_photo_of_a_face_at_the_border_keeps_its_box_inside(recognizer: Recognizer, astronaut: np.ndarray, cut: object) -> None:
    image = np.ascontiguousarray(astronaut[cut])
    (face,) = recognizer.predict(image)
    assert_smiles(face)
    left, top, right, bottom = face.xyxy
    assert min(left, top) < 15
    assert 0 <= left < right <= image.shape[1]
    assert 0 <= top < bottom <= image.shape[0]


def test_photo_is_answered_alike_by_library_command_line_table_and_page(
    astronaut: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recognizer = Recognizer(detector="haar")
    people = tmp_path / "people.png"
    Image.fromarray(np.hstack([astronaut, astronaut[:, ::-1]])).save(people)
    faces = recognizer.predict(read_image(people))
    expected = np.array([face.probabilities for face in faces])
    assert len(faces) == 2

    assert main(["predict", str(people), "--detector", "haar", "--json"]) == 0
    by_command = json.loads(capsys.readouterr().out)[0]["faces"]
    predict_folder(tmp_path, recognizer, tmp_path / "faces.csv")
    by_table = list(csv.DictReader(io.StringIO((tmp_path / "faces.csv").read_text(encoding="utf-8"))))
    answer = answer_picture(Picture("people.png", people.read_bytes()), recognizer, Options("haar", "votes"))
    by_page = json.loads(faces_json([answer]))[0]["faces"]
    by_page_csv = list(csv.DictReader(io.StringIO(faces_csv([answer]))))

    names = list(faces[0].label_set)
    for found in (by_command, by_page):
        np.testing.assert_allclose([[face["probabilities"][name] for name in names] for face in found], expected, atol=1e-6)
        assert [face["xyxy"] for face in found] == [[round(side, 1) for side in face.xyxy] for face in faces]
    for rows in (by_table, by_page_csv):
        np.testing.assert_allclose([[float(row[name]) for name in names] for row in rows], expected, atol=1e-6)
        assert [row["label"] for row in rows] == [face.label for face in faces]
