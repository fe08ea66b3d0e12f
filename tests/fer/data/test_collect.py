"""Collections: whole recordings, one side of the split each, nothing overwritten, nothing deleted that is not theirs."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fer.data import collect, read_dataset
from fer.data.collect import MARK, Collection, create_collection, list_collections
from fer.errors import DataError, LabelError
from fer.labels import FER7, LabelSet
from fer.workspace import datasets_dir, workspace_dir


def faces(n: int, seed: int = 0, side: int = 40) -> list[np.ndarray]:
    """Pictures of noise, uint8 (side, side, 3)."""
    return list(np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8))


@pytest.fixture
def mine() -> Collection:
    return create_collection("my faces", FER7)


def files_of(collection: Collection) -> list[str]:
    return sorted(path.relative_to(collection.path).as_posix() for path in collection.path.rglob("*.png"))


def test_add_keeps_pixels_under_numbers_that_grow(mine: Collection) -> None:
    happy, sad = faces(2), faces(1, seed=1)
    mine.add("happy", happy)
    mine.add("sad", sad)
    assert files_of(mine) == ["train/happy/0001-01.png", "train/happy/0001-02.png", "train/sad/0002-01.png"]
    dataset = read_dataset(mine.path)
    for row, image in enumerate([*happy, *sad]):
        np.testing.assert_array_equal(dataset.images[row], image)
    assert dataset.label_set.names == ("happy", "sad")
    assert not dataset.problems


def test_add_keeps_a_recording_on_one_side_of_the_split(mine: Collection) -> None:
    """Its pictures are nearly the same: the second recording of each class, and then every fourth, is for validation."""
    for recording in range(6):
        mine.add("happy", faces(3, seed=recording))
    mine.add("sad", faces(3, seed=9))
    sides = {picture.recording: picture.split for picture in mine.pictures()}
    assert list(sides.values()) == ["train", "val", "train", "train", "train", "val", "train"]
    assert all({picture.split for picture in mine.pictures() if picture.recording == n} == {sides[n]} for n in sides)
    assert read_dataset(mine.path).counts()["val"]["happy"] == 6


def test_add_from_many_threads_overwrites_nothing(mine: Collection) -> None:
    with ThreadPoolExecutor(4) as pool:
        written = [path for paths in pool.map(lambda seed: mine.add("fear", faces(2, seed)), range(8)) for path in paths]
    assert len(set(written)) == 16
    assert len(files_of(mine)) == 16
    assert len({picture.recording for picture in mine.pictures()}) == 8


def test_add_is_all_or_nothing(mine: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    whole = Path.write_bytes

    def write(path: Path, data: bytes) -> int:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(DataError, match="No space left"):
        mine.add("happy", faces(3))
    assert len(written) == 2
    assert [path.name for path in mine.path.rglob("*") if path.is_file()] == [MARK]


def test_add_refuses_a_class_that_the_set_does_not_have(mine: Collection) -> None:
    with pytest.raises(LabelError, match="No class 'contempt'"):
        mine.add("contempt", faces(1))
    assert not mine.pictures()


def test_undo_takes_the_last_recording_and_no_more(mine: Collection) -> None:
    mine.add("happy", faces(2))
    mine.add("sad", faces(3))
    assert [picture.label for picture in mine.undo()] == ["sad"] * 3
    assert files_of(mine) == ["train/happy/0001-01.png", "train/happy/0001-02.png"]
    mine.remove(mine.pictures()[:1])
    assert files_of(mine) == ["train/happy/0001-02.png"]
    mine.undo()
    assert mine.undo() == ()


def test_a_number_is_not_used_again_while_later_pictures_stand(mine: Collection) -> None:
    mine.add("happy", faces(1))
    mine.add("happy", faces(1, seed=1))
    mine.remove(mine.pictures()[:1])
    mine.add("happy", faces(1, seed=2))
    assert [picture.recording for picture in mine.pictures()] == [2, 3]


def test_list_collections_finds_what_was_begun_and_passes_over_the_rest(mine: Collection) -> None:
    pair = create_collection("pair", LabelSet(("happy", "sad")))
    (datasets_dir() / "upload-1234.zip").touch()
    (datasets_dir() / "folder of somebody").mkdir()
    damaged = datasets_dir() / "damaged"
    damaged.mkdir()
    (damaged / MARK).write_text("{", encoding="utf-8")
    assert list_collections() == [mine, pair]


@pytest.mark.parametrize("name", ["", "  ", "../out", "a/b", "..", ".hidden", "a\\b", "C:x", "x" * 61, "a\nb", "con\0"])
def test_create_collection_name_that_is_no_folders(name: str) -> None:
    with pytest.raises(DataError, match="letters, digits"):
        create_collection(name, FER7)
    assert not workspace_dir().exists()


def test_create_collection_twice(mine: Collection) -> None:
    mine.add("happy", faces(1))
    with pytest.raises(DataError, match="already"):
        create_collection(" my faces ", FER7)
    assert len(mine.pictures()) == 1


def test_delete_takes_the_folder_unless_it_is_none_of_ours(mine: Collection) -> None:
    mine.add("happy", faces(1))
    (mine.path / MARK).rename(mine.path / "kept")
    with pytest.raises(DataError, match="not deleted"):
        mine.delete()
    assert len(mine.pictures()) == 1
    (mine.path / "kept").rename(mine.path / MARK)
    mine.delete()
    assert not mine.path.exists()


def test_pictures_are_the_sets_own(mine: Collection) -> None:
    """What somebody else puts into the folder is read with it, but neither counted nor ever deleted."""
    mine.add("happy", faces(1))
    stranger = mine.path / "train" / "happy" / "holiday.png"
    stranger.write_bytes(next(mine.path.rglob("*.png")).read_bytes())
    assert len(mine.pictures()) == 1
    mine.undo()
    assert files_of(mine) == ["train/happy/holiday.png"]


def test_enough_is_something_that_recordings_reach() -> None:
    assert collect.ENOUGH_PICTURES <= 12 * collect.ENOUGH_RECORDINGS  # pictures of a recording on the page
