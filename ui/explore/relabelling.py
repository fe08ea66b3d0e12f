"""A relabelling on a page: the matrix of who went where, and the faces of the cell that was clicked."""

from __future__ import annotations

import streamlit as st

from fer.data.dataset import Dataset
from fer.quality.comparison import Relabelling
from ui.explore.data_charts import relabelling_map
from ui.gallery import paged_grid
from ui.words import percent, plain

_PER_PAGE = 12


def draw_relabelling(dataset: Dataset, found: Relabelling, titles: tuple[str, str], key: str) -> None:
    """The matrix of a relabelling, and the faces of the cell that was clicked last.

    Args:
        dataset: whose images they are.
        found: of one image or more.
        titles: what the rows and the columns are.
        key: of the widgets.
    """
    first = (found.most_changed() or (found.label_set.names[0], found.other_set.names[0], 0))[:2]
    matrix, faces = st.columns([5, 4], gap="medium")
    with matrix:
        kinds = {"shares": "% of the row", "counts": "Counts"}
        kind = st.segmented_control(
            "Cells", list(kinds), default="shares", required=True, format_func=kinds.__getitem__, key=f"{key}_kind",
            label_visibility="collapsed",
        )  # fmt: skip
        spec = relabelling_map(found, titles, shares=kind == "shares", chosen=first)
        event = st.vega_lite_chart(spec, key=f"{key}_map", on_select="rerun", selection_mode="cell", width="stretch")
    clicked = event["selection"].get("cell") or [{"label": first[0], "other": first[1]}]
    with faces:
        _cell(dataset, found, clicked[0]["label"], clicked[0]["other"], key)


def _cell(dataset: Dataset, found: Relabelling, label: str, other: str, key: str) -> None:
    rows = found.images(label, other)
    of_row = int(found.table()[found.label_set.label_id(label)].sum())
    emoji, other_emoji = found.label_set.emoji(label), found.other_set.emoji(other)
    st.markdown(f"**{emoji} {plain(label)} → {other_emoji} {plain(other)}**")
    if not len(rows):
        st.caption("No image.")
        return
    share = len(rows) / of_row
    sure = ", those with most votes first" if (found.certainty < 1).any() else ""
    st.caption(f"{percent(share, 0 if share >= 0.1 else 1)} of the images labelled {plain(label)}{sure}")
    paged_grid(dataset, rows, key, of=f"{label} {other}", per_page=_PER_PAGE)
