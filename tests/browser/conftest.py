"""A server of the app, a Chromium with a fake camera, and pages that fail the test when the browser's console complains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fer.data.synthetic import write_clip
from tools.running_app import RunningApp, chromium_flags, find_chromium, running_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# What the browser says of the test's own set-up, or of widgets that are not ours.
_NOT_OURS = re.compile(r"favicon|ResizeObserver loop|Failed to load resource.*_stcore")


@pytest.fixture(scope="session")
def camera_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of a drawn face that changes its expression."""
    path = tmp_path_factory.mktemp("camera") / "clip.mjpeg"
    write_clip(path)
    return path


@pytest.fixture(scope="session")
def browser(camera_clip: Path) -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright; the test is skipped where either is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test installs it")
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium found: apt-get install chromium, or name one in FER_CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=chromium_flags(camera_clip))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app, fresh, with nothing in its workspace; shared by all browser tests."""
    with running_app(tmp_path_factory.mktemp("app")) as running:
        yield running
        log = running.log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in log, log


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new tab with its own session; errors in its console fail the test."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["camera"], accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    ours = [text for text in complaints if not _NOT_OURS.search(text)]
    assert not ours, "\n".join(ours)
