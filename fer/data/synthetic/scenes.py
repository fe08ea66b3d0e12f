"""Large synthetic people: a scene for the Predict page and for detectors, a clip of one face for a camera that is not there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.synthetic.painting import paint_person
from fer.data.synthetic.parameters import (
    Colour,
    FaceParameters,
    Pose,
    closed_eyes,
    expression_units,
    random_appearance,
    random_pose,
)
from fer.errors import DataError
from fer.labels import FER8, canonical_label

XYXY = tuple[float, float, float, float]

MOST_PEOPLE = 8
_SMALLEST_SCENE = 120
_WALLS: tuple[Colour, ...] = ((214, 222, 230), (226, 218, 206), (206, 220, 212), (222, 212, 222), (196, 206, 214))
_GRAIN = 2.0  # noise of the camera's sensor, one deviation in grey levels


def draw_scene(
    seed: int, labels: Sequence[str] = ("happy", "surprise", "angry"), size_hw: tuple[int, int] = (480, 640)
) -> tuple[NDArray[np.uint8], list[tuple[XYXY, str]]]:
    """Draw people side by side before a plain wall, one for each label, as a face detector wants to see them.

    Args:
        seed: 0 or more; equal seeds give equal scenes.
        labels: 1 to 8 known emotions, from left to right; more than four stand in two rows.
        size_hw: height and width in pixels, each at least 120.

    Returns:
        The image, uint8 RGB (H, W, 3), and for each face its square as FER2013 would crop it (x1, y1, x2, y2 in pixels) with its
        label. At 480×640 one to three faces are 110 to 200 pixels large, eight about 80.

    Raises:
        LabelError: a label is unknown.
        DataError: too many labels or none, or the picture is too small.
    """
    labels = [canonical_label(label) for label in labels]
    if not 1 <= len(labels) <= MOST_PEOPLE:
        raise DataError(f"A scene shows 1 to {MOST_PEOPLE} faces. Received: {len(labels)} labels")
    height, width = size_hw
    if min(size_hw) < _SMALLEST_SCENE:
        raise DataError(f"A scene is at least {_SMALLEST_SCENE} pixels high and wide. Received: {height}×{width}")
    rng = np.random.default_rng([seed, len(labels)])
    image = _wall(rng, size_hw)
    faces: list[tuple[XYXY, str]] = []
    for label, (x, y, crop_side) in zip(labels, _places(rng, len(labels), size_hw), strict=True):
        units = expression_units(rng, label, intensity=rng.uniform(0.8, 1.0))
        paint_person(image, FaceParameters(units, random_appearance(rng), random_pose(rng, spread=0.4)), crop_side, (x, y))
        half = crop_side / 2
        faces.append(((x - half, y - half, x + half, y + half), label))
    return _grain(rng, image), faces


def _places(rng: np.random.Generator, people: int, size_hw: tuple[int, int]) -> Iterator[tuple[float, float, float]]:
    """Middle (x, y) and side of each face's square, in pixels, the back row first."""
    height, width = size_hw
    rows = 1 if people <= 4 else 2
    columns = -(-people // rows)
    side = min((0.40 if rows == 1 else 0.27) * height, 0.60 * width / columns)
    for number in range(people):
        row, column = divmod(number, columns)
        in_row = min(columns, people - row * columns)
        x = width * (column + 0.5) / in_row + rng.uniform(-0.06, 0.06) * side
        y = height * (0.50 if rows == 1 else (0.26, 0.72)[row]) + rng.uniform(-0.06, 0.06) * side
        yield x, y, side * rng.uniform(0.92, 1.04)


def clip_frames(
    seconds: float = 8.0,
    *,
    fps: int = 30,
    size_hw: tuple[int, int] = (480, 640),
    labels: Sequence[str] = FER8.names,
    seed: int = 0,
) -> Iterator[NDArray[np.uint8]]:
    """Frames of one person who moves slowly, blinks, and shows one expression after the other; the last leads back to the first.

    Args:
        seconds: length; each label gets an equal part of it.
        fps: frames a second.
        size_hw: height and width in pixels.
        labels: known emotions to go through.
        seed: 0 or more; equal seeds give equal clips.

    Yields:
        uint8 RGB (H, W, 3).

    Raises:
        LabelError: a label is unknown.
        DataError: no labels, or no frames.
    """
    frames = round(seconds * fps)
    if not labels or frames < 1:
        raise DataError(f"A clip needs labels and frames. Received: {len(labels)} labels, {seconds} s at {fps} frames a second")
    rng = np.random.default_rng([seed, 0])
    person, wall = random_appearance(rng), _wall(rng, size_hw)
    shown = [expression_units(rng, label, intensity=1.0) for label in labels]
    height, width = size_hw
    crop_side = 0.42 * min(height, 0.75 * width)
    for frame in range(frames):
        part, within = divmod(frame / frames * len(shown), 1.0)
        # A third of each part leads over from the expression before, the rest holds; lids close for a moment in between.
        share = min(within * 3, 1.0)
        units = shown[int(part) - 1].mix(shown[int(part)], share * share * (3 - 2 * share))
        away_from_blink = abs(within - 0.15) * seconds / len(shown)
        units = closed_eyes(units, max(0.0, 1 - away_from_blink / 0.12))
        turn = 2 * np.pi * frame / frames
        pose = Pose(roll=4 * np.sin(turn), yaw=9 * np.sin(2 * turn), pitch=3 * np.cos(turn), gaze_x=-0.3 * np.sin(2 * turn))
        image = wall.copy()
        centre = (width * (0.5 + 0.06 * np.sin(turn)), height * (0.50 + 0.015 * np.cos(2 * turn)))
        paint_person(image, FaceParameters(units, person, pose), crop_side, centre)
        yield _grain(rng, image)


def write_clip(
    path: str | Path,
    seconds: float = 8.0,
    *,
    fps: int = 30,
    size_hw: tuple[int, int] = (480, 640),
    labels: Sequence[str] = FER8.names,
    seed: int = 0,
) -> Path:
    """Write `clip_frames` as Motion JPEG (JPEGs one after the other), the format of Chromium's fake camera.

    Such a file has no header: players assume 25 frames a second unless told otherwise.

    Returns:
        The path.

    Raises:
        LabelError: a label is unknown.
        DataError: as `clip_frames`, or the path does not end in `.mjpeg`.
    """
    path = Path(path)
    if path.suffix != ".mjpeg":
        raise DataError(f"A clip is written as .mjpeg. Received: {path.name}")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            for image in clip_frames(seconds, fps=fps, size_hw=size_hw, labels=labels, seed=seed):
                _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, 90))
                file.write(encoded.tobytes())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _wall(rng: np.random.Generator, size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """A plain wall, a little lighter at the top left, uint8 (H, W, 3)."""
    colour = np.array(_WALLS[int(rng.integers(len(_WALLS)))], np.float32)
    down, across = np.linspace(0, 1, size_hw[0])[:, None, None], np.linspace(0, 1, size_hw[1])[:, None]
    return np.asarray(np.clip((1.06 - 0.12 * down - 0.09 * across) * colour, 0, 255).astype(np.uint8))


def _grain(rng: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image with a sensor's noise, the same in all channels."""
    noise = rng.standard_normal((*image.shape[:2], 1), dtype=np.float32) * _GRAIN
    return np.asarray(np.clip(image + noise + 0.5, 0, 255).astype(np.uint8))
