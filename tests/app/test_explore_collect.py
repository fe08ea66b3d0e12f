"""Collect: a set from nothing, run without a browser; the camera's stream itself is tried in tests/browser."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fer.data import read_dataset
from fer.data.collect import Collection, create_collection
from fer.data.synthetic import draw_scene
from fer.inference.burst import BurstCamera
from fer.labels import FER7, LabelSet
from fer.workspace import datasets_dir
from ui.webcam import stream as webcam_stream
from ui.webcam.stream import StreamState

OpenPage = Callable[..., AppTest]

FACE, _ = draw_scene(3, ("happy",), (240, 320))
WALL = np.full((240, 320, 3), 120, np.uint8)


class Stream:
    """Stands in for the component, which needs a browser: while it plays, each drawing brings frames a quarter second apart."""

    def __init__(self) -> None:
        self.playing, self.now, self.frame = False, 100.0, FACE

    def __call__(self, camera: BurstCamera, key: str) -> StreamState:
        assert key == "collect"
        if self.playing:
            camera._clock = lambda: self.now
            for _ in range(13 if camera.snapshot().recording else 1):
                self.now += 0.26
                camera.process(self.frame)
        return StreamState(False, self.playing)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stream:
    """The stream; and no model, which only judges what the detector takes for a face."""
    stream = Stream()
    monkeypatch.setattr(webcam_stream, "camera_stream", stream)
    monkeypatch.setenv("FER_MODELS", str(tmp_path / "no models"))
    return stream


@pytest.fixture
def open_collect(open_page: OpenPage, stream: Stream) -> Callable[[], AppTest]:
    def open_() -> AppTest:
        at = open_page("home")
        at.session_state["explore_view"] = "Collect"
        at = at.switch_page("pages/explore.py").run()
        assert not at.exception, at.exception
        return at

    return open_


def texts(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption, *at.info, *at.error, *at.warning))


def click(at: AppTest, key: str) -> AppTest:
    at = at.button(key=key).click().run()
    assert not at.exception, at.exception
    return at


def faces(n: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (n, 40, 40, 3), dtype=np.uint8))


def test_collect_from_nothing_to_the_active_dataset(open_collect: Callable[[], AppTest], stream: Stream) -> None:
    at = open_collect()
    assert "kept only when you press *Keep*" in texts(at), "before a camera is there"
    assert str(datasets_dir()).replace("_", "\\_") in texts(at)
    assert not at.get("camera_input")
    assert at.button(key="collect_create").disabled, "without a name"
    at = at.text_input(key="collect_name").set_value("my faces").run()
    at = click(at, "collect_create")

    assert at.button(key="collect_record").disabled, "the camera is off"
    stream.playing = True
    at = at.pills(key="collect_label").set_value("happy").run()
    at = click(at, "collect_record")
    ticks = [box for box in at.checkbox if box.key.startswith("collect_tick")]
    assert [box.value for box in ticks] == [True] * 12
    assert not list(datasets_dir().rglob("*.png")), "nothing is kept before it was looked at"
    at = ticks[0].uncheck().run()
    assert at.button(key="collect_keep").label == "Keep 11 as happy"
    at = click(at, "collect_keep")
    assert len(list((datasets_dir() / "my faces" / "train" / "happy").iterdir())) == 11
    assert not [box for box in at.checkbox if box.key.startswith("collect_tick")]

    at = click(at, "collect_use")
    assert next(metric.value for metric in at.metric if metric.label == "Images") == "11"
    assert "**my faces**" in texts(at)
    assert len(read_dataset(datasets_dir() / "my faces")) == 11


def test_collect_unticks_what_is_wrong_with_a_picture(open_collect: Callable[[], AppTest], stream: Stream) -> None:
    create_collection("mine", FER7)
    two, _ = draw_scene(3, ("happy", "sad"), (240, 320))
    stream.playing, stream.frame = True, two
    at = click(open_collect(), "collect_record")
    ticks = [box for box in at.checkbox if box.key.startswith("collect_tick")]
    assert {box.label for box in ticks} == {"2 faces in view"}
    assert at.button(key="collect_keep").disabled
    at = click(at, "collect_discard")
    assert not [box for box in at.checkbox if box.key.startswith("collect_tick")]


def test_collect_says_when_no_face_was_recorded(open_collect: Callable[[], AppTest], stream: Stream) -> None:
    create_collection("mine", FER7)
    stream.playing, stream.frame = True, WALL
    at = open_collect()
    assert "No face found. Face the camera" in texts(at)
    at = click(at, "collect_record")
    assert "No face found in any of 12 pictures" in texts(at)


def test_collect_goes_on_to_what_is_still_missing(open_collect: Callable[[], AppTest], stream: Stream) -> None:
    mine = create_collection("mine", LabelSet(("happy", "sad")))
    mine.add("happy", faces(10))
    stream.playing = True
    at = open_collect()
    assert at.pills(key="collect_label").value == "happy"
    assert "30 pictures to go" in texts(at)
    at = click(at, "collect_record")
    at = click(at, "collect_keep")
    assert at.pills(key="collect_label").value == "sad"
    assert {picture.split for picture in mine.pictures() if picture.recording == 2} == {"val"}


@pytest.fixture
def opened(open_collect: Callable[[], AppTest]) -> tuple[AppTest, Collection]:
    """A set of two recordings, which is the active dataset."""
    mine = create_collection("mine", LabelSet(("happy", "sad")))
    mine.add("sad", faces(2))
    mine.add("happy", faces(3))
    at = click(open_collect(), "collect_use")
    return at, mine


def test_collect_undoes_the_last_recording_and_the_dataset_follows(opened: tuple[AppTest, Collection]) -> None:
    at, mine = opened
    assert at.button(key="collect_undo").label == "Delete the last recording (3 of happy)"
    at = click(at, "collect_undo")
    assert [picture.label for picture in mine.pictures()] == ["sad"] * 2
    assert next(metric.value for metric in at.metric if metric.label == "Images") == "2"


def test_collect_deletes_one_picture(opened: tuple[AppTest, Collection]) -> None:
    at, mine = opened
    at = click(at, "collect_delete_happy_0002-02")
    assert [picture.path.stem for picture in mine.pictures()] == ["0001-01", "0001-02", "0002-01", "0002-03"]
    assert next(metric.value for metric in at.metric if metric.label == "Images") == "4"


def test_collect_deletes_the_set_and_leaves_no_dataset_without_pictures(opened: tuple[AppTest, Collection]) -> None:
    at, mine = opened
    at = click(at, "collect_delete_sure")
    assert not mine.path.exists()
    assert "**Synthetic faces**" in texts(at)
    assert at.button(key="collect_create").disabled  # from nothing again


def test_collect_takes_files_where_there_is_no_camera(open_collect: Callable[[], AppTest]) -> None:
    create_collection("mine", FER7)
    at = open_collect()
    at = at.segmented_control(key="collect_source").set_value("files").run()
    picture = io.BytesIO()
    Image.fromarray(FACE).save(picture, "PNG")
    wall = io.BytesIO()
    Image.fromarray(WALL).save(wall, "PNG")
    given = [
        ("me.png", picture.getvalue(), "image/png"),
        ("wall.png", wall.getvalue(), "image/png"),
        ("x.png", b"no", "image/png"),
    ]
    at = at.file_uploader(key="collect_files").set_value(given).run()
    assert not at.exception, at.exception
    assert at.button(key="collect_keep").label == "Keep 1 as angry"
    assert "1 picture without a face is left out" in texts(at)
    assert "x.png\\: The file is no picture" in texts(at)
    at = click(at, "collect_keep")
    at = at.run()
    assert not [button for button in at.button if button.key == "collect_keep"], "the same files are not taken twice"


def test_collect_of_a_name_that_is_taken_says_so(open_collect: Callable[[], AppTest]) -> None:
    create_collection("mine", FER7)
    at = open_collect()
    at = at.text_input(key="collect_name").set_value("mine").run()
    assert "already" in click(at, "collect_create").error[0].value
