"""A model that looks at one corner of a face, as a function and as a network; what Keras says of the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer.bundles import Bundle
from fer.explain import Question
from fer.labels import LabelSet
from tests.warm import Warm

LABELS = LabelSet(("happy", "neutral", "sad"))
SIDE = 48
CORNER = (slice(32, None), slice(0, 16))


def sees_one_corner(batch: np.ndarray) -> np.ndarray:
    """The brighter the lower left corner, the happier; the others share the rest."""
    bright = batch[:, CORNER[0], CORNER[1]].mean(axis=(1, 2, 3)) / 255
    happy = 1 / (1 + np.exp(-12 * (bright - 0.6)))
    return np.stack([happy, (1 - happy) / 2, (1 - happy) / 2], axis=1).astype(np.float32)


@pytest.fixture
def question() -> Question:
    """A dim, noisy picture with a bright lower left corner, and who looks there alone: happy by 0.97."""
    image = np.random.default_rng(1).integers(60, 120, (SIDE, SIDE, 1), np.uint8)
    image[CORNER] = np.random.default_rng(2).integers(200, 256, (16, 16, 1), np.uint8)
    return Question(image, LABELS, sees_one_corner)


def in_corner(values: np.ndarray) -> float:
    """Share of a map that lies in that corner, which is a ninth of it."""
    return float(values[CORNER].sum() / values.sum())


@dataclass(frozen=True)
class MadeByKeras:
    """Args: batch: uint8 (5, 16, 16, 1); corner: of the network; facts: see `made_by_keras.make_corner`; models: a folder."""

    batch: np.ndarray
    corner: Bundle
    facts: dict[str, Any]
    models: Path


@pytest.fixture(scope="session")
def made_by_keras(tmp_path_factory: pytest.TempPathFactory, warm: Warm) -> MadeByKeras:
    """Once for all tests: TensorFlow stays out of the process that predicts."""
    folder = tmp_path_factory.mktemp("keras")
    batch = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), np.uint8)
    np.save(folder / "batch.npy", batch)
    script = Path(__file__).with_name("made_by_keras.py").read_text(encoding="utf-8")
    done = warm.run(script, str(folder), environment={"CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stderr
    card = {
        "format": 1,
        "heads": [
            {"name": "labels", "labels": list(LABELS), "temperature": 1.0},
            {"name": "votes", "labels": ["angry", "fear"], "temperature": 1.0},
        ],
        "default_head": "labels",
        "preprocessing": {"size": 16, "channels": 1, "scale": "unit"},
    }
    facts = dict(np.load(folder / "corner" / "facts.npz"))
    return MadeByKeras(batch, Bundle(folder / "corner", card, "0" * 64), facts, folder / "models")
