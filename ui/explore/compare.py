"""Explore: two label sets of the same images, or two datasets, held against each other; who was relabelled to what."""

from __future__ import annotations

import streamlit as st

from fer.data.dataset import Dataset
from fer.quality.comparison import Relabelling, relabelled_by_votes
from ui.explore.compare_sets import compare_with_another
from ui.explore.relabelling import draw_relabelling
from ui.words import count, counted, percent

_WAYS = {"votes": "Labels against FER+ votes", "dataset": "With another dataset"}


@st.fragment
def draw(dataset: Dataset) -> None:
    """The view."""
    ways = list(_WAYS) if dataset.votes is not None and len(dataset) else ["dataset"]
    way = ways[0]
    if len(ways) > 1:
        way = st.segmented_control(
            "Compare", ways, default="votes", required=True, format_func=_WAYS.__getitem__, key="compare_way"
        )
    else:
        st.caption("With FER+ votes (chosen with the dataset), the labels could be held against them, too.")
    if way == "votes":
        _votes(dataset)
    else:
        compare_with_another(dataset)


def _votes(dataset: Dataset) -> None:
    found = relabelled_by_votes(dataset)
    if not len(found):
        st.info("On no image do more than half of the taggers agree.", icon=":material/how_to_vote:")
        return
    st.subheader(votes_finding(found), anchor=False)
    st.caption(
        f"{counted(len(found), 'image')} on which more than half of the taggers agree (FER+, strict majority); "
        f"{count(found.left_out)} without a majority are left out. Click a cell to see its faces."
    )
    draw_relabelling(dataset, found, ("label of the dataset", "majority of the votes"), "votes")


def votes_finding(found: Relabelling) -> str:
    """`FER+ gives 32 % of the images another label; most often sad → neutral`."""
    most = found.most_changed()
    if most is None:
        return "FER+ gives every image the same label"
    return f"FER+ gives {percent(found.changed_share, 0)} of the images another label; most often {most[0]} → {most[1]}"
