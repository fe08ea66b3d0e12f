"""What file names say: which class and which split each picture of a folder tree belongs to.

`train/happy/1.png`, `data/images/images/validation/Happiness/1.jpg` and `happy/1.png` are the same layout, seen from different
heights: the deepest folder that names an emotion is the class, the deepest that names a split is the split.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from fer.data.dataset import UNSPLIT, Problem
from fer.errors import LabelError
from fer.images import PICTURE_SUFFIXES
from fer.labels import EMOTIONS, canonical_label, is_known_label

# FER2013's usages; Kaggle's msambare/fer2013 puts both tests into one folder and keeps them in the files' names.
USAGES: Mapping[str, str] = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}

_SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training", "train_set"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "val_set", "validation_set", "publictest", "public_test"), "val"),
    **dict.fromkeys(("test", "testing", "test_set", "privatetest", "private_test"), "test"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A file that should be a picture, with its label and its split."""

    name: str
    label: str
    split: str


def split_of(folders: Iterable[str]) -> str:
    """The split that the deepest split-like folder names; `""` where none does."""
    found = [_SPLIT_FOLDERS[folder.lower()] for folder in folders if folder.lower() in _SPLIT_FOLDERS]
    return found[-1] if found else UNSPLIT


def has_class_folders(names: Iterable[str]) -> bool:
    """Whether any file lies below a folder that names an emotion."""
    return any(is_known_label(folder) for name in names for folder in name.split("/")[:-1])


def class_folders(sizes: Mapping[str, int], all_folders: Collection[str] = ()) -> tuple[list[Row], list[Problem]]:
    """Read labels and splits off the folders of a tree.

    Args:
        sizes: bytes of each file by its relative name.
        all_folders: relative names of the folders, as far as they are known; a class folder without a file is worth a word.

    Returns:
        one row a file below a class folder, and what is left out; no rows where no folder names an emotion.

    Raises:
        LabelError: a folder that stands where class folders stand holds pictures and names no known emotion.
    """
    rows: dict[str, Row] = {}
    outside: list[str] = []
    class_parents: set[str] = set()
    for name in sizes:
        folders = name.split("/")[:-1]
        depth = max((i for i, folder in enumerate(folders) if is_known_label(folder)), default=None)
        if depth is None:
            outside.append(name)
        else:
            class_parents.add("/".join(folders[:depth]))
            rows[name] = Row(name, canonical_label(folders[depth]), split_of(folders))
    problems = [*_outside_classes(outside, class_parents), *_empty_classes(sizes, all_folders)]
    shared = posixpath.commonpath([posixpath.dirname(name) for name in rows]) if rows else ""
    shared_folders = len(shared.split("/")) if shared else 0
    copies = [name for name, row in rows.items() if _has_copy_higher_up(row, rows, sizes, shared_folders)]
    for name in copies:
        del rows[name]
    if copies:
        problems.append(Problem(copies[0], f"a second copy of a file higher up, like {len(copies) - 1:,} more beside it"))
    return _with_usages(list(rows.values())), problems


def _outside_classes(outside: Iterable[str], class_parents: set[str]) -> list[Problem]:
    """What of the files in no class folder is worth a word; pictures in a folder that must be meant as a class are an error."""
    problems: list[Problem] = []
    unknown: dict[str, None] = {}
    for name in outside:
        *folders, file = name.split("/")
        is_picture = file.lower().endswith(PICTURE_SUFFIXES)  # by its name: it is read only where it has a label
        above = folders[:-1]
        meant_as_class = bool(folders) and folders[-1].lower() not in _SPLIT_FOLDERS
        beside_classes = "/".join(above) in class_parents or (bool(above) and above[-1].lower() in _SPLIT_FOLDERS)
        if meant_as_class and is_picture and (beside_classes or not class_parents):
            unknown["/".join(folders)] = None
        elif is_picture or (meant_as_class and beside_classes):
            problems.append(Problem(name, "lies in no class folder"))
    if unknown:
        names = list(unknown)
        shown = ", ".join(repr(name) for name in names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        raise LabelError(
            f"Pictures in a folder that names no known emotion: {shown}. Known: {', '.join(EMOTIONS)} (and usual spellings "
            "such as 'anger', 'happiness'). Rename the folder, or take it out."
        )
    return problems


def _empty_classes(names: Iterable[str], folders: Collection[str]) -> list[Problem]:
    """Class folders without a file: their class is missing from the dataset, or from that split of it."""
    wanted = sorted(folder for folder in folders if is_known_label(posixpath.basename(folder)))
    holding = {posixpath.dirname(name) for name in names} if wanted else set()
    while inner := {above for folder in holding if (above := posixpath.dirname(folder))} - holding:
        holding |= inner
    return [Problem(folder, "a class folder without a file") for folder in wanted if folder not in holding]


def _has_copy_higher_up(row: Row, rows: Mapping[str, Row], sizes: Mapping[str, int], shared_folders: int) -> bool:
    """Some archives hold their whole tree twice, once more in an outer folder: `images/train/…` and `images/images/train/…`.

    All of it may lie below more folders, which all rows share.
    """
    parts = row.name.split("/")
    for start in range(shared_folders + 1, len(parts) - 1):
        name = "/".join(parts[:shared_folders] + parts[start:])
        if name in rows and rows[name].split == row.split and sizes[name] == sizes[row.name]:
            return True
    return False


def _with_usages(rows: list[Row]) -> list[Row]:
    """Where nothing but file names tells PublicTest from PrivateTest, let them."""
    if any(row.split == "val" for row in rows):
        return rows
    return [
        replace(row, split="val") if row.split == "test" and row.name.rsplit("/", 1)[-1].startswith("PublicTest_") else row
        for row in rows
    ]
