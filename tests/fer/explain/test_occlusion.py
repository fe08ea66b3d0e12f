"""fer/explain/occlusion.py: a model whose reasons are known, and what covering a place costs it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fer.explain import Question
from fer.explain.occlusion import mean_colour, occlusion_maps
from tests.fer.explain.conftest import CORNER, in_corner


def test_occlusion_of_a_model_that_looks_at_one_corner_lies_in_that_corner(question: Question) -> None:
    maps = occlusion_maps(question)
    assert maps.shape == (48, 48, 3)
    assert maps.dtype == np.float32
    happy, neutral = maps[..., 0], maps[..., 1]
    assert in_corner(np.maximum(happy, 0)) > 0.85  # patches that lie half in it reach beyond
    assert happy[CORNER].min() > 0
    assert np.abs(happy[:24, 24:]).max() == 0, "what the model does not look at costs nothing"
    assert neutral[CORNER].max() < 0, "what speaks for one class speaks against the others"


def test_occlusion_asks_once_and_shows_each_place_covered_alone(question: Question) -> None:
    asked: list[np.ndarray] = []

    def answer(batch: np.ndarray) -> np.ndarray:
        asked.append(batch)
        return question.answer(batch)

    occlusion_maps(replace(question, answer=answer))
    (batch,) = asked
    assert len(batch) == 1 + 13 * 13
    changed = (batch[1:] != question.image).any(axis=3).sum(axis=(1, 2))
    assert changed.max() <= 8 * 8
    assert (batch[0] == question.image).all()


def test_occlusion_of_a_model_that_is_sure_still_tells_one_place_from_another(question: Question) -> None:
    def sure(batch: np.ndarray) -> np.ndarray:
        odds = np.exp(10 + 12 * batch[:, CORNER[0], CORNER[1]].mean(axis=(1, 2, 3)) / 255)
        return np.stack([odds / (1 + odds), 0.5 / (1 + odds), 0.5 / (1 + odds)], axis=1).astype(np.float32)

    maps = occlusion_maps(replace(question, answer=sure))
    assert sure(question.image[None])[0, 0] == 1, "in float32"
    assert in_corner(np.maximum(maps[..., 0], 0)) > 0.85


@pytest.mark.parametrize("shape", [(8, 8, 1), (47, 47, 3), (112, 112, 3)])
def test_occlusion_covers_every_pixel_of_any_size(shape: tuple[int, int, int], question: Question) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    def answer(batch: np.ndarray) -> np.ndarray:
        return np.full((len(batch), 3), 1 / 3, np.float32)

    maps = occlusion_maps(Question(image, question.label_set, answer))
    assert maps.shape == (*shape[:2], 3)
    assert not maps.any()  # and no division by none


def test_mean_colour_is_a_value_a_channel() -> None:
    image = np.stack([np.full((4, 4), 10), np.full((4, 4), 20), np.eye(4) * 4], axis=2).astype(np.uint8)
    assert mean_colour(image).tolist() == [10, 20, 1]
