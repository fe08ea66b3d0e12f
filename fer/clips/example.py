"""`write_example`: a short clip of two drawn people, so that the page has something to read before anybody brings a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fer.clips.writing import VideoWriter
from fer.files import replacing

EXAMPLE_NAME = "Two drawn faces.mp4"
_SECONDS, _FPS = 6.0, 10
# By person, what they go through, in an equal part of the clip each.
_LABELS = (("neutral", "happy", "neutral", "surprise"), ("sad", "neutral", "angry", "happy"))
_SEEDS = (3, 8)


def write_example(path: Path) -> None:
    """Draw the clip: 6 seconds, 640×480 pixels, two people side by side.

    Args:
        path: a file that ends in `.mp4`.

    Raises:
        OSError: it cannot be written.
    """
    from fer.data.synthetic import clip_frames

    halves = (
        clip_frames(_SECONDS, fps=_FPS, size_hw=(480, 320), labels=labels, seed=seed)
        for labels, seed in zip(_LABELS, _SEEDS, strict=True)
    )
    with replacing(path) as beside, VideoWriter(beside, (640, 480), _FPS) as video:
        for number, pair in enumerate(zip(*halves, strict=True)):
            video.write(number / _FPS, np.concatenate(pair, axis=1))
