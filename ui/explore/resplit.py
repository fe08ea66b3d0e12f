"""A split drawn anew on one click, no picture and none of its copies on both sides; it becomes decisions of the cleaning list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.data.dataset import SPLITS, Dataset
from fer.quality.cleaning import CleaningList
from fer.quality.resplit import resplit
from fer.quality.settled import FindingTable
from ui.cleaning import change_in_words
from ui.popover import close_popover, closing_popover
from ui.theme import SPLIT_TITLES

_POPOVER = "resplit_popover"
_USUAL = {"train": 80, "val": 10, "test": 10}


def resplit_popover(dataset: Dataset, table: FindingTable) -> None:
    """The shares, and the button."""
    with closing_popover("Split anew", key=_POPOVER, icon=":material/call_split:"):
        st.markdown(
            "Draws each image into a split again. Copies and near duplicates of a picture stay together, so nothing leaks."
        )
        with st.container(horizontal=True):
            shares = [
                st.number_input(f"{SPLIT_TITLES[split]}, %", 0, 100, _USUAL[split], step=5, key=f"resplit_{split}", width=120)
                for split in SPLITS
            ]
            explained = "The same seed draws the same split."
            seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="resplit_seed", help=explained, width=120)
        if sum(shares) != 100:
            st.caption(f"The shares make {sum(shares)} %, not 100 %.")
        st.button(
            "Split anew", type="primary", icon=":material/call_split:", key="resplit", disabled=sum(shares) != 100,
            on_click=_resplit, args=(dataset, table, shares, seed),
        )  # fmt: skip


def _resplit(dataset: Dataset, table: FindingTable, shares: Sequence[int], seed: int) -> None:
    close_popover(_POPOVER)
    change_in_words(lambda now: split_anew(dataset, table, now, shares, seed))


def split_anew(dataset: Dataset, table: FindingTable, cleaning: CleaningList, shares: Sequence[int], seed: int) -> CleaningList:
    """The list with every image that it leaves moved to where a new draw puts it.

    Args:
        dataset: before any cleaning.
        table: what an audit found in it; its near duplicates stay together.
        cleaning: what is decided so far.
        shares: percent for train, val and test, together 100.
        seed: of the draw.
    """
    left, _ = cleaning.apply(dataset)
    groups = _groups_in(left, dataset, table)
    drawn = resplit(left, [share / 100 for share in shares], seed=seed, groups=groups)
    return cleaning.move_to(left, drawn.splits, reason=f"Split anew: {'/'.join(map(str, shares))}, seed {seed}")


def _groups_in(left: Dataset, dataset: Dataset, table: FindingTable) -> list[list[int]]:
    """The near duplicates that an audit found, as rows of what is left of the dataset."""
    rows = {key: row for row, key in enumerate(zip(left.names.tolist(), left.content_ids.tolist(), strict=True))}
    now: NDArray[np.intp] = np.array(
        [rows.get(key, -1) for key in zip(dataset.names.tolist(), dataset.content_ids.tolist(), strict=True)], np.intp
    )
    groups = (now[list(finding.indices)] for finding in table.by_kind.get("near_duplicate", ()))
    return [group[group >= 0].tolist() for group in groups]
