"""A relabelling on a page: the matrix of who went where, and the faces of the cell that was clicked."""

from __future__ import annotations

import streamlit as st

from fer.data.dataset import Dataset
from fer.quality.comparison import Relabelling
from ui.gallery import paged_grid
from ui.matrix import Matrix, clickable_matrix
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
        kinds = {"rows": "% of the row", "counts": "Counts"}
        cells = Matrix(found.table(), found.label_set, found.other_set, titles, kinds)
        label, other = clickable_matrix(cells, first, key)
    with faces:
        _cell(dataset, found, label, other, key)


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
