"""Training in a real browser: from data to a prediction, with a reload in the middle; and a run whose server is killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fer.files import write_json
from fer.training import Run
from tests.browser.looking import assert_fine, open_page, wait_until
from tools.running_app import RunningApp, running_app, settle

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.timeout(420)
@pytest.mark.slow
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
        page.get_by_test_id("stVegaLiteChart").first.wait_for(timeout=60_000)  # the confusion matrix
        assert page.get_by_test_id("stMetric").filter(has_text="Accuracy").first.is_visible()
        settle(page)
        assert_fine(page)

        page.get_by_test_id("stSidebarNavItems").get_by_role("link", name="Predict").click()
        page.get_by_text("Example, drawn by this program").wait_for()
        settle(page)
        assert_fine(page)
        assert_no_tensorflow(app)
        page.goto("about:blank")  # before its server goes: what the page is still fetching would be an error in its console


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Path]:
    """A folder for a server's places; a run that a failed test has left going there is ended."""
    yield tmp_path
    for run in runs_in(tmp_path):
        if run.is_active:
            os.kill(json.loads((run.path / "worker.json").read_text())["pid"], signal.SIGKILL)


@pytest.mark.timeout(900)
def test_run_outlives_its_server_is_stopped_resumed_and_compared(places: Path, page: Page) -> None:
    page.set_default_timeout(60_000)  # two servers, and a training beside them: on a busy machine all takes its time
    stop, resume = (page.locator(f".st-key-run_{key} button") for key in ("stop", "resume"))
    figure = page.get_by_test_id("stMetric").filter(has_text="Epochs")
    with running_app(places) as app:
        choose_synthetic_images(page, app, 160)
        start_training(page, epochs=1000)
        page.get_by_text(re.compile(r"Epoch \d+ of 1000, batch")).first.wait_for(timeout=180_000)
        page.goto("about:blank")
        app.process.kill()
        app.process.wait()
    (run,) = runs_in(places)
    epochs = len(run.epoch_rows())
    wait_until("an epoch without a server", lambda: len(run.epoch_rows()) > epochs, seconds=180)

    with running_app(places) as app:
        open_page(page, app, "train")
        stop.click()
        resume.wait_for(timeout=60_000)
        page.get_by_text("Stopped on request.").first.wait_for()
        epochs = len(run.epoch_rows())
        copy_run(run, f"{run.id}-copy", learning_rate=0.5)
        resume.click()
        stop.wait_for(timeout=60_000)
        wait_until("an epoch more", lambda: int(figure.inner_text().split()[1]) > epochs, seconds=180)
        assert [row["epoch"] for row in run.epoch_rows()][: epochs + 1] == list(range(1, epochs + 2))
        stop.click()
        resume.wait_for(timeout=60_000)

        runs = page.locator(".st-key-all_runs")
        runs.get_by_text("All runs (2)").click()
        table = runs.get_by_test_id("stDataFrame").first
        table.wait_for()
        settle(page)
        table.locator(".dvn-scroller").click(position={"x": 18, "y": 18})  # the box above the boxes: all of them
        runs.get_by_text("Settings that differ").wait_for()
        assert charts_are_drawn(runs)
        assert_fine(page)
        page.goto("about:blank")


def runs_in(places: Path) -> list[Run]:
    return [Run(path.parent) for path in (places / "workspace" / "runs").glob("*/settings.json")]


def copy_run(run: Run, name: str, **training: float) -> None:
    """Another run beside it, with other settings, as if it had been trained so."""
    copy = Run(shutil.copytree(run.path, run.path.with_name(name)))
    request = copy.request
    request["settings"]["training"] |= training
    write_json(copy.path / "settings.json", request)


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


def charts_are_drawn(within: Page | Locator) -> bool:
    """Whether the two curves have pixels of their own."""
    canvases = within.get_by_test_id("stEChartsChart").locator("canvas")
    wait_until("two charts", lambda: canvases.count() >= 2)
    painted = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((value) => value !== 0)"
    return all(canvases.nth(i).evaluate(painted) for i in range(2))


def assert_no_tensorflow(app: RunningApp) -> None:
    """Training, exporting and evaluating have all happened, none of it with TensorFlow in the server."""
    if sys.platform == "linux":
        libraries = app.libraries()
        assert "numpy" in libraries  # so that the next line can fail
        assert not libraries & {"tensorflow", "h5py"}  # Keras is Python alone, but brings h5py
