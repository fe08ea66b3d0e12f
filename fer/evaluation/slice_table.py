"""A user's own table of the images (age group, gender, skin tone, camera, …), joined to a report by file name for `slices.py`."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError
from fer.evaluation.slices import Column

# A text with more different values than this is a name or a remark, no group.
_MOST_GROUPS = 50


def read_csv_columns(
    path: str | Path,
    names: Sequence[str] | NDArray[np.str_],
    *,
    name_column: str | None = None,
    content: bytes | None = None,
) -> list[Column]:
    """The columns of a CSV (a head, then a row an image), in the order of a report's images.

    A row belongs to the image whose name it gives: in full, as reports have it (`test/happy/7.png`), or the file's name alone
    where one image only has it.

    Args:
        path: comma- or semicolon-separated, UTF-8.
        names: (N,), the images' names.
        name_column: the column that holds file names; default: the one that matches the most images.
        content: what stands in the file, where it has been read already: the path is then only its name for people.

    Returns:
        every other column; as numbers where every value is one, else as text. Empty cells and images without a row have no value.
        Columns with one value throughout, and texts with more than 50 different ones, say nothing about groups and are left out.

    Raises:
        DataError: the file cannot be read, no row belongs to an image, an image has two rows, or no column is left.
    """
    rows, header = _read(Path(path), content)
    if name_column is not None and name_column not in header:
        raise DataError(f"{path} has no column {name_column!r}. It has: {', '.join(header)}")
    by_name = _image_rows(names)
    keys = [name_column] if name_column is not None else header
    matched = {key: [by_name.get(_plain(row[key])) for row in rows] for key in keys}
    key = max(keys, key=lambda key: sum(image is not None for image in matched[key]))
    images = matched[key]
    found = Counter(image for image in images if image is not None)
    if not found:
        raise DataError(
            f"No row of {path} belongs to an image of the report. Expected a column with file names such as "
            f"{str(names[0])!r}. Received: {', '.join(f'{key} ({rows[0][key]!r})' for key in keys)}"
        )
    if twice := [str(names[image]) for image, times in found.items() if times > 1]:
        raise DataError(f"{path} has more than one row for {len(twice):,} images, such as {twice[0]!r}. Keep one row an image.")
    columns = []
    for name in header:
        if name == key:
            continue
        texts = np.full(len(names), "", dtype=object)
        for row, image in zip(rows, images, strict=True):
            if image is not None:
                texts[image] = row[name].strip()
        columns.append(Column(name, _typed(texts.astype(np.str_))))
    columns = [column for column in columns if _tells_groups(column)]
    if not columns:
        raise DataError(f"{path} has no column beside {key!r} by which images could be grouped (2 to {_MOST_GROUPS} values).")
    return columns


def _read(path: Path, content: bytes | None) -> tuple[list[dict[str, str]], list[str]]:
    try:
        text = (path.read_bytes() if content is None else content).decode("utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = ";" if first.count(";") > first.count(",") else ","
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="")
        rows, fields = list(reader), reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"Cannot read {path}: {error}. Expected a CSV in UTF-8 with a head.") from error
    header = [name for name in fields if name]
    if not rows or not header:
        raise DataError(f"{path} is empty. Expected a head, and a row an image.")
    if twice := [name for name, times in Counter(header).items() if times > 1]:
        raise DataError(f"{path} has two columns of the name {twice[0]!r}. Give each its own.")
    return rows, header


def _image_rows(names: Iterable[str]) -> dict[str, int]:
    """Row of each image by its full name, and by its file's name where no other image has that."""
    full = {_plain(str(name)): row for row, name in enumerate(names)}
    times = Counter(PurePosixPath(name).name for name in full)
    return {PurePosixPath(name).name: row for name, row in full.items() if times[PurePosixPath(name).name] == 1} | full


def _plain(name: str) -> str:
    return name.strip().replace("\\", "/").removeprefix("./")


def _typed(texts: NDArray[np.str_]) -> NDArray[np.float64] | NDArray[np.str_]:
    """As numbers, NaN for an empty one, where all that are given are finite numbers."""
    try:
        numbers = np.array([float(text) if text else np.nan for text in texts.tolist()])
    except ValueError:
        return texts
    return texts if np.isinf(numbers).any() or np.isnan(numbers[texts != ""]).any() else numbers


def _tells_groups(column: Column) -> bool:
    values = column.values
    if values.dtype.kind == "f":
        return len(np.unique(values[~np.isnan(values)])) > 1
    return 2 <= len(np.unique(values[values != ""])) <= _MOST_GROUPS
