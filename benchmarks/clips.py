"""How many times faster than it plays a clip is read, and written again with its faces marked.

    python -m benchmarks.clips [--seconds 20] [--rounds 3] [--rates 10,30] [--json FILE]

The clip has 640×480 pixels, 30 frames a second, H.264, and one face: a photograph (NASA, public domain, in scikit-image's wheel)
that is moved about. Reading is `read_clip`, as the page, the command line and the API do it, with decoding and the loading of the
model; Python's own start is not in it. Rounds take turns, medians are printed, and the machine's load beside them. What the
processor spent on a second of the clip, over all cores, is printed too: it depends little on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from fer.clips.annotated import write_annotated
from fer.clips.read import read_clip
from fer.clips.settings import ClipSettings
from fer.clips.timeline import Timeline
from fer.clips.writing import VideoWriter
from fer.detection import available_detectors, prepare_mtcnn
from fer.files import write_json
from fer.terminal import print_table

_FPS = 30


def moving_face(seconds: float) -> Iterator[NDArray[np.uint8]]:
    """Frames of a face that goes to and fro, uint8 RGB (480, 640, 3), with some noise as of a camera."""
    photo = cv2.resize(data.astronaut(), (480, 480), interpolation=cv2.INTER_AREA)
    wide = cv2.copyMakeBorder(photo, 0, 0, 160, 160, cv2.BORDER_REPLICATE)
    rng = np.random.default_rng(0)
    for number in range(round(seconds * _FPS)):
        left = 80 + round(60 * np.sin(2 * np.pi * number / (4 * _FPS)))
        grain = rng.integers(-3, 4, (480, 640, 1), np.int16)
        yield np.clip(wide[:, left : left + 640] + grain, 0, 255).astype(np.uint8)


def write_clip(path: Path, seconds: float) -> None:
    with VideoWriter(path, (640, 480), _FPS) as video:
        for number, image in enumerate(moving_face(seconds)):
            video.write(number / _FPS, image)


def measure(clip: Path, seconds: float, rates: list[float], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """By what was done, in each round: times real time, and processor seconds a second of the clip."""
    found: dict[str, list[tuple[float, float]]] = {}

    def timed(what: str, work: Callable[[], Timeline | None]) -> Timeline | None:
        start, processor = time.perf_counter(), time.process_time()
        result = work()
        row = (seconds / (time.perf_counter() - start), (time.process_time() - processor) / seconds)
        found.setdefault(what, []).append(row)
        return result

    detectors = [info.name for info in available_detectors() if info.available]
    for _ in range(rounds):
        for detector, rate in product(detectors, rates):
            settings = ClipSettings(rate=rate, detector=detector)
            timeline = timed(f"read with {detector}, {rate:g} frames/s", partial(read_clip, clip, settings))
            if timeline is None or len(timeline.people) != 1:
                raise SystemExit(f"{detector} did not see one person: the figures would be of another clip.")
        timed("write the annotated clip", partial(write_annotated, clip, timeline, clip.with_name("annotated.mp4")))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the clip")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rates", default="10,30", help="frames read a second")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    options = parser.parse_args()
    prepare_mtcnn()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, options.seconds)
        before = os.getloadavg()[0]
        found = measure(clip, options.seconds, [float(rate) for rate in options.rates.split(",")], options.rounds)
    print(f"{os.cpu_count()} cores; load {before:.1f} before, {os.getloadavg()[0]:.1f} after")
    rows = []
    for what, measured in found.items():
        times, spent = zip(*measured, strict=True)
        middle = f"{statistics.median(times):.1f} ×"
        rows.append([what, middle, f"{min(times):.1f} to {max(times):.1f}", f"{1000 * statistics.median(spent):.0f} ms"])
    print_table(["", "real time", "range", "processor"], rows)
    if options.json:
        write_json(Path(options.json), {"seconds": options.seconds, "cores": os.cpu_count(), "load": before, "times": found})


if __name__ == "__main__":
    main()
