"""Explore: what the active dataset holds, what is wrong with it, and how that is mended."""

import streamlit as st

from ui import (
    explore_audit,
    explore_balance,
    explore_collect,
    explore_compare,
    explore_export,
    explore_map,
    explore_overview,
)
from ui.state import active_dataset
from ui.theme import page_header
from ui.words import plain

# Only the view that is open is drawn: the others cost nothing until somebody looks.
VIEWS = {
    "Overview": explore_overview.draw,
    "Compare": explore_compare.draw,
    "Map": explore_map.draw,
    "Audit": explore_audit.draw,
    "Balance": explore_balance.draw,
    "Collect": explore_collect.draw,
    "Export": explore_export.draw,
}

page_header("Explore", "See what a dataset holds, find what is wrong with it, and mend that without touching an image.")
data = active_dataset()
explore_overview.metrics(data)
for tab, draw in zip(
    st.tabs(list(VIEWS), key="explore_view", on_change="rerun", bind="query-params"), VIEWS.values(), strict=True
):
    if tab.open:
        with tab:
            draw(data)
if data.source:
    st.caption(f"Source: {plain(data.source)}")
