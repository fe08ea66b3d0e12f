"""Pictures of every page for the README, taken from the running app: light and dark, into `docs/pictures/`.

    python -m tools.screenshots [--report-data fer2013.zip]

Everything shown is drawn by the project itself, so that no picture of a person ends up in the repository; only the figures on
Evaluate may come from real data.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from fer.data.synthetic import write_clip
from tools.running_app import REPOSITORY, RunningApp, chromium_flags, find_chromium, running_app, settle

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = REPOSITORY / "docs" / "pictures"
THEMES = ("light", "dark")
MAX_BYTES = 300_000
# Two minutes, and the curves still have the shape of a long run: small drawn faces need less augmentation and averaging.
_RUN_SETTINGS = ("epochs=12", "optimizer=adam", "learning_rate=2e-3", "ema=0.98", "erasing=0")


def main() -> None:
    """Start everything, take all pictures, stop everything."""
    from playwright.sync_api import sync_playwright

    options = _options()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as app, sync_playwright() as driver:
        clip = write_clip(Path(folder) / "camera.mjpeg", 4, labels=("happy",))
        browser = driver.chromium.launch(executable_path=find_chromium(), args=chromium_flags(clip))
        pages = [_open_tab(browser, theme) for theme in THEMES]
        for name in ("", "explore", "predict", "models"):
            _take(pages, app, name)
        _take_explore_views(pages, app)
        _take_predict_views(pages, app)
        _take_webcam(pages, app)
        _take_evaluate(pages, app, options.report_data)
        _take_train(pages, app)
        browser.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("--report-data", metavar="PATH", help="labelled data for the figures on Evaluate; default: drawn faces")
    return parser.parse_args()


def _open_tab(browser: Browser, theme: str) -> Page:
    context = browser.new_context(
        viewport={"width": 1360, "height": 1050}, color_scheme="light" if theme == "light" else "dark", permissions=["camera"]
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    return page


def _take(pages: list[Page], app: RunningApp, name: str, title: str = "") -> None:
    for page, theme in zip(pages, THEMES, strict=True):
        page.goto(f"{app.url}/{name}")
        settle(page)
        _save(page, title or name or "home", theme)


def _take_explore_views(pages: list[Page], app: RunningApp) -> None:
    """The map of the drawn faces, which draws itself, and their audit, which the first page makes for both."""
    for page, theme in zip(pages, THEMES, strict=True):
        page.goto(f"{app.url}/explore?explore_view=Map")
        page.locator("canvas").first.wait_for()
        settle(page)
        _save(page, "map", theme)
    for page, theme in zip(pages, THEMES, strict=True):
        page.goto(f"{app.url}/explore?explore_view=Audit")
        start, found = (page.get_by_role("button", name=name) for name in ("Audit 2,000 images", "Cleaning list"))
        start.or_(found).first.wait_for()
        settle(page)
        if start.is_visible():
            start.click()
        found.wait_for()
        settle(page)
        _save(page, "audit", theme)


def _take_predict_views(pages: list[Page], app: RunningApp) -> None:
    """Why the first example was answered as it was, and the timeline of a drawn clip, which the first page has made for both."""
    for page, theme in zip(pages, THEMES, strict=True):
        page.goto(f"{app.url}/predict")
        settle(page)
        page.get_by_text("Why this answer?").first.click()
        settle(page)
        page.get_by_text("Why this answer?").first.evaluate("title => title.scrollIntoView({block: 'start'})")
        page.wait_for_timeout(2_000)
        _save(page, "why", theme)
    for page, theme in zip(pages, THEMES, strict=True):
        page.goto(f"{app.url}/predict?predict_view=Clip")
        start, chart = page.get_by_role("button", name="Draw an example"), page.locator(".js-plotly-plot").first
        start.or_(chart).first.wait_for()
        settle(page)
        if start.is_visible():
            start.click()
        chart.wait_for()
        settle(page)
        _save(page, "clip", theme)


def _take_webcam(pages: list[Page], app: RunningApp) -> None:
    for page, theme in zip(pages, THEMES, strict=True):
        page.goto(f"{app.url}/webcam")
        settle(page)
        component = page.frame_locator('iframe[title*="webrtc_streamer"]')
        component.get_by_role("button", name="Start", exact=True).click()
        component.locator("video").wait_for()
        page.wait_for_timeout(5_000)  # the codec starts coarse and needs a few seconds to become sharp
        _save(page, "webcam", theme)
        component.get_by_role("button", name="Stop", exact=True).click()


def _take_evaluate(pages: list[Page], app: RunningApp, data: str | None) -> None:
    if data:
        command = [sys.executable, "-m", "fer", "evaluate", "--data", str(Path(data).absolute()), "--save"]
        subprocess.run(command, cwd=REPOSITORY, env=app.environment, check=True, stdout=subprocess.DEVNULL)
    _take(pages, app, "evaluate")
    _take(pages, app, "evaluate?evaluate_view=Checks", "checks")


def _take_train(pages: list[Page], app: RunningApp) -> None:
    """Late in a real run."""
    command = [sys.executable, "-m", "fer", "train", "--recipe", "compact", "--data", "synthetic:6000"]
    command += [word for setting in _RUN_SETTINGS for word in ("--set", setting)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=app.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        try:
            # The page looks for runs when it is opened, and watches only those that it has found.
            runs = Path(app.environment["FER_WORKSPACE"]) / "runs"
            while run.poll() is None and not any(runs.glob("*/")):
                time.sleep(0.5)
            pages[0].goto(f"{app.url}/train")
            pages[0].get_by_text("Epoch 10 of 12").first.wait_for(timeout=300_000)
            _take(pages, app, "train")
        finally:
            run.terminate()


def _save(page: Page, name: str, theme: str) -> None:
    """A picture of what the window shows, with as many colours as its size allows."""
    page.wait_for_timeout(1_500)  # charts grow into place
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for colours in (None, 256, 128, 64):
        stream = io.BytesIO()
        (picture.quantize(colours) if colours else picture).save(stream, "PNG", optimize=True)
        if stream.tell() <= MAX_BYTES:
            break
    path = PICTURES / f"{name}-{theme}.png"
    path.write_bytes(stream.getvalue())
    sys.stdout.write(f"{path.relative_to(REPOSITORY)}  {stream.tell() // 1000} KB\n")


if __name__ == "__main__":
    main()
