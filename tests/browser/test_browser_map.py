"""The map of Explore in a real browser: a face under the pointer, a lasso, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.looking import assert_fine, open_page
from tools.running_app import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_map_shows_faces_under_the_pointer_and_takes_a_lasso(app: RunningApp, page: Page) -> None:
    open_page(page, app, "explore?explore_view=Map")
    stage = page.get_by_label("Map of")
    stage.wait_for(timeout=60_000)
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    # Keyboard first: what is in view is all of it.
    stage.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="faces selected").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="faces selected").wait_for(state="detached")
    # A lasso around the left half, then the pointer on a face of it.
    page.get_by_role("button", name="Lasso").click()
    left, top, width, height = box["x"] + 4, box["y"] + 4, box["width"] / 2, box["height"] - 8
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((width, 0), (width, height), (0, height)):
        page.mouse.move(left + x, top + y, steps=3)
    page.mouse.up()
    page.get_by_role("heading", name="faces selected").wait_for()
    assert page.get_by_role("button", name="Drop").is_visible()
    card = stage.locator(".card")
    for x in range(20, int(width), 6):
        page.mouse.move(left + x, top + height / 2)
        if card.is_visible():
            break
    assert "Labelled" in card.inner_text()
    drawn = "canvas => canvas.getContext('2d').getImageData(96, 96, 1, 1).data[3]"
    page.wait_for_timeout(500)  # its sheet of thumbnails is decoded
    assert card.locator("canvas").evaluate(drawn) == 255
    assert_fine(page)
