"""Collect in a real browser with a fake camera: from nothing to a dataset that is open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.looking import assert_fine, open_page
from tools.running_app import running_app, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_collect_records_a_burst_and_opens_the_set(tmp_path: Path, page: Page) -> None:
    # A server of its own: the active dataset is changed here.
    with running_app(tmp_path) as app:
        open_page(page, app, "explore?explore_view=Collect")
        page.get_by_text("They are sent nowhere else").wait_for()  # before the camera is asked for
        name = page.get_by_label("Name", exact=True)
        name.fill("my faces")
        name.press("Enter")
        page.get_by_role("button", name="Begin").click()
        page.get_by_text("happy").first.wait_for()
        page.get_by_test_id("stButtonGroup").get_by_text("happy").click()
        page.get_by_text("Corners of the mouth up").wait_for()
        page.frame_locator('iframe[title*="webrtc_streamer"]').get_by_role("button", name="Start", exact=True).click()
        page.get_by_text("One face.").wait_for(timeout=60_000)
        page.get_by_role("button", name="Record 3 seconds").click()
        keep = page.get_by_role("button", name="as happy")
        keep.wait_for(timeout=60_000)
        settle(page)
        ticks = page.get_by_test_id("stCheckbox")
        ticked = [ticks.nth(number).locator("input").is_checked() for number in range(ticks.count())]
        if not any(ticked):  # on a busy machine the camera's first pictures are coarse, and count as blurred
            ticks.first.locator("label").click()
        keep.click()  # once it is enabled
        kept = max(sum(ticked), 1)
        page.get_by_role("heading", name="Happy:").wait_for()
        settle(page)
        page.get_by_role("button", name="Use this dataset").click()
        page.get_by_text("active dataset").wait_for(timeout=60_000)
        page.get_by_text(f"{kept} image").wait_for()
        settle(page)
        assert_fine(page)
        page.goto("about:blank")  # before its server goes
        assert len(list((tmp_path / "workspace" / "datasets" / "my faces" / "train" / "happy").glob("*.png"))) == kept
