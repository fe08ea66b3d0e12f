"""Export: what it will hold, the export itself, its Stop, the ZIP, and the same on the command line."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer.data import read_dataset
from fer.data.collect import create_collection
from fer.labels import FER7
from fer.quality import export
from fer.quality.cleaning import CleaningList, default_place
from fer.workspace import workspace_dir
from ui.explore import export as explore_export
from ui.explore.export import opening_line, size_words

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_export(open_page: OpenPage) -> Callable[..., AppTest]:
    def open_(dataset: str = "synthetic:160") -> AppTest:
        at = open_page("home", dataset=dataset)
        at.session_state["explore_view"] = "Export"
        at = at.switch_page("pages/explore.py").run()
        assert not at.exception, at.exception
        return at

    return open_


def finish(at: AppTest, key: str) -> AppTest:
    """Press a button, and run the page again until no export is going any more."""
    at = at.button(key=key).click().run()
    limit = time.monotonic() + 60
    while any(button.key == "export_stop" for button in at.button):
        assert time.monotonic() < limit
        time.sleep(0.05)
        at = at.run()
    assert not at.exception, at.exception
    return at


def metric(at: AppTest, label: str) -> str:
    return [metric.value for metric in at.metric if metric.label == label][-1]


def test_export_writes_packs_and_says_how_to_open_it(open_export: Callable[..., AppTest]) -> None:
    at = open_export()
    assert (metric(at, "Images"), metric(at, "Classes")) == ("160", "8")
    assert metric(at, "Size, about").endswith("KB")
    at = finish(at, "export_start")
    place = workspace_dir() / "exports" / "synthetic-folders"
    assert read_dataset(place).fingerprint
    assert len(read_dataset(place)) == 160
    assert opening_line(place, "folders") in [code.value for code in at.code]
    at = finish(at, "export_pack")
    assert len(read_dataset(place.with_name("synthetic-folders.zip"))) == 160
    assert at.download_button(key="export_download").label.startswith("Download the ZIP (")


def test_export_of_the_cleaned_dataset(open_export: Callable[..., AppTest]) -> None:
    dataset = read_dataset("synthetic:160")
    listed = default_place("synthetic:160")
    listed.parent.mkdir(parents=True, exist_ok=True)
    CleaningList().decide(dataset, range(10), "drop").save(listed)
    at = open_export()
    assert metric(at, "Images") == "150"
    assert f"--cleaning {listed}" in at.code[0].value
    at = at.toggle(key="export_cleaning").set_value(False).run()
    assert metric(at, "Images") == "160"
    assert "--cleaning" not in at.code[0].value


def test_export_command_line_does_the_same(open_export: Callable[..., AppTest], fer_command: Callable[..., object]) -> None:
    at = open_export()
    at = at.radio(key="export_layout").set_value("parquet").run()
    words = shlex.split(at.code[0].value.replace("\\\n", " "))
    done = fer_command(*words[3:])
    assert done.returncode == 0, done.stderr  # type: ignore[attr-defined]
    assert len(read_dataset(workspace_dir() / "exports" / "synthetic-parquet")) == 160


def test_export_does_not_replace_unless_asked(open_export: Callable[..., AppTest]) -> None:
    at = finish(open_export(), "export_start")
    assert at.button(key="export_start").disabled
    at = at.checkbox(key="export_overwrite").check().run()
    assert not at.button(key="export_start").disabled
    assert "--overwrite" in at.code[0].value
    at = finish(at, "export_start")
    assert not at.error


def test_export_stops_and_leaves_nothing(open_export: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_REPORT_EVERY", 1)
    encode = export.encode_png

    def slowly(*args: object) -> bytes:
        time.sleep(0.05)
        return encode(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(export, "encode_png", slowly)
    at = open_export().button(key="export_start").click().run()
    at = finish(at, "export_stop")
    assert "Stopped" in at.info[-1].value
    assert not list((workspace_dir() / "exports").iterdir())


def test_export_says_beforehand_and_afterwards_what_the_table_lacks(open_export: Callable[..., AppTest]) -> None:
    at = open_export()
    at = at.radio(key="export_layout").set_value("csv").run()
    assert "contempt" in at.warning[0].value
    at = finish(at, "export_start")
    assert "also has contempt" in at.error[0].value
    assert not list((workspace_dir() / "exports").glob("*"))


def test_export_name_cannot_lead_out_of_the_workspace(open_export: Callable[..., AppTest]) -> None:
    at = open_export()
    field = next(field for field in at.text_input if field.label == "Name")
    at = field.set_value("../../../out").run()
    finish(at, "export_start")
    assert [path.name for path in (workspace_dir() / "exports").iterdir()] == ["out"]


def test_export_of_a_collection(open_export: Callable[..., AppTest]) -> None:
    """Its folder lies in the workspace, as exports do."""
    mine = create_collection("mine", FER7)
    mine.add("happy", [read_dataset("synthetic:8").images[0]])
    finish(open_export(str(mine.path)), "export_start")
    assert len(read_dataset(workspace_dir() / "exports" / "mine-folders")) == 1


def test_export_too_large_for_a_browser_says_where_it_is(
    open_export: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explore_export, "DOWNLOAD_LIMIT", 1000)
    at = finish(finish(open_export(), "export_start"), "export_pack")
    assert not at.get("download_button")
    assert any("oo large to go through a browser" in caption.value for caption in at.caption)


@pytest.mark.parametrize(
    ("n", "words"), [(10, "1 KB"), (740_000, "723 KB"), (64_000_000, "61 MB"), (2_000_000, "1.9 MB"), (2 * 2**30, "2.0 GB")]
)
def test_size_words(n: int, words: str) -> None:
    assert size_words(n) == words


def test_opening_line_quotes_paths() -> None:
    assert (
        opening_line(Path("/a/it's"), "parquet")
        == 'import datasets; faces = datasets.load_dataset("parquet", data_dir="/a/it\'s")'
    )
