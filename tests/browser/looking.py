"""What the browser tests share: open a page, wait until it has come to rest, see that nothing is wrong with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tools.running_app import RunningApp, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page


def open_page(page: Page, app: RunningApp, path: str) -> None:
    """Open a page by its address and wait for it."""
    page.goto(f"{app.url}/{path}")
    settle(page)


def assert_fine(page: Page) -> None:
    """No traceback and no message of failure on the page."""
    for testid in ("stException", "stAlertContentError"):
        shown = page.get_by_test_id(testid)
        assert shown.count() == 0, shown.first.inner_text()


def take_photo(page: Page) -> None:
    """Press the camera widget's button once the camera gives pictures, and wait for the answer."""
    video = page.get_by_test_id("stCameraInput").locator("video")
    wait_until("a picture of the camera", lambda: video.evaluate("video => video.readyState >= 2 && video.videoWidth > 0"))
    page.get_by_text("Take Photo").click()
    page.get_by_test_id("stMarkdown").filter(has_text="camera-input").first.wait_for()


def wait_until(what: str, condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Ask again and again until the answer is true, and return it.

    Raises:
        AssertionError: it did not become true in time.
    """
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"Waited {seconds:g} s in vain: {what}")
