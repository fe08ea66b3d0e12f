"""`Collection`: a dataset that a user makes, face by face: `<name>/train/happy/0003-07.png` is picture 7 of recording 3.

It stands in the workspace as class folders, so that `read_dataset` takes it as it is. The pictures of one recording are nearly
the same: a split drawn among them would put twins on both sides. So each recording goes into train or val as a whole, at once.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError, LabelError
from fer.files import replacing, write_json
from fer.labels import LabelSet
from fer.workspace import datasets_dir

MARK = ".fer-collection.json"  # hidden, so that readers pass over it: which classes there are to be, and that the folder is ours
# What a class needs before a first training is worth its time; few, but seven classes of it are a minute of recording.
ENOUGH_PICTURES = 20
ENOUGH_RECORDINGS = 2  # one of them to validate on

# Of each class the second recording, the sixth, the tenth, … are for validation: a class has some early, and a quarter at length.
_VAL_EVERY, _VAL_AT = 4, 1
_FILE = re.compile(r"(\d{4,})-(\d{2,})\.png")
_NAME = re.compile(r"\w[\w -]{0,59}")
_WRITING = threading.Lock()  # two sessions of a server that record at one moment get two numbers


@dataclass(frozen=True, slots=True)
class CollectedPicture:
    """A picture of a collection."""

    path: Path
    label: str
    split: str
    recording: int


@dataclass(frozen=True)
class Collection:
    """A folder in the workspace that is filled picture by picture.

    Args:
        path: the folder.
        label_set: the classes that it is to have, with pictures or without.
    """

    path: Path
    label_set: LabelSet

    @property
    def name(self) -> str:
        return self.path.name

    def pictures(self) -> tuple[CollectedPicture, ...]:
        """All pictures, in the order in which they were taken."""
        found = []
        for path in self.path.glob("*/*/*.png"):
            numbers = _FILE.fullmatch(path.name)
            if numbers and path.parent.name in self.label_set:
                picture = CollectedPicture(path, path.parent.name, path.parent.parent.name, int(numbers[1]))
                found.append((picture.recording, int(numbers[2]), picture))
        return tuple(picture for *_, picture in sorted(found, key=lambda row: row[:2]))

    def add(self, label: str, face_crops: Sequence[NDArray[np.uint8]]) -> tuple[Path, ...]:
        """Keep the pictures of one recording: all of them or none.

        Args:
            label: one of the classes.
            face_crops: uint8 RGB (H, W, 3) each.

        Returns:
            the files, none of which was there before.

        Raises:
            LabelError: it is none of the classes.
            DataError: the folder cannot be written.
        """
        if label not in self.label_set:
            raise LabelError(f"No class {label!r} in {self.name}. It has: {', '.join(self.label_set)}")
        written: list[Path] = []
        with _WRITING:
            pictures = self.pictures()
            number = max((picture.recording for picture in pictures), default=0) + 1
            recordings = len({picture.recording for picture in pictures if picture.label == label})
            folder = self.path / ("val" if recordings % _VAL_EVERY == _VAL_AT else "train") / label
            try:
                folder.mkdir(parents=True, exist_ok=True)
                for count, image in enumerate(face_crops, 1):
                    path = folder / f"{number:04d}-{count:02d}.png"
                    with replacing(path) as beside:
                        beside.write_bytes(cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))[1].tobytes())
                    written.append(path)
            except OSError as error:
                for path in written:
                    path.unlink(missing_ok=True)
                raise DataError(f"Cannot keep pictures in {folder}: {error.strerror or error}. Free some space.") from error
        return tuple(written)

    def remove(self, pictures: Sequence[CollectedPicture]) -> None:
        """Delete pictures for good.

        Raises:
            DataError: one of them cannot be deleted.
        """
        for picture in pictures:
            try:
                picture.path.unlink(missing_ok=True)
            except OSError as error:
                raise DataError(f"Cannot delete {picture.path}: {error.strerror or error}.") from error

    def undo(self) -> tuple[CollectedPicture, ...]:
        """Delete the pictures of the last recording, and return them.

        Raises:
            DataError: one of them cannot be deleted.
        """
        pictures = self.pictures()
        last = tuple(picture for picture in pictures if picture.recording == pictures[-1].recording)
        self.remove(last)
        return last

    def delete(self) -> None:
        """Delete the folder with everything in it.

        Raises:
            DataError: it is no collection any more, or cannot be deleted.
        """
        if not (self.path / MARK).is_file():
            raise DataError(f"{self.path} is not deleted: it is no collection any more ({MARK} is missing).")
        try:
            shutil.rmtree(self.path)
        except OSError as error:
            raise DataError(f"Cannot delete {self.path}: {error.strerror or error}.") from error


def create_collection(name: str, label_set: LabelSet) -> Collection:
    """A new, empty collection.

    Args:
        name: letters, digits, spaces, `-` and `_`; becomes a folder's.
        label_set: its classes.

    Raises:
        DataError: the name cannot be a folder's, is taken, or the workspace cannot be written.
    """
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise DataError(f"A set's name is made of letters, digits, spaces, '-' and '_', at most 60. Received: {name!r}")
    path = datasets_dir() / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
        write_json(path / MARK, {"format": 1, "classes": list(label_set)})
    except FileExistsError as error:
        raise DataError(f"There is a set {name!r} already. Name another one, or go on with that one.") from error
    except OSError as error:
        raise DataError(f"Cannot make {path}: {error.strerror or error}. Free some space, or set FER_WORKSPACE.") from error
    return Collection(path, label_set)


def list_collections() -> list[Collection]:
    """The collections of the workspace, by name; a folder whose mark cannot be read is passed over."""
    found = []
    for mark in sorted(datasets_dir().glob(f"*/{MARK}")):
        try:
            classes = json.loads(mark.read_text(encoding="utf-8"))["classes"]
            found.append(Collection(mark.parent, LabelSet.from_names(classes)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, LabelError):
            continue
    return found
