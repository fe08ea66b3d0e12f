"""A user's table: joined by name, typed, and refused in words where it does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer.errors import DataError
from fer.evaluation.slice_table import read_csv_columns

NAMES = np.array(["test/happy/1.png", "test/happy/2.png", "test/sad/1.png", "test/sad/3.png"])


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "groups.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_read_csv_columns_joins_by_full_name_and_by_file_name(tmp_path: Path) -> None:
    text = "file,age,gender\ntest/sad/1.png,30,f\n3.png,41.5,m\n.\\test\\happy\\1.png,,f\nelsewhere.png,1,x\n"
    age, gender = read_csv_columns(table(tmp_path, text), NAMES)
    assert (age.name, gender.name) == ("age", "gender")
    assert age.values == pytest.approx([np.nan, np.nan, 30, 41.5], nan_ok=True)
    assert gender.values.tolist() == ["f", "", "f", "m"]


def test_read_csv_columns_finds_the_column_of_names_by_itself(tmp_path: Path) -> None:
    text = "\ufeffgroup;Bild;note\na;2.png;same\nb;3.png;same\n"
    (group,) = read_csv_columns(table(tmp_path, text), NAMES)  # `note` has one value and says nothing
    assert (group.name, group.values.tolist()) == ("group", ["", "a", "", "b"])


def test_read_csv_columns_takes_numbers_beside_words_for_words(tmp_path: Path) -> None:
    (column,) = read_csv_columns(table(tmp_path, "file,age\n2.png,30\n3.png,unknown\n"), NAMES)
    assert column.values.tolist() == ["", "30", "", "unknown"]


def test_read_csv_columns_does_not_guess_between_files_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No row of"):
        read_csv_columns(table(tmp_path, "file,age\n1.png,30\n"), NAMES)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("file,age\na.png,1\nb.png,2\n", r"No row of .*'test/happy/1.png'.*file \('a.png'\), age \('1'\)"),
        ("file,age\n2.png,1\n2.png,2\n", r"more than one row for 1 images, such as 'test/happy/2.png'"),
        ("file,age\n2.png,1\ntest/happy/2.png,2\n", "more than one row"),
        ("file,age\n2.png,7\n3.png,7\n", "no column beside 'file'"),
        ("file\n2.png\n", "no column beside 'file'"),
        ("file,age,age\n2.png,1,2\n", "two columns of the name 'age'"),
        ("file,age\n", "is empty"),
        ("", "is empty"),
    ],
)
def test_read_csv_columns_of_an_unusable_table_is_refused(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        read_csv_columns(table(tmp_path, text), NAMES)


def test_read_csv_columns_of_no_csv_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot read"):
        read_csv_columns(tmp_path / "none.csv", NAMES)
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0" * 20)
    with pytest.raises(DataError, match="Expected a CSV in UTF-8"):
        read_csv_columns(tmp_path / "picture.csv", NAMES)


def test_read_csv_columns_by_a_column_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'image'\. It has: file, age"):
        read_csv_columns(table(tmp_path, "file,age\n2.png,1\n"), NAMES, name_column="image")


def test_read_csv_columns_of_what_was_read_already_needs_no_file() -> None:
    (column,) = read_csv_columns("uploaded.csv", NAMES, content="file,age\r\n2.png,30\r\n3.png,31\r\n".encode("utf-8-sig"))
    assert column.values == pytest.approx([np.nan, 30, np.nan, 31], nan_ok=True)
    with pytest.raises(DataError, match=r"uploaded.csv is empty"):
        read_csv_columns("uploaded.csv", NAMES, content=b"")
