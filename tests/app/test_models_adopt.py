"""Models: a file from elsewhere through the form: looked into, tried on faces, taken in; and what is refused."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer.bundles import DEFAULT_MODEL, list_bundles, load_bundle
from fer.foreign.adopt import ORDERS
from fer.workspace import cache_dir
from tests.fer.foreign.conftest import make_onnx  # noqa: F401

OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def models(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    shutil.copytree(tiny_bundle, folder / DEFAULT_MODEL)
    monkeypatch.setenv("FER_MODELS", str(folder))
    return folder


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.error, *app.info, *app.subheader])


def look_into(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader(key="models_file").upload(name, content, "application/octet-stream").run()
    return app.button(key="models_look").click().run(timeout=240)


def label_of(app: AppTest) -> str:
    (field,) = [field for field in app.text_input if field.label.startswith("The 7 classes")]
    return str(field.value)


def test_a_file_from_elsewhere_is_tried_and_taken_in(open_page: OpenPage, make_onnx: Callable[..., Path]) -> None:  # noqa: F811
    app = look_into(open_page("models"), "their model.onnx", make_onnx(3).read_bytes())
    assert "Take in their\\_model.onnx" in words(app)
    assert "ONNX, for colour pictures of 8×8" in words(app)
    assert label_of(app) == ", ".join(ORDERS["FER2013"])
    app = app.button(key="adopt_try").click().run()
    assert "images of Synthetic faces are right" in words(app)
    # Another order is another reading, so what was tried says nothing any more.
    app = app.pills(key="adopt_order").set_value("folders").run()
    app = app.selectbox(key="adopt_input").set_value("caffe").run()
    assert "are right" not in words(app)
    app = app.button(key="adopt_take_in").click().run()
    assert not app.exception
    assert list_bundles() == [DEFAULT_MODEL, "their_model"]
    adopted = load_bundle("their_model")
    assert adopted.adapter is not None
    assert (adopted.adapter.colours, adopted.preprocessing.scale) == ("bgr", "raw")
    assert app.subheader[0].value == "their\\_model"
    assert "Made elsewhere" in words(app)
    assert not list((cache_dir() / "foreign").iterdir())


@pytest.mark.slow
def test_a_model_from_elsewhere_does_not_break_the_other_pages(open_page: OpenPage, make_onnx: Callable[..., Path]) -> None:  # noqa: F811
    app = look_into(open_page("models"), "theirs.onnx", make_onnx().read_bytes())
    app = app.button(key="adopt_take_in").click().run()
    app = app.button(key="models_use").click().run()
    for page in ("home", "predict", "train", "evaluate"):
        app = app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, page


def test_not_now_puts_it_away(open_page: OpenPage, make_onnx: Callable[..., Path]) -> None:  # noqa: F811
    app = look_into(open_page("models"), "theirs.onnx", make_onnx().read_bytes())
    app = app.button(key="adopt_forget").click().run()
    assert not app.exception
    assert "Take in" not in words(app)
    assert list_bundles() == [DEFAULT_MODEL]


def test_what_is_refused_is_said_in_words(open_page: OpenPage) -> None:
    app = look_into(open_page("models"), "theirs.h5", pickle.dumps({"weights": [1, 2]}))
    assert "theirs.h5 is a pickle" in app.error[0].value
    assert "Take in" not in words(app)
