"""Many pictures to one table: what stands in it, and that a stop at any moment loses nothing."""

from __future__ import annotations

import json
import shutil
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from PIL import Image

from fer.data.synthetic import draw_scene
from fer.errors import DataError, DetectionError, SettingsError
from fer.folders import FolderSummary, predict_folder
from fer.folders import predict as predict_module
from fer.folders.parts import parts_folder
from fer.images import read_image
from fer.inference import FacePrediction, Recognizer


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(detector="haar")


def save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """Thirty small pictures in two folders, to be taken as faces."""
    rng = np.random.default_rng(4)
    for number in range(30):
        save(tmp_path / "crops" / "ab"[number % 2] / f"{number:02d}.png", rng.integers(0, 256, (48, 48, 3), np.uint8))
    return tmp_path / "crops"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A picture of two faces, one of none, two that are none, and a text."""
    folder = tmp_path / "mixed"
    save(folder / "two.png", draw_scene(3, ("happy", "sad"))[0])
    save(folder / "below" / "wall.jpg", np.full((120, 160, 3), 130, np.uint8))
    (folder / "clip.jpg").write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(100))
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("no picture by its name")
    (folder / "Thumbs.db").write_text("litter")
    return folder


class Stopped(Exception):
    """Raised by a progress report, as a button does."""


def stop_at(share: float) -> Any:
    def report(what: str, done: float) -> None:
        if done >= share:
            raise Stopped

    return report


class Counting(Recognizer):
    """Counts the pictures that it is asked about."""

    def __init__(self) -> None:
        super().__init__(detector=None)
        self.asked = 0
        self._counting = threading.Lock()

    def predict(self, image: np.ndarray, **options: Any) -> tuple[FacePrediction, ...]:
        with self._counting:
            self.asked += 1
        return super().predict(image, **options)


def listing(folder: Path) -> list[tuple[str, int, bytes]]:
    return [
        (str(path), path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in sorted(folder.rglob("*"))
    ]


def test_predict_folder_has_a_row_a_face_and_one_for_each_picture_without(
    mixed: Path, recognizer: Recognizer, tmp_path: Path
) -> None:
    before = listing(mixed)
    summary = predict_folder(mixed, recognizer, tmp_path / "faces.parquet")
    assert listing(mixed) == before
    rows = pq.read_table(tmp_path / "faces.parquet").to_pylist()
    assert [(row["picture"], row["face"]) for row in rows] == [
        ("below/wall.jpg", None),
        ("clip.jpg", None),
        ("empty.png", None),
        ("two.png", 1),
        ("two.png", 2),
    ]
    assert [row["label"] for row in rows[:3]] == ["no face", "unreadable", "unreadable"]
    assert "is a clip" in rows[1]["error"]
    assert "empty" in rows[2]["error"]
    assert (summary.pictures, summary.faces, summary.others) == (4, 2, 1)
    assert summary.counts["unreadable"] == 2
    assert sum(summary.counts.values()) == 5
    assert not parts_folder(tmp_path / "faces.parquet").exists()


def test_predict_folder_answers_as_the_recognizer_does(mixed: Path, recognizer: Recognizer, tmp_path: Path) -> None:
    predict_folder(mixed, recognizer, tmp_path / "faces.parquet")
    predict_folder(mixed, recognizer, tmp_path / "faces.csv")
    faces = recognizer.predict(read_image(mixed / "two.png"))
    exact = pq.read_table(tmp_path / "faces.parquet").to_pandas()
    table = pd.read_csv(tmp_path / "faces.csv")
    assert list(table) == list(exact)
    for found in (exact, table):
        rows = found[found["face"].notna()]
        names = list(faces[0].label_set)
        np.testing.assert_allclose(rows[names], [face.probabilities for face in faces], rtol=0, atol=1e-6)
        np.testing.assert_allclose(rows[["x1", "y1", "x2", "y2"]], [face.xyxy for face in faces], rtol=0, atol=1e-3)
        np.testing.assert_allclose(rows["confidence"], [face.confidence for face in faces], rtol=0, atol=1e-6)
        assert rows["label"].tolist() == [face.label for face in faces]
        assert rows["unsure"].tolist() == [face.is_unsure for face in faces]


def test_predict_folder_of_an_archive_or_a_list_says_the_same(crops: Path, recognizer: Recognizer, tmp_path: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", crops))
    tar = Path(shutil.make_archive(str(tmp_path / "packed"), "gztar", crops))
    listed = sorted(crops.rglob("*.png"))
    tables = []
    for number, place in enumerate((crops, packed, tar, listed)):
        predict_folder(place, recognizer, tmp_path / f"{number}.parquet", whole_image=True)
        table = pq.read_table(tmp_path / f"{number}.parquet").to_pandas()
        table["picture"] = table["picture"].str.rsplit("/", n=1).str[-1]
        tables.append(table.sort_values("picture", ignore_index=True))
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_predict_folder_stopped_anywhere_goes_on_and_makes_the_same_file(
    crops: Path, recognizer: Recognizer, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = tmp_path / f"undisturbed.{suffix}"
    predict_folder(crops, recognizer, undisturbed, whole_image=True)
    monkeypatch.setattr(predict_module, "_PART_ROWS", 4)
    counting, out = Counting(), tmp_path / f"out.{suffix}"
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(Stopped):
            predict_folder(crops, counting, out, whole_image=True, progress=stop_at(share))
        assert not out.exists()
    asked = counting.asked
    predict_folder(crops, counting, out, whole_image=True)
    assert out.read_bytes() == undisturbed.read_bytes()
    assert counting.asked - asked == 3, "27 of 30 were answered before"


def test_predict_folder_after_a_kill_in_the_middle_of_a_part_loses_no_row(
    crops: Path, recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_module, "_PART_ROWS", 4)
    out = tmp_path / "out.csv"
    with pytest.raises(Stopped):
        predict_folder(crops, recognizer, out, whole_image=True, progress=stop_at(0.5))
    # A kill leaves no rows behind but those of whole parts, and the beginning of the next one.
    parts = sorted(parts_folder(out).glob("*.parquet"))
    parts[-1].unlink()
    (parts_folder(out) / f".999999-1-{parts[-1].name}").write_bytes(b"PAR1 half")
    predict_folder(crops, recognizer, out, whole_image=True)
    assert len(pd.read_csv(out)) == 30


def test_predict_folder_does_not_go_on_with_other_settings_unless_told_to_begin_anew(
    crops: Path, recognizer: Recognizer, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    with pytest.raises(Stopped):
        predict_folder(crops, recognizer, out, whole_image=True, progress=stop_at(0.5))
    with pytest.raises(DataError, match=r"something else: head\."):
        predict_folder(crops, recognizer, out, whole_image=True, head="labels")
    save(crops / "new.png", np.zeros((48, 48, 3), np.uint8))
    with pytest.raises(DataError, match="something else: pictures"):
        predict_folder(crops, recognizer, out, whole_image=True)
    summary = predict_folder(crops, recognizer, out, whole_image=True, head="labels", overwrite=True)
    assert summary.pictures == 31
    assert "contempt" not in pd.read_csv(out)


def test_predict_folder_replaces_a_table_only_when_told(crops: Path, recognizer: Recognizer, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("mine")
    with pytest.raises(DataError, match="there already"):
        predict_folder(crops, recognizer, out, whole_image=True)
    with pytest.raises(Stopped):
        predict_folder(crops, recognizer, out, whole_image=True, overwrite=True, progress=stop_at(0.5))
    assert out.read_text() == "mine", "until the new one is whole"
    predict_folder(crops, recognizer, out, whole_image=True, overwrite=True)
    assert len(pd.read_csv(out)) == 30


def test_predict_folder_leaves_a_table_that_another_process_makes_alone(
    crops: Path, recognizer: Recognizer, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    parts_folder(out).mkdir()
    with FileLock(parts_folder(out) / "lock"), pytest.raises(DataError, match="Another process"):
        predict_folder(crops, recognizer, out, whole_image=True)
    assert parts_folder(out).is_dir()


def test_predict_folder_damaged_member_of_a_zip_is_a_row_of_its_own(crops: Path, recognizer: Recognizer, tmp_path: Path) -> None:
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(crops.rglob("*.png"))[:3]:
            archive.write(path, path.name)
    content = bytearray(packed.read_bytes())
    content[content.index(b"IDAT") + 20] ^= 255  # of the first one
    packed.write_bytes(content)
    predict_folder(packed, recognizer, tmp_path / "out.csv", whole_image=True)
    table = pd.read_csv(tmp_path / "out.csv")
    assert (table["label"] == "unreadable").tolist() == [True, False, False]
    assert "CRC" in table["error"][0]


def test_predict_folder_of_a_list_names_what_is_not_there(crops: Path, recognizer: Recognizer, tmp_path: Path) -> None:
    there = next(crops.rglob("*.png"))
    predict_folder([tmp_path / "gone.png", there], recognizer, tmp_path / "out.csv", whole_image=True)
    table = pd.read_csv(tmp_path / "out.csv").set_index("picture")
    assert "No such file" in table["error"][str(tmp_path / "gone.png")]
    assert table["face"][str(there)] == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "nowhere", "no folder or archive"),
        (lambda folder: folder / "mixed" / "notes.txt", "neither a folder nor a ZIP"),
        (lambda folder: folder / "mixed" / "void", "holds no pictures"),
    ],
    ids=["absent", "text", "empty"],
)
def test_predict_folder_without_pictures_says_so_and_leaves_nothing(
    mixed: Path, recognizer: Recognizer, tmp_path: Path, make: Any, words: str
) -> None:
    (mixed / "void").mkdir()
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=words):
        predict_folder(make(tmp_path), recognizer, tmp_path / "out" / "out.csv")
    assert list((tmp_path / "out").iterdir()) == []


def test_predict_folder_refuses_another_kind_of_table_and_no_detector(
    crops: Path, recognizer: Recognizer, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"\.csv or \.parquet"):
        predict_folder(crops, recognizer, tmp_path / "out.xlsx")
    with pytest.raises(DetectionError, match="no face detector"):
        predict_folder(crops, Recognizer(detector=None), tmp_path / "out.csv")
    assert not parts_folder(tmp_path / "out.csv").exists()


def test_predict_folder_reports_every_picture_up_to_the_whole(crops: Path, recognizer: Recognizer, tmp_path: Path) -> None:
    shares: list[float] = []
    predict_folder(crops, recognizer, tmp_path / "out.csv", whole_image=True, progress=lambda _what, share: shares.append(share))
    assert shares == sorted(shares)
    assert len(shares) == 31
    assert shares[-1] == 1


def test_summary_is_json_ready() -> None:
    summary = FolderSummary(Path("out.csv"), 2, 1, {"happy": 1, "no face": 1})
    assert json.loads(json.dumps(summary.as_dict()))["counts"] == {"happy": 1, "no face": 1}
