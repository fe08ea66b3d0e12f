"""Parquet with images inside, as Hugging Face writes it: read like any other archive, or refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer.data import read_dataset
from fer.errors import DataError, LabelError
from fer.workspace import cache_dir

Encode = Callable[..., bytes]


def _write(
    path: Path,
    pictures: list[bytes | None],
    labels: list[Any],
    *,
    paths: list[str | None] | None = None,
    columns: tuple[str, str] = ("image", "label"),
    class_names: list[str] | None = None,
) -> Path:
    """A table as `datasets.Dataset.to_parquet` writes it; without `class_names` as Pandas would, with no word on its columns."""
    image, label = columns
    rows = {"bytes": pictures, "path": paths or [None] * len(pictures)}
    images = pa.array(
        [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)],
        pa.struct({"bytes": pa.binary(), "path": pa.string()}),
    )
    table = pa.table({"extra": list(range(len(labels))), image: images, label: labels})
    if class_names:
        features = {image: {"_type": "Image"}, label: {"names": class_names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def test_read_parquet_folder_of_shards(tmp_path: Path, encode: Encode) -> None:
    pictures = [encode(seed) for seed in range(9)]
    options: dict[str, Any] = {"columns": ("pic", "emotion"), "class_names": ["happiness", "anger"]}
    data = tmp_path / "set" / "data"
    _write(data / "train-00000-of-00002.parquet", pictures[:3], [0, 1, 0], **options)
    _write(data / "train-00001-of-00002.parquet", pictures[3:6], [1, 1, 1], **options)
    _write(data / "validation-00000-of-00001.parquet", pictures[6:], [0, 0, 1], **options)
    (tmp_path / "set" / "README.md").write_text("a card")
    dataset = read_dataset(tmp_path / "set")
    assert dataset.counts() == {"train": {"angry": 4, "happy": 2}, "val": {"angry": 1, "happy": 2}}
    assert dataset.name == "set"
    assert len(set(dataset.content_ids.tolist())) == len(set(dataset.names.tolist())) == 9
    assert dataset.names[0] == "train/anger/1.png"


def test_read_parquet_one_file_with_names_of_classes(tmp_path: Path, encode: Encode) -> None:
    path = _write(tmp_path / "faces.parquet", [encode(0), encode(1)], ["Happy", "sad"], paths=["a/1.png", "b/1.png"])
    dataset = read_dataset(path)
    assert dataset.name == "faces"
    assert dataset.names.tolist() == ["Happy/1.png", "sad/1.png"]
    assert dataset.split_names == ("",)


def test_read_parquet_split_by_folder(tmp_path: Path, encode: Encode) -> None:
    for split in ("train", "test"):
        _write(tmp_path / "set" / split / "0.parquet", [encode(0)], ["happy"])
    assert read_dataset(tmp_path / "set").split_names == ("train", "test")


def test_read_parquet_pictures_of_many_sizes_become_files(tmp_path: Path, encode: Encode) -> None:
    pictures = [encode(seed, size=(20 + seed, 20), mode="RGB", kind="JPEG") for seed in range(4)]
    dataset = read_dataset(_write(tmp_path / "train.parquet", pictures, ["happy"] * 4, paths=["same.jpg"] * 4))
    assert [dataset.images[row].shape[1] for row in range(4)] == [21, 22, 23, 20]
    assert [name.rsplit("/", 1)[1] for name in dataset.names] == ["1-same.jpg", "2-same.jpg", "3-same.jpg", "same.jpg"]
    assert dataset.split_names == ("train",)


@pytest.mark.parametrize("hostile", ["../../escape.png", "/etc/x.png", "..\\..\\x.png", "..", ".hidden", "nul\0.png"])
def test_read_parquet_hostile_paths_stay_in_the_cache(hostile: str, tmp_path: Path, encode: Encode) -> None:
    pictures = [encode(seed, size=(20 + seed, 20)) for seed in range(2)]
    dataset = read_dataset(_write(tmp_path / "set" / "x.parquet", pictures, ["happy"] * 2, paths=[hostile, hostile]))
    assert len(dataset) == 2
    assert all(cache_dir() in path.resolve().parents for path in dataset.images.paths)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_read_parquet_what_is_no_picture_or_has_no_class_is_listed(tmp_path: Path, encode: Encode) -> None:
    pictures = [encode(0), None, b"no picture", encode(1)]
    dataset = read_dataset(_write(tmp_path / "x.parquet", pictures, [0, 0, 0, -1], class_names=["happy", "sad"]))
    assert dataset.names.tolist() == ["happy/0.png"]
    assert {problem.name: problem.reason.split(".")[0] for problem in dataset.problems} == {
        "3.png": "lies in no class folder",
        "happy/1.png": "The file is empty (0 bytes)",
        "happy/2.png": "The file is no picture, or a damaged one",
    }


@pytest.mark.parametrize("label", ["bored", "../happy", "a\\b"])
def test_read_parquet_unknown_class(label: str, tmp_path: Path, encode: Encode) -> None:
    with pytest.raises(LabelError, match="no known emotion"):
        read_dataset(_write(tmp_path / "x.parquet", [encode(0), encode(1)], ["happy", label]))


def test_read_parquet_class_without_a_name(tmp_path: Path, encode: Encode) -> None:
    with pytest.raises(DataError, match="a class is 5, but only 0…1 have names"):
        read_dataset(_write(tmp_path / "x.parquet", [encode(0)], [5], class_names=["happy", "sad"]))


def test_read_parquet_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "trips.parquet"
    pq.write_table(pa.table({"image": [1, 2], "label": ["happy", "sad"]}), path)
    with pytest.raises(DataError, match=r"no images with classes.*Received: image \(int64\), label \(string\)"):
        read_dataset(path)


def test_read_parquet_numbers_without_names(tmp_path: Path, encode: Encode) -> None:
    with pytest.raises(DataError, match=r"a ClassLabel\)\. Received: .*label \(int64\)"):
        read_dataset(_write(tmp_path / "x.parquet", [encode(0)], [0]))


@pytest.mark.parametrize("keep", [6, 300, -6])
def test_read_parquet_damaged(keep: int, tmp_path: Path, encode: Encode) -> None:
    path = _write(tmp_path / "x.parquet", [encode(seed) for seed in range(20)], ["happy"] * 20)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"x\.parquet is damaged or cut short"):
        read_dataset(path)


def test_read_parquet_class_folders_count_more(tmp_path: Path, encode: Encode) -> None:
    _write(tmp_path / "set" / "features.parquet", [encode(0)], ["sad"])
    (tmp_path / "set" / "happy").mkdir()
    (tmp_path / "set" / "happy" / "1.png").write_bytes(encode(1))
    assert read_dataset(tmp_path / "set").counts() == {"": {"happy": 1}}
