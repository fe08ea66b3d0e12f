"""Exports: pixel for pixel, whole or not at all, and never a file outside the target."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.data import Dataset, read_dataset
from fer.data.dataset import ArrayStore
from fer.errors import DataError, SettingsError
from fer.labels import FER8, VOTE_COLUMNS, LabelSet
from fer.quality import export
from fer.quality.cleaning import CleaningList
from fer.quality.export import MARK, export_dataset

from .conftest import picture

MakeDataset = Callable[..., Dataset]
FOLDERS = ("folders", "parquet")


def _content(dataset: Dataset) -> list[tuple[int, str, str]]:
    labels = dataset.label_set.decode(dataset.label_ids)
    return sorted(zip(dataset.content_ids.tolist(), labels, dataset.splits.tolist(), strict=True))


@pytest.fixture
def mixed(make_dataset: MakeDataset) -> Dataset:
    """Grey and in colour, of several sizes, in all splits and in none; one of eight classes is empty."""
    pictures = [picture(row, 40 + row, grey=row % 3 > 0) for row in range(9)]
    splits = ["train", "train", "train", "val", "val", "test", "test", "", ""]
    return make_dataset([0, 1, 2, 3, 4, 5, 7, 0, 7], splits, pictures=pictures, files=True, label_set=FER8)


@pytest.mark.parametrize("layout", FOLDERS)
def test_export_read_back_is_the_same_dataset(layout: str, mixed: Dataset, tmp_path: Path) -> None:
    shares: list[float] = []
    place = export_dataset(mixed, tmp_path / "new" / "out", layout, progress=lambda what, share: shares.append(share))
    back = read_dataset(place)
    assert place == tmp_path / "new" / "out"
    assert _content(back) == _content(mixed)
    assert not back.problems
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert json.loads((place / MARK).read_text())["fingerprint"] == mixed.fingerprint
    assert [file.name for file in place.parent.iterdir()] == ["out"], "nothing is left beside it"


@pytest.mark.parametrize("layout", FOLDERS)
def test_export_of_an_array_keeps_the_pixels_and_their_channels(layout: str, tmp_path: Path) -> None:
    dataset = read_dataset("synthetic:60:1")
    back = read_dataset(export_dataset(dataset, tmp_path / "out", layout))
    assert _content(back) == _content(dataset)
    assert isinstance(back.images, ArrayStore)
    assert back.images.array.shape == (60, 48, 48, 1)


def test_export_csv_read_back_keeps_order_labels_and_splits(make_dataset: MakeDataset, tmp_path: Path) -> None:
    splits = ["train", "val", "test", "train", "train", "train", "train"]
    dataset = make_dataset([6, 5, 4, 3, 2, 1, 0], splits)
    place = export_dataset(dataset, tmp_path / "fer.csv", "csv")
    back = read_dataset(place)
    assert back.content_ids.tolist() == dataset.content_ids.tolist()
    assert back.label_set.decode(back.label_ids) == dataset.label_set.decode(dataset.label_ids)
    assert back.splits.tolist() == splits
    head, first = place.read_text().split("\n")[:2]
    assert head == "emotion,pixels,Usage"
    assert first == f"6,{' '.join(map(str, dataset.images[0][..., 0].ravel()))},Training"


def test_export_csv_takes_labels_by_name(make_dataset: MakeDataset, tmp_path: Path) -> None:
    """In another order, and beside a class that the table lacks but of which there is no image."""
    dataset = make_dataset([0, 1, 0], label_set=LabelSet(("neutral", "angry", "contempt")))
    place = export_dataset(dataset, tmp_path / "fer.csv", "csv")
    assert [line[0] for line in place.read_text().splitlines()[1:]] == ["6", "0", "6"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label_set": FER8, "label_ids": [7, 0]}, "also has contempt: drop or relabel"),
        ({"splits": ["train", ""]}, "1 of these are in no split"),
        ({"pictures": [picture(0, 50), picture(1, 50)]}, r"grey images of 48×48. 'all/0.png' is 50×50, grey"),
        ({"pictures": [picture(0, grey=False), picture(1, grey=False)]}, r"'all/0.png' is 48×48, in colour"),
    ],
)
def test_export_csv_has_no_room(change: dict[str, object], words: str, make_dataset: MakeDataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        export_dataset(make_dataset(**{"label_ids": [0, 1], **change}), tmp_path / "fer.csv", "csv")
    assert not list(tmp_path.iterdir())


def test_export_csv_resizes_on_request(mixed: Dataset, tmp_path: Path) -> None:
    dataset = mixed.select((mixed.splits != "") & (mixed.label_ids < 7))
    back = read_dataset(export_dataset(dataset, tmp_path / "fer.csv", "csv", resize=True))
    assert [len(back), back.images[0].shape] == [6, (48, 48, 3)]
    expected = dataset.images.batch(np.arange(6), 48, 1)
    np.testing.assert_array_equal(back.images.batch(np.arange(6), 48, 1), expected)


HOSTILE = [
    "../../escape.png",
    "..\\..\\windows.png",
    "/etc/absolute.png",
    "C:\\Users\\drive.png",
    "..",
    "a/..",
    "con.png",
    "a/NUL.tar.png",
    "LPT¹",
    "aux .png",
    ".hidden.png",
    "__MACOSX",
    "what?<|>*:\".png",
    "line\nbreak\0nul.png",
    "trailing. . .png",
    " .png",
    "x" * 5000 + "17.png",
    "😀" * 300 + ".png",
    "b\udcff.png",
    "same.png",
    "other/same.png",
    "SAME.jpg",
    "2-same.png",
    "caf\u00e9.png",
    "cafe\u0301.png",
]  # fmt: skip


@pytest.mark.parametrize("layout", FOLDERS)
@pytest.mark.parametrize("split", ["train", ""])
def test_export_of_hostile_names_stays_inside_and_loses_nothing(
    layout: str, split: str, make_dataset: MakeDataset, tmp_path: Path
) -> None:
    dataset = make_dataset([3] * len(HOSTILE), split, names=HOSTILE)
    place = export_dataset(dataset, tmp_path / "deep" / "er" / "out", layout)
    everything = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert all(place in file.parents for file in everything)
    assert _content(read_dataset(place)) == _content(dataset)
    for file in everything:
        assert len(file.name.encode()) <= 255
        assert file.name.isprintable()
        assert not set(file.name) & set('<>:"|?*\\')
        assert file.stem.rstrip(". ") == file.stem
        assert file.name.split(".")[0].strip().lower() not in {"con", "nul", "aux", "lpt¹"}
    if layout == "folders":
        names = [file.name.casefold() for file in everything]
        assert len(set(names)) == len(names)
        assert any(name.endswith("x17.png") for name in names), "the end of a long name has the number"


def test_export_of_many_equal_names_is_not_quadratic(make_dataset: MakeDataset) -> None:
    n = 20_000
    dataset = make_dataset([0])
    many = replace(dataset.select(np.zeros(n, np.int64)), names=np.array([f"{person}/face.png" for person in range(n)]))
    name = export._file_names(many)
    names = [name(row) for row in range(n)]
    assert names[:3] == ["face.png", "2-face.png", "3-face.png"]
    assert len(set(names)) == n


def test_export_names_keep_the_number_that_votes_are_joined_by(make_dataset: MakeDataset, tmp_path: Path) -> None:
    from fer.data.ferplus import _row_of

    names = ["t/Training_00017.png", "a/b/12.jpeg", "row 5", "v.2/PublicTest_3.png", "again/12.jp2"]
    dataset = make_dataset([0] * 5, names=names)
    place = export_dataset(dataset, tmp_path / "out", "folders")
    found = sorted(_row_of(file.name) for file in place.rglob("*.png"))
    assert found == sorted(_row_of(name) for name in names) == [3, 5, 12, 12, 17]


def test_export_of_a_lone_test_part_with_names_of_the_public_test(make_dataset: MakeDataset, tmp_path: Path) -> None:
    """Readers take `test/…/PublicTest_…` for validation where there is none."""
    dataset = make_dataset([0, 1], "test", names=["test/angry/PublicTest_1.png", "test/disgust/PrivateTest_2.png"])
    back = read_dataset(export_dataset(dataset, tmp_path / "out", "folders"))
    assert _content(back) == _content(dataset)


@pytest.mark.parametrize("layout", [*FOLDERS, "csv"])
def test_export_refuses_what_is_there_unless_told(layout: str, make_dataset: MakeDataset, tmp_path: Path) -> None:
    first, second = make_dataset([0, 1, 2]), make_dataset([3])
    place = export_dataset(first, tmp_path / "out", layout)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(DataError, match=r"already.*or say that it may be overwritten"):
        export_dataset(second, place, layout)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    export_dataset(second, place, layout, overwrite=True)
    assert len(read_dataset(place)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("layout", FOLDERS)
def test_export_never_replaces_a_folder_of_others(layout: str, make_dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match=r"not overwritten: no export has made it \(.fer-export.json is missing\)"):
        export_dataset(make_dataset([0]), tmp_path, layout, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_export_into_an_empty_folder(make_dataset: MakeDataset, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert len(read_dataset(export_dataset(make_dataset([0, 1]), tmp_path / "out", "folders"))) == 2


def test_export_wrong_kind_of_target(make_dataset: MakeDataset, tmp_path: Path) -> None:
    dataset = make_dataset([0])
    with pytest.raises(DataError, match=r"is a folder. Expected the name of a file, such as .*fer2013.csv"):
        export_dataset(dataset, tmp_path, "csv")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match=r"is a file. Expected a new folder"):
        export_dataset(dataset, tmp_path / "file", "folders", overwrite=True)
    with pytest.raises(DataError, match="Cannot write"):
        export_dataset(dataset, tmp_path / "file" / "below", "folders")


@pytest.mark.parametrize("where", [".", "out", ".."])
def test_export_over_into_or_around_its_source_is_refused(where: str, mixed: Dataset) -> None:
    source = Path(mixed.source)
    before = sorted(file.name for file in source.iterdir())
    with pytest.raises(DataError, match=r"The dataset is read from .*Expected a target beside it"):
        export_dataset(mixed, source / where, "folders", overwrite=True)
    assert sorted(file.name for file in source.iterdir()) == before


@pytest.mark.parametrize("layout", FOLDERS)
def test_export_that_fails_half_way_leaves_the_old_one(
    layout: str, mixed: Dataset, make_dataset: MakeDataset, tmp_path: Path
) -> None:
    place = export_dataset(make_dataset([3]), tmp_path / "out", layout)
    (Path(mixed.source) / "5.png").unlink()
    with pytest.raises(DataError, match=r"5\.png"):
        export_dataset(mixed, place, layout, overwrite=True)
    assert len(read_dataset(place)) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "source"]


def test_export_full_disk_in_words(make_dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match=r"Cannot write .*No space left on device. Free some space"):
        export_dataset(make_dataset([0]), tmp_path / "out", "folders")
    assert not list(tmp_path.iterdir())


def test_export_unknown_layout_and_options(make_dataset: MakeDataset, tmp_path: Path) -> None:
    dataset = make_dataset([0])
    with pytest.raises(SettingsError, match=r"Unknown layout 'zip'\. Known: folders, csv, parquet"):
        export_dataset(dataset, tmp_path / "out", "zip")
    with pytest.raises(SettingsError, match="resized for csv alone"):
        export_dataset(dataset, tmp_path / "out", "folders", resize=True)
    with pytest.raises(DataError, match="no images to export"):
        export_dataset(dataset.select(np.array([], np.int64)), tmp_path / "out", "folders")
    twice = replace(dataset, label_set=LabelSet(("a:b", "a?b")), label_ids=np.array([0], np.int16))
    with pytest.raises(DataError, match="Two classes would share a folder"):
        export_dataset(twice, tmp_path / "out", "folders")


def test_export_parquet_says_what_hugging_face_looks_for(tmp_path: Path) -> None:
    """Checked once against datasets 5.2: `load_dataset(folder)` gives Image and ClassLabel features and these three splits."""
    import pyarrow.parquet as pq

    dataset = read_dataset("synthetic:80:1")
    place = export_dataset(dataset, tmp_path / "out", "parquet")
    assert sorted(file.name for file in place.glob("*.parquet")) == ["test.parquet", "train.parquet", "validation.parquet"]
    table = pq.read_table(place / "validation.parquet")
    assert str(table.schema.field("image").type) == "struct<bytes: binary, path: string>"
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": list(FER8), "_type": "ClassLabel"}
    assert set(features) == set(table.column_names) == {"image", "label", "name", *(f"votes_{name}" for name in VOTE_COLUMNS)}
    val = dataset.split("val")
    assert table["name"].to_pylist() == val.names.tolist()
    assert table["label"].to_pylist() == val.label_ids.tolist()
    assert table["votes_happy"].to_pylist() == val.votes[:, VOTE_COLUMNS.index("happy")].tolist()


@pytest.mark.parametrize("layout", [*FOLDERS, "csv"])
def test_export_memory_does_not_grow_with_the_dataset(
    layout: str, make_dataset: MakeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_ROW_GROUP_IMAGES", 50)
    dataset = make_dataset([0] * 50)
    peaks = []
    for copies in (1, 16):
        many = dataset.select(np.tile(np.arange(50), copies))
        tracemalloc.start()
        export_dataset(many, tmp_path / f"out{copies}", layout)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    pixels = 50 * 15 * 48 * 48
    assert peaks[1] - peaks[0] < pixels / 4, "names alone are kept, not pixels"


def test_export_cleaned(make_dataset: MakeDataset, tmp_path: Path) -> None:
    dataset = make_dataset([0, 1, 2])
    cleaned, _ = CleaningList().decide(dataset, [0], "drop").decide(dataset, [1], "relabel", "sad").apply(dataset)
    back = read_dataset(export_dataset(cleaned, tmp_path / "out", "folders"))
    assert back.counts() == {"train": {"fear": 1, "sad": 1}}
