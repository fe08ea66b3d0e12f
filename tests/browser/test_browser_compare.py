"""Explore in a real browser: a cell of the matrix is clicked, its faces appear, one is enlarged, and a key turns to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.looking import assert_fine, open_page
from tools.running_app import RunningApp, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_compare_shows_the_faces_of_a_cell_and_enlarges_one(app: RunningApp, page: Page) -> None:
    open_page(page, app, "explore?explore_view=Compare")
    page.get_by_text("😠 angry → 😠 angry").wait_for()
    page.locator('path[aria-label*="votes: happy; label of the dataset: happy"]').click()
    page.get_by_text("😄 happy → 😄 happy").wait_for()
    faces = page.get_by_role("button", name="synthetic/happy/")
    faces.first.wait_for()
    name = faces.first.get_attribute("title")
    faces.first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(str(name)).wait_for()
    dialog.get_by_role("img", name=str(name)).wait_for()
    dialog.get_by_role("button", name="Next").wait_for()  # the key is this button's
    settle(page)
    page.keyboard.press("ArrowRight")
    dialog.get_by_text("2 of 12").wait_for()
    assert_fine(page)
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
