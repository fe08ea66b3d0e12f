"""Every page in a real browser, reached by its address on a server that nobody has visited yet."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.browser.looking import assert_fine, open_page
from tools.running_app import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

# Webcam first and Home last: once somebody has opened "/", a deep link works in any case.
PAGES = {
    "webcam": "Webcam",
    "train": "Train",
    "predict": "Predict",
    "evaluate": "Evaluate",
    "explore": "Explore",
    "models": "Models",
    "": "Facial expressions",
}


@pytest.mark.parametrize(("path", "title"), PAGES.items(), ids=[path or "home" for path in PAGES])
def test_deep_link_shows_the_page_in_its_frame(app: RunningApp, page: Page, path: str, title: str) -> None:
    open_page(page, app, path)
    assert page.locator("h1").inner_text() == title
    # The frame is there too: a page run bare has neither navigation nor the active dataset.
    assert page.get_by_test_id("stSidebarNavLink").count() == len(PAGES)
    assert page.get_by_role("button", name="Change dataset").is_visible()
    assert_fine(page)


def test_pages_fetch_nothing_from_other_hosts(app: RunningApp, page: Page) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    for path in ("", "predict", "webcam"):
        open_page(page, app, path)
    assert hosts <= {urlsplit(app.url).netloc, ""}  # data: and blob: have no host
