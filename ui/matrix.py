"""Matrices of classes against classes whose cells can be clicked: who was relabelled to what, what was taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.labels import LabelSet
from ui.charts import named
from ui.theme import Palette, palette
from ui.words import count, percent


@dataclass(frozen=True, eq=False)
class Matrix:
    """Images by two classes each.

    Args:
        counts: int (K, L).
        row_set: the K classes of the rows.
        column_set: the L classes of the columns.
        titles: what the rows and the columns are.
        kinds: what the cells can be asked to say, of `rows`, `columns` and `counts`, and how that is called.
    """

    counts: NDArray[np.integer]
    row_set: LabelSet
    column_set: LabelSet
    titles: tuple[str, str]
    kinds: dict[str, str]


def clickable_matrix(matrix: Matrix, first: tuple[str, str], key: str) -> tuple[str, str]:
    """Draw a matrix with a choice of what its cells say.

    Args:
        matrix: what is drawn.
        first: the cell that is chosen before any is clicked, by the classes of its row and column.
        key: of the widgets.

    Returns:
        The cell that was clicked last, by the classes of its row and column.
    """
    cells = st.segmented_control(
        "Cells", list(matrix.kinds), default=next(iter(matrix.kinds)), required=True, format_func=matrix.kinds.__getitem__,
        key=f"{key}_kind", label_visibility="collapsed",
    )  # fmt: skip
    spec = matrix_spec(matrix, cells=cells, chosen=first)
    event = st.vega_lite_chart(spec, key=f"{key}_map", on_select="rerun", selection_mode="cell", width="stretch")
    clicked = event["selection"].get("cell") or [{"label": first[0], "other": first[1]}]
    return clicked[0]["label"], clicked[0]["other"]


def matrix_spec(matrix: Matrix, *, cells: str, chosen: tuple[str, str]) -> dict[str, Any]:
    """A matrix as a Vega-Lite specification: Plotly's heat maps cannot be clicked.

    The selection is named `cell` and has the fields `label` and `other`.

    Args:
        matrix: what is drawn.
        cells: what they say, `rows` or `columns` for shares of those, or `counts`. The shade is a share either way, so that a
            rare class is not pale throughout.
        chosen: the cell that is selected at first.
    """
    colours, table, titles = palette(), matrix.counts, matrix.titles
    share = table / np.maximum(table.sum(axis=0 if cells == "columns" else 1, keepdims=True), 1)
    whole = "of the column" if cells == "columns" else "of the row"
    values = [
        {
            "label": label,
            "row": named(label, matrix.row_set),
            "other": other,
            "images": int(table[i, j]),
            "share": round(float(share[i, j]), 4),
            "words": _cell_words(int(table[i, j]), float(share[i, j]), cells != "counts"),
            "ink": ink(float(share[i, j]), colours),
        }
        for i, label in enumerate(matrix.row_set)
        for j, other in enumerate(matrix.column_set)
    ]
    axis = {"domain": False, "ticks": False, "labelColor": colours.text, "titleColor": colours.muted, "grid": False}
    aslant = {  # where names have no room side by side
        "labelAngle": {"expr": "width < 60 * domain('x').length ? -45 : 0"},
        "labelAlign": {"expr": "width < 60 * domain('x').length ? 'right' : 'center'"},
    }
    shade = {"domain": [0, 1], "range": [colours.low, colours.high]}
    outline = {"condition": {"param": "cell", "empty": False, "value": colours.text}, "value": colours.ground}
    select = {"type": "point", "fields": ["label", "other"], "toggle": False, "clear": False}
    rows = [named(label, matrix.row_set) for label in matrix.row_set]
    return {
        "data": {"values": values},
        "height": 52 * len(rows) + 40,
        "padding": {"left": 5, "right": 5, "top": 5, "bottom": 28},  # Streamlit fits the chart to its box, and cuts the title
        "encoding": {
            "x": {
                "field": "other",
                "type": "nominal",
                "sort": list(matrix.column_set),
                "title": titles[1],
                "axis": {**axis, "orient": "bottom", "labelFontSize": 11, "labelOverlap": False, **aslant},
            },
            "y": {
                "field": "row",
                "type": "nominal",
                "sort": rows,
                "title": titles[0],
                "axis": {**axis, "labelFontSize": 13},
            },
        },
        "layer": [
            {
                "params": [{"name": "cell", "select": select, "value": [{"label": chosen[0], "other": chosen[1]}]}],
                "mark": {"type": "rect", "cursor": "pointer", "strokeWidth": 2, "cornerRadius": 2},
                "encoding": {
                    "color": {"field": "share", "type": "quantitative", "scale": shade, "legend": None},
                    "stroke": outline,
                    "order": {"condition": {"param": "cell", "empty": False, "value": 1}, "value": 0},  # above its neighbours
                    "tooltip": [
                        {"field": "label", "title": titles[0]},
                        {"field": "other", "title": titles[1]},
                        {"field": "images", "type": "quantitative", "format": ",", "title": "images"},
                        {"field": "share", "type": "quantitative", "format": ".1%", "title": whole},
                    ],
                },
            },
            {
                "mark": {"type": "text", "fontSize": 13},
                "encoding": {"text": {"field": "words"}, "color": {"field": "ink", "type": "nominal", "scale": None}},
            },
        ],
        "resolve": {"scale": {"color": "independent"}},
        "config": {"view": {"stroke": None}},
    }


def _cell_words(n: int, share: float, shares: bool) -> str:
    """What a cell of a matrix says: its share in percent, or its count; a dot for none."""
    if n == 0:
        return "·"
    return percent(share, 0).removesuffix(" %") if shares else count(n)


def ink(share: float, colours: Palette) -> str:
    """Black or white, whichever reads better (4.5:1 at least) on a shade of the scale from `low` to `high`."""
    shade = [(1 - share) * low + share * high for low, high in zip(_rgb(colours.low), _rgb(colours.high), strict=True)]
    return max(("#000000", "#FFFFFF"), key=lambda ink: _contrast(_rgb(ink), shade))


def _rgb(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """Contrast ratio 1…21 of two colours, channels 0…1 (WCAG 2.1, relative luminance)."""
    luminances = sorted(
        sum(
            w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
            for w, c in zip((0.2126, 0.7152, 0.0722), rgb, strict=True)
        )
        for rgb in (one, other)
    )
    return (luminances[1] + 0.05) / (luminances[0] + 0.05)
