"""The `Dataset` value: it checks itself, and what is derived from it keeps rows together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.data.dataset import ArrayStore, Dataset, FileStore, fit_image
from fer.errors import DataError
from fer.labels import FER7, VOTE_COLUMNS, ClassMap


def _dataset(n: int = 14) -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset(
        name="noise",
        label_set=FER7,
        images=ArrayStore.of(rng.integers(0, 256, (n, 6, 6, 1), dtype=np.uint8)),
        label_ids=(np.arange(n) % 7).astype(np.int16),
        splits=np.array([("train", "val")[i % 2] for i in range(n)]),
        names=np.array([f"{i}.png" for i in range(n)]),
        content_ids=np.arange(n).astype(np.uint64),
        is_grey=np.ones(n, np.bool_),
        votes=rng.integers(0, 10, (n, len(VOTE_COLUMNS)), dtype=np.uint8),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label_ids": np.zeros(3, np.int16)}, "14 images, but 3 label_ids"),
        ({"label_ids": np.full(14, 7, np.int16)}, "0…6"),
        ({"label_ids": np.full(14, -1, np.int16)}, "0…6"),
        ({"votes": np.zeros((14, 8), np.uint8)}, r"votes of shape \(14, 10\)"),
        ({"splits": np.full(14, "dev")}, "Received: dev"),
    ],
)
def test_dataset_refuses_what_does_not_fit(change: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(DataError, match=words):
        replace(_dataset(), **change)


def test_dataset_counts_and_split_names() -> None:
    dataset = _dataset()
    assert dataset.split_names == ("train", "val")
    assert dataset.counts()["train"] == dict.fromkeys(FER7, 1)
    assert len(dataset.split("val")) == 7


def test_dataset_split_missing() -> None:
    with pytest.raises(DataError, match=r"no split 'test'\. It has: train, val"):
        _dataset().split("test")


@pytest.mark.parametrize("rows", [np.array([5, 0, 5]), np.arange(14) == 5, np.array([], np.int64)])
def test_dataset_select_keeps_rows_together(rows: np.ndarray) -> None:
    dataset = _dataset()
    chosen = dataset.select(rows)
    expected = np.arange(14)[rows].tolist()
    assert [int(name.split(".")[0]) for name in chosen.names] == expected
    assert chosen.content_ids.tolist() == expected
    for i, row in enumerate(expected):
        np.testing.assert_array_equal(chosen.images[i], dataset.images[row])
        np.testing.assert_array_equal(chosen.votes[i], dataset.votes[row])


def test_dataset_with_classes_picks_and_merges() -> None:
    class_map = ClassMap.parse(FER7, ["happy", "negative=angry+sad"])
    merged = _dataset().with_classes(class_map)
    assert merged.label_set.names == ("happy", "negative")
    assert len(merged) == 6
    assert np.bincount(merged.label_ids).tolist() == [2, 4]


def test_dataset_fingerprint_follows_what_training_sees() -> None:
    dataset = _dataset()
    assert dataset.fingerprint == replace(dataset, name="other", source="elsewhere").fingerprint
    changed = [
        replace(dataset, votes=None),
        replace(dataset, label_ids=dataset.label_ids[::-1]),
        replace(dataset, splits=np.full(14, "train")),
        replace(dataset, content_ids=dataset.content_ids + np.uint64(1)),
    ]
    assert len({dataset.fingerprint, *(other.fingerprint for other in changed)}) == 5


def test_array_store_gives_rgb_and_batches() -> None:
    array = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
    store = ArrayStore.of(array).select(np.array([4, 2]))
    assert len(store) == 2
    np.testing.assert_array_equal(store[1], np.repeat(array[2], 3, axis=2))
    np.testing.assert_array_equal(store.batch(np.array([0, 1]), 8, 1), array[[4, 2]])
    assert store.batch(np.array([0]), 4, 3).shape == (1, 4, 4, 3)


def test_array_store_refuses_other_arrays() -> None:
    with pytest.raises(DataError, match="float64"):
        ArrayStore.of(np.zeros((2, 4, 4, 1)))


def test_file_store_reads_when_asked(tmp_path: Path, encode) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for i, path in enumerate(paths):
        path.write_bytes(encode(i, size=(10 + i, 9)))
    store = FileStore(paths).select(np.array([2, 0]))
    assert store[0].shape == (9, 12, 3)
    assert store.batch(np.array([1, 0]), 16, 1).shape == (2, 16, 16, 1)


def test_fit_image_luma_and_identity() -> None:
    rgb = np.zeros((4, 4, 3), np.uint8)
    rgb[..., 0] = 255
    assert fit_image(rgb, 4, 1)[0, 0, 0] == 76  # 0.299 × 255, ITU-R BT.601
    np.testing.assert_array_equal(fit_image(rgb, 4, 3), rgb)


def test_fit_image_shrinks_by_area() -> None:
    board = (np.indices((8, 8)).sum(axis=0) % 2 * 200).astype(np.uint8)[..., None]
    np.testing.assert_array_equal(fit_image(board, 4, 1), np.full((4, 4, 1), 100))
