"""fer/inference/heatmap.py: from evidence on any scale to a map, and from a map to colours on a face."""

from __future__ import annotations

import numpy as np
import pytest

from fer.errors import ImageError
from fer.inference.heatmap import Heatmap, lay_over


@pytest.mark.parametrize(
    "values",
    [np.zeros((4, 4)), np.full((4, 4), 1.1, np.float32), np.full((4, 4), np.nan, np.float32), np.zeros((4, 4, 1), np.float32)],
    ids=["float64", "above 1", "not a number", "channels"],
)
def test_heatmap_refuses_what_is_no_map(values: np.ndarray) -> None:
    with pytest.raises(ImageError, match="float32"):
        Heatmap(values, "happy", "cam")


def test_of_evidence_is_held_against_the_strongest_for_or_against() -> None:
    evidence = np.full((6, 6), -8.0)
    evidence[:3] = 2.0
    heatmap = Heatmap.of_evidence(evidence, 48, "sad", "cam")
    assert heatmap.values.shape == (48, 48)
    assert heatmap.values.dtype == np.float32
    assert heatmap.values[2:10].mean() == pytest.approx(0.25, abs=0.05)
    assert heatmap.values[-8:].max() == 0
    assert not heatmap.is_blank


@pytest.mark.parametrize(("scale", "least", "top"), [(1e-9, 0.0, 1), (1e6, 0.0, 1), (0.02, 0.1, 0.2), (0, 0.0, 0), (-5, 0.0, 0)])
def test_of_evidence_of_any_scale(scale: float, least: float, top: float) -> None:
    heatmap = Heatmap.of_evidence(np.full((5, 5), scale), 10, "sad", "cam", least=least)
    assert heatmap.values.max() == pytest.approx(top, abs=1e-6)
    assert heatmap.is_blank == (top < 0.1)


def test_lay_over_colours_where_the_map_is_and_leaves_the_face_grey_elsewhere() -> None:
    face_crop = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    values = np.zeros((48, 48), np.float32)
    values[:, 24:] = 1
    shown = lay_over(face_crop, Heatmap(values, "happy", "cam"))
    assert shown.shape == face_crop.shape
    assert shown.dtype == np.uint8
    left, right = shown[:, :50].astype(int), shown[:, 70:].astype(int)
    assert np.ptp(left, axis=2).max() == 0, "grey"
    assert (right[..., 0] - right[..., 2]).min() > 20, "yellow"


def test_lay_over_refuses_a_grey_picture() -> None:
    with pytest.raises(ImageError, match="RGB"):
        lay_over(np.zeros((9, 9), np.uint8), Heatmap(np.zeros((4, 4), np.float32), "happy", "cam"))
