"""Parquet with images inside as a `Source`: how Hugging Face keeps image datasets, and what `fer/quality/export.py` writes.

A row is an encoded picture and its class, a file is a split: to the readers, `train/happy/17.png` as in any other archive.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from fer.data.layouts import split_of
from fer.data.sources import is_litter
from fer.errors import DataError

SUFFIX = ".parquet"

_MAGIC = b"PAR1"
_BATCH = 128  # rows that are in memory at once


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, told by its first bytes."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


class ParquetSource:
    """The pictures in Parquet files.

    Args:
        path: the file, or the folder that all of them stand in.
        files: the files; a word in the name of each may say a split (`train-00000-of-00002.parquet`, `val/0.parquet`).

    Raises:
        DataError: a file is damaged, or holds no images with classes.
    """

    def __init__(self, path: Path, files: Sequence[Path]) -> None:
        self.path = path
        self.title = str(path)
        self._files = list(files)
        self._sizes = {name: 0 for name, _ in self._rows(pictures=False)}

    def sizes(self) -> dict[str, int]:
        return dict(sorted(self._sizes.items()))  # all 0: a picture's bytes are not counted before it is read

    def folders(self) -> set[str]:
        return set()

    def read(self, names: Collection[str]) -> Iterator[tuple[str, BinaryIO]]:
        wanted = set(names)
        for name, data in self._rows(pictures=True):
            if name in wanted:
                yield name, io.BytesIO(data)

    def close(self) -> None:
        pass

    def _rows(self, *, pictures: bool) -> Iterator[tuple[str, bytes]]:
        """Name of each picture, always the same, and its bytes, or none where only names are wanted."""
        taken: set[str] = set()
        for file in self._files:
            below = file.name if file == self.path else file.relative_to(self.path).as_posix()
            split = split_of(re.split(r"[-_. /]", below))
            with _open(file) as table:
                image, label, class_names = _columns(table.schema_arrow, file)
                parts = ("bytes", "path") if pictures else ("path",)
                for batch in table.iter_batches(_BATCH, columns=[label, *(f"{image}.{part}" for part in parts)]):
                    for row in batch.to_pylist():
                        picture = row[image] or {}
                        folders = [part for part in (split, _class(row[label], class_names, file)) if part]
                        file_name = _file_name(picture.get("path"), len(taken))
                        name = "/".join((*folders, file_name))
                        if name in taken:
                            name = "/".join((*folders, f"{len(taken)}-{file_name}"))
                        taken.add(name)
                        yield name, picture.get("bytes") or b""


@contextmanager
def _open(file: Path) -> Iterator[Any]:
    """An open `pyarrow.parquet.ParquetFile`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            yield table
    except pa.ArrowException as error:
        raise DataError(f"{file} is damaged or cut short ({error}). Download or write it again.") from error


def _columns(schema: Any, file: Path) -> tuple[str, str, list[str] | None]:
    """The column of images, that of classes, and what the numbers in it stand for; None where it holds names."""
    try:
        described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features: dict[str, Any] = described.get("info", {}).get("features", {})
        types = {name: feature.get("_type") for name, feature in features.items() if isinstance(feature, dict)}
    except (ValueError, AttributeError):
        features, types = {}, {}
    image = next((name for name, kind in types.items() if kind == "Image"), "image")
    label = next((name for name, kind in types.items() if kind == "ClassLabel"), "label")
    found = {field.name: str(field.type) for field in schema}
    class_names = features[label].get("names") if label in types else None
    has_images = found.get(image, "").startswith("struct<") and "bytes: " in found[image] and "path: " in found[image]
    kind = found.get(label, "")
    if not has_images or not (kind.endswith("string") or (class_names and "int" in kind)):
        received = ", ".join(f"{name} ({kind})" for name, kind in found.items())[:200]
        raise DataError(
            f"{file} holds no images with classes. Expected a column of images as Hugging Face writes them (a struct of bytes "
            f"and path) and one of classes (names, or a ClassLabel). Received: {received or 'no columns'}"
        )
    return image, label, None if kind.endswith("string") else class_names


def _class(value: Any, class_names: list[str] | None, file: Path) -> str:
    """The folder that stands for a class; none for what has no class."""
    if value is None or value == -1:  # -1 is Hugging Face's for it
        return ""
    if class_names is not None and not 0 <= value < len(class_names):
        raise DataError(f"{file}: a class is {value}, but only 0…{len(class_names) - 1} have names.")
    return _one_part(str(value if class_names is None else class_names[value]))


def _file_name(path: str | None, number: int) -> str:
    """The last part of a picture's path; a number where it has none, or one that readers would pass over."""
    name = _one_part((path or "").replace("\\", "/").rsplit("/", 1)[-1])
    return f"{number}.png" if not name or is_litter(name) else name


def _one_part(text: str) -> str:
    return re.sub(r"[/\\\0]", "_", text)
