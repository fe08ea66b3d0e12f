"""The live benchmark: a clip that can be shown over and over, ways that are measured as they are used."""

from __future__ import annotations

import numpy as np

from benchmarks.live import FPS, HeldPace, clip, measure_memory, measure_viewers
from benchmarks.live_browser import numbered


def test_clip_moves_and_leads_back_to_its_beginning() -> None:
    frames = clip(12)
    assert frames[0].shape == (480, 640, 3)
    steps = [np.abs(a.astype(int) - b).mean() for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert min(steps) > 1, "every frame differs from the next"
    assert steps[-1] < 1.5 * max(steps[:-1]), "the last to the first is a step like the others"


def test_held_pace_stays_where_it_is() -> None:
    pace = HeldPace(2)
    for i in range(90):
        pace.took(i / FPS, 1.0)
    assert pace.step == HeldPace(2).step


def test_numbered_frames_tell_their_number_along_the_lower_edge() -> None:
    frames = numbered([np.full((480, 640, 3), 99, np.uint8) for _ in range(6)])
    fields = frames[5][460, 40::80, 0]
    assert (fields > 127).tolist() == [True, False, True, False, False, False, False, False]
    assert (frames[5][:440] == 99).all()


def test_measure_memory_counts_the_frames_of_the_time() -> None:
    figures = measure_memory(0.1, 5)
    assert figures["frames"] == 30
    assert figures["peak_growth"] < 100 * 2**20


def test_measure_viewers_gives_each_of_them_frames() -> None:
    figures = measure_viewers(2, seconds=0.5, settle_s=0.2)
    assert figures["frames_per_second"] > 0
    assert figures["slow_latency_s"] >= figures["latency_s"] > 0
    assert figures["cores"] > 0
