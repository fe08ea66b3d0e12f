"""Small synthetic faces, one by one and as a `Dataset`: parameters → painted crop → what a poor camera makes of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import UNSPLIT, ArrayStore, Dataset
from fer.data.splits import split_dataset
from fer.data.synthetic.painting import SUPERSAMPLING, paint_face, shade_map
from fer.data.synthetic.parameters import FaceParameters, expression_parameters
from fer.errors import DataError
from fer.images import content_id
from fer.labels import FER8, VOTE_COLUMNS, LabelSet, canonical_label

SPLIT_SHARES = (0.70, 0.15, 0.15)  # train, val, test
SMALLEST_FACE = 16

_REPORT_EVERY = 256
_DETAIL_FROM = 96  # pixels a side from which lashes and strands of hair can be seen
# What people take each expression for when they err, as shares of their votes.
_MISTAKEN_FOR = {
    "angry": {"neutral": 0.35, "disgust": 0.25, "sad": 0.2, "contempt": 0.1, "unknown": 0.1},
    "disgust": {"angry": 0.5, "sad": 0.2, "contempt": 0.15, "unknown": 0.15},
    "fear": {"surprise": 0.6, "sad": 0.2, "disgust": 0.1, "unknown": 0.1},
    "happy": {"neutral": 0.6, "contempt": 0.2, "surprise": 0.1, "unknown": 0.1},
    "sad": {"neutral": 0.5, "fear": 0.2, "angry": 0.2, "unknown": 0.1},
    "surprise": {"fear": 0.5, "happy": 0.2, "neutral": 0.2, "unknown": 0.1},
    "neutral": {"sad": 0.4, "angry": 0.2, "happy": 0.2, "contempt": 0.15, "unknown": 0.05},
    "contempt": {"neutral": 0.5, "happy": 0.25, "angry": 0.15, "unknown": 0.1},
}


def draw_face(rng: np.random.Generator, label: str, size: int = 48) -> NDArray[np.uint8]:
    """Draw a face framed as FER2013 frames them: eyes at (.31, .39) and (.68, .38) of the side, mouth at y .75, give or take.

    Args:
        rng: source of randomness; equal states give equal pictures.
        label: any known spelling of an emotion.
        size: side in pixels, at least 16.

    Returns:
        uint8 RGB (size, size, 3).

    Raises:
        LabelError: the label is unknown.
        DataError: the size is too small.
    """
    _check_size(size)
    return _photograph(rng, expression_parameters(rng, label), size, channels=3)


def synthetic_dataset(
    n: int = 2000,
    *,
    seed: int = 0,
    size: int = 48,
    label_set: LabelSet = FER8,
    progress: Callable[[float], None] | None = None,
) -> Dataset:
    """Draw a dataset of grey faces, about two thousand a second and core at 48 pixels.

    Classes are balanced (their counts differ by at most one) and divided into 70 % train, 15 % val, 15 % test. Image k shows the
    same face whatever `n` is. Each has ten votes in the order of `VOTE_COLUMNS`: at least six for its label, more where it is
    strongly shown, the others where people err.

    Args:
        n: how many, at least 1.
        seed: 0 or more; equal seeds give equal datasets.
        size: side in pixels, at least 16.
        label_set: classes to draw, each a known emotion.
        progress: called with the share done, 0…1.

    Raises:
        DataError: n, size or seed is too small.
        LabelError: a class is no known emotion.
    """
    if n < 1 or seed < 0:
        raise DataError(f"A synthetic dataset needs at least one image and a seed of 0 or more. Received: n={n}, seed={seed}")
    _check_size(size)
    labels = [canonical_label(name) for name in label_set]
    faces_rng, votes_rng = (np.random.default_rng([seed, stream]) for stream in range(2))
    label_ids = (np.arange(n) % len(labels)).astype(np.int16)
    images = np.empty((n, size, size, 1), np.uint8)
    votes = np.empty((n, len(VOTE_COLUMNS)), np.uint8)
    for row, label_id in enumerate(label_ids.tolist()):
        if progress and row % _REPORT_EVERY == 0:
            progress(row / n)
        strength = 0.4 + 0.6 * faces_rng.random()
        parameters = expression_parameters(faces_rng, labels[label_id], intensity=strength)
        images[row] = _photograph(faces_rng, parameters, size, channels=1)
        votes[row] = _draw_votes(votes_rng, labels[label_id], strength)
    dataset = Dataset(
        name="synthetic",
        label_set=label_set,
        images=ArrayStore.of(images),
        label_ids=label_ids,
        splits=np.full(n, UNSPLIT, "U5"),
        names=np.array([f"synthetic/{label_set.names[label_id]}/{row:06d}.png" for row, label_id in enumerate(label_ids)]),
        content_ids=np.array([content_id(image) for image in images], np.uint64),
        is_grey=np.ones(n, np.bool_),
        votes=votes,
        source=f"drawn, seed {seed}",
    )
    return split_dataset(dataset, SPLIT_SHARES, seed=seed)


def _check_size(size: int) -> None:
    if size < SMALLEST_FACE:
        raise DataError(f"A synthetic face needs at least {SMALLEST_FACE} pixels a side. Received: {size}")


def _photograph(rng: np.random.Generator, parameters: FaceParameters, size: int, channels: int) -> NDArray[np.uint8]:
    """A face crop as a poor camera would take it: uint8 (size, size, channels), channels 1 (luma) or 3 (RGB)."""
    g = rng.standard_normal(5).clip(-2.2, 2.2).tolist()
    u = rng.random(3).tolist()
    crop_side = size * (1.0 + 0.05 * g[0])
    centre = (size * (0.5 + 0.025 * g[1]), size * (0.5 + 0.025 * g[2]))
    # Four corner colours, muted and spread over the picture, stand for whatever is behind.
    tones = rng.integers(20, 236, (2, 2, 4)).astype(np.float32)
    corners = (0.75 * tones[..., :1] + 0.25 * tones[..., 1:]).astype(np.uint8)
    if channels == 1:  # grey from the start: painting three channels takes a third longer
        corners = np.asarray(cv2.cvtColor(corners, cv2.COLOR_RGB2GRAY), np.uint8)
    canvas = np.asarray(cv2.resize(corners, (size * SUPERSAMPLING,) * 2, interpolation=cv2.INTER_LINEAR), np.uint8)
    large_centre = (centre[0] * SUPERSAMPLING, centre[1] * SUPERSAMPLING)
    paint_face(canvas, parameters, crop_side * SUPERSAMPLING, large_centre, detail=size >= _DETAIL_FROM)
    small = np.asarray(cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA), np.float32).reshape(size, size, channels)
    small *= shade_map(parameters, (size, size), crop_side, centre)[..., None]
    if u[0] < 0.3:
        sigma = size / 48 * (0.4 + 0.4 * u[1])
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), sigma), np.float32).reshape(size, size, channels)
    contrast, brightness = max(0.95 + 0.2 * g[3], 0.5), 118.0 + 22.0 * g[4]
    small = (small - small.mean()) * contrast + brightness
    small += rng.standard_normal(small.shape, dtype=np.float32) * (1.5 + 7.5 * u[2] ** 2)
    return np.asarray(np.clip(small + 0.5, 0.0, 255.0).astype(np.uint8))


@lru_cache(maxsize=len(FER8))
def _mistakes(label: str) -> NDArray[np.float64]:
    """Shares of the votes that miss a label, (10,), summing to 1."""
    return np.array([_MISTAKEN_FOR[label].get(column, 0.0) for column in VOTE_COLUMNS])


def _draw_votes(rng: np.random.Generator, label: str, strength: float) -> NDArray[np.int64]:
    """Ten votes, (10,)."""
    agreeing = 6 + int(rng.binomial(4, 0.25 + 0.7 * strength))
    votes = rng.multinomial(10 - agreeing, _mistakes(label))
    votes[VOTE_COLUMNS.index(label)] = agreeing
    return votes
