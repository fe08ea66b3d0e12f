"""Galleries of dataset images: crisp tiles with captions, a page at a time."""

from __future__ import annotations

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.labels import FER8, VOTE_COLUMNS
from ui.theme import SPLIT_TITLES
from ui.words import counted

TILE = 192
PER_PAGE = 24
_ALL = "all"


def tile(image: NDArray[np.uint8], side: int = TILE) -> NDArray[np.uint8]:
    """A square picture for a gallery: small images grow by whole pixels and stay crisp, large ones shrink, both keep their shape.

    Args:
        image: uint8 RGB (H, W, 3).
        side: longest side of the result in pixels, reached exactly where that keeps pixels whole or shrinks.
    """
    longest = max(image.shape[:2])
    if longest <= side:
        factor = max(1, side // longest)
        return np.repeat(np.repeat(image, factor, axis=0), factor, axis=1)
    scale = side / longest
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@st.fragment
def class_gallery(dataset: Dataset, key: str) -> None:
    """Pictures of one class at a time, with a choice of class and split and with pages.

    A fragment: turning a page draws nothing else again.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = _class_pills(dataset, key)
        split = _split_control(dataset, key) if len(dataset.split_names) > 1 else _ALL
    chosen = dataset.label_ids == dataset.label_set.label_id(label)
    if split != _ALL:
        chosen &= dataset.splits == split
    rows = np.flatnonzero(chosen)
    if not len(rows):
        st.info(f"No image of {label} in this split.", icon=":material/search_off:")
        return
    pages = -(-len(rows) // PER_PAGE)
    # The grid comes first and the pages below it, but their number must be known to draw the grid.
    grid_place, foot = (
        st.container(),
        st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"),
    )
    with foot:
        voted = "" if dataset.votes is None else ", each with the most frequent vote of its taggers (FER+)"
        st.caption(f"{counted(len(rows), 'image')}{voted}", width="content")
        page = st.pagination(pages, max_visible_pages=5, key=f"{key}_page_{label}_{split}") if pages > 1 else 1
    with grid_place:
        image_grid(dataset, rows[(page - 1) * PER_PAGE : page * PER_PAGE])


def _class_pills(dataset: Dataset, key: str) -> str:
    return st.pills(
        "Class",
        list(dataset.label_set),
        default=dataset.label_set.names[0],
        required=True,
        format_func=lambda name: f"{dataset.label_set.emoji(name)} {name}",
        key=f"{key}_class",
    )


def _split_control(dataset: Dataset, key: str) -> str:
    return st.segmented_control(
        "Split",
        [_ALL, *dataset.split_names],
        default=_ALL,
        required=True,
        format_func=lambda name: "All" if name == _ALL else SPLIT_TITLES[name],
        key=f"{key}_split",
    )


def image_grid(dataset: Dataset, rows: NDArray[np.integer]) -> None:
    """The images at these rows as a grid of tiles with captions."""
    with st.grid(8, min_column_width=104, gap="xsmall"):
        for row in rows:
            image = dataset.images[int(row)]
            st.image(
                tile(image),
                caption=_caption(dataset, int(row)),
                width="stretch",
                output_format="PNG",
                alt=str(dataset.names[row]),
            )


def _caption(dataset: Dataset, row: int) -> str:
    """The file's name, and what most taggers voted where there are votes: `Training_00012 😠 8/10`."""
    name = str(dataset.names[row]).rsplit("/", 1)[-1].rsplit(".", 1)[0]
    if dataset.votes is None:
        return name
    votes = dataset.votes[row]
    winner = VOTE_COLUMNS[int(votes.argmax())]
    return f"{name} {FER8.emoji(winner) if winner in FER8 else winner.replace('_', ' ')} {votes.max()}/{votes.sum()}"
