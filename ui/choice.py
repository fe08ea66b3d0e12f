"""A choice among a few ways to look at the same thing, kept for the session."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def choose_way(label: str, ways: Sequence[str], *, key: str) -> str:
    """One of `ways`, the first until another is chosen; the label is for those who do not see the page."""
    return st.segmented_control(
        label, ways, default=ways[0], required=True, key=key, label_visibility="collapsed", persist_state="session"
    )
