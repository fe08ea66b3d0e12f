"""The Predict page, run without a browser."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fer.data.synthetic import draw_scene
from fer.detection import get_detector
from fer.errors import DetectionError
from fer.images import read_image
from fer.inference.recognizer import FacePrediction
from fer.labels import FER7
from ui.predict import options as predict_options
from ui.predict.answers import Answer, Picture, annotated_png, answer_picture
from ui.predict.downloads import annotated_zip, faces_csv, faces_json
from ui.predict.faces import bars_html, from_left, heading_html
from ui.predict.sources import example_picture


def scene(*labels: str) -> bytes:
    """A drawn picture of people, as PNG."""
    return encoded(draw_scene(3, labels)[0])


def encoded(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


WALL = encoded(np.full((120, 160, 3), 130, np.uint8))


@pytest.fixture
def page(open_page: Callable[..., AppTest]) -> AppTest:
    """The page as it opens."""
    return open_page("predict")


def metric(at: AppTest, label: str) -> str:
    return next(metric.value for metric in at.metric if metric.label == label)


def texts(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption, *at.info, *at.error))


def give(at: AppTest, *files: tuple[str, bytes]) -> AppTest:
    at.file_uploader(key="predict_files").set_value([(name, content, "image/png") for name, content in files])
    at.run()
    assert not at.exception
    return at


def face(label: str, confidence: float, left: float = 0) -> FacePrediction:
    rest = (1 - confidence) / 6
    shares = tuple(confidence if name == label else rest for name in FER7)
    return FacePrediction((left, 10.0, left + 50, 70.0), 0.9, FER7, shares)


def test_predict_page_opens_with_an_answered_example(page: AppTest) -> None:
    assert "Example" in texts(page)
    assert metric(page, "Faces") == "3"
    assert "Predict" in page.title[0].value


def test_example_faces_are_found_by_the_detector_that_is_always_there() -> None:
    image = read_image(example_picture(("happy", "surprise", "angry"), (420, 1000)).content)
    assert len(get_detector("haar").detect(image)) == 3


def test_predict_page_replaces_the_example_by_uploads(page: AppTest) -> None:
    give(page, ("two.png", scene("happy", "sad")), ("one.png", scene("surprise")))
    assert "Example" not in texts(page)
    assert metric(page, "Pictures") == "2"
    assert metric(page, "Faces") == "3"


def test_predict_page_with_a_broken_picture_says_so_there_and_answers_the_others(page: AppTest) -> None:
    give(page, ("notes.jpg", b"these are no pixels"), ("one.png", scene("surprise")))
    assert len(page.error) == 1
    assert "picture" in page.error[0].value
    assert metric(page, "Faces") == "1"


def test_predict_page_without_a_face_gives_advice_and_takes_the_whole_picture_on_request(page: AppTest) -> None:
    give(page, ("wall.png", WALL))
    assert "No face found" in texts(page)
    assert metric(page, "Faces") == "0"
    (switch,) = [toggle for toggle in page.toggle if toggle.label == "Take the whole picture as one face"]
    switch.set_value(True).run()
    assert not page.exception
    assert "taken as one face" in texts(page)  # and it may say that it is none
    assert "No face found" not in texts(page)


def test_predict_page_can_take_every_picture_as_a_face(page: AppTest) -> None:
    give(page, ("wall.png", WALL), ("two.png", scene("happy", "sad")))
    page.toggle(key="option_whole_image").set_value(True).run()
    assert texts(page).count("taken as one face") == 2


def test_predict_page_offers_the_heads_of_the_bundle(page: AppTest) -> None:
    control = page.get("button_group")[0]
    assert len(control.options) == 2


def test_predict_page_shows_many_pictures_a_few_at_a_time(page: AppTest) -> None:
    give(page, *((f"wall{number}.png", encoded(np.full((40, 40, 3), number, np.uint8))) for number in range(8)))
    assert metric(page, "Pictures") == "8"
    assert len(page.info) == 6


def test_predict_page_takes_equal_pictures_of_two_names(page: AppTest) -> None:
    give(page, ("wall.png", WALL), ("copy of wall.png", WALL))
    assert metric(page, "Pictures") == "2"
    assert texts(page).count("No face found") == 2


def test_predict_page_forgets_pictures_that_were_removed(page: AppTest) -> None:
    give(page, ("one.png", scene("surprise")))
    assert len(page.session_state["predict_answers"]) == 1
    page.file_uploader(key="predict_files").set_value([])
    page.run()
    names = [answer.picture.name for answer in page.session_state["predict_answers"].values()]
    assert names == ["Example, drawn by this program"]


def test_predict_page_when_yunet_cannot_be_fetched_says_so_and_goes_on(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(progress: object) -> None:
        raise DetectionError("No connection. Name a copy in FER_YUNET.")

    monkeypatch.setattr(predict_options, "fetch_yunet", fail)
    page.button(key="fetch_yunet").click().run()
    assert not page.exception
    assert "FER\\_YUNET" in page.error[0].value
    assert metric(page, "Faces") == "3"


@pytest.fixture
def wary_page(open_page: Callable[..., AppTest], wary_models: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page with a model that takes nothing for a face."""
    monkeypatch.setenv("FER_MODELS", str(wary_models))
    return open_page("predict")


def test_predict_page_counts_what_is_not_a_face_apart(wary_page: AppTest) -> None:
    give(wary_page, ("two.png", scene("happy", "sad")))
    assert metric(wary_page, "Faces") == "0"
    assert metric(wary_page, "Most frequent") == metric(wary_page, "Mean confidence") == "–"
    assert "0 faces · 2 not a face" in texts(wary_page)
    assert texts(wary_page).count("reads no expression") == 2
    html = "".join(element.proto.body for element in wary_page.get("html"))
    assert html.count("not a face") == 2
    assert "happy" not in html
    assert "What helps" in texts(wary_page)


def test_predict_page_whole_picture_that_is_not_a_face_says_so(wary_page: AppTest) -> None:
    give(wary_page, ("wall.png", WALL))
    (switch,) = [toggle for toggle in wary_page.toggle if toggle.label == "Take the whole picture as one face"]
    switch.set_value(True).run()
    assert not wary_page.exception
    assert "taken as one face · not a face" in texts(wary_page)
    assert metric(wary_page, "Faces") == "0"
    assert "What helps" not in texts(wary_page)
    assert any(toggle.value for toggle in wary_page.toggle if toggle.label == "Take the whole picture as one face")  # and back


@pytest.mark.fer2013
def test_predict_page_changes_to_yunet_once_it_is_fetched(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, shared_data: Path
) -> None:
    def fetch(progress: Callable[[str, float], None]) -> None:
        progress("Fetching YuNet", 0.5)
        monkeypatch.setenv("FER_YUNET", str(shared_data / "yunet_n_640_640.onnx"))

    monkeypatch.setattr(predict_options, "fetch_yunet", fetch)
    assert page.radio(key="option_detector").value == "haar"
    page.button(key="fetch_yunet").click().run()
    assert not page.exception
    assert page.radio(key="option_detector").value == "yunet"
    assert metric(page, "Faces") == "3"


def test_predict_page_without_a_model_says_what_to_do(
    open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    at = open_page("predict")
    assert "no trained model" in at.error[0].value


def test_downloads_hold_every_face_and_name_the_broken_picture() -> None:
    good = Answer(Picture("a.png", scene("happy", "sad")), (face("happy", 0.9), face("sad", 0.6, left=100)))
    broken = Answer(Picture("b.jpg", b""), error="Empty.")
    rows = list(csv.DictReader(io.StringIO(faces_csv([good, broken]))))
    assert [row["label"] for row in rows] == ["happy", "sad"]
    assert rows[1]["x1"] == "100.0"
    assert sum(float(rows[0][name]) for name in FER7) == pytest.approx(1, abs=1e-5)
    listed = json.loads(faces_json([good, broken]))
    assert [face["label"] for face in listed[0]["faces"]] == ["happy", "sad"]
    assert listed[1] == {"path": "b.jpg", "error": "Empty."}


def test_downloads_of_what_is_not_a_face_name_no_expression() -> None:
    refused = replace(face("sad", 0.6, left=100), face_probability=0.125, face_threshold=0.5)
    answer = Answer(Picture("a.png", scene("happy", "sad")), (face("happy", 0.9), refused))
    happy, row = csv.DictReader(io.StringIO(faces_csv([answer])))
    assert (happy["label"], happy["face_probability"]) == ("happy", "")
    assert (row["label"], row["confidence"], row["face_probability"]) == ("not a face", "0.875000", "0.125000")
    assert all(row[name] == "" for name in FER7)
    (listed,) = json.loads(faces_json([answer]))
    assert [face["is_face"] for face in listed["faces"]] == [True, False]
    assert listed["faces"][1]["label"] == "not a face"
    assert listed["faces"][1]["probabilities"]["sad"] == 0.6


def test_annotated_pictures_keep_their_size_and_are_packed_together() -> None:
    answer = Answer(Picture("a.png", scene("happy")), (face("happy", 0.9, left=300),))
    assert read_image(annotated_png(answer)).shape == (480, 640, 3)
    archive = annotated_zip([answer, answer])
    assert archive.count(b"a.png") >= 2


def test_answer_picture_enlarges_what_would_be_illegible() -> None:
    class Finder:
        def predict(self, image: np.ndarray, **options: object) -> tuple[FacePrediction, ...]:
            return (FacePrediction((4.0, 4.0, 44.0, 44.0), 0.9, FER7, face("happy", 0.9).probabilities),)

    tiny = Picture("tiny.png", encoded(np.full((48, 48, 3), 99, np.uint8)))
    answer = answer_picture(tiny, Finder(), head=None, whole_image=False)  # type: ignore[arg-type]
    assert answer.resolution_wh == (48, 48)
    assert min(read_image(answer.shown).shape[:2]) >= 400
    assert answer.predictions[0].xyxy == (4.0, 4.0, 44.0, 44.0)


def test_bars_are_in_the_order_of_the_label_set_and_escaped() -> None:
    html = bars_html(face("sad", 0.7))
    assert [html.index(f" {name}<") for name in FER7] == sorted(html.index(f" {name}<") for name in FER7)
    assert html.count("70 %") == 1


def test_heading_marks_a_guess() -> None:
    assert "unsure" in heading_html(face("sad", 0.3))
    assert "unsure" not in heading_html(face("sad", 0.8))


def test_heading_of_what_is_not_a_face_names_no_expression() -> None:
    html = heading_html(replace(face("sad", 0.3), face_probability=0.1, face_threshold=0.5))
    assert "not a face" in html
    assert "%" not in html
    assert "unsure" not in html


def test_from_left_puts_what_is_not_a_face_last() -> None:
    refused = replace(face("sad", 0.7, left=10), face_probability=0.1, face_threshold=0.5)
    assert from_left([refused, face("happy", 0.7, left=200), face("fear", 0.7, left=90)]) == [2, 1, 0]


def test_from_left_orders_faces_as_they_stand() -> None:
    assert from_left([face("sad", 0.7, left=200), face("happy", 0.7, left=10), face("fear", 0.7, left=90)]) == [1, 2, 0]
