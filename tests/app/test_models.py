"""Models: the list, the default, another name, away with one, and in with one."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer.bundles import DEFAULT_MODEL, default_model, list_bundles, load_bundle
from fer.model_folder import pack_bundle
from ui.models import export
from ui.models.details import table_rows

OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def models(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    for name in (DEFAULT_MODEL, "mine"):
        shutil.copytree(tiny_bundle, folder / name)
    monkeypatch.setenv("FER_MODELS", str(folder))
    return folder


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.error, *app.info, *app.subheader])


def test_the_list_tells_the_models_apart_and_shows_the_active_ones_card(open_page: OpenPage) -> None:
    app = open_page("models")
    table = app.dataframe[0].value
    assert table["name"].tolist() == [DEFAULT_MODEL, "mine"]
    assert table["default"].tolist() == ["★", ""]
    assert table["accuracy"][0].endswith("classes")
    assert app.subheader[0].value == DEFAULT_MODEL
    assert "apparent expression" in words(app)


def test_table_rows_give_columns_of_one_name_their_own() -> None:
    lines = ["| what | accuracy | change | FER+ | change |", "|---|---|---|---|---|", "| blur | 61.1% | -8.6 | 80.1% |  |"]
    assert table_rows(lines) == [{"what": "blur", "accuracy": "61.1%", "change": "-8.6", "FER+": "80.1%", "FER+: change": ""}]


def test_without_a_model_it_says_what_to_do(open_page: OpenPage, models: Path) -> None:
    shutil.rmtree(models)
    app = open_page("models")
    assert "There is no model yet. Train one and make a bundle of it, or import one." in words(app)


def test_a_damaged_model_is_said_in_words_and_the_others_stay(open_page: OpenPage, models: Path) -> None:
    (models / "mine" / "model.litert").write_bytes(b"gone")
    app = open_page("models")
    assert app.dataframe[0].value["recipe"].tolist()[1] == "damaged"
    assert app.subheader[0].value == DEFAULT_MODEL
    app = open_page("models", state={"models_chosen": "mine"})
    assert "model.litert does not match" in app.error[0].value
    app = app.button(key="models_delete_now").click().run()
    assert not app.exception
    assert list_bundles() == [DEFAULT_MODEL]


def test_use_it_and_make_it_the_default(open_page: OpenPage) -> None:
    app = open_page("models", state={"models_chosen": "mine"})
    app = app.button(key="models_use").click().run()
    assert app.sidebar.selectbox[0].value == "mine"
    app = app.button(key="models_default").click().run()
    assert default_model() == "mine"
    assert app.dataframe[0].value["name"].tolist() == ["mine", DEFAULT_MODEL]


def test_rename_keeps_it_active_and_refuses_a_name_that_is_taken(open_page: OpenPage) -> None:
    app = open_page("models")
    app = app.text_input(key=f"models_new_name_{DEFAULT_MODEL}").set_value("mine").run()
    app = app.button(key="models_rename_now").click().run()
    assert "exists already" in app.error[0].value
    app = app.text_input(key=f"models_new_name_{DEFAULT_MODEL}").set_value("yours").run()
    app = app.button(key="models_rename_now").click().run()
    assert list_bundles() == ["yours", "mine"]  # still the default
    assert app.sidebar.selectbox[0].value == "yours"
    assert app.subheader[0].value == "yours"


def test_delete_takes_the_shown_one(open_page: OpenPage) -> None:
    app = open_page("models")
    app = app.button(key="models_delete_now").click().run()
    assert list_bundles() == ["mine"]
    assert app.subheader[0].value == "mine"
    assert "It is the only model" in words(app)


def test_import_takes_in_a_packed_model(open_page: OpenPage, tmp_path: Path) -> None:
    file = pack_bundle(load_bundle("mine"), tmp_path / "mine.zip")
    app = open_page("models")
    app.file_uploader(key="models_file").upload("mine.zip", file.read_bytes(), "application/zip").run()
    app = app.button(key="models_take_in").click().run()
    assert "exists already. Take this one in under another name" in app.error[0].value
    app.text_input(key="models_file_name").set_value("again").run()
    app = app.button(key="models_take_in").click().run()
    assert list_bundles() == [DEFAULT_MODEL, "again", "mine"]
    assert app.subheader[0].value == "again"


def test_import_of_what_is_no_model_is_said_in_words(open_page: OpenPage) -> None:
    app = open_page("models")
    app.file_uploader(key="models_file").upload("cats.zip", BytesIO(b"miau").getvalue(), "application/zip").run()
    app = app.button(key="models_take_in").click().run()
    assert "no ZIP file of a model" in app.error[0].value


def test_export_prepares_a_file_and_says_how_far_its_answers_are(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"agreement": {"faces": 64, "largest_difference": 4e-7, "same_answer": 1.0}}
    monkeypatch.setattr(export, "_prepare", lambda bundle, kind: (b"0" * 1_500_000, told if kind == "onnx" else {}))
    app = open_page("models")
    app = app.pills(key="models_format").set_value("onnx").run()
    app = app.button(key="models_prepare").click().run()
    assert app.button(key="models_prepare").disabled
    assert app.get("download_button")[0].proto.label == "Download (1.5 MB)"


@pytest.mark.slow
def test_prepare_writes_what_its_format_says(tiny_bundle: Path, open_page: OpenPage) -> None:
    open_page("models")  # the choice of a dataset belongs to a session
    content, card = export._prepare(load_bundle("mine"), "bundle")
    assert (content[:2], card) == (b"PK", {})
    content, card = export._prepare(load_bundle("mine"), "keras")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert "mine-keras/model.keras" in archive.namelist()
    assert card["agreement"]["same_answer"] == 1.0
