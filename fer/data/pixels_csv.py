"""FER2013's official table: one image a row, `emotion,pixels,Usage`, its pixels as numbers in a text."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fer.data.cache import EntryWriter
from fer.data.layouts import USAGES
from fer.data.sources import Source
from fer.errors import DataError
from fer.labels import FER7

_COLUMNS = ("emotion", "pixels", "usage")
_HEADER_BYTES = 512
_MAX_LINE = 2**20  # a file without line ends is not read into memory whole
_REPORT_EVERY = 512


def find_table(source: Source, sizes: Mapping[str, int]) -> str | None:
    """Name of the first file in a source whose header is that of FER2013's table."""
    tables = [name for name in sizes if name.lower().endswith(".csv")]
    for name, stream in source.read(tables) if tables else ():
        header = stream.read(_HEADER_BYTES).split(b"\n", 1)[0].decode(errors="replace")
        if set(_COLUMNS) <= set(_column_names(header.split(","))):
            return name
    return None


def _column_names(cells: list[str]) -> list[str]:
    return [cell.strip(' \t\r\n"\ufeff').lower() for cell in cells]  # Excel begins a table with a byte-order mark


def read_table(stream: BinaryIO, title: str, size: int, writer: EntryWriter, report: Callable[[str, float], None]) -> None:
    """Add every row of the table to `writer`, as `row 0`, `row 1`, …

    Args:
        stream: the CSV's bytes; read once, row by row.
        title: how errors call it.
        size: its bytes, for the progress.

    Raises:
        DataError: it is no such table, or a row has an unknown emotion or usage, or other than size × size numbers in 0…255.
    """
    rows = csv.reader(line.decode(errors="replace") for line in iter(lambda: stream.readline(_MAX_LINE), b""))
    try:
        columns = _column_names(next(rows, []))
        missing = [name for name in _COLUMNS if name not in columns]
        if missing:
            received = ", ".join(columns)[:120].strip() or "an empty file"
            raise DataError(
                f"{title} is no archive of pictures and no table of FER2013: it lacks the column {' and '.join(missing)}. "
                f"Expected emotion,pixels,Usage. Received: {received!r}"
            )
        at = [columns.index(name) for name in _COLUMNS]
        side = 0
        done = 0
        for number, cells in enumerate(row for row in rows if row):
            where = f"{title}, row {number} (line {rows.line_num})"
            if len(cells) <= max(at):
                raise DataError(f"{where}: expected {len(columns)} cells. Received: {len(cells)}")
            emotion, pixels, usage = (cells[i].strip() for i in at)
            image = _image(pixels, side, where)
            side = image.shape[0]
            writer.add(f"row {number}", _label(emotion, where), _split(usage, where), image)
            done += len(pixels)
            if number % _REPORT_EVERY == 0:
                report("Reading the table", min(1.0, done / max(size, 1)))
    except csv.Error as error:
        raise DataError(f"{title} is no CSV that can be read: {error}.") from error
    if not writer.names:
        raise DataError(f"{title} has a header but no rows.")
    report("Reading the table", 1.0)


def _label(emotion: str, where: str) -> str:
    if not (emotion.isascii() and emotion.isdigit() and int(emotion) < len(FER7)):
        known = ", ".join(f"{i} {name}" for i, name in enumerate(FER7))
        raise DataError(f"{where}: unknown emotion {emotion!r}. Expected {known}.")
    return FER7.names[int(emotion)]


def _split(usage: str, where: str) -> str:
    if usage not in USAGES:
        raise DataError(f"{where}: unknown Usage {usage!r}. Expected {', '.join(USAGES)}.")
    return USAGES[usage]


def _image(pixels: str, side: int, where: str) -> NDArray[np.uint8]:
    """uint8 (side, side, 1) of a text of numbers; side 0 takes the side from their count."""
    try:
        values = np.array(pixels.split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        bad = next((word for word in pixels.split() if not word.lstrip("-").isdigit()), "?")
        raise DataError(f"{where}: pixels must be whole numbers in 0…255. Received: {bad[:40]!r}") from error
    side = side or math.isqrt(len(values))
    if len(values) != side * side or not side:
        raise DataError(f"{where}: expected {side * side:,} pixels ({side}×{side}). Received: {len(values):,}")
    if values.min() < 0 or values.max() > 255:
        raise DataError(f"{where}: pixels must lie in 0…255. Received: {values.min()}…{values.max()}")
    return values.astype(np.uint8).reshape(side, side, 1)
