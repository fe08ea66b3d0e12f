"""FER+: the votes of ten taggers for each image of FER2013, joined to a dataset by row.

Barsoum et al. 2016, "Training deep networks for facial expression recognition with crowd-sourced label distribution"
(https://arxiv.org/abs/1608.01041); the table is `fer2013new.csv` of Microsoft's FERPlus repository.
"""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.data.layouts import USAGES
from fer.errors import DataError
from fer.labels import VOTE_COLUMNS, canonical_label, is_known_label

_NOT_A_FACE = "nf"
_USAGE = "usage"


def join_ferplus(dataset: Dataset, csv_path: str | Path) -> Dataset:
    """The dataset with `votes` filled from `fer2013new.csv`.

    Row k of the table is row k of FER2013's CSV, so an image is found by the number in its name: `Training_00017.png`, `17.jpg`,
    `row 17`. Where the name also says the usage (`Training_…`), it must be the usage of that row: other numberings of the
    same images exist (Kaggle's msambare/fer2013), and votes of strangers would be worse than none.

    Raises:
        DataError: the table cannot be read, or an image's number is missing, beyond the table, or of another usage.
    """
    path = Path(csv_path).expanduser()
    votes, usages = _read_votes(path)
    rows = np.array([_row_of(name) for name in dataset.names.tolist()], dtype=np.int64)
    for row, name in zip(rows.tolist(), dataset.names.tolist(), strict=True):
        usage = name.rsplit("/", 1)[-1].split("_", 1)[0]
        if row < 0:
            wrong = "has no number"
        elif row >= len(votes):
            wrong = f"says row {row:,}, but the table has only {len(votes):,}"
        elif usage in USAGES and usage != usages[row]:
            wrong = f"says {usage}, but row {row:,} of the table is {usages[row]}"
        else:
            continue
        raise DataError(
            f"Cannot join {path.name} to {dataset.name!r}: {name!r} {wrong}. Expected files numbered by their row in "
            "fer2013.csv, and the fer2013new.csv of FER+."
        )
    return replace(dataset, votes=votes[rows])


def _row_of(name: str) -> int:
    """The last number of a file's name, -1 where it has none (or one that is no row of any table)."""
    numbers = re.findall(r"[0-9]+", name.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    return int(numbers[-1]) if numbers and len(numbers[-1]) < 16 else -1


def _read_votes(path: Path) -> tuple[NDArray[np.uint8], list[str]]:
    """Votes, uint8 (rows, 10) in the order of VOTE_COLUMNS, and each row's usage."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"Cannot read the FER+ table {path}: {getattr(error, 'strerror', None) or error}.") from error
    header = [_column(cell) for cell in table[0]] if table else []
    missing = [column for column in (_USAGE, *VOTE_COLUMNS) if column not in header]
    if missing:
        raise DataError(f"{path} is not FER+'s fer2013new.csv: it has no column for {', '.join(missing)}.")
    positions = [header.index(column) for column in VOTE_COLUMNS]
    votes = np.empty((len(table) - 1, len(VOTE_COLUMNS)), np.uint8)
    for row, cells in enumerate(table[1:]):
        try:
            votes[row] = [int(cells[position]) for position in positions]
        except (ValueError, IndexError, OverflowError) as error:
            raise DataError(
                f"{path}, row {row}: expected ten small numbers of votes. Received: {','.join(cells)[:80]!r}"
            ) from error
    usage_at = header.index(_USAGE)
    return votes, [cells[usage_at].strip() for cells in table[1:]]


def _column(cell: str) -> str:
    name = cell.strip().lower()
    if name == _NOT_A_FACE:
        return "not_a_face"
    return canonical_label(name) if is_known_label(name) else name
