"""The whole path in a real browser: choose data, train, reload in the middle, make a model, evaluate it, predict with it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.looking import assert_fine, open_page, wait_until
from tools.running_app import RunningApp, running_app, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.timeout(420)
def test_path_from_data_to_prediction(tmp_path: Path, page: Page) -> None:
    # A server of its own: what is chosen and made here must not change what other tests find.
    with running_app(tmp_path) as app:
        choose_synthetic_images(page, app, 480)
        start_training(page, epochs=6)  # of a second or less each, but for the first; so many that the page sees it going
        stop = page.locator(".st-key-run_stop button")  # by its key: Streamlit's own header has a Stop now and then
        stop.wait_for()
        page.reload()  # the run is a process of its own and goes on: here while it starts, below while it learns
        stop.wait_for()
        page.get_by_text(re.compile(r"Epoch \d of 6, batch")).first.wait_for(timeout=120_000)
        page.reload()
        page.get_by_text("Finished:").wait_for(timeout=240_000)
        settle(page)
        assert charts_are_drawn(page)
        assert page.get_by_test_id("stMetric").filter(has_text="Epochs").inner_text().split()[1:] == ["6", "of", "6"]
        assert_fine(page)

        page.get_by_role("button", name="Make a bundle").click()
        page.get_by_role("link", name="Evaluate it").wait_for(timeout=120_000)
        page.get_by_role("link", name="Evaluate it").click()
        page.locator("h1").filter(has_text="Evaluate").wait_for()
        page.locator(".js-plotly-plot .heatmaplayer image").first.wait_for(timeout=60_000)  # the confusion matrix
        assert page.get_by_test_id("stMetric").filter(has_text="Accuracy").first.is_visible()
        settle(page)
        assert_fine(page)

        page.get_by_test_id("stSidebarNavItems").get_by_role("link", name="Predict").click()
        page.get_by_text("Example, drawn by this program").wait_for()
        settle(page)
        assert_fine(page)
        assert_no_tensorflow(app)
        page.goto("about:blank")  # before its server goes: what the page is still fetching would be an error in its console


def choose_synthetic_images(page: Page, app: RunningApp, n: int) -> None:
    open_page(page, app, "train")
    page.get_by_role("button", name="Change dataset").click()
    images = page.get_by_label("Images", exact=True)
    images.fill(str(n))
    images.press("Enter")
    settle(page)
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Open", exact=True).click()
    page.get_by_text(f"{n} images").wait_for()
    settle(page)


def start_training(page: Page, epochs: int) -> None:
    field = page.get_by_label("Epochs", exact=True)
    field.fill(str(epochs))
    field.press("Enter")
    page.get_by_text(f"--set epochs={epochs}").wait_for()
    page.get_by_role("button", name="Start training").click()


def charts_are_drawn(page: Page) -> bool:
    """Whether the two curves have pixels of their own."""
    canvases = page.get_by_test_id("stEChartsChart").locator("canvas")
    wait_until("two charts", lambda: canvases.count() >= 2)
    painted = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((value) => value !== 0)"
    return all(canvases.nth(i).evaluate(painted) for i in range(2))


def assert_no_tensorflow(app: RunningApp) -> None:
    """Training, exporting and evaluating have all happened, none of it with TensorFlow in the server."""
    if sys.platform == "linux":
        libraries = app.libraries()
        assert "numpy" in libraries  # so that the next line can fail
        assert not libraries & {"tensorflow", "h5py"}  # Keras is Python alone, but brings h5py
