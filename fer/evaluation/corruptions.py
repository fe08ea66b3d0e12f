"""Corruptions: what cameras, compression and careless crops do to a face crop; a fixed set, each with a severity.

`fer/evaluation/robustness.py` measures a bundle under all of them. Chance comes from a seed, the corruption's name and the
image's position alone: the same images are corrupted alike on every machine, whole or in chunks, and another severity keeps an
image's direction, place and pattern. (OpenCV gives the same pixels with and without AVX and IPP.)
Training varies its images with code of its own (`fer/augmentation.py`): a change there must not move these figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin, sqrt
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.errors import ImageError, SettingsError

SEED = 2013

Image = NDArray[np.uint8]
Chance = np.random.Generator

# Centres (x, y) in a face crop, as shares of its side. The eyes as bundles' cards say; FER2013's mouths are about as far below
# them as the eyes are apart.
EYES, MOUTH = (0.5, 0.39), (0.5, 0.77)
_BAR_ASPECT = 2.4  # width to height: at 15 % of the area, both eyes or a mouth, 60 % by 25 % of the side


@dataclass(frozen=True, slots=True)
class Corruption:
    """One way in which a face crop goes bad.

    Args:
        name: short; also its key in figures.
        description: one line for people.
        severity: how strong it is in a model's card.
        unit: what a severity counts. Lengths are relative to the image's side, so the size of the input does not matter.
        limit: the largest severity; 0 is the smallest, and changes nothing.
        corrupt: uint8 (S, S, C), a severity over 0 and the image's own chance → uint8, (S, S) for (S, S, 1) as OpenCV likes it.
    """

    name: str
    description: str
    severity: float
    unit: str
    limit: float
    corrupt: Callable[[Image, float, Chance], Image]

    def apply(self, batch: Image, *, first: int = 0, severity: float | None = None, seed: int = SEED) -> Image:
        """Corrupt a batch of face crops.

        Args:
            batch: uint8 (N, S, S, 1 or 3), RGB.
            first: position of the batch's first image among all images, 0 or more.
            severity: 0…`limit`; None for the card's.
            seed: another one draws other directions, places and patterns.

        Returns:
            A new array of the same shape and type.

        Raises:
            ImageError: the batch has another dtype or shape.
            SettingsError: the severity lies outside its range.
        """
        severity = self.severity if severity is None else severity
        if not 0 <= severity <= self.limit:
            raise SettingsError(f"The severity of {self.name!r} lies in 0…{self.limit:g} {self.unit}. Received: {severity}")
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1] != batch.shape[2] or batch.shape[3] not in (1, 3):
            raise ImageError(f"Expected face crops as uint8 (N, S, S, 1 or 3). Received: {batch.dtype} {batch.shape}")
        corrupted = batch.copy()
        if severity:
            for row, image in enumerate(batch):
                chance = np.random.default_rng((seed, first + row, *self.name.encode()))
                corrupted[row] = self.corrupt(image, severity, chance).reshape(image.shape)
        return corrupted


def _blur(image: Image, severity: float, _: Chance) -> Image:
    return _pixels(cv2.GaussianBlur(image, (0, 0), severity * len(image) / 48, borderType=cv2.BORDER_REPLICATE))


def _noise(image: Image, severity: float, chance: Chance) -> Image:
    return _pixels(image + severity * chance.standard_normal(image.shape))


def _dark(image: Image, severity: float, _: Chance) -> Image:
    return gamma(image, 1 + severity / 100)


def _bright(image: Image, severity: float, _: Chance) -> Image:
    return gamma(image, 1 / (1 + severity / 100))


def _jpeg(image: Image, severity: float, _: Chance) -> Image:
    # OpenCV takes colours as BGR; with red and blue exchanged it would weigh them wrongly when it makes luma of them.
    data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(100 - severity)])[1]
    decoded = _pixels(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))
    return decoded if decoded.ndim == 2 else decoded[..., ::-1]


def _occlusion(image: Image, severity: float, chance: Chance) -> Image:
    """A flat bar of any grey over the eyes or the mouth, a little off; up to the limit it lies within the image."""
    x, y = (EYES if chance.random() < 0.5 else MOUTH) + chance.uniform(-0.05, 0.05, 2)
    return cover(image, (x, y), severity / 100, int(chance.integers(256)))


def _roll(image: Image, severity: float, chance: Chance) -> Image:
    return warp(image, degrees=severity if chance.random() < 0.5 else -severity)


def _shift(image: Image, severity: float, chance: Chance) -> Image:
    direction = chance.uniform(0, 2 * pi)
    return warp(image, shift=(severity / 100 * cos(direction), severity / 100 * sin(direction)))


def _scale_down(image: Image, severity: float, _: Chance) -> Image:
    return warp(image, zoom=1 / (1 - severity / 100))


def _scale_up(image: Image, severity: float, _: Chance) -> Image:
    return warp(image, zoom=1 / (1 + severity / 100))


def _low_resolution(image: Image, severity: float, _: Chance) -> Image:
    side = len(image)
    fewer = max(1, round(side * (1 - severity / 100)))
    small = cv2.resize(image, (fewer, fewer), interpolation=cv2.INTER_AREA)
    return _pixels(cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR))


def cover(image: Image, centre: tuple[float, float], area: float, grey: int) -> Image:
    """Lay a flat bar about a centre (x, y), a share of the side each; `area` is a share too. It lies within the image."""
    side, width = len(image), sqrt(_BAR_ASPECT * area)
    left, right = (round(side * (centre[0] + half)) for half in (-width / 2, width / 2))
    top, bottom = (round(side * (centre[1] + half)) for half in (-area / width / 2, area / width / 2))
    covered = image.copy()
    covered[top:bottom, left:right] = grey
    return covered


def gamma(image: Image, exponent: float) -> Image:
    """Darken by an exponent above 1, brighten by one below; black and white stay."""
    return _pixels(cv2.LUT(image, _pixels(255 * np.linspace(0, 1, 256) ** exponent)))


def warp(image: Image, *, degrees: float = 0.0, zoom: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> Image:
    """Turn (counter-clockwise) and zoom about the centre, then shift by shares of the side; borders are replicated."""
    side = len(image)
    centre = (side - 1) / 2
    matrix = cv2.getRotationMatrix2D((centre, centre), degrees, zoom)
    matrix[:, 2] += np.multiply(shift, side)
    return _pixels(cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _pixels(values: Any) -> Image:
    """Numbers as pixels: rounded, and clipped to their range; pixels stay as they are."""
    return np.asarray(values if values.dtype == np.uint8 else np.clip(np.rint(values), 0, 255), np.uint8)


# The severities of the cards: plain to see, and no bar to a person who reads the face.
CORRUPTIONS = (
    Corruption("blur", "out of focus, a Gaussian blur", 1.5, "pixels of 48, standard deviation", 6, _blur),
    Corruption("noise", "a sensor in little light, Gaussian noise", 15, "grey levels of 255, standard deviation", 60, _noise),
    Corruption("dark", "too little light, gamma above 1", 100, "% added to gamma", 300, _dark),
    Corruption("bright", "too much light, gamma below 1", 100, "% added to 1/gamma", 300, _bright),
    Corruption("jpeg", "strong JPEG compression", 80, "below the quality 100", 99, _jpeg),
    Corruption("occlusion", "a flat bar over the eyes or the mouth", 15, "% of the area", 30, _occlusion),
    Corruption("roll", "the head tilted to either side", 20, "degrees", 90, _roll),
    Corruption("shift", "the crop displaced in any direction", 15, "% of its side", 50, _shift),
    Corruption("scale_down", "the crop too tight, the face cut", 15, "% of its side", 60, _scale_down),
    Corruption("scale_up", "the crop too wide, its borders replicated", 15, "% of its side", 100, _scale_up),
    Corruption("low_resolution", "too few pixels, enlarged", 50, "% of the pixels along a side", 90, _low_resolution),
)
