"""FER2013's official table: read whole, or refused with the row that is wrong."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer.data import read_dataset
from fer.errors import DataError
from fer.workspace import cache_dir

SIDE = 10
HEADER = "emotion,pixels,Usage"


def _pixels(seed: int, side: int = SIDE) -> list[int]:
    return np.random.default_rng(seed).integers(0, 256, side * side).tolist()


def _row(emotion: object = 3, pixels: list[int] | str | None = None, usage: str = "Training") -> str:
    values = _pixels(0) if pixels is None else pixels
    return f"{emotion},{values if isinstance(values, str) else ' '.join(map(str, values))},{usage}"


def _write(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def test_read_table_labels_splits_names_and_pixels(tmp_path: Path) -> None:
    usages = ("Training", "PublicTest", "PrivateTest", "Training", "Training", "Training", "Training")
    dataset = read_dataset(_write(tmp_path, *(_row(i, _pixels(i), usage) for i, usage in enumerate(usages))))
    assert dataset.label_set.names == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert dataset.label_ids.tolist() == list(range(7))
    assert dataset.splits.tolist() == ["train", "val", "test", "train", "train", "train", "train"]
    assert dataset.names.tolist() == [f"row {i}" for i in range(7)]
    assert dataset.name == "fer2013"
    for i in range(7):
        np.testing.assert_array_equal(dataset.images[i][..., 0].ravel(), _pixels(i))


def test_read_table_keeps_the_order_of_rows(tmp_path: Path) -> None:
    dataset = read_dataset(_write(tmp_path, *(_row(3, _pixels(i)) for i in range(12))))
    assert dataset.names.tolist() == [f"row {i}" for i in range(12)]


def test_read_table_columns_in_other_order_with_spaces_and_mark(tmp_path: Path) -> None:
    """Kaggle's icml_face_data.csv: `emotion, Usage, pixels`."""
    path = _write(tmp_path, f"4, Training, {' '.join(map(str, _pixels(1)))}", header="\ufeffemotion, Usage, pixels")
    assert read_dataset(path).counts() == {"train": {"sad": 1}}


@pytest.mark.parametrize("packing", ["data.zip", "data.tar.gz", "data"])
def test_read_table_inside_a_source(packing: str, pack) -> None:
    table = "\n".join((HEADER, _row(0), _row(6, _pixels(3)))).encode()
    dataset = read_dataset(
        pack({"challenge/fer2013.csv": table, "challenge/example_submission.csv": b"id,emotion\n1,2\n"}, packing)
    )
    assert len(dataset) == 2


def test_read_table_same_images_as_pictures(tmp_path: Path, pack, encode) -> None:
    """The same pixels have the same identity, whether they come as numbers or as PNG."""
    picture = encode(5, size=(SIDE, SIDE))
    pixels = np.asarray(Image.open(io.BytesIO(picture))).ravel().tolist()
    from_table = read_dataset(_write(tmp_path, _row(3, pixels)))
    from_picture = read_dataset(pack({"happy/1.png": picture}, "pictures"))
    assert from_table.content_ids.tolist() == from_picture.content_ids.tolist()


@pytest.mark.parametrize("missing", ["emotion", "pixels", "Usage"])
def test_read_table_missing_column(missing: str, tmp_path: Path) -> None:
    columns = [name for name in HEADER.split(",") if name != missing]
    with pytest.raises(DataError, match=f"lacks the column {missing.lower()}.*emotion,pixels,Usage"):
        read_dataset(_write(tmp_path, "1,2", header=",".join(columns)))
    assert not list((cache_dir() / "datasets").iterdir())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (_row(pixels=_pixels(1)[:-1]), r"expected 100 pixels \(10×10\). Received: 99"),
        (_row(pixels=[*_pixels(1), 0]), "Received: 101"),
        (_row(pixels=""), "Received: 0"),
        (_row(pixels="12 x " + " ".join(["0"] * 98)), "whole numbers.*'x'"),
        (_row(pixels="1.5 " + " ".join(["0"] * 99)), "whole numbers.*'1.5'"),
        (_row(pixels="256 " + " ".join(["0"] * 99)), r"0…255. Received: 0…256"),
        (_row(pixels="-1 " + " ".join(["0"] * 99)), r"0…255. Received: -1…0"),
        (_row(pixels="9" * 30 + " " + " ".join(["0"] * 99)), "0…255"),
        (_row(emotion=7), "unknown emotion '7'. Expected 0 angry"),
        (_row(emotion="happy"), "unknown emotion 'happy'"),
        (_row(emotion=""), "unknown emotion ''"),
        (_row(usage="Test"), "unknown Usage 'Test'. Expected Training, PublicTest, PrivateTest"),
        ("3", "expected 3 cells. Received: 1"),
    ],
)
def test_read_table_wrong_row_is_named(row: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"row 2 \\(line 4\\): .*{words}"):
        read_dataset(_write(tmp_path, _row(), _row(), row, _row()))
    assert not list((cache_dir() / "datasets").iterdir())


def test_read_table_first_row_not_square(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 0 .*expected 81 pixels \(9×9\). Received: 99"):
        read_dataset(_write(tmp_path, _row(pixels=_pixels(1)[:-1])))


def test_read_table_no_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        read_dataset(_write(tmp_path))


@pytest.mark.parametrize("data", [bytes(range(256)) * 40, b"\x00" * 3_000_000, b"plain words", b"a,b\n" + b"x" * 200_000])
def test_read_table_other_file(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"clip\.mp4"):
        read_dataset(path)
