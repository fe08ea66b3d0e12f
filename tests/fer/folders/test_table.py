"""Answers as rows, and back; faces found again in their pictures."""

from __future__ import annotations

import csv
import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fer.errors import DataError
from fer.folders.crops import read_crops, read_one
from fer.folders.table import answer_rows, error_row, labels_of, prediction_of, rows_table, table_bytes
from fer.inference import FacePrediction
from fer.labels import FER7

SURE = FacePrediction((10.0, 20.0, 60.0, 80.0), 0.75, FER7, (0.0, 0.0, 0.0, 0.875, 0.125, 0.0, 0.0))
UNSURE = replace(SURE, probabilities=(0.0, 0.0, 0.25, 0.25, 0.25, 0.25, 0.0), detection_score=None)
REFUSED = replace(SURE, face_probability=0.125, face_threshold=0.5)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_table_keeps_what_was_answered(suffix: str) -> None:
    rows = [*answer_rows("a, b.png", [SURE, UNSURE, REFUSED]), *answer_rows("c.png", []), error_row("d.png", 'no "picture"')]
    content = table_bytes(rows_table(rows, FER7), suffix)
    if suffix == ".csv":
        first, *_, none, broken = csv.DictReader(io.StringIO(content.decode()))
        assert (first["picture"], first["face"], first["x1"], first["happy"]) == ("a, b.png", "1", "10", "0.875")
        assert (none["label"], none["face"], none["happy"]) == ("no face", "", "")
        assert broken["error"] == 'no "picture"'
        return
    table = pq.read_table(io.BytesIO(content))
    label_set = labels_of(table.schema)
    assert label_set == FER7
    back = [prediction_of(row, label_set) for row in table.to_pylist()[:3]]
    for face, was in zip(back, (SURE, UNSURE, REFUSED), strict=True):
        assert (face.label, face.is_unsure, face.is_face) == (was.label, was.is_unsure, was.is_face)
        assert face.confidence == pytest.approx(was.confidence)
        assert face.xyxy == was.xyxy
    assert back[0].probabilities == SURE.probabilities


def test_rows_of_what_is_not_a_face_name_no_expression() -> None:
    (row,) = answer_rows("a.png", [REFUSED])
    assert row["label"] == "not a face"
    assert not set(FER7) & row.keys()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A picture that is red where the face is, and a file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    image = np.zeros((100, 100, 3), np.uint8)
    image[20:80, 10:60] = (255, 0, 0)
    Image.fromarray(image).save(folder / "a.png")
    (folder / "d.png").write_text("no picture")
    return folder


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_read_crops_gives_the_face_the_whole_picture_or_nothing(pictures: Path, packed: bool) -> None:
    place = Path(shutil.make_archive(str(pictures), "zip", pictures)) if packed else pictures
    rows = rows_table([error_row("d.png", "broken"), *answer_rows("a.png", [SURE]), *answer_rows("a.png", [])], FER7)
    broken, face, whole = read_crops(place, rows.to_pylist(), side=40)
    assert broken is None
    assert face is not None
    assert whole is not None
    assert face.shape == whole.shape == (40, 40, 3)
    assert (face[..., 0] > 128).mean() > 0.7
    assert (whole[..., 0] > 128).mean() == pytest.approx(0.3, abs=0.05)


def test_read_one_gives_the_picture_or_nothing(pictures: Path) -> None:
    image = read_one(pictures, "a.png")
    assert image is not None
    assert image.shape == (100, 100, 3)
    assert read_one(pictures, "d.png") is None
    assert read_one(pictures, "gone.png") is None
    with pytest.raises(DataError, match="no folder or archive"):
        read_one(pictures / "gone", "a.png")
