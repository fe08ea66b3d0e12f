"""Synthetic faces as data: a dataset of small ones, a scene of large ones, a clip of a moving one; all from seeds, nothing from disk.

They let every page and test work offline. They are drawings: what a network learns on them says nothing about photographs.
Who and how is drawn comes from `fer/data/synthetic_face.py`, the shapes from `fer/data/synthetic_drawing.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import SPLITS, ArrayStore, Dataset
from fer.data.synthetic_drawing import draw_shapes, fill_shapes, shade_map
from fer.data.synthetic_face import Colour, FaceParameters, Pose, closed_eyes, expression_parameters, expression_units, random_appearance, random_pose
from fer.errors import DataError
from fer.images import content_id
from fer.labels import EMOTIONS, FER8, VOTE_COLUMNS, LabelSet, canonical_label

SPLIT_SHARES = (0.70, 0.15, 0.15)
XYXY = tuple[float, float, float, float]

_DETAIL_FROM = 96  # pixels a side from which lashes and strands of hair can be seen
_SUPERSAMPLING = 2
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as `fit_image` weighs them
# What taggers take each expression for when they do not agree, as shares of the votes that miss it; after the confusions reported for
# FER+ (fear with surprise, disgust with anger, sad and contempt with neutral).
_MISTAKEN_FOR: dict[str, dict[str, float]] = {
    "angry": {"neutral": 0.35, "disgust": 0.25, "sad": 0.2, "contempt": 0.1, "unknown": 0.1},
    "disgust": {"angry": 0.5, "sad": 0.2, "contempt": 0.15, "unknown": 0.15},
    "fear": {"surprise": 0.6, "sad": 0.2, "disgust": 0.1, "unknown": 0.1},
    "happy": {"neutral": 0.6, "contempt": 0.2, "surprise": 0.1, "unknown": 0.1},
    "sad": {"neutral": 0.5, "fear": 0.2, "angry": 0.2, "unknown": 0.1},
    "surprise": {"fear": 0.5, "happy": 0.2, "neutral": 0.2, "unknown": 0.1},
    "neutral": {"sad": 0.4, "angry": 0.2, "happy": 0.2, "contempt": 0.15, "unknown": 0.05},
    "contempt": {"neutral": 0.5, "happy": 0.25, "angry": 0.15, "unknown": 0.1},
}
_BACKGROUNDS: tuple[Colour, ...] = ((214, 222, 230), (226, 218, 206), (206, 220, 212), (222, 212, 222), (196, 206, 214))


def draw_face(rng: np.random.Generator, label: str, size: int = 48) -> NDArray[np.uint8]:
    """Draw one face of an expression, framed as FER2013 frames them: eyes at (.31, .39) and (.68, .38), mouth at y .75, give or take.

    Args:
        rng: source of randomness; equal states give equal pictures.
        label: any known spelling of an emotion.
        size: side in pixels, at least 16.

    Returns:
        uint8 RGB (size, size, 3).

    Raises:
        LabelError: the label is unknown.
        DataError: the size is too small.
    """
    _check_size(size)
    return _photograph(rng, expression_parameters(rng, label), size, channels=3)


def synthetic_dataset(n: int = 2000, *, seed: int = 0, size: int = 48, label_set: LabelSet = FER8) -> Dataset:
    """Draw a dataset of grey faces, about 1,500 a second at 48 pixels.

    Classes are balanced (their counts differ by at most one); train, val and test hold 70, 15 and 15 % of each. Image k shows the
    same face whatever `n` is. Each has ten votes in the order of `VOTE_COLUMNS`; at least six are for its label, more where it is
    shown strongly, the others where people err.

    Args:
        n: how many, at least 1.
        seed: equal seeds give equal datasets.
        size: side in pixels, at least 16.
        label_set: classes to draw, each a known emotion.

    Raises:
        DataError: n or size is too small.
        LabelError: a class is no known emotion.
    """
    if n < 1:
        raise DataError(f"A synthetic dataset needs at least one image. Received: n={n}")
    _check_size(size)
    labels = [canonical_label(name) for name in label_set]
    rng, votes_rng, split_rng = (np.random.default_rng([seed, stream]) for stream in range(3))
    images = np.empty((n, size, size, 1), np.uint8)
    votes = np.empty((n, len(VOTE_COLUMNS)), np.uint8)
    label_ids = (np.arange(n) % len(labels)).astype(np.int16)
    for row, label_id in enumerate(label_ids):
        label = labels[label_id]
        strength = 0.3 + 0.7 * rng.random()
        images[row] = _photograph(rng, expression_parameters(rng, label, intensity=strength), size, channels=1)
        votes[row] = _draw_votes(votes_rng, label, strength)
    return Dataset(
        name="synthetic",
        label_set=label_set,
        images=ArrayStore.of(images),
        label_ids=label_ids,
        splits=_stratified_splits(split_rng, label_ids, len(labels)),
        names=np.array([f"synthetic/{label_set.names[label_id]}/{row:06d}.png" for row, label_id in enumerate(label_ids)]),
        content_ids=np.array([content_id(image) for image in images], np.uint64),
        is_grey=np.ones(n, np.bool_),
        votes=votes,
        source=f"drawn from seed {seed}",
    )


def draw_scene(
    seed: int, labels: Sequence[str] = ("happy", "surprise", "angry"), size_hw: tuple[int, int] = (480, 640)
) -> tuple[NDArray[np.uint8], list[tuple[XYXY, str]]]:
    """Draw people side by side before a plain wall, one for each label, as a face detector wants to see them.

    Args:
        seed: equal seeds give equal scenes.
        labels: 1 to 8 known emotions, from left to right; from the fifth on in a second row.
        size_hw: height and width in pixels, each at least 120.

    Returns:
        The image, uint8 RGB (H, W, 3), and for each face its square as FER2013 would crop it (x1, y1, x2, y2 in pixels) with its
        label. In 480×640 the squares' sides are about 90 to 190 pixels.

    Raises:
        LabelError: a label is unknown.
        DataError: too many or no labels, or the picture is too small.
    """
    height, width = size_hw
    if not 1 <= len(labels) <= 8:
        raise DataError(f"A scene shows 1 to 8 faces. Received: {len(labels)} labels")
    if min(height, width) < 120:
        raise DataError(f"A scene is at least 120 pixels high and wide. Received: {height}×{width}")
    rng = np.random.default_rng([seed, len(labels)])
    image = _wall(rng, size_hw)
    faces: list[tuple[XYXY, str]] = []
    rows = 1 if len(labels) <= 4 else 2
    columns = -(-len(labels) // rows)
    side = min(0.40 * height / (1 if rows == 1 else 1.25), 0.60 * width / columns)
    for number, label in enumerate(labels):
        row, column = divmod(number, columns)
        in_row = min(columns, len(labels) - row * columns)
        crop_side = side * rng.uniform(0.9, 1.05)
        x = width * (column + 0.5) / in_row + rng.uniform(-0.08, 0.08) * side
        y = height * (0.50 if rows == 1 else (0.28, 0.72)[row]) + rng.uniform(-0.06, 0.06) * side
        units = expression_units(rng, canonical_label(label), intensity=rng.uniform(0.8, 1.0))
        paint_person(image, FaceParameters(units, random_appearance(rng), random_pose(rng, spread=0.4)), crop_side, (x, y))
        half = crop_side / 2
        faces.append(((x - half, y - half, x + half, y + half), canonical_label(label)))
    return _grain(rng, image, 2.0), faces


def clip_frames(
    seconds: float = 8.0, *, fps: int = 30, size_hw: tuple[int, int] = (480, 640), labels: Sequence[str] = FER8.names, seed: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """Frames of one person who moves slowly, blinks, and shows one expression after the other; the last frame leads back to the first.

    Args:
        seconds: length; each label gets an equal part of it.
        fps: frames a second.
        size_hw: height and width in pixels.
        labels: expressions to go through.
        seed: equal seeds give equal clips.

    Yields:
        uint8 RGB (H, W, 3).

    Raises:
        LabelError: a label is unknown.
        DataError: no labels, or no frames.
    """
    frames = round(seconds * fps)
    if not labels or frames < 1:
        raise DataError(f"A clip needs labels and at least one frame. Received: {len(labels)} labels, {seconds} s at {fps} frames a second")
    rng = np.random.default_rng([seed, 7])
    person, wall = random_appearance(rng), _wall(rng, size_hw)
    shown = [expression_units(rng, label, intensity=1.0) for label in labels]
    height, width = size_hw
    crop_side = 0.42 * min(height, 0.75 * width)
    for frame in range(frames):
        part, within = divmod(frame / frames * len(shown), 1.0)
        # One third of each part leads over from the expression before, the rest holds.
        share = min(within * 3, 1.0)
        units = shown[int(part) - 1].mix(shown[int(part)], share * share * (3 - 2 * share))
        blink = max(0.0, 1 - abs(within - 0.6) * len(shown) * seconds / 0.9) if frame else 0.0
        turn = 2 * np.pi * frame / frames
        pose = Pose(roll=5 * np.sin(turn), yaw=10 * np.sin(2 * turn), pitch=4 * np.cos(turn), gaze_x=0.4 * np.sin(2 * turn + 1))
        image = wall.copy()
        centre = (width * (0.5 + 0.06 * np.sin(turn)), height * (0.48 + 0.015 * np.cos(2 * turn)))
        paint_person(image, FaceParameters(closed_eyes(units, blink), person, pose), crop_side, centre)
        yield _grain(rng, image, 2.0)


def write_clip(
    path: str | Path,
    seconds: float = 8.0,
    *,
    fps: int = 30,
    size_hw: tuple[int, int] = (480, 640),
    labels: Sequence[str] = FER8.names,
    seed: int = 0,
) -> Path:
    """Write `clip_frames` as Motion JPEG (`.mjpeg`: JPEGs one after the other), the format of Chromium's fake camera.

    Returns:
        The path. The file has no header: players assume 25 frames a second unless told otherwise.

    Raises:
        LabelError, DataError: as `clip_frames`; or the path does not end in `.mjpeg`.
    """
    path = Path(path)
    if path.suffix != ".mjpeg":
        raise DataError(f"A clip is written as .mjpeg. Received: {path.name}")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            for image in clip_frames(seconds, fps=fps, size_hw=size_hw, labels=labels, seed=seed):
                _, data = cv2.imencode(".jpg", image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 90))
                file.write(data.tobytes())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def paint_person(image: NDArray[np.uint8], parameters: FaceParameters, crop_side: float, centre_xy: tuple[float, float]) -> None:
    """Paint a person with hair, neck and shoulders into an image, in place.

    Args:
        image: uint8 RGB (H, W, 3).
        parameters: who, and with which expression.
        crop_side: side in pixels of the square that FER2013 would cut around the face.
        centre_xy: middle of that square in pixels.
    """
    height, width = image.shape[:2]
    layer = np.zeros((height * _SUPERSAMPLING, width * _SUPERSAMPLING, 4), np.uint8)
    scale, centre = crop_side * _SUPERSAMPLING, (centre_xy[0] * _SUPERSAMPLING, centre_xy[1] * _SUPERSAMPLING)
    drawing = draw_shapes(parameters, detail=True)
    fill_shapes(layer, drawing.behind, parameters.pose, scale, centre)
    # The shoulders stay behind when the head turns.
    fill_shapes(layer, drawing.body, Pose(roll=0.15 * parameters.pose.roll), scale, centre)
    fill_shapes(layer, drawing.head, parameters.pose, scale, centre)
    left, top = (max(int(c - 0.9 * scale), 0) for c in centre)
    head = layer[top : int(centre[1] + 0.9 * scale), left : int(centre[0] + 0.9 * scale), :3]
    if head.size:
        shade = shade_map(parameters, (head.shape[1], head.shape[0]), scale, (centre[0] - left, centre[1] - top))
        # Shadow on skin is warm: red fades later than blue.
        head[:] = np.minimum(head * np.stack([0.08 + 0.92 * shade, shade, 1.06 * shade - 0.06], axis=2), 255.0)
    layer = np.asarray(cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    cover = layer[..., 3:].astype(np.float32) / 255.0
    image[:] = np.minimum(image * (1 - cover) + layer[..., :3] + 0.5, 255.0)


def _check_size(size: int) -> None:
    if size < 16:
        raise DataError(f"A synthetic face needs at least 16 pixels a side. Received: {size}")


def _photograph(rng: np.random.Generator, parameters: FaceParameters, size: int, channels: int) -> NDArray[np.uint8]:
    """One face crop as a poor camera would take it: uint8 (size, size, channels), channels 1 (luma) or 3 (RGB)."""
    g = rng.standard_normal(8).clip(-2.2, 2.2).tolist()
    u = rng.random(4).tolist()
    side = size * _SUPERSAMPLING
    crop_side = size * (1.0 + 0.05 * g[0])
    centre = (size * (0.5 + 0.025 * g[1]), size * (0.5 + 0.025 * g[2]))
    large = crop_side * _SUPERSAMPLING, (centre[0] * _SUPERSAMPLING, centre[1] * _SUPERSAMPLING)
    # Four corner colours, spread over the picture, stand for whatever is behind.
    corners = rng.integers(20, 236, (2, 2, 3), dtype=np.uint8)
    canvas = np.asarray(cv2.resize(corners, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
    drawing = draw_shapes(parameters, detail=size >= _DETAIL_FROM)
    fill_shapes(canvas, [*drawing.behind, *drawing.body, *drawing.head], parameters.pose, *large)
    if channels == 1:
        canvas = np.asarray(cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY), np.uint8)
    small = np.asarray(cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA), np.float32).reshape(size, size, channels)
    small *= shade_map(parameters, (size, size), crop_side, centre)[..., None]
    if u[0] < 0.35:
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), size / 48 * (0.4 + 0.5 * u[1])), np.float32).reshape(size, size, channels)
    contrast, brightness = 0.9 + 0.2 * g[3], 118.0 + 22.0 * g[4]
    small = (small - float(small.mean())) * max(contrast, 0.35) + brightness
    small += rng.standard_normal(small.shape, dtype=np.float32) * (1.5 + 9.0 * u[2] ** 2)
    return np.clip(small + 0.5, 0.0, 255.0).astype(np.uint8)


def _draw_votes(rng: np.random.Generator, label: str, strength: float) -> NDArray[np.uint8]:
    """Ten votes, uint8 (10,)."""
    agreeing = 6 + int(rng.binomial(4, 0.25 + 0.7 * strength))
    votes = np.zeros(len(VOTE_COLUMNS), np.uint8)
    shares = _MISTAKEN_FOR[label]
    for name, count in zip(shares, rng.multinomial(10 - agreeing, list(shares.values())), strict=True):
        votes[VOTE_COLUMNS.index(name)] = count
    votes[VOTE_COLUMNS.index(label)] = agreeing
    return votes


def _stratified_splits(rng: np.random.Generator, label_ids: NDArray[np.int16], classes: int) -> NDArray[np.str_]:
    """70, 15 and 15 % of each class, at random; str (N,)."""
    splits = np.empty(len(label_ids), "U5")
    for label_id in range(classes):
        rows = rng.permutation(np.flatnonzero(label_ids == label_id))
        ends = np.rint(np.cumsum(SPLIT_SHARES) * len(rows)).astype(int)
        for split, part in zip(SPLITS, np.split(rows, ends[:-1]), strict=True):
            splits[part] = split
    return splits


def _wall(rng: np.random.Generator, size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """A plain wall, a little lighter at the top left, uint8 (H, W, 3)."""
    colour = np.array(_BACKGROUNDS[int(rng.integers(len(_BACKGROUNDS)))], np.float32)
    light = np.array([[1.06, 0.98], [0.94, 0.84]], np.float32)
    light = np.asarray(cv2.resize(light, (size_hw[1], size_hw[0]), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.clip(light[..., None] * colour, 0, 255).astype(np.uint8)


def _grain(rng: np.random.Generator, image: NDArray[np.uint8], deviation: float) -> NDArray[np.uint8]:
    """The image with the noise of a camera's sensor, the same in all channels."""
    noise = rng.standard_normal((*image.shape[:2], 1), dtype=np.float32) * deviation
    return np.clip(image + noise + 0.5, 0, 255).astype(np.uint8)
