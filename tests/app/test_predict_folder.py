"""Predict's view of folders, run without a browser: begun, found again, looked through, taken home, deleted."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fer.data.synthetic import draw_scene
from fer.folders.job import FolderJob, FolderSettings, create_folder_job
from fer.folders.table import FolderSummary
from fer.folders.worker import run_folder_job
from tests.app.test_predict import metric, texts
from ui.tiles import Tile

FOLDER = {"predict_view": "Folder"}


@pytest.fixture
def party(tmp_path: Path) -> Path:
    """Three drawn pictures of four people in all, a wall and a broken file."""
    folder = tmp_path / "party"
    (folder / "below").mkdir(parents=True)
    for number, labels in enumerate((("happy", "sad"), ("happy",), ("surprise",))):
        Image.fromarray(draw_scene(3 + number, labels)[0]).save(folder / f"{number}.png")
    Image.new("RGB", (160, 120), (130, 130, 130)).save(folder / "below" / "wall.png")
    (folder / "broken.jpg").write_text("no picture")
    return folder


@pytest.fixture
def read(party: Path) -> Path:
    """The same, read already in an earlier session."""
    run_folder_job(create_folder_job(party, FolderSettings(detector="haar")))
    return party


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> list[Tile]:
    """The tiles that the page draws last; the component itself needs a browser."""
    drawn: list[Tile] = []

    def draw(tiles: list[Tile], *, key: str | None = None) -> None:
        drawn[:] = tiles

    monkeypatch.setattr("ui.predict.folder_view.tile_grid", draw)
    return drawn


def test_predict_folder_view_begins_a_reading_in_the_background(
    open_page: Callable[..., AppTest], party: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    monkeypatch.setattr("fer.folders.job.FolderJob.launch", lambda job: begun.append(job))
    at = open_page("predict", state=FOLDER)
    assert at.button(key="folder_start").disabled
    at.text_input(key="folder_path").set_value(str(party)).run()
    at.button(key="folder_start").click().run()
    assert not at.exception
    (job,) = FolderJob.all()
    assert begun == [job]
    assert job.pictures_path == party
    assert (job.settings.model, job.settings.head) == ("flagship", "votes")
    assert "party" in [heading.value for heading in at.subheader]


def test_predict_folder_view_takes_a_zip(open_page: Callable[..., AppTest], party: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer.folders.job.FolderJob.launch", lambda job: None)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(party / "0.png", "0.png")
    at = open_page("predict", state=FOLDER)
    at.file_uploader(key="folder_file_0").upload("party.zip", packed.getvalue(), "application/zip").run()
    at.button(key="folder_start").click().run()
    assert not at.exception
    (job,) = FolderJob.all()
    assert (job.name, job.request["pictures"]) == ("party.zip", 1)
    assert job.pictures_path.read_bytes() == packed.getvalue()


def test_predict_folder_view_that_is_empty_says_what_to_do_and_draws_an_example(
    open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer.folders.job.FolderJob.launch", lambda job: None)
    at = open_page("predict", state=FOLDER)
    assert "Nothing read yet" in texts(at)
    at.button(key="folder_example").click().run()
    assert not at.exception
    (job,) = FolderJob.all()
    assert (job.name, job.request["pictures"]) == ("A dozen drawn pictures.zip", 12)
    assert "Nothing read yet" not in texts(at)
    job.write_state("running")
    run_folder_job(job)
    assert FolderSummary.of(job.table_path, 12, Counter(job.table()["label"].to_pylist())).faces == 22


def test_predict_folder_view_of_a_damaged_reading_says_so_and_deletes_it(open_page: Callable[..., AppTest], party: Path) -> None:
    job = create_folder_job(party)
    (job.path / "reading.json").write_text("{", encoding="utf-8")
    at = open_page("predict", state=FOLDER)
    assert "damaged" in at.error[0].value
    at.button(key="folder_delete").click().run()
    assert FolderJob.all() == []


@pytest.mark.parametrize(("place", "words"), [("nowhere", "no folder or archive"), ("void", "holds no pictures")])
def test_predict_folder_view_of_nothing_says_so(
    open_page: Callable[..., AppTest], tmp_path: Path, place: str, words: str
) -> None:
    (tmp_path / "void").mkdir()
    at = open_page("predict", state=FOLDER)
    at.text_input(key="folder_path").set_value(str(tmp_path / place)).run()
    at.button(key="folder_start").click().run()
    assert words in at.error[0].value
    assert FolderJob.all() == []


def test_predict_folder_view_shows_what_came_out(open_page: Callable[..., AppTest], read: Path, tiles: list[Tile]) -> None:
    at = open_page("predict", state=FOLDER)
    assert (metric(at, "Pictures"), metric(at, "Faces")) == ("5", "4")
    assert (metric(at, "Without a face"), metric(at, "Unreadable")) == ("1", "1")
    assert "is the most frequent" in texts(at)
    assert [tile.name.split(", ")[-1] for tile in tiles] == [
        *("0.png", "0.png", "1.png", "2.png", "below/wall.png", "broken.jpg")
    ]
    assert all(tile.source.startswith("data:image/jpeg;base64,") for tile in tiles)


def test_predict_folder_view_filters_and_sorts(open_page: Callable[..., AppTest], read: Path, tiles: list[Tile]) -> None:
    (job,) = FolderJob.all()
    at = open_page("predict", state={**FOLDER, f"folder_labels_{job.id}": ["no face", "unreadable"]})
    assert [tile.caption for tile in tiles] == ["no face", "unreadable"]
    at = open_page("predict", state={**FOLDER, "folder_order": "Surest first"})
    shares = [float(tile.caption.split()[-2]) for tile in tiles[:4]]
    assert shares == sorted(shares, reverse=True)
    assert [tile.caption for tile in tiles[4:]] == ["no face", "unreadable"]
    at.text_input(key=f"folder_search_{job.id}").set_value("WALL").run()
    assert [tile.note for tile in tiles] == ["wall.png"]
    at.text_input(key=f"folder_search_{job.id}").set_value("zebra").run()
    assert "Nothing is left" in texts(at)


def test_predict_folder_view_downloads_the_rows_that_are_shown(
    open_page: Callable[..., AppTest], read: Path, tiles: list[Tile]
) -> None:
    (job,) = FolderJob.all()
    at = open_page("predict", state={**FOLDER, f"folder_labels_{job.id}": ["happy", "unreadable"]})
    labels = {button.label for button in at.get("download_button")}
    n = len(tiles)
    assert {f"CSV, {n} rows", f"Parquet, {n} rows"} <= labels
    whole = pd.read_parquet(job.table_path)
    assert n == whole["label"].isin(["happy", "unreadable"]).sum()


def test_predict_folder_view_offers_a_table_with_thumbnails(open_page: Callable[..., AppTest], read: Path) -> None:
    at = open_page("predict", state={**FOLDER, "folder_layout": "Table"})
    (frame,) = at.dataframe
    assert frame.value["label"].tolist()[-1] == "unreadable"
    assert "is no picture" in frame.value["error"].tolist()[-1]
    assert frame.value["thumbnail"].str.startswith("data:image/jpeg;base64,").all()
    assert frame.value["confidence"].max() > 1, "in percent"
    shutil.rmtree(read)
    at = open_page("predict", state={**FOLDER, "folder_layout": "Table"})
    assert "There is no folder or archive" in at.error[0].value
    assert "thumbnail" not in at.dataframe[0].value
    assert len(at.dataframe[0].value) == len(frame.value)


def test_predict_folder_view_whose_pictures_went_still_has_the_answers(
    open_page: Callable[..., AppTest], read: Path, tiles: list[Tile]
) -> None:
    shutil.rmtree(read)
    at = open_page("predict", state=FOLDER)
    assert metric(at, "Faces") == "4"
    assert "There is no folder or archive" in at.error[0].value


def test_predict_folder_view_resumes_what_was_interrupted_and_deletes(
    open_page: Callable[..., AppTest], party: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    monkeypatch.setattr("fer.folders.job.FolderJob.launch", lambda job: begun.append(job))
    job = create_folder_job(party)
    job.write_state("running", "Reading pictures")  # and its process is gone
    at = open_page("predict", state=FOLDER)
    assert "ended without a word" in at.warning[0].value
    at.button(key="folder_resume").click().run()
    assert begun == [job]
    at.button(key="folder_delete").click().run()
    assert not at.exception
    assert FolderJob.all() == []
    assert party.is_dir()
