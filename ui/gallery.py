"""Galleries of dataset images: crisp tiles with captions, a page at a time; a click on one enlarges it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.labels import FER8, VOTE_COLUMNS
from ui.picture import enlarge
from ui.theme import SPLIT_TITLES
from ui.tiles import TILE, Tile, data_url, tile, tile_grid
from ui.words import counted, errors_in_words, plain

PER_PAGE = 24
_ALL = "all"


@st.fragment
def class_gallery(dataset: Dataset, key: str) -> None:
    """Pictures of one class at a time, with a choice of class and split, or those whose file name holds some text.

    A fragment: turning a page draws nothing else again.
    """
    wanted = st.session_state.get(f"{key}_search", "").strip()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = _class_pills(dataset, key, disabled=bool(wanted))
        split = _split_control(dataset, key, disabled=bool(wanted)) if len(dataset.split_names) > 1 else _ALL
        st.text_input("Search by file name", placeholder="part of a name", key=f"{key}_search", width=200)
    if wanted:
        rows, none = named_like(dataset, wanted), f"No file name holds {plain(wanted)}."
    else:
        rows, none = _rows_of(dataset, label, split), f"No image of {label} in this split."
    if len(rows):
        paged_grid(dataset, rows, key, of=f"search {wanted}" if wanted else f"{label} {split}", shuffle=True)
    else:
        st.info(none, icon=":material/search_off:")


def named_like(dataset: Dataset, text: str) -> NDArray[np.intp]:
    """Rows of the images whose name holds a text, whatever its case."""
    wanted = text.casefold()
    return np.array([row for row, name in enumerate(dataset.names.tolist()) if wanted in name.casefold()], np.intp)


def _rows_of(dataset: Dataset, label: str, split: str) -> NDArray[np.intp]:
    chosen = dataset.label_ids == dataset.label_set.label_id(label)
    if split != _ALL:
        chosen &= dataset.splits == split
    return np.flatnonzero(chosen)


def _class_pills(dataset: Dataset, key: str, *, disabled: bool) -> str:
    return st.pills(
        "Class",
        list(dataset.label_set),
        default=dataset.label_set.names[0],
        required=True,
        format_func=lambda name: f"{dataset.label_set.emoji(name)} {name}",
        key=f"{key}_class",
        disabled=disabled,
    )


def _split_control(dataset: Dataset, key: str, *, disabled: bool) -> str:
    return st.segmented_control(
        "Split",
        [_ALL, *dataset.split_names],
        default=_ALL,
        required=True,
        format_func=lambda name: "All" if name == _ALL else SPLIT_TITLES[name],
        key=f"{key}_split",
        disabled=disabled,
    )


def paged_grid(
    dataset: Dataset,
    rows: NDArray[np.integer],
    key: str,
    *,
    of: str = "",
    per_page: int = PER_PAGE,
    shuffle: bool = False,
    told: Mapping[int, str] | None = None,
    telling: str = "",
) -> None:
    """Images a page at a time, with their number and the pages below; a click on one enlarges it.

    Args:
        dataset: where they stand.
        rows: one or more, in the order in which they are shown.
        key: of the widgets.
        of: what these images are; where it is something else than before, the first page is shown.
        per_page: how many stand on one.
        shuffle: offer them in another order.
        told: what stands below each image, by its row; None for what most taggers voted.
        telling: what that is, in words that follow the number of images.
    """
    seed_key = f"{key}_seed_{of}"
    seed = st.session_state.get(seed_key, 0) if shuffle else 0
    if seed:
        rows = np.random.default_rng(seed).permutation(rows)
    pages = -(-len(rows) // per_page)
    # The grid comes first and the pages below it, but their number must be known to draw the grid.
    grid_place, foot = (
        st.container(),
        st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"),
    )
    with foot:
        if told is None and dataset.votes is not None:
            telling = "each with the most frequent vote of its taggers (FER+)"
        st.caption(", ".join(filter(None, [counted(len(rows), "image"), telling])), width="content")
        if shuffle and pages > 1:
            _shuffle_buttons(key, seed_key, seed)
        page = st.pagination(pages, max_visible_pages=5, key=f"{key}_page_{of}_{seed}") if pages > 1 else 1
    with grid_place:
        image_grid(dataset, rows[(page - 1) * per_page : page * per_page], key=f"{key}_grid", told=told)


def _shuffle_buttons(key: str, seed_key: str, seed: int) -> None:
    def to(value: int) -> None:
        st.session_state[seed_key] = value

    with st.container(horizontal=True, width="content", gap="small"):
        st.button("Another sample", icon=":material/shuffle:", type="tertiary", key=f"{key}_next", on_click=to, args=(seed + 1,))
        if seed:
            st.button("By name", icon=":material/sort_by_alpha:", type="tertiary", key=f"{key}_first", on_click=to, args=(0,))


def image_grid(
    dataset: Dataset, rows: NDArray[np.integer], *, key: str | None = None, told: Mapping[int, str] | None = None
) -> None:
    """The images at these rows as a grid of tiles with captions; a click on one enlarges it.

    Args:
        dataset: where they stand.
        rows: a page of them; also what "previous" and "next" go through.
        key: of the grid, so that it stays in place when its pictures change.
        told: what stands below each image, by its row; None for what most taggers voted.
    """
    with errors_in_words():  # a file may have gone since it was read
        tell = partial(_most_voted, dataset) if told is None else told.__getitem__
        opened = tile_grid([_tile(dataset, row, tell(row)) for row in rows.tolist()], key=key)
        if opened is not None and opened in rows:
            enlarge(dataset, rows, opened)


def _tile(dataset: Dataset, row: int, told: str) -> Tile:
    image = dataset.images[row]
    source = data_url(tile(image), "png" if max(image.shape[:2]) <= TILE else "jpeg")
    name = str(dataset.names[row])
    return Tile(row, name, name.rsplit("/", 1)[-1].rsplit(".", 1)[0], told, source)


def _most_voted(dataset: Dataset, row: int) -> str:
    """What most taggers voted: `😠 8/10`; empty where there are no votes."""
    if dataset.votes is None:
        return ""
    votes = dataset.votes[row]
    winner = VOTE_COLUMNS[int(votes.argmax())]
    return f"{FER8.emoji(winner) if winner in FER8 else winner.replace('_', ' ')} {votes.max()}/{votes.sum()}"
