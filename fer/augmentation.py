"""Augmentation: a fresh, plausible variation of each training image, drawn on the CPU with OpenCV.

All geometry (flip, rotation, zoom, shear, shift, and the change of size) is one affine map, so an image is resampled once, at
about 20 µs for 48×48. Borders are replicated, as face crops at the edge of a frame are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges from which each image's variation is drawn; the defaults change nothing.

    Args:
        flip: mirror half of the images left to right.
        rotation: up to this many degrees either way.
        zoom: scale between 1 - zoom and 1 + zoom.
        shift: up to this fraction of the side, each axis.
        shear: up to this tangent.
        brightness: multiply pixels by 1 ± this.
        contrast: stretch around the image's mean by 1 ± this.
        degrade: probability of each of low resolution, blur, noise, gamma and JPEG artefacts, as webcams have them.
        erasing: probability that a rectangle is painted over (Zhong et al., arXiv:1708.04896).
    """

    flip: bool = False
    rotation: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    degrade: float = 0.0
    erasing: float = 0.0

    def __post_init__(self) -> None:
        limits = {
            "rotation": 180,
            "zoom": 0.9,
            "shift": 0.5,
            "shear": 1,
            "brightness": 1,
            "contrast": 1,
            "degrade": 1,
            "erasing": 1,
        }
        for name, limit in limits.items():
            if not 0 <= getattr(self, name) <= limit:
                raise SettingsError(f"augmentation.{name} lies in 0…{limit}. Received: {getattr(self, name)}")

    def apply(self, images: NDArray[np.uint8], rng: np.random.Generator, *, size: int | None = None) -> NDArray[np.uint8]:
        """Vary a batch.

        Args:
            images: uint8 (N, S, S, C).
            rng: the only source of chance, so a batch can be drawn again.
            size: side of the result; None keeps S.

        Returns:
            uint8 (N, size, size, C).
        """
        count, side = len(images), images.shape[1]
        size = side if size is None else size
        out = np.empty((count, size, size, images.shape[3]), np.uint8)
        maps = self.affine_maps(rng, count, side, size)
        shrinking = size < side
        for row in range(count):
            # Without smoothing first, a warp to fewer pixels would alias.
            image = cv2.GaussianBlur(images[row], (0, 0), 0.35 * side / size) if shrinking else images[row]
            warped = cv2.warpAffine(image, maps[row], (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            out[row] = warped.reshape(size, size, -1)
        out = self._relight(out, rng)
        if self.degrade or self.erasing:
            for row in range(count):
                out[row] = self._spoil(out[row], rng)
        return out

    def affine_maps(self, rng: np.random.Generator, count: int, side: int, size: int) -> NDArray[np.float64]:
        """Maps (N, 2, 3) from source to result pixels, about the image's centre."""
        angle = np.deg2rad(rng.uniform(-self.rotation, self.rotation, count))
        scale = (size / side) * rng.uniform(1 - self.zoom, 1 + self.zoom, count)
        shear = rng.uniform(-self.shear, self.shear, count)
        mirror = np.where(rng.random(count) < 0.5, -1.0, 1.0) if self.flip else np.ones(count)
        cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
        maps = np.empty((count, 2, 3))
        maps[:, 0, 0], maps[:, 0, 1] = cosine * mirror, cosine * shear - sine
        maps[:, 1, 0], maps[:, 1, 1] = sine * mirror, sine * shear + cosine
        centre, target = (side - 1) / 2, (size - 1) / 2
        shifts = rng.uniform(-self.shift, self.shift, (count, 2)) * size
        maps[:, :, 2] = target + shifts - maps[:, :, :2].sum(axis=2) * centre
        return maps

    def _relight(self, images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        if not (self.brightness or self.contrast):
            return images
        shape = (len(images), 1, 1, 1)
        gain = rng.uniform(1 - self.brightness, 1 + self.brightness, shape).astype(np.float32)
        stretch = rng.uniform(1 - self.contrast, 1 + self.contrast, shape).astype(np.float32)
        pixels = images.astype(np.float32)
        mean = pixels.mean(axis=(1, 2, 3), keepdims=True)
        return _pixels(((pixels - mean) * stretch + mean) * gain)

    def _spoil(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Camera faults and a covered part, each with its own probability."""
        size, shape = image.shape[0], image.shape
        blur, noise, gamma, jpeg, small = rng.random(5) < self.degrade
        if small:
            fewer = max(4, int(rng.uniform(0.4, 0.8) * size))
            image = _pixels(cv2.resize(cv2.resize(image, (fewer, fewer), interpolation=cv2.INTER_AREA), (size, size)))
        if blur:
            image = _pixels(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2) * size / 48))
        if noise:
            image = _pixels(image.reshape(shape) + rng.normal(0, rng.uniform(3, 14), shape))
        if gamma:
            image = _pixels(255 * (image / 255) ** rng.uniform(0.6, 1.7))
        if jpeg:
            _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
            image = _pixels(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))
        image = image.reshape(shape)  # OpenCV drops the axis of a single channel
        if rng.random() < self.erasing:
            height, width = (rng.uniform(0.15, 0.45, 2) * size).astype(int)
            top, left = rng.integers(0, size - height), rng.integers(0, size - width)
            image = image.copy()
            image[top : top + height, left : left + width] = rng.integers(0, 256)
        return image


def _pixels(values: Any) -> NDArray[np.uint8]:
    """Numbers in the range of pixels, as pixels."""
    return np.asarray(np.clip(values, 0, 255), np.uint8)
