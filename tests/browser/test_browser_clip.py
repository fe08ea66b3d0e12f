"""A clip on Predict in a real browser: given, read, looked at by clicks, and played with its faces marked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fer.clips.moments import find_moments
from fer.clips.store import load_timeline
from tests.browser.looking import assert_fine, open_page, wait_until
from tests.fer.clips.making import encode, smiling
from tools.running_app import RunningApp, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def cursor(page: Page) -> float:
    """Where the slider stands, in seconds."""
    return float(page.get_by_test_id("stSlider").last.locator("input").input_value())


def test_clip_is_read_and_clicks_lead_to_its_moments(app: RunningApp, page: Page, tmp_path: Path) -> None:
    clip = encode(tmp_path / "smile.mp4", smiling(30))
    open_page(page, app, "predict?predict_view=Clip")
    page.get_by_test_id("stFileUploaderDropzoneInput").last.set_input_files(clip)
    page.get_by_text("Shown most").wait_for(timeout=60_000)
    settle(page)
    assert_fine(page)
    chart = page.get_by_test_id("stPlotlyChart").first
    box = chart.bounding_box()
    assert box
    for share in (0.5, 0.8):
        before = cursor(page)
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        chart.locator(".hoverlayer path").first.wait_for(state="attached")
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        wait_until("the cursor where the click was", lambda before=before: cursor(page) != before)
        assert cursor(page) == pytest.approx(2 * share, abs=0.25)
    (folder,) = (Path(app.environment["FER_WORKSPACE"]) / "clips").glob("[!.]*")
    first = find_moments(load_timeline(folder))[0]
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box
    page.mouse.click(box["x"] + 15, box["y"] + 52)  # a canvas: the box of the first row
    wait_until("the cursor at the moment", lambda: abs(cursor(page) - first.time_s) < 0.01)
    page.get_by_role("button", name="Make the annotated clip").click()
    page.get_by_text("Play the annotated clip").click()
    video = page.locator("video")
    video.wait_for()
    wait_until("a picture of the clip", lambda: video.evaluate("video => video.readyState >= 2 && video.videoWidth === 320"))
    assert video.evaluate("video => video.duration") == pytest.approx(2.0, abs=0.1)
    assert_fine(page)
