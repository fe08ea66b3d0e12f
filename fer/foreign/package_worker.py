"""Asks a package of somebody else's; a process of its own (`packages.py` starts it by its path, and talks to it).

By its path, so that this project is not what `import fer` finds: a package of that name is one of those asked. Nothing of ours is
imported here. What the package prints goes to stderr. First a line of JSON is written, the labels; then, for each line of JSON
that holds the shape of a batch and for its bytes (uint8 RGB), probabilities come back as the bytes of float32 (N, K).
"""

import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
Ask = Callable[[Any], Mapping[str, float]]


def open_fer() -> Ask:
    from fer.fer import FER  # type: ignore[import-not-found]  # not ours: the package of that name

    detector = FER()

    def ask(image_bgr: Any) -> Mapping[str, float]:
        height, width = image_bgr.shape[:2]
        (found,) = detector.detect_emotions(image_bgr, face_rectangles=[(0, 0, width, height)])
        emotions: Mapping[str, float] = found["emotions"]
        return emotions

    return ask


def open_deepface() -> Ask:
    from deepface import DeepFace  # type: ignore[import-not-found]

    def ask(image_bgr: Any) -> Mapping[str, float]:
        found = DeepFace.analyze(image_bgr, actions=["emotion"], detector_backend="skip", enforce_detection=False, silent=True)
        emotions: Mapping[str, float] = (found[0] if isinstance(found, list) else found)["emotion"]
        return emotions

    return ask


OPENERS: Mapping[str, Callable[[], Ask]] = {"fer": open_fer, "deepface": open_deepface}


def main(name: str) -> None:
    """Answer until there is no more to read."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # packages greet, and draw progress bars
    ask = OPENERS[name]()
    answers.write(json.dumps(LABELS).encode() + b"\n")
    answers.flush()
    while line := sys.stdin.buffer.readline():
        shape = json.loads(line)
        batch = np.frombuffer(sys.stdin.buffer.read(math.prod(shape)), np.uint8).reshape(shape)
        rows = np.empty((len(batch), len(LABELS)), np.float32)
        for row, image in zip(rows, batch, strict=True):
            emotions = ask(np.ascontiguousarray(image[..., ::-1]))
            row[:] = [float(emotions[label]) for label in LABELS]
        # Percent in one package, shares rounded to two digits in the other.
        totals = rows.sum(axis=1, keepdims=True)
        answers.write(np.where(totals > 0, rows / np.where(totals > 0, totals, 1), 1 / len(LABELS)).astype(np.float32).tobytes())
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
