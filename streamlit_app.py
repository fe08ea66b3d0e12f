"""The app: its pages in the order of the work, the frame around them, and the HTTP API under `/api` on the same server. Start it
with `streamlit run streamlit_app.py`.

Streamlit imports this file to find `app`, and then runs it as a script for every page that is asked for; the two branches at the
end are these two uses.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st

from ui.sidebar import draw_sidebar

PAGES = [
    ("home", "Home", ":material/home:"),
    ("explore", "Explore", ":material/grid_view:"),
    ("train", "Train", ":material/model_training:"),
    ("evaluate", "Evaluate", ":material/monitoring:"),
    ("predict", "Predict", ":material/add_a_photo:"),
    ("webcam", "Webcam", ":material/videocam:"),
    ("models", "Models", ":material/inventory_2:"),
]


def pages() -> list[st.Page]:
    """One page a task, in the order of the work."""
    return [st.Page(f"pages/{name}.py", title=title, icon=icon, default=name == "home") for name, title, icon in PAGES]


@st.cache_resource(show_spinner=False)
def spare_the_collector(title: str) -> None:
    """Leave what a page has loaded out of the search for garbage, once for this server.

    A search of everything takes 0.15 s, in which nothing else moves; nearly all of it goes into modules, which are no garbage.
    """
    gc.freeze()


if __name__ == "__main__":
    # An emoji, as the browser would fetch a Material icon for the tab from an outside host.
    st.set_page_config(page_title="Facial expressions", page_icon="🙂", layout="wide")
    page = st.navigation(pages())
    draw_sidebar()
    # Wide, yet no wider than a line can be read.
    with st.container(horizontal_alignment="center"), st.container(width=1240):
        page.run()
    # Streamlit's own search for garbage (runner.postScriptGC) comes after every run of a fragment, too: beside a camera four
    # times a second, 40 ms each, in which no frame moves. A run of a whole page is what leaves much behind.
    gc.collect()
    spare_the_collector(page.title)
else:
    # Beside a folder named pages/, a fresh server would run a deep link such as /train bare, without the frame above, until
    # somebody has opened /. Declaring the navigation once on import tells it whose pages they are.
    # Streamlit warns that nobody asked for a page yet, which is the point.
    logging.disable(logging.WARNING)
    st.navigation(pages())
    logging.disable(logging.NOTSET)
    # Here, so that a page's run does not import it.
    from fer.api import ApiSettings, Service, dashboard_routes, log_to_stderr, warming
    from fer.errors import SettingsError

    try:
        service = Service(ApiSettings.from_environment())
    except SettingsError as error:
        sys.exit(f"error: {error}")
    log_to_stderr()

    @asynccontextmanager
    async def lifespan(server: Any) -> AsyncIterator[None]:
        from ui.webcam.ice import check_ice_servers

        check_ice_servers()
        async with warming(service)(server):
            yield

    app = st.App(__file__, routes=dashboard_routes(service), lifespan=lifespan)
