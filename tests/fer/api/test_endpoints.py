"""What the API answers: the library's own answers, no guess where there is no face, and one bad picture costs no other."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from fer import Recognizer
from fer.bundles import Bundle, FaceTest
from fer.data.synthetic import draw_scene
from fer.errors import BundleError
from fer.workspace import models_dir
from tests.fer.api.helpers import REPOSITORY, client_of, encode


@pytest.mark.parametrize("head", [None, "labels", "votes"])
def test_predict_agrees_with_the_library(
    client: TestClient, photo: bytes, photo_pixels: NDArray[np.uint8], head: str | None
) -> None:
    (expected,) = Recognizer(detector="haar").predict(photo_pixels, head=head)
    answer = client.post("/api/predict", files={"image": ("her.jpg", photo)}, params={"head": head} if head else {}).json()
    (picture,) = answer["images"]
    assert (picture["name"], picture["width"], picture["height"], picture["answer"]) == ("her.jpg", 320, 320, "face")
    (face,) = picture["faces"]
    assert face["label"] == expected.label
    assert face["xyxy"] == pytest.approx(expected.xyxy, abs=0.05)
    assert list(face["probabilities"]) == answer["labels"] == list(expected.label_set)
    assert list(face["probabilities"].values()) == pytest.approx(expected.probabilities, abs=1e-6)
    assert face["face_probability"] == pytest.approx(expected.face_probability, abs=1e-6)
    assert (answer["model"], answer["detector"]) == ("flagship", "haar")


def test_predict_whole_image_agrees_with_the_library(client: TestClient, photo: bytes, photo_pixels: NDArray[np.uint8]) -> None:
    (expected,) = Recognizer(model="compact", detector=None).predict(photo_pixels, whole_image=True, head="labels")
    options = {"whole_image": "true", "classes": "7", "model": "compact"}
    answer = client.post("/api/predict", files={"image": photo}, data=options).json()
    (face,) = answer["images"][0]["faces"]
    assert (answer["model"], answer["head"], answer["detector"]) == ("compact", "labels", None)
    assert (face["xyxy"], face["detection_score"]) == ([0, 0, 320, 320], None)
    assert list(face["probabilities"].values()) == pytest.approx(expected.probabilities, abs=1e-6)


def test_predict_several_pictures_in_their_order(client: TestClient, photo: bytes, wall: bytes) -> None:
    scene, _ = draw_scene(seed=3, labels=("happy", "sad"))
    files = [("image", ("a.png", wall)), ("image", ("b.jpg", photo)), ("image", ("c.png", encode(scene)))]
    images = client.post("/api/predict", files=files).json()["images"]
    assert [picture["name"] for picture in images] == ["a.png", "b.jpg", "c.png"]
    assert [picture["answer"] for picture in images[:2]] == ["no face", "face"]
    assert images[0]["faces"] == []


def test_predict_one_bad_picture_costs_no_other(client: TestClient, photo: bytes) -> None:
    files = [("image", ("notes.txt", b"no picture")), ("image", ("her.jpg", photo))]
    response = client.post("/api/predict", files=files)
    assert response.status_code == 200
    bad, good = response.json()["images"]
    assert bad["name"] == "notes.txt"
    assert bad["error"]["type"] == "/api/docs#bad-image"
    assert "no picture" in bad["error"]["detail"]
    assert good["faces"][0]["label"] == "happy"


def test_predict_min_size_leaves_out_smaller_faces(client: TestClient, photo: bytes) -> None:
    answer = client.post("/api/predict", files={"image": photo}, params={"min_size": 200}).json()
    assert answer["images"][0]["answer"] == "no face"


def test_predict_of_what_is_not_a_face_says_so(photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bundle, "face", FaceTest(temperature=1000, threshold=0.9))  # takes nothing for a face
    client = client_of()
    (picture,) = client.post("/api/predict", files={"image": photo}).json()["images"]
    assert picture["answer"] == "not a face"
    assert [face["is_face"] for face in picture["faces"]] == [False]
    answer = client.post("/predict", files={"image": photo}).json()
    assert (answer["emotion"], answer["answer"], answer["faces"]) == (None, "not a face", 0)


def test_emotion_is_the_largest_faces_of_seven(client: TestClient, photo: bytes, photo_pixels: NDArray[np.uint8]) -> None:
    (expected,) = Recognizer(detector="haar").predict(photo_pixels, head="labels")
    answer = client.post("/predict", files={"image": photo}).json()
    assert (answer["emotion"], answer["answer"], answer["faces"]) == (expected.label, "face", 1)
    assert answer["confidence"] == pytest.approx(expected.confidence, abs=1e-6)
    assert len(answer["labels"]) == 7, "clients of old know seven words"
    assert len(client.post("/predict", files={"image": photo}, data={"head": "votes"}).json()["labels"]) == 8


def test_emotion_without_a_face_is_null_and_never_a_guess(client: TestClient, wall: bytes) -> None:
    answer = client.post("/predict", files={"image": wall}).json()
    assert (answer["emotion"], answer["answer"], answer["faces"]) == (None, "no face", 0)
    assert "probabilities" not in answer


def test_emotion_takes_one_picture(client: TestClient, photo: bytes) -> None:
    response = client.post("/predict", files=[("image", photo), ("image", photo)])
    assert response.status_code == 400
    assert "Maximum number of files is 1" in response.json()["detail"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "no-such-model"}, "No model 'no-such-model'. There are: flagship"),
        ({"model": "../models/flagship"}, "No model '../models/flagship'"),
        ({"head": "votes", "classes": "8"}, "Give one of them"),
        ({"head": "eyes"}, "No head 'eyes'. The model 'flagship' has labels (7 classes), votes (8 classes)"),
        ({"classes": "5"}, "No head of 5 classes"),
        ({"classes": "7.0"}, "`classes` is a whole number"),
        ({"classes": "٧"}, "`classes` is a whole number"),
        ({"detector": "eyes"}, "No face detector 'eyes' on this server. There are: auto, "),
        ({"whole_image": "yes"}, "`whole_image` is true or false. Received: 'yes'"),
        ({"min_size": "0"}, "`min_size` lies between 1 and 10000 pixels. Received: 0"),
        ({"min_size": "99999"}, "`min_size` lies between 1 and 10000"),
        ({"threshold": "0.5"}, "Unknown option 'threshold'. Known: model, head"),
    ],
)
@pytest.mark.parametrize("where", ["params", "data"])
def test_predict_bad_option_is_refused_in_words(
    client: TestClient, wall: bytes, options: dict[str, str], words: str, where: str
) -> None:
    response = client.post("/api/predict", files={"image": wall}, **{where: options})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "/api/docs#bad-option"
    assert words in problem["detail"]


def test_predict_option_given_twice_is_refused(client: TestClient, wall: bytes) -> None:
    response = client.post("/api/predict", files={"image": wall}, params={"classes": 7}, data={"classes": "8"})
    assert (response.status_code, response.json()["detail"]) == (422, "The option 'classes' is given twice. Give it once.")


def test_models_lists_models_heads_and_detectors(client: TestClient) -> None:
    answer = client.get("/api/models").json()
    flagship = answer["models"][0]
    assert (flagship["name"], flagship["default"], flagship["tells_faces"]) == ("flagship", True, True)
    assert {head["name"]: len(head["labels"]) for head in flagship["heads"]} == {"labels": 7, "votes": 8}
    assert [info["name"] for info in answer["detectors"] if info["default"]] == ["haar"]


def test_models_names_what_is_damaged(photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(models_dir() / "compact", tmp_path / "mine")
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    client = client_of(model="mine")
    assert "sha256" in client.get("/api/models").json()["models"][0]
    with (tmp_path / "mine" / "model.litert").open("ab") as file:
        file.write(b"x")
    assert "does not match" in client.get("/api/models").json()["models"][0]["error"]
    response = client.post("/api/predict", files={"image": photo})
    assert (response.status_code, response.json()["type"]) == (503, "/api/docs#unavailable")


def test_predict_follows_a_model_that_was_made_anew(photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(models_dir() / "compact", tmp_path / "mine")
    flagship = models_dir() / "flagship"
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    client = client_of(model="mine")
    before = client.post("/api/predict", files={"image": photo}).json()
    shutil.rmtree(tmp_path / "mine")
    shutil.copytree(flagship, tmp_path / "mine")
    after = client.post("/api/predict", files={"image": photo}).json()
    assert (before["model"], after["model"]) == ("mine", "mine")
    assert before["model_sha256"] != after["model_sha256"]
    assert before["images"] != after["images"]


def test_health_says_whether_the_model_is_ready() -> None:
    client = client_of()
    assert client.get("/api/health").json()["status"] == "starting"
    client.app.state.service.warm_up()
    assert client.get("/api/health").json()["status"] == "ok"


def test_api_without_a_model_says_so(photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    client = client_of()
    with pytest.raises(BundleError):
        client.app.state.service.warm_up()
    for response in (client.get("/api/health"), client.post("/api/predict", files={"image": photo})):
        assert (response.status_code, response.json()["type"]) == (503, "/api/docs#unavailable")
        assert "No model 'flagship'" in response.json()["detail"]
    assert client.get("/api/models").json()["models"][0].keys() == {"name", "default", "error"}
    assert client.get("/api/openapi.json").status_code == 200
    shutil.copytree(REPOSITORY / "models" / "flagship", tmp_path / "flagship")
    assert client.get("/api/health").json()["status"] == "ok"


def test_answers_stay_out_of_caches(client: TestClient, photo: bytes) -> None:
    for response in (client.post("/api/predict", files={"image": photo}), client.get("/api/clips")):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"


def test_predict_by_many_threads_gives_each_its_own_answer(client: TestClient, photo: bytes, wall: bytes) -> None:
    alone = {name: client.post("/api/predict", files={"image": data}).json() for name, data in (("photo", photo), ("wall", wall))}
    wrong: list[str] = []

    def ask(name: str, data: bytes) -> None:
        answers = [client.post("/api/predict", files={"image": data}).json() for _ in range(4)]
        wrong.extend(name for answer in answers if answer != alone[name])

    threads = [threading.Thread(target=ask, args=(name, data)) for name, data in (("photo", photo), ("wall", wall)) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
