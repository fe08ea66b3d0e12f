"""FER+ votes go to the row that an image's name says, and to no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.data import Dataset, join_ferplus, read_dataset
from fer.data.dataset import ArrayStore
from fer.errors import DataError
from fer.labels import FER7, VOTE_COLUMNS

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
ROWS = [
    "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0",
    "Training,fer0000001.png,6,0,1,1,0,0,0,0,2,0",
    "PublicTest,fer0000002.png,5,0,0,3,1,0,0,0,1,0",
    "PrivateTest,,0,0,0,0,0,0,0,0,0,10",
]


def _table(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "fer2013new.csv"
    path.write_text("\n".join((header, *(rows or ROWS))) + "\n")
    return path


def _named(*names: str) -> Dataset:
    n = len(names)
    return Dataset(
        "named",
        FER7,
        ArrayStore.of(np.zeros((n, 8, 8, 1), np.uint8)),
        np.zeros(n, np.int16),
        np.full(n, ""),
        np.array(names),
        np.arange(n).astype(np.uint64),
        np.ones(n, np.bool_),
    )


def test_join_ferplus_columns_in_our_order(tmp_path: Path) -> None:
    votes = join_ferplus(_named("train/angry/Training_00000.png"), _table(tmp_path)).votes
    assert votes is not None
    assert votes.dtype == np.uint8
    given = {name: count for name, count in zip(VOTE_COLUMNS, votes[0].tolist(), strict=True) if count}
    assert given == {"angry": 3, "disgust": 2, "sad": 1, "neutral": 4}


@pytest.mark.parametrize(
    ("name", "row"),
    [("happy/PrivateTest_3.jpg", 3), ("row 2", 2), ("images 7/1.png", 1), ("fer0000002.png", 2), ("a2b/x-0003", 3)],
)
def test_join_ferplus_by_the_last_number_of_the_name(name: str, row: int, tmp_path: Path) -> None:
    votes = join_ferplus(_named(name), _table(tmp_path)).votes
    assert votes is not None
    assert votes[0, VOTE_COLUMNS.index("neutral")] == [4, 6, 5, 0][row]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("happy/face.png", "has no number"),
        ("happy/Training_10118481.jpg", "row 10,118,481, but the table has only 4"),
        ("happy/PublicTest_1.png", "says PublicTest, but row 1 of the table is Training"),
        (f"happy/{'9' * 40}.png", "has no number"),
    ],
)
def test_join_ferplus_refuses_other_numberings(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"'named'.*{words}.*row in fer2013.csv"):
        join_ferplus(_named("row 0", name), _table(tmp_path))


@pytest.mark.parametrize(
    ("header", "rows", "words"),
    [
        (HEADER.replace(",contempt", ""), ROWS, "no column for contempt"),
        (HEADER.replace("Usage", "Use"), ROWS, "no column for usage"),
        (HEADER, ["Training,x,1,2"], "row 0: expected ten"),
        (HEADER, [ROWS[0], ROWS[1].replace("6", "six")], "row 1: expected ten"),
        (HEADER, [ROWS[0].replace("4", "400")], "row 0: expected ten"),
        ("", [""], "no column"),
    ],
)
def test_join_ferplus_unusable_table(header: str, rows: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        join_ferplus(_named("row 0"), _table(tmp_path, *rows, header=header))


def test_join_ferplus_missing_or_binary_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        join_ferplus(_named("row 0"), tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match=r"Cannot read the FER\+ table"):
        join_ferplus(_named("row 0"), tmp_path / "binary.csv")


def test_join_ferplus_leaves_the_rest_alone(tmp_path: Path) -> None:
    dataset = _named("row 0", "row 1")
    joined = join_ferplus(dataset, _table(tmp_path))
    assert replace(joined, votes=None).fingerprint == dataset.fingerprint


def test_read_dataset_joins_on_request(tmp_path: Path, pack, encode) -> None:
    path = pack({"train/happy/Training_1.png": encode(1), "train/sad/Training_0.png": encode(0)}, "two.zip")
    votes = read_dataset(path, ferplus=_table(tmp_path)).votes
    assert votes is not None
    assert votes[:, VOTE_COLUMNS.index("neutral")].tolist() == [6, 4]
