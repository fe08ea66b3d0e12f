"""The size of an export before it is written, and its ZIP."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fer.data import Dataset, read_dataset
from fer.errors import DataError, SettingsError
from fer.quality.export import LAYOUTS, export_dataset
from fer.quality.pack import estimate_bytes, pack_export

from .conftest import picture


def size_of(place: Path) -> int:
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_estimate_is_near_what_is_written(layout: str, tmp_path: Path) -> None:
    dataset = read_dataset("synthetic:300")
    dataset = dataset.select(dataset.label_ids < 7)  # without contempt, for which the table has no number
    place = export_dataset(dataset, tmp_path / "out", layout)
    assert estimate_bytes(dataset, layout) == pytest.approx(size_of(place), rel=0.1)


def test_estimate_of_nothing_and_of_an_unknown_layout(make_dataset: Callable[..., Dataset]) -> None:
    dataset = make_dataset([0])
    assert estimate_bytes(dataset.select(dataset.label_ids > 0), "folders") == 0
    with pytest.raises(SettingsError, match="Known: folders, csv, parquet"):
        estimate_bytes(dataset, "tar")


@pytest.mark.parametrize("layout", ["folders", "csv"])
def test_pack_export_reads_as_the_dataset(layout: str, make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    dataset = make_dataset([0, 1, 2, 0], ["train", "train", "val", "test"])
    name = "out.csv" if layout == "csv" else "out"
    place = export_dataset(dataset, tmp_path / name, layout)
    shares: list[float] = []
    packed = pack_export(place, lambda what, share: shares.append(share))
    assert packed == tmp_path / f"{name}.zip"
    assert sorted(read_dataset(packed).content_ids) == sorted(dataset.content_ids)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, f"{name}.zip"]


def test_pack_export_holds_parquet_as_it_is(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    place = export_dataset(make_dataset([0, 1], ["train", "val"]), tmp_path / "out", "parquet")
    with zipfile.ZipFile(pack_export(place)) as archive:
        for name in ("train", "validation"):
            assert archive.read(f"out/{name}.parquet") == (place / f"{name}.parquet").read_bytes()


def test_pack_export_interrupted_leaves_nothing(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    place = export_dataset(make_dataset([0, 1]), tmp_path / "out", "folders")

    def stop(what: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack_export(place, stop)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_pack_export_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no export"):
        pack_export(tmp_path / "nowhere")


def test_pack_export_memory_does_not_grow_with_the_export(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    dataset = make_dataset([0] * 8, pictures=[picture(row, 700, grey=False) for row in range(8)], files=True)
    place = export_dataset(dataset, tmp_path / "out", "parquet")
    tracemalloc.start()
    pack_export(place)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size_of(place) > 8 * 2**20
    assert peak < 4 * 2**20
