"""How long a user waits: from the server's answer to the first page, from there to the first prediction.

    python -m benchmarks.startup [--rounds 5]

Each round starts a fresh server with an empty cache and workspace and opens Home in a fresh Chromium; the prediction is
measured in a fresh process that has imported what the server has imported. Medians, with the range behind.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tools.running_app import REPOSITORY, find_chromium, running_app

# What the server has loaded by the time somebody predicts, and then the first prediction: bundle, detector, one face.
_FIRST_PREDICTION = """
import json, sys, time
import streamlit, pandas, plotly, cv2, numpy
from fer.data.synthetic import draw_scene
image, _ = draw_scene(seed=1, labels=("happy",))
start = time.perf_counter()
from fer import Recognizer
recognizer = Recognizer(detector=sys.argv[1])
ready = time.perf_counter()
faces = recognizer.predict(image)
first = time.perf_counter()
recognizer.predict(image)
print(json.dumps({"load": ready - start, "first": first - ready, "second": time.perf_counter() - first, "faces": len(faces)}))
"""


def first_page() -> float:
    """Seconds from opening the address of a server that just came up to the page's title."""
    with tempfile.TemporaryDirectory() as places, running_app(Path(places)) as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(app.url)
        page.get_by_role("heading", level=1).first.wait_for()
        seconds = time.perf_counter() - start
        browser.close()
        return seconds


def first_prediction(detector: str) -> dict[str, float]:
    """Seconds to load bundle and detector, and of the first and second prediction."""
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_PREDICTION, detector], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def report(what: str, seconds: list[float]) -> None:
    """One line: the median, and the range it was found in."""
    print(f"{what:<44} {statistics.median(seconds):6.2f} s   ({min(seconds):.2f} to {max(seconds):.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--detector", default="haar")
    options = parser.parse_args()
    report("first page after the server is up", [first_page() for _ in range(options.rounds)])
    predictions = [first_prediction(options.detector) for _ in range(options.rounds)]
    report("bundle and detector loaded", [row["load"] for row in predictions])
    report(f"first face ({options.detector})", [row["first"] for row in predictions])
    report("next face", [row["second"] for row in predictions])


if __name__ == "__main__":
    main()
