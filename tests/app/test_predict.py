"""The Predict page, run without a browser."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fer.data.synthetic import draw_scene
from fer.detection import Faces, get_detector
from fer.errors import DetectionError
from fer.images import read_image
from fer.inference.recognizer import FacePrediction, Recognizer
from fer.labels import FER7
from ui.predict import options as predict_options
from ui.predict.answers import Answer, Picture, annotated_png, answer_picture
from ui.predict.downloads import annotated_zip, faces_csv, faces_json
from ui.predict.face_gallery import sorted_faces
from ui.predict.faces import bars_html, from_left, heading_html
from ui.predict.options import Options
from ui.predict.sources import example_picture

REPOSITORY = Path(__file__).resolve().parents[2]


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


def huge_png() -> bytes:
    """A header that announces 30,000 × 30,000 pixels, and little more."""
    header = bytearray(encoded(np.zeros((8, 8), np.uint8)))
    header[16:24] = (30_000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    return bytes(header)


def test_predict_page_refuses_each_bad_picture_in_words_and_answers_the_good_one(page: AppTest) -> None:
    good = scene("surprise")
    polyglot = good + b"PK\x03\x04<script>alert(1)</script>"
    bad = {
        "empty.png": (b"", "is empty"),
        "dot.png": (encoded(np.zeros((1, 1), np.uint8)), "too small"),
        "bomb.png": (huge_png(), "million"),
        "cut.png": (good[: len(good) // 2], "damaged"),
        "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "drawing"),
        "clip.jpg": (b"\x00\x00\x00\x20ftypisom" + bytes(64), "is a clip"),
    }
    give(page, *((name, content) for name, (content, _) in bad.items()), ("both.png", polyglot))
    pages = page.get("pagination")
    said = [error.value for error in page.error]
    if pages:  # six on a page
        page.session_state["predict_page"] = 2
        page.run()
        said += [error.value for error in page.error]
    for name, (_, words) in bad.items():
        assert sum(words in text for text in said) == 1, (name, said)
    assert metric(page, "Faces") == "1"
    answer = next(answer for answer in page.session_state["predict_answers"].values() if answer.picture.name == "both.png")
    assert b"script" not in annotated_png(answer)


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
    assert [row["label"] for row in rows] == ["happy", "sad", "unreadable"]
    assert rows[1]["x1"] == "100"
    assert sum(float(rows[0][name]) for name in FER7) == pytest.approx(1, abs=1e-6)
    assert rows[2]["error"] == "Empty."
    listed = json.loads(faces_json([good, broken]))
    assert [face["label"] for face in listed[0]["faces"]] == ["happy", "sad"]
    assert listed[1] == {"path": "b.jpg", "error": "Empty."}


def test_downloads_of_what_is_not_a_face_name_no_expression() -> None:
    refused = replace(face("sad", 0.6, left=100), face_probability=0.125, face_threshold=0.5)
    answer = Answer(Picture("a.png", scene("happy", "sad")), (face("happy", 0.9), refused))
    happy, row = csv.DictReader(io.StringIO(faces_csv([answer])))
    assert (happy["label"], happy["face_probability"]) == ("happy", "")
    assert (row["label"], row["confidence"], row["face_probability"]) == ("not a face", "0.875", "0.125")
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


class Found:
    """A detector that finds what it is told to."""

    name = "found"

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self.boxes = boxes

    def detect(self, image: np.ndarray, *, min_size: int = 0) -> Faces:
        return Faces.collect(self.boxes, self.boxes, [0.9] * len(self.boxes), min_size=min_size)


TINY = Picture("tiny.png", encoded(np.full((48, 48, 3), 99, np.uint8)))


def test_answer_picture_enlarges_what_would_be_illegible() -> None:
    answer = answer_picture(TINY, Recognizer(detector=Found((4.0, 4.0, 44.0, 44.0))), Options("found", "votes"))
    assert answer.resolution_wh == (48, 48)
    assert min(read_image(answer.shown).shape[:2]) >= 400
    assert answer.predictions[0].xyxy == (4.0, 4.0, 44.0, 44.0)


def test_answer_picture_leaves_faces_out_that_are_too_small() -> None:
    recognizer = Recognizer(detector=Found((4.0, 4.0, 44.0, 44.0), (0.0, 0.0, 20.0, 20.0)))
    assert len(answer_picture(TINY, recognizer, Options("found", "votes", min_size=10)).predictions) == 2
    assert len(answer_picture(TINY, recognizer, Options("found", "votes", min_size=30)).predictions) == 1


def test_answer_picture_two_models_read_the_same_faces(tiny_bundle: Path) -> None:
    people = Picture("people.png", scene("happy", "sad", "angry"))
    first, second = Recognizer(detector="haar"), Recognizer(str(tiny_bundle), detector=None)
    options = Options("haar", "votes", rival="tiny")
    answer = answer_picture(people, first, options, rival=second)
    assert answer.models == ("flagship", "tiny")
    assert [face.xyxy for face in answer.second] == [face.xyxy for face in answer.predictions]
    assert answer.predictions == first.predict(read_image(people.content), head="votes")
    assert {face.label_set for face in answer.second} == {first.bundle.head("votes").label_set}
    assert answer.differing == sum(a.label != b.label for a, b in zip(answer.predictions, answer.second, strict=True))
    (listed,) = json.loads(faces_json([answer]))
    assert listed["second"]["model"] == "tiny"
    assert len(listed["second"]["faces"]) == len(listed["faces"]) == 3


def test_answer_picture_hides_who_it_is_wherever_it_is_shown() -> None:
    people = Picture("people.png", scene("happy"))
    plain, blurred = (answer_picture(people, Recognizer(detector="haar"), Options("haar", "votes", blur=blur)) for blur in (0, 1))
    assert plain.predictions == blurred.predictions
    for shown, hidden in (
        (plain.crops[0], blurred.crops[0]),
        (plain.shown, blurred.shown),
        (annotated_png(plain), annotated_png(blurred)),
    ):
        assert _sharpness(hidden, plain) < 0.2 * _sharpness(shown, plain)


def _sharpness(picture: bytes, answer: Answer) -> float:
    """How much neighbours differ in the middle of the face; of a crop, in the middle of it."""
    image = read_image(picture).astype(int)
    left, top, right, bottom = (round(side) for side in answer.predictions[0].xyxy)
    if image.shape[1] == answer.resolution_wh[0]:
        image = image[top + 20 : bottom - 20, left + 20 : right - 20]
    else:
        image = image[40:-40, 40:-40]
    return float(np.abs(np.diff(image, axis=1)).mean())


def test_sorted_faces_orders_by_place_emotion_and_confidence() -> None:
    refused = replace(face("sad", 0.6), face_probability=0.1, face_threshold=0.5)
    answers = [
        Answer(Picture("a", b""), (face("sad", 0.7, left=200), face("happy", 0.5, left=10))),
        Answer(Picture("b", b""), (refused, face("happy", 0.9))),
    ]

    def labels(order: str) -> list[tuple[str, float]]:
        faces = [answer.predictions[i] for answer, i in sorted_faces(answers, order)]
        return [(shown.label, round(shown.confidence, 1)) for shown in faces]

    none = ("not a face", 0.9)
    assert labels("By place") == [("happy", 0.5), ("sad", 0.7), ("happy", 0.9), none]
    assert labels("By emotion") == [("happy", 0.9), ("happy", 0.5), ("sad", 0.7), none]
    assert labels("Surest first") == [("happy", 0.9), ("sad", 0.7), ("happy", 0.5), none]
    assert labels("Least sure first") == [("happy", 0.5), ("sad", 0.7), ("happy", 0.9), none]


def test_predict_page_shows_the_faces_one_by_one_in_an_order(page: AppTest) -> None:
    page.session_state["predict_layout"] = "Faces"
    page.session_state["predict_order"] = "By emotion"
    page.run()
    assert not page.exception
    assert "3 faces" in texts(page)


def test_predict_page_compares_two_models(
    open_page: Callable[..., AppTest], tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = shutil.copytree(tiny_bundle.parent, tmp_path / "models")
    shutil.copytree(REPOSITORY / "models" / "flagship", models / "flagship")
    monkeypatch.setenv("FER_MODELS", str(models))
    at = open_page("predict")
    at.selectbox(key="option_rival").set_value("tiny").run()
    assert not at.exception
    assert metric(at, "Same answer").endswith(" of 3")
    assert texts(at).count("tiny") == 3
    at.selectbox(key="option_rival").set_value(None).run()
    assert metric(at, "Time a picture").endswith("ms")


def test_predict_page_keeps_pictures_while_another_view_or_page_is_looked_at(page: AppTest) -> None:
    give(page, ("one.png", scene("surprise")))
    page.session_state["predict_view"] = "Folder"
    page.run()
    page.switch_page("pages/home.py").run()
    page.session_state["predict_view"] = "Pictures"
    page.switch_page("pages/predict.py").run()
    assert not page.exception
    assert "one.png" in texts(page)
    assert metric(page, "Faces") == "1"
    next(button for button in page.button if button.label == "Remove earlier pictures").click().run()
    assert "one.png" not in texts(page)


def test_predict_page_offers_examples_to_begin_with(page: AppTest) -> None:
    page.session_state["predict_example"] = "A group"
    page.run()
    assert not page.exception
    assert metric(page, "Faces") == "8"
    give(page, ("one.png", scene("surprise")))
    assert "Nothing is given yet" not in [group.label for group in page.get("button_group")]


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
