"""A popover that can be closed by what was pressed in it: Streamlit's own stays open until somebody clicks elsewhere."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def closing_popover(label: str, *, key: str, icon: str, stretch: bool = False) -> DeltaGenerator:
    """A popover that `close_popover` can close."""
    # A widget's state can be set only before it is drawn, so the wish waits for the next run of the page.
    if st.session_state.pop(f"{key}_close", False):
        st.session_state[key] = False
    return st.popover(label, icon=icon, width="stretch" if stretch else "content", key=key, on_change="rerun")


def close_popover(key: str) -> None:
    """Let the popover be closed when the page runs next."""
    st.session_state[f"{key}_close"] = True
