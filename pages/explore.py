"""Explore: what the active dataset holds, what is wrong with it, and how that is mended."""

import streamlit as st

from ui.explore import audit, balance, collect, compare, export, map, overview
from ui.state import active_dataset
from ui.theme import page_header
from ui.words import plain

# Only the view that is open is drawn: the others cost nothing until somebody looks.
VIEWS = {
    "Overview": overview.draw,
    "Compare": compare.draw,
    "Map": map.draw,
    "Audit": audit.draw,
    "Balance": balance.draw,
    "Collect": collect.draw,
    "Export": export.draw,
}

page_header("Explore", "See what a dataset holds, find what is wrong with it, and mend that without touching an image.")
data = active_dataset()
overview.metrics(data)
for tab, draw in zip(
    st.tabs(list(VIEWS), key="explore_view", on_change="rerun", bind="query-params"), VIEWS.values(), strict=True
):
    if tab.open:
        with tab:
            draw(data)
if data.source:
    st.caption(f"Source: {plain(data.source)}")
