"""What folder names say about class and split."""

from __future__ import annotations

import pytest

from fer.data.layouts import class_folders, has_class_folders, split_of
from fer.errors import LabelError


def _read(*names: str) -> dict[str, tuple[str, str]]:
    rows, _ = class_folders(dict.fromkeys(names, 100))
    return {row.name: (row.label, row.split) for row in rows}


@pytest.mark.parametrize(
    ("name", "label", "split"),
    [
        ("train/happy/1.png", "happy", "train"),
        ("validation/Anger/1.png", "angry", "val"),
        ("test/SURPRISED/1.png", "surprise", "test"),
        ("happy/1.png", "happy", ""),
        ("images/images/train/fear/1.jpg", "fear", "train"),  # an outer folder twice
        ("fer 2013/Training/disgust/1.jpg", "disgust", "train"),
        ("data/PublicTest/sadness/1.jpg", "sad", "val"),
        ("data/private_test/contempt/1.jpg", "contempt", "test"),
        ("happy/train/1.png", "happy", "train"),  # class first, split below
        ("test/train/neutral/1.png", "neutral", "train"),  # the deepest counts
        ("train/happy/person 7/1.png", "happy", "train"),
    ],
)
def test_class_folders_label_and_split(name: str, label: str, split: str) -> None:
    assert _read(name) == {name: (label, split)}


def test_split_of_none() -> None:
    assert split_of(["images", "faces"]) == ""
    assert split_of([]) == ""


def test_class_folders_usages_inside_test_folder() -> None:
    """Kaggle's msambare/fer2013: both tests lie in `test/`, told apart by their files' names."""
    rows = _read("train/happy/Training_1.jpg", "test/happy/PublicTest_2.jpg", "test/sad/PrivateTest_3.jpg", "test/sad/own.jpg")
    assert [split for _, split in rows.values()] == ["train", "val", "test", "test"]


def test_class_folders_usages_yield_to_a_validation_folder() -> None:
    rows = _read("test/happy/PublicTest_2.jpg", "validation/happy/1.jpg")
    assert rows["test/happy/PublicTest_2.jpg"] == ("happy", "test")


@pytest.mark.parametrize(
    "stranger",
    ["train/bored/1.png", "val/bored/1.png", "train/1/1.png"],
    ids=["beside", "in another split", "numbered"],
)
def test_class_folders_unknown_class(stranger: str) -> None:
    with pytest.raises(LabelError, match=f"'{stranger.rsplit('/', 1)[0]}'.*Known: angry, disgust.*contempt"):
        _read("train/happy/1.png", stranger)


def test_class_folders_no_known_class_at_all() -> None:
    with pytest.raises(LabelError, match="'cats', 'dogs'"):
        _read("cats/1.png", "dogs/1.png")


def test_class_folders_many_unknown_classes_are_counted() -> None:
    with pytest.raises(LabelError, match="and 2 more"):
        _read(*(f"train/class{i}/1.png" for i in range(10)))


def test_class_folders_files_outside_classes() -> None:
    names = ["happy/1.png", "README.md", "cover.png", "docs/figures/plot.png", "notes/readme.txt", "sad/2.png"]
    rows, problems = class_folders(dict.fromkeys(names, 1))
    assert [row.name for row in rows] == ["happy/1.png", "sad/2.png"]
    assert [problem.name for problem in problems] == ["cover.png", "docs/figures/plot.png", "notes/readme.txt"]


@pytest.mark.parametrize("above", ["", "archive/", "downloads/archive/"])
def test_class_folders_second_copy_of_the_tree(above: str) -> None:
    """Kaggle's jonathanoheix set holds `images/train/…` and the same again as `images/images/train/…`."""
    tree = [
        f"images/{split}/{label}/{i}.jpg" for split in ("train", "validation") for label in ("sad", "happy") for i in range(3)
    ]
    names = [f"{above}{name}" for name in tree] + [f"{above}images/{name}" for name in tree]
    rows, problems = class_folders(dict.fromkeys(names, 10))
    assert len(rows) == 12
    assert all(row.name.removeprefix(above).startswith(("images/train", "images/validation")) for row in rows)
    assert len(problems) == 1
    assert "second copy" in problems[0].reason
    assert "11 more" in problems[0].reason


def test_class_folders_same_names_with_other_sizes_are_no_copies() -> None:
    rows, _ = class_folders({"images/happy/1.jpg": 10, "images/images/happy/1.jpg": 11})
    assert len(rows) == 2


def test_has_class_folders() -> None:
    assert has_class_folders(["a/joy/1.png"])
    assert not has_class_folders(["happy.png", "a/b/c.png"])
