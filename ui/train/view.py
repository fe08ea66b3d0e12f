"""The views of Train, of which one is drawn, and how a button of one leads into another."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.train.run_panel import RUN_KEY

_VIEW = "train_view"
_WISHED = "train_view_wished"
RUNS, SEARCH = "Runs", "Search"


def views() -> Sequence[DeltaGenerator]:
    """The tabs of the page; only the one that is open is to be drawn."""
    # A widget's state can be set only before it is drawn, so the wish waits for the next run of the page.
    if _WISHED in st.session_state:
        st.session_state[_VIEW] = st.session_state.pop(_WISHED)
    return st.tabs([RUNS, SEARCH], key=_VIEW, on_change="rerun", bind="query-params")


def show_run(run_id: str) -> None:
    """Lead to a run, from wherever on the page."""
    st.session_state[RUN_KEY] = run_id
    st.session_state[_WISHED] = RUNS
    st.rerun()
