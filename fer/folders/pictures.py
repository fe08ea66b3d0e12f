"""Which files of a folder, an archive or a list are pictures: the first step of reading many."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer.data.archives import open_archive
from fer.data.sources import FolderSource, Source, failures_in_words
from fer.errors import DataError
from fer.images import PICTURE_SUFFIXES

PicturePlace = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Pictures:
    """Where pictures come from, and which there are.

    Args:
        source: reads them; whoever has opened it closes it.
        names: of the pictures, sorted; as the source has them.
        others: how many files are no pictures by their names.
        fingerprint: changes when a picture is added, removed or written again.
    """

    source: Source
    names: tuple[str, ...]
    others: int
    fingerprint: str


class PictureFiles(FolderSource):
    """Pictures that are named one by one; one that is not there is told when it is its turn."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(Path())
        self._names = names
        self.title = f"the {len(names)} pictures named"

    def sizes(self) -> dict[str, int]:
        paths = {name: Path(name) for name in sorted(set(self._names))}
        return {name: path.stat().st_size if path.is_file() else 0 for name, path in paths.items()}


def open_pictures(place: PicturePlace, *, title: str | None = None) -> Pictures:
    """Find the pictures of a folder (with those below it), of an archive (ZIP or tar), or those of a list.

    In a folder or archive a picture is what is named like one; a list is taken at its word.

    Args:
        place: where they are.
        title: how errors call it; None for its path.

    Raises:
        DataError: there is nothing at the place, it is an archive that cannot be read, or it holds no picture.
    """
    if not isinstance(place, (str, Path)):
        return _found(PictureFiles([str(path) for path in place]), lambda _name: True)
    path = Path(place).expanduser()
    if not path.exists():
        raise DataError(f"There is no folder or archive {path}.")
    title = title or str(path)
    with failures_in_words(path):
        source = FolderSource(path) if path.is_dir() else open_archive(path, title)
    if source is None:
        raise DataError(f"{title} is neither a folder nor a ZIP or tar. Expected a folder or an archive of pictures.")
    try:
        return _found(source, lambda name: name.lower().endswith(PICTURE_SUFFIXES))
    except DataError:
        source.close()
        raise


def _found(source: Source, is_picture: Callable[[str], bool]) -> Pictures:
    with failures_in_words(source.title):
        sizes = source.sizes()
        names = tuple(name for name in sizes if is_picture(name))
        stamps = [(name, sizes[name], _written(source, name)) for name in names]
    if not names:
        kinds = ", ".join(suffix.removeprefix(".") for suffix in PICTURE_SUFFIXES)
        raise DataError(f"{source.title} holds no pictures ({len(sizes):,} files). Expected files that end in {kinds}.")
    fingerprint = hashlib.sha256(json.dumps(stamps).encode()).hexdigest()
    return Pictures(source, names, len(sizes) - len(names), fingerprint)


def _written(source: Source, name: str) -> int:
    """When a picture, or the archive that it is in, was written; 0 where it is not there."""
    path = source.path / name if isinstance(source, FolderSource) else source.path
    return path.stat().st_mtime_ns if path.exists() else 0
