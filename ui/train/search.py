"""The view Search of Train: a new search, and the one that is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from fer.training.search import Search, list_searches
from ui.popover import close_popover, closing_popover
from ui.train.search_form import search_form
from ui.train.search_panel import search_panel

_SHOWN = "search_shown"
_POPOVER = "search_popover"
_EMPTY = (
    "A search trains a recipe again and again with other settings, learns from what came out, and stops trials that lag. "
    "Nothing has to be chosen: **Start the search** varies what usually matters. What it finds is shown here, and every trial is "
    "a run like any other."
)


def search_view() -> None:
    """The form, and the search that is looked at."""
    searches = list_searches()
    if any(search.is_active for search in searches):  # what goes on comes first, and fills the page
        row, result = st.container(horizontal=True, vertical_alignment="bottom"), st.container()
        chooser = row.container()
        with row:
            form = closing_popover("New search", key=_POPOVER, icon=":material/add:")
    else:
        form, result = st.columns([2, 5], gap="large")
        chooser = result
    with form:
        started = search_form()
    if started:
        st.session_state[_SHOWN] = started.id
        close_popover(_POPOVER)
        st.rerun()
    with chooser:
        shown = _shown_search(searches)
    with result:
        if shown is None:
            st.info(_EMPTY, icon=":material/manage_search:")
        else:
            search_panel(shown)


def _shown_search(searches: Sequence[Search]) -> Search | None:
    """The search that is looked at: the one chosen, else one that is going, else the newest."""
    by_id = {search.id: search for search in searches}
    if not by_id:
        return None
    if st.session_state.get(_SHOWN) not in by_id:
        st.session_state[_SHOWN] = next((search.id for search in searches if search.is_active), searches[0].id)
    if len(searches) > 1:
        st.selectbox("Search", list(by_id), key=_SHOWN)
    return by_id[st.session_state[_SHOWN]]
