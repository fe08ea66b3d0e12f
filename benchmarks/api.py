"""How long a client of the API waits: after the server's start, alone, and beside seven others.

    python -m benchmarks.api [--requests 400] [--clients 8] [--detector haar] [--picture FILE]

Starts `python -m fer serve` on this machine and posts one picture (by default a drawn scene of 640×480 with one face, as JPEG)
over connections that are kept. The clients take their part of the same processors, and each sends its next request when it has
the answer to its last. The aims of the project stand beside what came out, and the machine's load, which decides much.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from fer.data.synthetic import draw_scene

REPOSITORY = Path(__file__).resolve().parent.parent

AIM_RATIO = 10  # the slowest of a hundred under load, against the median alone
AIM_FIRST_S = 1.5
_BOUNDARY = "fer-benchmark"
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Waits:
    """What requests took.

    Args:
        seconds: float64 (N,), of those that were answered with 200.
        errors: how many were not.
        lasted: seconds from the first request to the last answer.
    """

    seconds: np.ndarray
    errors: int
    lasted: float

    def milliseconds(self, percentile: float) -> float:
        """That percentile of the waits."""
        return float(1000 * np.percentile(self.seconds, percentile))

    def __str__(self) -> str:
        shares = "  ".join(f"p{share:g} {self.milliseconds(share):6.1f} ms" for share in (50, 95, 99))
        return f"{shares}  {len(self.seconds) / self.lasted:6.1f} a second  {self.errors} errors"


@contextmanager
def serving(detector: str) -> Iterator[tuple[str, float]]:
    """A server's address, and the seconds until it listens with its model loaded; stopped afterwards."""
    command = [sys.executable, "-m", "fer", "serve", "--port", "0", "--json", "--detector", detector]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    try:
        said = process.stdout.readline()
        if not said:
            raise SystemExit("The server did not start: run `python -m fer serve` to see why.")
        yield json.loads(said)["url"], time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(_TIMEOUT_S)


def form_of(picture: bytes) -> bytes:
    """A multipart form with the picture in its field `image`."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="picture.jpg"\r\n\r\n'
    return head.encode() + picture + f"\r\n--{_BOUNDARY}--\r\n".encode()


def ask(url: str, form: bytes, requests: int) -> list[float | None]:
    """Seconds of each of so many requests by one client, one after the other; None for one that failed."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_S)
    seconds: list[float | None] = []
    for _ in range(requests):
        started = time.perf_counter()
        try:
            connection.request("POST", "/api/predict", form, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"})
            response = connection.getresponse()
            response.read()
            seconds.append(time.perf_counter() - started if response.status == 200 else None)
        except (OSError, http.client.HTTPException):
            connection.close()
            seconds.append(None)
    connection.close()
    return seconds


def load(url: str, form: bytes, *, clients: int, requests: int) -> Waits:
    """What so many requests take that are shared by so many clients."""
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        asked = list(pool.map(lambda _: ask(url, form, requests // clients), range(clients)))
    answers = [seconds for each in asked for seconds in each]
    answered = [seconds for seconds in answers if seconds is not None]
    if not answered:
        raise SystemExit("The server answered none of the requests.")
    return Waits(np.array(answered), len(answers) - len(answered), time.perf_counter() - started)


def drawn_picture() -> bytes:
    """A scene of 640×480 with one face, as JPEG."""
    image, _ = draw_scene(seed=1, labels=("happy",))
    image = cv2.resize(image, (640, 480), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=400, help="in each of the measurements")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--detector", default="haar")
    parser.add_argument("--picture", type=Path, help="a picture's file; default: a drawn one")
    options = parser.parse_args()
    form = form_of(options.picture.read_bytes() if options.picture else drawn_picture())
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {options.detector}; {len(form) / 1000:.0f} kB a request")
    with serving(options.detector) as (url, until_up):
        first = load(url, form, clients=1, requests=1)
        print(
            f"up, with its model loaded, after {until_up:.2f} s; the first answer took {first.lasted:.3f} s (aim {AIM_FIRST_S})"
        )
        load(url, form, clients=1, requests=20)
        alone = load(url, form, clients=1, requests=options.requests)
        print(f"1 client   {alone}")
        together = load(url, form, clients=options.clients, requests=options.requests)
        print(f"{options.clients} clients  {together}")
    ratio = together.milliseconds(99) / alone.milliseconds(50)
    print(f"p99 of {options.clients} clients: {ratio:.1f} times the median of one (aim: at most {AIM_RATIO})")
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
