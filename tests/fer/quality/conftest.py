"""Small datasets whose pixels are as their content ids say, in memory or as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.data import Dataset
from fer.data.dataset import ArrayStore, FileStore
from fer.images import content_id, is_grey_image
from fer.labels import FER7, LabelSet

MakeDataset = Callable[..., Dataset]


def picture(seed: int, side: int = 48, *, grey: bool = True) -> np.ndarray:
    """Noise, uint8 RGB (side, side, 3); the same arguments give the same pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 1 if grey else 3), dtype=np.uint8)
    return np.repeat(pixels, 3, axis=2) if grey else pixels


@pytest.fixture
def make_dataset(tmp_path: Path) -> MakeDataset:
    """`make_dataset(label_ids, splits=…, names=…, pictures=…, files=…, label_set=…)`: an image of noise a label."""

    def make(
        label_ids: Sequence[int],
        splits: Sequence[str] | str = "train",
        names: Sequence[str] | None = None,
        pictures: Sequence[np.ndarray] | None = None,
        *,
        files: bool = False,
        label_set: LabelSet = FER7,
    ) -> Dataset:
        n = len(label_ids)
        images = [picture(row) for row in range(n)] if pictures is None else list(pictures)
        folder = tmp_path / "source"
        if files:
            folder.mkdir()
            for row, image in enumerate(images):
                cv2.imwrite(str(folder / f"{row}.png"), image[..., ::-1])
        return Dataset(
            name="noise",
            label_set=label_set,
            images=FileStore([folder / f"{row}.png" for row in range(n)]) if files else ArrayStore.of(np.array(images)),
            label_ids=np.array(label_ids, np.int16),
            splits=np.array([splits] * n if isinstance(splits, str) else splits, "U5"),
            names=np.array([f"all/{row}.png" for row in range(n)] if names is None else names),
            content_ids=np.array([content_id(image) for image in images], np.uint64),
            is_grey=np.array([is_grey_image(image) for image in images], np.bool_),
            source=str(folder) if files else "",
        )

    return make
