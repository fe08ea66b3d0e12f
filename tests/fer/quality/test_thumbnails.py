"""Thumbnails: where each stands on its sheet, and their cache."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from fer.data import Dataset, synthetic_dataset
from fer.data.dataset import ArrayStore, fit_image
from fer.quality import thumbnails as module
from fer.quality.thumbnails import COLUMNS, SIDE, Thumbnails, thumbnails


@pytest.fixture(scope="module")
def faces() -> Dataset:
    return synthetic_dataset(300)


def thumbnail(pictures: Thumbnails, row: int) -> np.ndarray:
    """One of them, cut out of its decoded sheet, BGR."""
    sheet, place = divmod(row, COLUMNS**2)
    begin = int(pictures.ends[sheet - 1]) if sheet else 0
    decoded = cv2.imdecode(pictures.sheets[begin : pictures.ends[sheet]], cv2.IMREAD_COLOR)
    assert decoded is not None
    y, x = (pictures.side * part for part in divmod(place, COLUMNS))
    return np.asarray(decoded[y : y + pictures.side, x : x + pictures.side])


@pytest.mark.parametrize("row", [0, 17, 255, 256, 299])
def test_thumbnails_show_their_images(faces: Dataset, row: int) -> None:
    pictures = thumbnails(faces)
    assert len(pictures.ends) == 2
    expected = fit_image(faces.images[row], SIDE, 1).astype(int)
    assert np.abs(thumbnail(pictures, row)[..., :1].astype(int) - expected).mean() < 12  # of drawn faces, which are noisy


def test_thumbnails_keep_colour(faces: Dataset) -> None:
    images = np.zeros((2, 60, 60, 3), np.uint8)
    images[:, ..., 0] = 220  # red
    coloured = replace(faces.select(np.arange(2)), images=ArrayStore.of(images), is_grey=np.zeros(2, bool))
    blue, green, red = thumbnail(thumbnails(coloured), 1).reshape(-1, 3).mean(axis=0)
    assert red > 200
    assert max(blue, green) < 20


def test_thumbnails_are_read_from_the_cache_unless_damaged(faces: Dataset) -> None:
    made = thumbnails(faces)
    kept = thumbnails(faces, lambda _share: pytest.fail("not read from the cache"))
    assert np.array_equal(kept.sheets, made.sheets)
    (file,) = (module.cache_dir() / "thumbnails").iterdir()
    file.write_bytes(b"no archive")
    assert np.array_equal(thumbnails(faces).sheets, made.sheets)


def test_thumbnails_of_many_images_are_smaller(faces: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MANY", 10)
    assert thumbnails(faces).side < SIDE


def test_thumbnails_of_no_image(faces: Dataset) -> None:
    pictures = thumbnails(faces.select(np.arange(0)))
    assert len(pictures.ends) == len(pictures.sheets) == 0
