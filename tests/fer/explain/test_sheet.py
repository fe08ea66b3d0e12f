"""fer/explain/sheet.py: the picture stays, the reasons stand beside it, and nothing lies outside."""

from __future__ import annotations

import numpy as np
import pytest

from fer.explain import Heatmap
from fer.explain.sheet import Tile, explanation_sheet

GREEN = np.full((40, 40, 3), (0, 200, 0), np.uint8)


def tiles(n: int) -> list[Tile]:
    return [Tile(GREEN, Heatmap(np.ones((48, 48), np.float32), "happy", "cam"), ("happy 93%", "Activation map"))] * n


@pytest.mark.parametrize("size_hw", [(48, 48), (500, 900), (1200, 300)], ids=["tiny", "wide", "high"])
@pytest.mark.parametrize("n", [1, 3, 30])
def test_sheet_keeps_the_picture_and_shows_a_tile_a_face(size_hw: tuple[int, int], n: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size_hw, 3), np.uint8)
    sheet = explanation_sheet(picture, tiles(n))
    height, width = size_hw
    np.testing.assert_array_equal(sheet[:height, :width], picture)
    beside = sheet[:, width:]
    side = int(np.clip(height / 3, 150, 320))
    green = (beside == GREEN[0, 0]).all(axis=2).sum()
    assert green == n * side * side, "every face is whole"
    assert (beside[..., 0].astype(int) - beside[..., 2] > 60).sum() > 0.9 * n * side * side, "and so is every map, in yellow"
    assert (beside.max(axis=2) < 80).any(), "words"


def test_sheet_without_faces_is_the_picture() -> None:
    assert explanation_sheet(GREEN, []) is GREEN
