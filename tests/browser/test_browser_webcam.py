"""Webcam in a real browser with a fake camera: frames flow, the panel names an expression, stop and start work repeatedly; what
goes wrong is said."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest

from benchmarks.live import clip
from fer.labels import EMOTIONS
from tests.browser.looking import assert_fine, open_page, take_photo, wait_until
from tools.running_app import RunningApp, chromium_flags, find_chromium, running_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FrameLocator, Page, Playwright

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

# Where the box is, in pixels from the left: the mean of what has the colour of "happy"; null where there is none.
_HAPPY_X = """(video) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let [sum, count] = [0, 0];
    for (let i = 0; i < pixels.length; i += 4) {
        if (Math.abs(pixels[i] - 240) + Math.abs(pixels[i + 1] - 200) + Math.abs(pixels[i + 2] - 8) < 60) {
            sum += (i / 4) % canvas.width;
            count += 1;
        }
    }
    return count < 100 ? null : sum / count;
}"""
# No way to the server but through a relay, and there is none: what a firewall does.
_BLOCK = """
    const Connection = RTCPeerConnection;
    window.RTCPeerConnection = class extends Connection {
        constructor(settings) { super({...settings, iceTransportPolicy: 'relay'}); }
    };
"""

# So that a test can take the camera away, as pulling its plug does.
_KEEP = """
    const give = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wish) => (window.camera = await give(wish));
"""

_SMALL = """
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    const video = {width: {exact: 320}, height: {exact: 240}, frameRate: 5};
    navigator.mediaDevices.getUserMedia = () => ask({video, audio: false});
"""


@pytest.fixture(scope="module")
def wary_browser(driver: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium whose camera shows a photograph that moves, and that gives it to nobody without permission."""
    path = tmp_path_factory.mktemp("photo") / "photo.mjpeg"
    path.write_bytes(b"".join(cv2.imencode(".jpg", image[..., ::-1])[1].tobytes() for image in clip()))
    flags = [flag for flag in chromium_flags(path) if flag != "--use-fake-ui-for-media-stream"]
    browser = driver.chromium.launch(executable_path=find_chromium(), args=flags)
    yield browser
    browser.close()


def camera(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[title*="webrtc_streamer"]')


def press(page: Page, button: str) -> None:
    camera(page).get_by_role("button", name=button, exact=True).click()


def wait_for_moving_video(page: Page, size_wh: tuple[int, int] = (640, 480)) -> None:
    """Wait until frames arrive one after the other."""
    video = camera(page).locator("video")
    video.wait_for()
    start = wait_until("the first frame", lambda: video.evaluate("video => video.videoWidth && video.currentTime"))
    wait_until("more frames", lambda: video.evaluate("video => video.currentTime") > start + 0.5)
    # WebRTC sends a smaller picture, of the same shape, where the processor or the network is short.
    width, height = video.evaluate("video => [video.videoWidth, video.videoHeight]")
    assert (width / height, width <= size_wh[0]) == (size_wh[0] / size_wh[1], True)
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
    seen: set[str] = set()

    def both() -> bool:
        seen.update(name for name in ("happy", "surprise") if name in panel(page).splitlines()[:3])
        return len(seen) == 2

    wait_until("both expressions that the clip shows", both)
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


def test_webcam_box_follows_a_photograph_that_moves(app: RunningApp, wary_browser: Browser) -> None:
    context = wary_browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["camera"])
    page = context.new_page()
    open_page(page, app, "webcam")
    press(page, "Start")
    wait_for_moving_video(page)
    wait_until("a happy face", lambda: "happy" in panel(page).splitlines()[:3])
    video = camera(page).locator("video")
    places: list[float] = []

    def moved() -> bool:
        place = video.evaluate(_HAPPY_X)
        places.extend([] if place is None else [place])
        return bool(places) and max(places) - min(places) > 60

    wait_until("a box that moves with the face", moved)
    assert_fine(page)
    context.close()


@pytest.mark.slow
def test_webcam_two_browsers_at_once_each_see_their_own(app: RunningApp, page: Page, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["camera"])
    both = page, context.new_page()
    for (
        each
    ) in both:  # both before a stream runs: a server and a browser with few cores between them load a page slowly beside one
        each.add_init_script(_SMALL)
        each.set_default_timeout(60_000)
        open_page(each, app, "webcam")
    for each in both:
        press(each, "Start")
        wait_for_moving_video(each, (320, 240))
    for each in both:
        wait_for_live_panel(each)
    context.close()
    wait_for_moving_video(page, (320, 240))
    assert_fine(page)


def test_webcam_without_permission_says_so(app: RunningApp, wary_browser: Browser) -> None:
    context = wary_browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    open_page(page, app, "webcam")
    press(page, "Start")
    camera(page).get_by_text("Permission denied").wait_for()
    assert "allow the camera" in panel(page)
    assert_fine(page)
    context.close()


def test_webcam_behind_a_firewall_says_why_and_falls_back_to_single_pictures(app: RunningApp, page: Page) -> None:
    page.add_init_script(_BLOCK)
    open_page(page, app, "webcam")
    press(page, "Start")
    page.get_by_text("cannot reach each other").wait_for()
    assert "No TURN server is set" in panel(page)
    take_photo(page)
    assert page.get_by_test_id("stException").count() == 0


def test_webcam_camera_lost_in_the_middle_is_said_and_comes_back_with_a_new_start(app: RunningApp, page: Page) -> None:
    page.add_init_script(_KEEP)
    open_page(page, app, "webcam")
    press(page, "Start")
    wait_for_moving_video(page)
    wait_for_live_panel(page)
    camera(page).locator("video").evaluate("() => window.camera.getTracks().forEach(track => track.stop())")
    page.get_by_text("picture has stopped coming").wait_for()
    press(page, "Stop")
    press(page, "Start")
    wait_for_moving_video(page)
    wait_for_live_panel(page)
    assert_fine(page)


def test_webcam_connection_lost_in_the_middle_is_said(app: RunningApp, page: Page) -> None:
    open_page(page, app, "webcam")
    press(page, "Start")
    wait_for_moving_video(page)
    wait_for_live_panel(page)
    app.process.send_signal(signal.SIGSTOP)  # no packet is answered any more
    try:
        camera(page).get_by_role("button", name="Start", exact=True).wait_for()  # the browser has given up
    finally:
        app.process.send_signal(signal.SIGCONT)
    page.get_by_text("The stream has broken off").wait_for()
    assert "Single pictures" in panel(page)
    press(page, "Start")
    wait_for_live_panel(page)
    assert_fine(page)


@pytest.mark.slow
def test_webcam_says_that_its_server_was_restarted(tmp_path: Path, browser: Browser) -> None:
    page = browser.new_context(permissions=["camera"]).new_page()  # one whose console may complain of a server that is away
    with running_app(tmp_path) as app:
        open_page(page, app, "webcam")
        press(page, "Start")
        wait_for_moving_video(page)
    with running_app(tmp_path, port=int(app.url.rpartition(":")[2])):
        page.get_by_text("had lost its server").wait_for(timeout=40_000)
        press(page, "Start")
        wait_for_moving_video(page)
    page.context.close()


def test_webcam_starts_again_after_stop_reload_and_leaving_the_page(app: RunningApp, page: Page) -> None:
    open_page(page, app, "webcam")
    press(page, "Start")
    wait_for_moving_video(page)
    press(page, "Stop")  # and at once Start again, before the server has heard of the Stop
    press(page, "Start")
    wait_for_moving_video(page)
    page.reload()
    page.get_by_text("Press Start").wait_for()  # a new session, and not the stream that was left
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
