"""How long each face detector takes for a picture of 640×480 pixels on one thread, all in one run.

    python -m benchmarks.detection [--rounds 15] [--wheel] [--json FILE]

In each round all take one picture after the other, so that whatever else the machine does meets all alike; the median and the
range are printed. The pictures: a photograph with one face (NASA, public domain, in scikit-image's wheel), twelve of it as a
group, and a photograph without a face. `reference` is what the earlier systems did: the default cascade, scale 1.3, 5 neighbours.
`--wheel` adds the package whose weights our MTCNN runs, in a process of its own, as it brings TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from fer.detection import available_detectors, get_detector, prepare_mtcnn
from fer.files import write_json
from fer.terminal import print_table

Picture = NDArray[np.uint8]
Times = dict[str, list[float]]

# The wheel at the size that ours works at: larger pictures take longer, and find no more.
_WHEEL = """
import json, sys, time
import cv2, numpy as np
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
from mtcnn import MTCNN
pictures = np.load(sys.argv[1])
detector = MTCNN()
times, counts = {}, {}
for name in pictures.files:
    picture = cv2.resize(pictures[name], (480, 360), interpolation=cv2.INTER_AREA)
    detector.detect_faces(picture)
    times[name] = []
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        counts[name] = len(detector.detect_faces(picture))
        times[name].append(time.perf_counter() - start)
print(json.dumps([times, counts]))
"""


def pictures() -> dict[str, Picture]:
    """Three pictures, each uint8 RGB (480, 640, 3)."""
    astronaut = cv2.resize(data.astronaut(), (480, 480), interpolation=cv2.INTER_AREA)
    head = cv2.resize(data.astronaut()[0:240, 110:350], (160, 160), interpolation=cv2.INTER_AREA)
    return {
        "one face": cv2.copyMakeBorder(astronaut, 0, 0, 80, 80, cv2.BORDER_REPLICATE),
        "twelve faces": np.tile(head, (3, 4, 1)),
        "no face": cv2.resize(data.coffee(), (640, 480), interpolation=cv2.INTER_AREA),
    }


def detectors() -> dict[str, Callable[[Picture], int]]:
    """All that are at hand, by name: each counts the faces of a picture."""
    cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))

    def reference(picture: Picture) -> int:
        return len(cascade.detectMultiScale(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 1.3, 5))

    prepare_mtcnn()
    ways: dict[str, Callable[[Picture], int]] = {"haar, as the reference": reference}
    for info in available_detectors():
        if info.available:
            detector = get_detector(info.name)
            ways[info.name] = lambda picture, detector=detector: len(detector.detect(picture))
        else:
            print(f"{info.name} is left out. {info.state}", file=sys.stderr)
    return ways


def measure(rounds: int) -> tuple[dict[str, Times], dict[str, dict[str, int]]]:
    """Seconds, and faces found, by detector and picture."""
    cv2.setNumThreads(1)
    shown, ways = pictures(), detectors()
    times: dict[str, Times] = {name: {picture: [] for picture in shown} for name in ways}
    found: dict[str, dict[str, int]] = {name: {} for name in ways}
    for number in range(rounds + 1):
        for name, detect in ways.items():
            for title, picture in shown.items():
                start = time.perf_counter()
                found[name][title] = detect(picture)
                if number:  # the first round makes everything ready
                    times[name][title].append(time.perf_counter() - start)
    return times, found


def measure_wheel(rounds: int) -> tuple[Times, dict[str, int]]:
    """The same of the `mtcnn` package, in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pictures.npz"
        np.savez(file, **pictures())
        done = subprocess.run([sys.executable, "-c", _WHEEL, str(file), str(rounds)], capture_output=True, text=True, check=True)
    times, counts = json.loads(done.stdout.splitlines()[-1])
    return times, counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--wheel", action="store_true", help="the `mtcnn` package, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    times, found = measure(options.rounds)
    if options.wheel:
        times["the mtcnn package"], found["the mtcnn package"] = measure_wheel(options.rounds)
    titles = list(pictures())
    rows = [
        [name]
        + [
            f"{statistics.median(seconds) * 1e3:.1f} ({min(seconds) * 1e3:.1f} to {max(seconds) * 1e3:.1f}), {found[name][title]}"
            for title, seconds in by_picture.items()
        ]
        for name, by_picture in times.items()
    ]
    print_table(["detector", *(f"{title}: ms (range), found" for title in titles)], rows)
    if options.json:
        write_json(options.json, {"seconds": times, "found": found})


if __name__ == "__main__":
    main()
