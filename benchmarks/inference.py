"""From a picture to an answer: how long ours takes, beside what a user would pick instead, in one run.

    python -m benchmarks.inference [--rounds 40] [--package] [--memory 10000] [--json FILE]

The pictures have 640×480 pixels: a photograph with one face (NASA, public domain, in scikit-image's wheel), and ten of it. `ours`
is `Recognizer.predict`, on one thread and on two, with each detector at hand. `reference` is the loop of the earlier systems: the
default cascade (1.32, 5), and `model.predict` for each face, here with the network that they trained (`cnn4-7class`; its random
weights cost the same time); it has all threads. It runs in a process of its own, as it brings TensorFlow, and in turns with ours:
each of its pictures is asked for over a pipe. `--package` adds PyPI's `fer` the same way, where it is installed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray
from skimage import data

from fer import Recognizer
from fer.detection import available_detectors, prepare_mtcnn
from fer.files import write_json
from fer.foreign.packages import installed_packages
from fer.terminal import print_table
from fer.workspace import REPOSITORY

Picture = NDArray[np.uint8]

REFERENCE = """
import cv2
from fer.networks import build_network
from fer.recipes import load_recipe
model = build_network(load_recipe("cnn4-7class").settings.network, (48, 48, 1), {"labels": 7})
cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))
def read(picture):
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    for x, y, w, h in cascade.detectMultiScale(grey, 1.32, 5):
        crop = cv2.resize(grey[y:y + h, x:x + w], (48, 48))
        model.predict(crop[None, :, :, None] / 255, verbose=0)
"""

_PACKAGE = """
import cv2
from fer.fer import FER
detector = FER()
def read(picture):
    detector.detect_emotions(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
"""

# Reads a picture's name a line, and answers with the seconds it took.
_LOOP = """
import sys, time
import numpy as np
from pathlib import Path
{way}
pictures = np.load(sys.argv[1])
pictures = {{name: pictures[name] for name in pictures.files}}
for line in sys.stdin:
    start = time.perf_counter()
    read(pictures[line.strip()])
    print("seconds", time.perf_counter() - start, flush=True)
"""


def pictures() -> dict[str, Picture]:
    """Two pictures, each uint8 RGB (480, 640, 3)."""
    astronaut = cv2.resize(data.astronaut(), (480, 480), interpolation=cv2.INTER_AREA)
    head = cv2.resize(data.astronaut()[0:240, 110:350], (128, 128), interpolation=cv2.INTER_AREA)
    ten = np.tile(head, (2, 5, 1))
    return {
        "one face": cv2.copyMakeBorder(astronaut, 0, 0, 80, 80, cv2.BORDER_REPLICATE),
        "ten faces": cv2.copyMakeBorder(ten, 112, 112, 0, 0, cv2.BORDER_REPLICATE),
    }


@contextmanager
def _elsewhere(way: str, file: Path, *, folder: Path) -> Iterator[Callable[[str], float]]:
    """A process that reads pictures by name, and says how many seconds each took.

    Args:
        way: Python source that defines `read`.
        file: the pictures.
        folder: where the process works: that package `fer` is imported which lies there, or else the one installed.
    """
    command = [sys.executable, "-c", _LOOP.format(way=way), str(file)]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answers = process.stdin, process.stdout

        def ask(name: str) -> float:
            asked.write(f"{name}\n")
            asked.flush()
            for line in answers:
                if line.startswith("seconds "):
                    return float(line.split()[1])
            raise RuntimeError("The process that was measured beside ours has ended.")

        yield ask
        asked.close()


def _ours(detector: str, threads: int, shown: dict[str, Picture]) -> tuple[Callable[[str], float], int]:
    recognizer = Recognizer(detector=detector, threads=threads)

    def ask(name: str) -> float:
        cv2.setNumThreads(threads)
        start = time.perf_counter()
        recognizer.predict(shown[name])
        return time.perf_counter() - start

    return ask, len(recognizer.predict(shown["ten faces"]))


def measure(rounds: int, *, package: bool) -> tuple[dict[str, dict[str, list[float]]], dict[str, int]]:
    """Seconds by way and picture; and how many of the ten faces each of ours found."""
    shown = pictures()
    prepare_mtcnn()
    ways: dict[str, Callable[[str], float]] = {}
    found: dict[str, int] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        np.savez(folder / "pictures.npz", **shown)
        ways["reference"] = stack.enter_context(_elsewhere(REFERENCE, folder / "pictures.npz", folder=REPOSITORY))
        if package:
            ways["the fer package"] = stack.enter_context(_elsewhere(_PACKAGE, folder / "pictures.npz", folder=folder))
        for info in available_detectors():
            for threads in (1, 2) if info.available else ():
                name = f"ours, {info.name}, {threads} thread{'s' if threads > 1 else ''}"
                ways[name], found[name] = _ours(info.name, threads, shown)
        seconds: dict[str, dict[str, list[float]]] = {way: {name: [] for name in shown} for way in ways}
        for number in range(rounds + 2):
            for way, ask in ways.items():
                for name in shown:
                    took = ask(name)
                    if number > 1:  # the first two make everything ready
                        seconds[way][name].append(took)
    return seconds, found


def network_alone(rounds: int) -> list[float]:
    """Seconds that the flagship takes for one face crop, one thread."""
    recognizer = Recognizer(detector=None)
    crop = pictures()["one face"][:200, 240:440]
    took = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        recognizer.predict(crop, whole_image=True)
        took.append(time.perf_counter() - start)
    return took[2:]


def memory_growth(count: int) -> float:
    """MiB that the process has grown by between the 500th and the last of so many pictures, of sizes that differ."""
    recognizer, process = Recognizer(), psutil.Process()
    picture = pictures()["ten faces"]
    before = 0
    for number in range(500 + count):
        if number == 500:
            before = process.memory_info().rss
        recognizer.predict(picture[: 320 + number % 160])
    return (process.memory_info().rss - before) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--package", action="store_true", help="PyPI's `fer`, too")
    parser.add_argument("--memory", type=int, metavar="N", help="only this: by how much the memory grows over N pictures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    if options.package and "fer" not in installed_packages():
        parser.error("PyPI's `fer` is not installed here: `pip install fer`.")
    if options.memory:
        print(f"{memory_growth(options.memory):.1f} MiB more after {options.memory:,} pictures")
        return
    seconds, found = measure(options.rounds, package=options.package)
    base = statistics.median(seconds["reference"]["one face"])
    rows = []
    for way, by_picture in seconds.items():
        one, ten = (statistics.median(values) for values in by_picture.values())
        spread = by_picture["one face"]
        rows.append(
            [
                way,
                f"{one * 1e3:.1f} ({min(spread) * 1e3:.1f} to {max(spread) * 1e3:.1f})",
                f"{base / one:.1f}×",
                f"{ten * 1e3:.1f}",
                str(found.get(way, "")),
            ]
        )
    print_table(["way", "one face: ms (range)", "against the reference", "ten faces: ms", "found of ten"], rows)
    alone = network_alone(options.rounds)
    print(f"\nthe network alone, a face on one thread: {statistics.median(alone) * 1e3:.2f} ms")
    if options.json:
        write_json(options.json, {"seconds": seconds, "found_of_ten": found, "network_seconds": alone})


if __name__ == "__main__":
    main()
