"""`data export` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fer.cli import main
from fer.data import read_dataset, remove_leaks
from fer.quality.cleaning import CleaningList

DATA = "synthetic:80:1"


@pytest.fixture
def cleaning(tmp_path: Path) -> Path:
    """A list that drops three images of the data."""
    path = tmp_path / "list.csv"
    CleaningList().decide(read_dataset(DATA), [0, 1, 2], "drop").save(path)
    return path


@pytest.mark.parametrize("layout", ["folders", "parquet"])
def test_data_export_cleaned_in_json(layout: str, cleaning: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out"
    arguments = ["data", "export", DATA, str(target), "--format", layout, "--cleaning", str(cleaning), "--json"]
    assert main(arguments) == 0
    output = capsys.readouterr()
    answer = json.loads(output.out)
    assert (answer["path"], answer["format"], answer["n"]) == (str(target), layout, 77)
    assert answer["counts"] == {split: int((read_dataset(target).splits == split).sum()) for split in ("train", "val", "test")}
    assert answer["cleaning"]["dropped"] == 3
    assert output.err.startswith("Cleaned: 3 dropped, 0 relabelled, 0 moved; 77 of 80 images are left.")
    assert main(arguments) == 1
    assert "holds something already" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0


def test_data_export_drawn_anew_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["data", "export", DATA, str(tmp_path / "out"), "--format", "folders", "--resplit", "0.5,0.5", "--seed", "3"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"80 images at {tmp_path / 'out'}: 40 train, 40 val\n"
    assert remove_leaks(read_dataset(tmp_path / "out"))[1] == 0


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--format", "csv"], 1, "also has contempt"),
        (["--format", "folders", "--resize"], 2, "resized for csv alone"),
        (["--format", "folders", "--resplit", "most"], 2, "--resplit takes shares such as 0.8,0.1,0.1. Received: 'most'"),
        (["--format", "folders", "--resplit", "0.5,0.4"], 2, "two or three shares of 1"),
        (["--format", "folders", "--cleaning", "none.csv"], 1, "Cannot read the cleaning list none.csv"),
    ],
)
def test_data_export_bad_input_is_answered_in_words(
    options: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "export", DATA, str(tmp_path / "out"), *options]) == code
    output = capsys.readouterr()
    assert message in output.err
    assert not output.out
    assert not list(tmp_path.iterdir())


def test_data_export_without_a_format(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["data", "export", DATA, str(tmp_path / "out")])
    assert stopped.value.code == 2
