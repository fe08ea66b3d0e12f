"""Webcam in a real browser with a fake camera: frames flow, the panel names an expression, stop and start work repeatedly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fer.labels import EMOTIONS
from tests.browser.looking import assert_fine, open_page, take_photo, wait_until
from tools.running_app import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Page

pytestmark = pytest.mark.browser

# Mean colour of the picture that the browser shows: black means that nothing was decoded.
_BRIGHTNESS = """(video) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [32, 24];
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 32, 24);
    const pixels = context.getImageData(0, 0, 32, 24).data;
    return pixels.reduce((sum, value, i) => sum + (i % 4 === 3 ? 0 : value), 0) / (32 * 24 * 3);
}"""


def camera(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title*="webrtc_streamer"]')


def press(page: Page, button: str) -> None:
    camera(page).get_by_role("button", name=button, exact=True).click()


def wait_for_moving_video(page: Page) -> None:
    """Wait until frames arrive one after the other."""
    video = camera(page).locator("video")
    video.wait_for()
    start = wait_until("the first frame", lambda: video.evaluate("video => video.videoWidth && video.currentTime"))
    wait_until("more frames", lambda: video.evaluate("video => video.currentTime") > start + 0.5)
    assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [640, 480]
    assert video.evaluate(_BRIGHTNESS) > 20


def panel(page: Page) -> str:
    return page.locator(".st-key-webcam_faces").inner_text()


def wait_for_live_panel(page: Page) -> None:
    """Wait until the panel shows a face that the camera sees now."""
    rate = page.get_by_test_id("stMetric").filter(has_text="Frames a second").get_by_test_id("stMetricValue")
    wait_until("a frame rate", lambda: rate.inner_text().isdigit() and int(rate.inner_text()) > 0)
    wait_until("a face in the panel", lambda: "Press Start" not in panel(page) and any(name in panel(page) for name in EMOTIONS))


def test_webcam_shows_boxes_and_expressions_live(app: RunningApp, page: Page) -> None:
    open_page(page, app, "webcam")
    assert page.get_by_text("nothing is stored").is_visible()  # before anything is sent
    press(page, "Start")
    wait_for_moving_video(page)
    wait_for_live_panel(page)
    assert_fine(page)

    # Choices hold for the frames to come, without a new start.
    page.get_by_role("button", name="Options").click()
    page.get_by_test_id("stRadio").get_by_text("Haar cascades").click()
    page.keyboard.press("Escape")
    wait_for_moving_video(page)
    wait_for_live_panel(page)
    assert_fine(page)

    press(page, "Stop")
    page.get_by_text("Press Start").wait_for()
    wait_until("the picture is gone", lambda: not camera(page).locator("video").is_visible())


def test_webcam_starts_again_after_stop_and_after_leaving_the_page(app: RunningApp, page: Page) -> None:
    open_page(page, app, "webcam")
    for _ in range(3):
        press(page, "Start")
        wait_for_moving_video(page)
        press(page, "Stop")  # and at once Start again, before the server has heard of the Stop
    press(page, "Start")
    wait_for_moving_video(page)
    navigation = page.get_by_test_id("stSidebarNavItems")
    navigation.get_by_role("link", name="Predict").click()
    page.get_by_text("Example, drawn by this program").wait_for()
    navigation.get_by_role("link", name="Webcam").click()
    page.get_by_text("Press Start").wait_for()  # not the stream that was left
    press(page, "Start")
    wait_for_moving_video(page)
    wait_for_live_panel(page)
    assert_fine(page)


def test_webcam_single_pictures_work_without_a_stream(app: RunningApp, page: Page) -> None:
    open_page(page, app, "webcam")
    page.get_by_text("Single pictures instead").click()
    take_photo(page)
    assert_fine(page)
