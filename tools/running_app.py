"""The app as a process of its own, and a Chromium to look at it: for the browser tests and for `tools/screenshots.py`.

Nothing leaves the machine: Chromium's background traffic is off, its camera is a clip, and WebRTC stays on the loopback address.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

REPOSITORY = Path(__file__).resolve().parent.parent

_START_LIMIT_S = 60


@dataclass(frozen=True)
class RunningApp:
    """A server that answers."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    environment: dict[str, str]

    def libraries(self) -> set[str]:
        """Folders in site-packages of which the server has mapped a library into memory, such as `tensorflow` (Linux only)."""
        maps = Path(f"/proc/{self.process.pid}/maps").read_text(encoding="utf-8", errors="replace")
        paths = (line.split(maxsplit=5)[5] for line in maps.splitlines() if "site-packages/" in line)
        return {path.split("site-packages/")[1].split("/")[0] for path in paths}


@contextmanager
def running_app(places: Path, *, port: int | None = None) -> Iterator[RunningApp]:
    """Start the app, with workspace, cache and a copy of the models of its own, and stop it afterwards.

    Args:
        places: an existing folder for these and the log.
        port: to listen on; None for one that is free.

    Raises:
        RuntimeError: the server does not answer within a minute; the text carries its log.
    """
    port = port or _free_port()
    models = shutil.copytree(REPOSITORY / "models", places / "models", dirs_exist_ok=True)
    environment = os.environ | {
        "FER_MODELS": str(models),
        "FER_WORKSPACE": str(places / "workspace"),
        "FER_CACHE": str(places / "cache"),
        # In a cache that is empty, the server would prepare MTCNN, which takes a processor half a minute.
        "FER_API_DETECTOR": "haar",
    }
    log = places / "server.log"
    command = [sys.executable, "-m", "tools.running_app", "run", "streamlit_app.py", "--server.headless=true"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, f"--server.port={port}"],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    app = RunningApp(f"http://127.0.0.1:{port}", process, log, environment)
    try:
        _wait_until_healthy(app)
        yield app
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(15)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(app: RunningApp) -> None:
    limit = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < limit and app.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{app.url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The app did not start. Its log:\n{app.log.read_text(encoding='utf-8', errors='replace')}")


def find_chromium() -> str | None:
    """Path of a Chromium: what `FER_CHROMIUM` names, else the first of the usual names; None if there is none."""
    names = (os.environ.get("FER_CHROMIUM") or "", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def chromium_flags(camera_clip: Path) -> list[str]:
    """Command line of a Chromium whose camera is a clip.

    Args:
        camera_clip: `.mjpeg` (JPEG after JPEG, shown at 30 frames a second, over and over) or `.y4m`.
    """
    return [
        "--no-sandbox",  # containers run as root, where the sandbox refuses to start; only our own server is opened
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--mute-audio",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={camera_clip}",
        "--allow-loopback-in-peer-connection",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--disable-quic",
    ]


_SETTLED = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    return app && app.getAttribute('data-test-script-state') === 'notRunning' && document.querySelector('h1') !== null;
}"""


def settle(page: Page) -> None:
    """Wait until the server has run the page to its end."""
    page.wait_for_timeout(150)  # what was just clicked has to reach the server first
    page.wait_for_function(_SETTLED, timeout=60_000)


def _serve() -> None:
    """Run Streamlit's command line, with WebRTC kept on the loopback address so that a machine without a network will do."""
    import aioice.ice
    from streamlit.web.cli import main

    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]  # aioice leaves this address out
    main()


if __name__ == "__main__":
    _serve()
