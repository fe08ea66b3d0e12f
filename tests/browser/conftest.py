"""A server of the app, a Chromium with a fake camera, and pages that fail the test when the browser's console complains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fer.data.synthetic import write_clip
from tools.running_app import REPOSITORY, RunningApp, chromium_flags, find_chromium, running_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

# A deep link makes Streamlit's own client look for the server under the page's address first.
_NOT_OURS = re.compile(r"404 .*/_stcore/")
# A traceback through our own files; Streamlit writes some of its own when a tab is closed in the middle of something.
_OUR_TRACEBACK = re.compile(rf'File "{re.escape(str(REPOSITORY))}/(fer|ui|pages|streamlit_app)\b')


@pytest.fixture(scope="session")
def camera_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a drawn face that changes its expression."""
    return write_clip(tmp_path_factory.mktemp("camera") / "clip.mjpeg", 2, labels=("happy", "surprise"))


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """Playwright; the test is skipped where it or Chromium is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test installs it")
    if find_chromium() is None:
        pytest.skip("no Chromium found: apt-get install chromium, or name one in FER_CHROMIUM")
    with playwright.sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(driver: Playwright, camera_clip: Path) -> Iterator[Browser]:
    """Debian's Chromium, whose camera shows the drawn face."""
    browser = driver.chromium.launch(executable_path=find_chromium(), args=chromium_flags(camera_clip))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app, fresh, with nothing in its workspace; shared by all browser tests, and started only where there is a browser."""
    with running_app(tmp_path_factory.mktemp("app")) as running:
        yield running
        log = running.log.read_text(encoding="utf-8", errors="replace")
    assert not _OUR_TRACEBACK.search(log), log


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new tab with its own session; errors in its console fail the test."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["camera"], accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(20_000)

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.text} {message.location['url']}")

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    ours = [text for text in complaints if not _NOT_OURS.search(text)]
    assert not ours, "\n".join(ours)
