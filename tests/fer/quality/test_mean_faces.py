"""Mean faces against NumPy's own mean and standard deviation, over chunks, in colour, from the cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.data import read_dataset
from fer.labels import LabelSet
from fer.quality import mean_faces as module
from fer.quality.mean_faces import SIDE, mean_faces


def test_mean_faces_are_numpys_mean_and_standard_deviation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", 7)  # so that classes are spread over chunks
    dataset = read_dataset("synthetic:50")
    images = dataset.images.batch(np.arange(50), SIDE, 1).astype(np.float64)
    shares: list[float] = []
    faces = mean_faces(dataset, shares.append)
    assert faces.mean.shape == (8, SIDE, SIDE, 1)
    assert faces.mean.dtype == faces.spread.dtype == np.float32
    assert faces.counts.tolist() == np.bincount(dataset.label_ids).tolist()
    for label_id in range(8):
        of_class = images[dataset.label_ids == label_id]
        assert faces.mean[label_id] == pytest.approx(of_class.mean(axis=0), abs=1e-4)
        assert faces.spread[label_id] == pytest.approx(of_class.std(axis=0), abs=1e-3)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_mean_faces_of_colour_images_and_of_an_empty_class(make_dataset) -> None:
    red, blue = np.zeros((48, 48, 3), np.uint8), np.zeros((48, 48, 3), np.uint8)
    red[..., 0], blue[..., 2] = 200, 100
    faces = mean_faces(make_dataset([1, 1], pictures=[red, blue], label_set=LabelSet(("happy", "sad"))))
    assert faces.counts.tolist() == [0, 2]
    assert (faces.mean[0] == 0).all()
    assert faces.mean[1, 0, 0].tolist() == faces.spread[1, 0, 0].tolist() == [100, 0, 50]


def test_mean_faces_again_reads_no_picture_but_another_label_does(make_dataset, tmp_path: Path) -> None:
    dataset = make_dataset([0, 1, 2], files=True)
    first = mean_faces(dataset)
    relabelled = replace(dataset, label_ids=np.array([0, 1, 1], np.int16))
    assert mean_faces(relabelled).counts.tolist()[:3] == [1, 2, 0]
    for file in (tmp_path / "source").iterdir():
        file.unlink()
    assert np.array_equal(mean_faces(dataset).mean, first.mean)


def test_mean_faces_with_a_damaged_cache_averages_anew(make_dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    dataset = make_dataset([0, 1])
    first = mean_faces(dataset)
    (file,) = (tmp_path / "cache" / "mean-faces").iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    assert np.array_equal(mean_faces(dataset).spread, first.spread)


def test_mean_faces_of_nothing() -> None:
    nothing = read_dataset("synthetic:4").select(np.zeros(4, bool))
    assert mean_faces(nothing).counts.sum() == 0
