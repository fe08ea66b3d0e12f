"""The webcam's whole way, from camera to screen: a real Chromium with a fake camera beside the server on this machine.

    python -m benchmarks.live_browser [--seconds 20] [--json FILE]

Every frame of the clip of `benchmarks.live` carries its number as a row of black and white fields. The browser shows the camera
itself and what comes back from the server side by side; how far the numbers differ is how long a frame needs for camera,
encoding, network, decoding, recognition and all that again on the way back.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import psutil
from playwright.sync_api import sync_playwright

from benchmarks.live import FPS, Picture, clip
from fer.files import write_json
from tools.running_app import chromium_flags, find_chromium, running_app, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

_BITS, _FIELD = 7, 80
_SETTLE_MS, _EVERY_MS = 8000, 100

_SHOW_CAMERA = """async () => {
    const video = document.createElement('video');
    video.srcObject = await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 480}});
    video.id = 'camera';
    video.muted = true;
    document.body.append(video);
    await video.play();
}"""
# The number in a picture; the one that comes back is mirrored. -1 where a field is neither black nor white.
_NUMBERS = """() => {
    const read = (video, mirrored) => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
        const context = canvas.getContext('2d');
        context.drawImage(video, 0, 0);
        let number = 0;
        for (let bit = 0; bit < BITS; bit++) {
            const x = (FIELD * (bit + 0.5)) / 640 * canvas.width;
            const at = mirrored ? canvas.width - x : x;
            const level = context.getImageData(at, canvas.height - 20, 1, 1).data[1];
            if (level > 80 && level < 175) return -1;
            number += level > 127 ? 2 ** bit : 0;
        }
        return number;
    };
    const back = document.querySelector('iframe[title*="webrtc_streamer"]').contentDocument.querySelector('video');
    return [read(document.getElementById('camera'), false), read(back, true)];
}""".replace("BITS", str(_BITS)).replace("FIELD", str(_FIELD))


def numbered(frames: list[Picture]) -> list[Picture]:
    """The frames with their numbers, in fields of 80 by 40 pixels along the lower edge, the lowest bit on the left."""
    for number, frame in enumerate(frames):
        frame[-40:] = 0
        for bit in range(_BITS):
            frame[-40:, bit * _FIELD : (bit + 1) * _FIELD] = 255 * (number >> bit & 1)
    return frames


def measure(seconds: float) -> dict[str, Any]:
    """Delays in seconds, and what the server and the browser cost in cores."""
    frames = numbered(clip())
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder)) as app, sync_playwright() as driver:
        camera = Path(folder) / "camera.mjpeg"
        camera.write_bytes(b"".join(cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes() for frame in frames))
        browser = driver.chromium.launch(executable_path=find_chromium(), args=chromium_flags(camera))
        page = browser.new_context(permissions=["camera"]).new_page()
        page.goto(f"{app.url}/webcam")
        settle(page)
        page.evaluate(_SHOW_CAMERA)
        page.frame_locator('iframe[title*="webrtc_streamer"]').get_by_role("button", name="Start", exact=True).click()
        page.wait_for_timeout(_SETTLE_MS)
        server, here = psutil.Process(app.process.pid), psutil.Process()
        before = _busy_s(server), _busy_s(here, but=server)
        delays = _delays(page, seconds, len(frames))
        after = _busy_s(server), _busy_s(here, but=server)
        said = page.get_by_test_id("stMetricValue").all_inner_texts()
        browser.close()
    server_cores, browser_cores = ((end - start) / seconds for start, end in zip(before, after, strict=True))
    return {"delays": delays, "server_cores": server_cores, "browser_cores": browser_cores, "page_says": said}


def _delays(page: Page, seconds: float, count: int) -> list[float]:
    delays = []
    for _ in range(round(1000 * seconds / _EVERY_MS)):
        sent, back = page.evaluate(_NUMBERS)
        if sent >= 0 and back >= 0:
            delays.append((sent - back) % count / FPS)
        page.wait_for_timeout(_EVERY_MS)
    return delays


def _busy_s(process: psutil.Process, *, but: psutil.Process | None = None) -> float:
    """Seconds of the processor that a process and those it started have used."""
    family = [process, *(child for child in process.children(recursive=True) if child != but)]
    return sum(sum(member.cpu_times()[:2]) for member in family)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    found = measure(options.seconds)
    print(f"load before: {load:.1f} on {os.cpu_count()} cores")
    if found["delays"]:
        delays = np.array(found["delays"]) * 1000
        slow = np.quantile(delays, 0.95)
        print(f"camera to screen: {statistics.median(delays):.0f} ms (95 %: {slow:.0f}), of {len(delays)} looks")
    print(f"cores: {found['server_cores']:.2f} for the server, {found['browser_cores']:.2f} for the browser")
    print(f"the page says: faces, frames a second, delay: {', '.join(found['page_says'])}")
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
