"""`Parts`: what is answered so far, on disk beside the table that it will be; the same command goes on from there.

    .TABLE.parts/request.json        what the answers depend on: model, settings, pictures
    .TABLE.parts/000000.parquet, …   rows, in the order of the pictures
    .TABLE.parts/lock                held by the process that works on it

A part is written whole or not at all, and says itself which pictures it is of; so a kill at any moment costs the last part alone.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from fer.errors import DataError
from fer.files import remove_leftovers, replacing, write_json
from fer.folders.table import Row, write_tables

if TYPE_CHECKING:
    import pyarrow as pa

# Rows a group of a Parquet file: its readers unpack a group at a time, and small ones pack badly.
_GROUP_ROWS = 20_000
_REQUEST = "request.json"


class Parts:
    """The parts of one table. Made by `open_parts`."""

    def __init__(self, folder: Path, target: Path, schema: pa.Schema) -> None:
        self.folder, self.target, self._schema = folder, target, schema

    def paths(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.parquet"))

    def pictures(self) -> set[str]:
        """Names of the pictures that are answered."""
        import pyarrow.parquet

        return {name for path in self.paths() for name in pyarrow.parquet.read_table(path, columns=["picture"])[0].to_pylist()}

    def add(self, rows: Sequence[Row]) -> None:
        """Keep rows, all those of a picture together.

        Raises:
            DataError: they cannot be written.
        """
        import pyarrow as pa
        import pyarrow.parquet

        with cannot_write_in_words(self.folder), replacing(self.folder / f"{len(self.paths()):06d}.parquet") as beside:
            pyarrow.parquet.write_table(pa.Table.from_pylist(list(rows), schema=self._schema), beside)

    def join(self) -> tuple[int, Counter[str]]:
        """Make the table of the parts, and remove them.

        Returns:
            how many pictures it holds, and its rows by label.

        Raises:
            DataError: it cannot be written.
        """
        labels: Counter[str] = Counter()
        pictures = len(self.pictures())
        with cannot_write_in_words(self.target), replacing(self.target) as beside:
            write_tables(self._groups(labels), beside, self._schema, self.target.suffix.lower())
        for path in (*self.paths(), self.folder / _REQUEST):
            path.unlink(missing_ok=True)
        return pictures, labels

    def _groups(self, labels: Counter[str]) -> Iterator[pa.Table]:
        """The rows in groups of one size, whatever the size of the parts: an interrupted run makes the same file."""
        import pyarrow as pa
        import pyarrow.parquet

        rest = self._schema.empty_table()
        for path in self.paths():
            part = pyarrow.parquet.read_table(path)
            labels.update(part["label"].to_pylist())
            rest = pa.concat_tables([rest, part])
            while len(rest) >= _GROUP_ROWS:
                yield rest.slice(0, _GROUP_ROWS).combine_chunks()
                rest = rest.slice(_GROUP_ROWS)
        if len(rest):
            yield rest.combine_chunks()


def parts_folder(target: Path) -> Path:
    """Where the parts of a table lie."""
    return target.with_name(f".{target.name}.parts")


@contextmanager
def open_parts(target: Path, schema: pa.Schema, request: Mapping[str, Any], *, overwrite: bool) -> Iterator[Parts]:
    """The parts of a table, for this process alone; those that are there already are gone on from.

    Args:
        target: the table.
        schema: its columns.
        request: what the answers depend on, as JSON-ready values; parts of another request do not fit.
        overwrite: throw such parts away.

    Raises:
        DataError: another process works on them, they are of another request, or the folder cannot be written.
    """
    folder = parts_folder(target)
    with cannot_write_in_words(target):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)  # two that make the same table would each make half of it
    except Timeout as error:
        raise DataError(f"Another process is making {target} already. Wait for it, or name another file.") from error
    try:
        remove_leftovers(folder)
        _check_request(folder, target, request, overwrite=overwrite)
        yield Parts(folder, target, schema)
    finally:
        lock.release()
        if not any(folder.glob("[0-9]*.parquet")):  # there is nothing to go on from
            shutil.rmtree(folder, ignore_errors=True)


def _check_request(folder: Path, target: Path, request: Mapping[str, Any], *, overwrite: bool) -> None:
    path = folder / _REQUEST
    try:
        before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:  # damaged: nothing says that the parts fit
        before = {"file": "damaged"}
    differs = [key.replace("_", " ") for key in request if before and before.get(key) != request[key]]
    if differs and not overwrite:
        raise DataError(
            f"{target} was begun, and stopped, with something else: {', '.join(differs)}. Ask for the same as then to go on, "
            "or overwrite it to begin anew."
        )
    with cannot_write_in_words(target):
        if differs:
            for part in folder.glob("[0-9]*.parquet"):
                part.unlink()
        if before != request:
            write_json(path, dict(request))


@contextmanager
def cannot_write_in_words(target: Path) -> Iterator[None]:
    """An `OSError` of writing as a `DataError`."""
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise DataError(f"Cannot write {target}: {why}. Free some space, or name a file in another folder.") from error
