"""Matrices of classes: what their cells say, and that all of them can be read."""

import numpy as np
import pytest

from fer.labels import FER7, LabelSet
from ui.matrix import Matrix, _contrast, _rgb, ink, matrix_spec
from ui.theme import _DARK, _LIGHT, Palette

KINDS = {"rows": "% of the row", "columns": "% of the column", "counts": "Counts"}


@pytest.mark.parametrize(
    ("cells", "words", "share"),
    [("rows", ["75", "25", "·", "·"], 0.75), ("columns", ["100", "100", "·", "·"], 1.0), ("counts", ["3", "1", "·", "·"], 0.75)],
)
def test_matrix_spec_says_shares_of_rows_or_columns_or_counts(cells: str, words: list[str], share: float) -> None:
    # The second class has no image: no division by nothing.
    matrix = Matrix(
        np.array([[3, 1], [0, 0]]), LabelSet(("happy", "sad")), LabelSet(("happy", "sad")), ("true", "answered"), KINDS
    )
    spec = matrix_spec(matrix, cells=cells, chosen=("happy", "sad"))
    values = spec["data"]["values"]
    assert [value["words"] for value in values] == words
    assert values[0]["share"] == share
    assert spec["layer"][0]["params"][0]["value"] == [{"label": "happy", "other": "sad"}]


def test_matrix_spec_of_two_label_sets_has_a_cell_for_each_pair() -> None:
    others = LabelSet(("happy", "contempt"))
    matrix = Matrix(np.ones((7, 2), int), FER7, others, ("label", "votes"), KINDS)
    values = matrix_spec(matrix, cells="counts", chosen=("happy", "contempt"))["data"]["values"]
    assert [(value["label"], value["other"]) for value in values] == [(label, other) for label in FER7 for other in others]


@pytest.mark.parametrize("palette", [_LIGHT, _DARK], ids=["light", "dark"])
def test_every_cell_of_the_matrix_can_be_read(palette: Palette) -> None:
    for share in np.linspace(0, 1, 51):
        shade = [(1 - share) * low + share * high for low, high in zip(_rgb(palette.low), _rgb(palette.high), strict=True)]
        assert _contrast(_rgb(ink(float(share), palette)), shade) >= 4.5
