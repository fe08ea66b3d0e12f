"""What the live picture costs: the frame logic on a recorded clip, an hour of it for the memory, several viewers.

    python -m benchmarks.live [--rounds 6] [--json FILE]         speed, on one core
    python -m benchmarks.live --memory MINUTES [--rate 30]       how much memory so many minutes of video take
    python -m benchmarks.live --viewers 1 2 4 8                  what a second, fourth and eighth viewer cost; batches of faces

The clip has 640×480 pixels at 30 frames a second: a photograph with one face (NASA, public domain, in scikit-image's wheel) that
is moved about. `ours` is `LiveView.process`: faces found or followed, read, smoothed, drawn. `reference` is the loop of the
earlier systems (`benchmarks/inference.py`), in a process of its own. Both are held to one core where the system can do that, and
take turns of a second of the clip. Beside the clock stands the processor's time, which tells more while other programs run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray
from skimage import data

from benchmarks.inference import REFERENCE
from fer import Recognizer
from fer.detection import available_detectors, default_detector_name, prepare_mtcnn
from fer.files import write_json
from fer.inference.follower import FaceFollower
from fer.inference.live import LiveView
from fer.inference.pace import STEPS, Pace
from fer.terminal import print_table
from fer.workspace import REPOSITORY

Picture = NDArray[np.uint8]

FPS = 30
_FRAMES = 120
# Time for the pace to settle, in seconds of the clip.
_SETTLE_S = 12

# Reads a number of frames a line, and answers with the seconds on the clock and of the processor that they took.
_LOOP = """
import itertools, sys, time
import numpy as np
from pathlib import Path
{way}
frames = itertools.cycle(np.load(sys.argv[1], mmap_mode="r"))
for line in sys.stdin:
    batch = [np.asarray(next(frames)) for _ in range(int(line))]
    start = time.perf_counter(), time.process_time()
    for frame in batch:
        read(frame)
    print("seconds", time.perf_counter() - start[0], time.process_time() - start[1], flush=True)
"""


def clip(frames: int = _FRAMES) -> list[Picture]:
    """Frames, each uint8 RGB (480, 640, 3), the last of which leads back to the first."""
    photo = cv2.copyMakeBorder(cv2.resize(data.astronaut(), (480, 480)), 0, 0, 80, 80, cv2.BORDER_REPLICATE)
    moved = []
    for turn in np.arange(frames) / frames * 2 * np.pi:
        move = cv2.getRotationMatrix2D((320, 140), 6 * np.sin(turn), 1 + 0.08 * np.sin(2 * turn))
        move[:, 2] += 70 * np.sin(turn), 30 * np.sin(2 * turn)
        image = cv2.warpAffine(photo, move, (640, 480), borderMode=cv2.BORDER_REPLICATE)
        moved.append(np.asarray(image, np.uint8))
    return moved


class HeldPace(Pace):
    """Stays at one step, however long frames take."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def took(self, time_s: float, seconds: float) -> None:
        pass


@dataclass
class Way:
    """A way to answer frames, and what it cost so far.

    Args:
        process: answers so many frames of the clip; says how many seconds passed on the clock and of the processor.
        pace: of ours; None for the reference.
        faceless: of ours, counts frames in which no face was seen.
    """

    process: Callable[[int], tuple[float, float]]
    pace: Pace | None = None
    faceless: list[int] = field(default_factory=lambda: [0])
    seconds: list[tuple[float, float]] = field(default_factory=list)


def _ours(detector: str, pace: Pace, frames: list[Picture]) -> Way:
    clock = [0.0]
    live = LiveView(FaceFollower(Recognizer(detector=detector), pace=pace), clock=lambda: clock[0])
    waiting, faceless = cycle(frames), [0]

    def process(count: int) -> tuple[float, float]:
        start = time.perf_counter(), time.process_time()
        for frame in islice(waiting, count):
            clock[0] += 1 / FPS  # the clip's own time: the pace reckons in it, as it does while a camera runs
            live.process(frame)
            faceless[0] += not live.snapshot().faces
        return time.perf_counter() - start[0], time.process_time() - start[1]

    process(_SETTLE_S * FPS)
    faceless[0] = 0
    return Way(process, pace, faceless)


@contextmanager
def _reference(frames: list[Picture]) -> Iterator[Way]:
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "clip.npy", np.stack(frames))
        command = [sys.executable, "-c", _LOOP.format(way=REFERENCE), str(Path(folder) / "clip.npy")]
        with subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            asked, answers = process.stdin, process.stdout

            def ask(count: int) -> tuple[float, float]:
                asked.write(f"{count}\n")
                asked.flush()
                for line in answers:
                    if line.startswith("seconds "):
                        _, clock, processor = line.split()
                        return float(clock), float(processor)
                raise RuntimeError("The process that was measured beside ours has ended.")

            ask(10)
            yield Way(ask)
            asked.close()


def measure_speed(rounds: int) -> dict[str, Way]:
    """Each way answers a second of the clip in turn, so many times."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    prepare_mtcnn()
    frames = clip()
    with _reference(frames) as reference:
        ways = {"reference": reference}
        for name in [info.name for info in available_detectors() if info.available]:
            ways[f"ours, {name}, looking in every frame"] = _ours(name, HeldPace(0), frames)
            ways[f"ours, {name}, in every {STEPS[2].every}th, followed between"] = _ours(name, HeldPace(2), frames)
            ways[f"ours, {name}, at its own pace"] = _ours(name, Pace(), frames)
        for _ in range(rounds):
            for way in ways.values():
                clock, processor = way.process(FPS)
                way.seconds.append((clock / FPS, processor / FPS))
    return ways


def _print_speed(ways: dict[str, Way]) -> dict[str, Any]:
    rows, figures = [], {}
    medians = {name: [statistics.median(column) for column in zip(*way.seconds, strict=True)] for name, way in ways.items()}
    base = medians["reference"][1]
    for name, way in ways.items():
        clock, processor = medians[name]
        step = way.pace.step if way.pace else None
        rows.append(
            [
                name + (f" (in every {step.every}.)" if step and "own" in name else ""),
                f"{1 / clock:.0f}",
                f"{1e3 * processor:.1f}",
                f"{1 / processor:.0f}",
                f"{base / processor:.1f}×",
                str(way.faceless[0]) if way.pace else "",
            ]
        )
        figures[name] = {"seconds": way.seconds, "faceless": way.faceless[0]}
    frames = len(ways["reference"].seconds) * FPS
    heads = ["way", "frames/s", "ms of the processor", "frames/s of it", "against the reference", f"faceless of {frames}"]
    print_table(heads, rows)
    return figures


def measure_memory(minutes: float, rate: float) -> dict[str, float]:
    """Bytes by which the process has grown over so many minutes of video, as fast as it goes, after the first five seconds."""
    cv2.setNumThreads(1)
    clock, process = [0.0], psutil.Process()
    follower = FaceFollower(Recognizer(), pace=HeldPace(2))
    live = LiveView(follower, clock=lambda: clock[0])
    before = peak = 0
    count = round(minutes * 60 * rate)
    for number, frame in enumerate(islice(cycle(clip()), count)):
        clock[0] += 1 / rate
        live.process(frame)
        if number == round(5 * rate):
            before = process.memory_info().rss
        if not number % 500:
            peak = max(peak, process.memory_info().rss)
    return {"frames": count, "growth": process.memory_info().rss - before, "peak_growth": peak - before}


@dataclass
class Viewer:
    """A camera of 30 frames a second whose frames are dropped while the one before is answered, as the page's are."""

    live: LiveView
    done: int = 0
    latencies: list[float] = field(default_factory=list)

    def watch(self, frames: list[Picture], seconds: float, begin: threading.Barrier) -> None:
        begin.wait()
        start = time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds:
            number = int(passed * FPS)
            self.live.process(frames[number % len(frames)])
            self.latencies.append(time.perf_counter() - start - number / FPS)
            self.done += 1
            time.sleep(max(0.0, (number + 1) / FPS - (time.perf_counter() - start)))


def measure_viewers(count: int, seconds: float = 10.0, settle_s: float = 6.0) -> dict[str, float]:
    """So many viewers at once, on all cores, with one model for all: what each gets, and what they cost together."""
    recognizer, frames = Recognizer(), clip()
    viewers = [Viewer(LiveView(FaceFollower(recognizer))) for _ in range(count)]
    for settling in (True, False):  # the pace finds its step first
        begin = threading.Barrier(count + 1)
        for viewer in viewers:
            viewer.done, viewer.latencies = 0, []
        threads = [
            threading.Thread(target=viewer.watch, args=(frames, settle_s if settling else seconds, begin)) for viewer in viewers
        ]
        for thread in threads:
            thread.start()
        begin.wait()
        processor = time.process_time()
        for thread in threads:
            thread.join()
        processor = time.process_time() - processor
    latencies = [latency for viewer in viewers for latency in viewer.latencies]
    return {
        "frames_per_second": statistics.mean(viewer.done for viewer in viewers) / seconds,
        "latency_s": statistics.median(latencies),
        "slow_latency_s": float(np.quantile(latencies, 0.95)),
        "cores": processor / seconds,
    }


def measure_batches(rounds: int = 40) -> dict[int, float]:
    """Seconds of the processor that a face costs in a batch of so many; micro-batching over viewers could save no more."""
    classifier = Recognizer(detector=None).classifier
    crop = clip(1)[0][60:220, 250:410]
    seconds = {}
    for size in (1, 2, 4, 8, 32):
        classifier.predict_faces([crop] * size)
        start = time.process_time()
        for _ in range(rounds):
            classifier.predict_faces([crop] * size)
        seconds[size] = (time.process_time() - start) / rounds / size
    return seconds


def _print_viewers(counts: list[int]) -> dict[str, Any]:
    by_count = {count: measure_viewers(count) for count in counts}
    rows = [
        [
            str(count),
            f"{of['frames_per_second']:.0f}",
            f"{1e3 * of['latency_s']:.0f} ({1e3 * of['slow_latency_s']:.0f})",
            f"{of['cores']:.2f}",
        ]
        for count, of in by_count.items()
    ]
    print_table(["viewers", "frames/s each", "ms from frame to answer, median (95 %)", "cores, all together"], rows)
    batches = measure_batches()
    told = ", ".join(f"{size}: {1e3 * seconds:.2f}" for size, seconds in batches.items())
    print(f"\nms of the processor that a face costs in a batch of …: {told}")
    return {"viewers": by_count, "batches": batches}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--memory", type=float, metavar="MINUTES", help="only this: the memory that so much video takes")
    parser.add_argument("--rate", type=float, default=FPS, help="of that video, in frames a second")
    parser.add_argument("--viewers", type=int, nargs="+", metavar="N", help="only this: so many viewers at once")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    print(f"detector by default: {default_detector_name()}; load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    figures: dict[str, Any]
    if options.memory:
        figures = measure_memory(options.memory, options.rate)
        growth, peak = (figures[key] / 2**20 for key in ("growth", "peak_growth"))
        print(f"{options.memory:g} minutes, {figures['frames']:,} frames: {growth:.1f} MiB more, at most {peak:.1f}")
    elif options.viewers:
        figures = _print_viewers(options.viewers)
    else:
        figures = _print_speed(measure_speed(options.rounds))
    if options.json:
        write_json(options.json, figures)


if __name__ == "__main__":
    main()
