"""`GraphAugmentation`: the variations of `fer.augmentation.Augmentation`, computed where the network is.

A graphics processor learns from more images a second than OpenCV can vary. So chance and pixels are taken apart: `draw` draws,
with NumPy and in the same ranges, the few numbers that say what happens to each image, and `apply` is a function of pixels and
these numbers in `keras.ops` alone, to be compiled for whatever the backend computes on.

Up to rounding as on the CPU: all geometry in one resampling, light, gamma, low resolution, erasing, and JPEG of grey images.
Approximate: noise is cut from one field drawn once; blur ends at the image's border; JPEG of colours treats each channel as luma.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from keras import ops
from numpy.typing import NDArray

from fer.augmentation import Augmentation

# What is drawn for each image, a column each. Geometry is the map from the result's pixels to the source's.
_DRAWN = (
    *("xx", "xy", "x0", "yx", "yy", "y0"),
    *("gain", "stretch"),
    *("resolution", "blur", "noise", "noise_top", "noise_left", "gamma", "jpeg"),
    *("top", "left", "bottom", "right", "paint"),
)

# Quantisation of luma, ITU-T T.81, table K.1; its scale by quality is that of the Independent JPEG Group's library.
_JPEG_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)


class GraphAugmentation:
    """Draws and applies variations of square images.

    Args:
        augmentation: the ranges.
        side: of the images that come, in pixels.
        size: side of the results.
        channels: 1 or 3.
    """

    def __init__(self, augmentation: Augmentation, side: int, size: int, channels: int) -> None:
        self.augmentation = augmentation
        self.side, self.size, self.channels = side, size, channels
        # Without smoothing first, a warp to fewer pixels would alias.
        self._smoothing = _gaussian(np.array([[[0.35 * side / size]]]), side, np) if size < side else None
        self._resolutions = _resolutions(size)
        self._noise = np.random.default_rng(0).standard_normal((4 * size, 4 * size, channels)).astype(np.float32)
        # JPEG's cosine transform and table, for all of its 8×8 blocks at once.
        blocks = -(-size // 8)
        cosines = cv2.dct(np.eye(8, dtype=np.float32), flags=cv2.DCT_ROWS).T
        self._cosines = np.kron(np.eye(blocks, dtype=np.float32), cosines)[None]
        self._table = np.tile(_JPEG_TABLE, (blocks, blocks))[None, :, :, None]

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """Draw what happens to `count` images.

        Returns:
            float32 (count, D), for `apply`.
        """
        chances, size = self.augmentation, self.size
        maps = self.augmentation.affine_maps(rng, count, self.side, size)
        inverse = np.linalg.inv(maps[:, :, :2])
        origin = -(inverse @ maps[:, :, 2:])
        drawn = dict(zip(_DRAWN, np.concatenate([inverse, origin], axis=2).reshape(count, 6).T, strict=False))

        drawn["gain"] = rng.uniform(1 - chances.brightness, 1 + chances.brightness, count)
        drawn["stretch"] = rng.uniform(1 - chances.contrast, 1 + chances.contrast, count)

        few, blur, noise, gamma, jpeg = rng.random((5, count)) < chances.degrade
        drawn["resolution"] = few * rng.integers(1, len(self._resolutions), count)
        drawn["blur"] = blur * rng.uniform(0.4, 1.2, count) * size / 48
        drawn["noise"] = noise * rng.uniform(3, 14, count)
        drawn["noise_top"], drawn["noise_left"] = rng.integers(0, 3 * size, (2, count))
        drawn["gamma"] = np.where(gamma, rng.uniform(0.6, 1.7, count), 1)
        quality = rng.integers(25, 80, count)
        drawn["jpeg"] = jpeg * np.where(quality < 50, 5000 / quality, 200 - 2 * quality)

        height, width = (rng.uniform(0.15, 0.45, (2, count)) * size).astype(int) * (rng.random(count) < chances.erasing)
        drawn["top"], drawn["left"] = rng.integers(0, size - height), rng.integers(0, size - width)
        drawn["bottom"], drawn["right"] = drawn["top"] + height, drawn["left"] + width
        drawn["paint"] = rng.integers(0, 256, count)
        return np.stack([drawn[name] for name in _DRAWN], axis=1).astype(np.float32)

    def apply(self, images: Any, drawn: Any) -> Any:
        """Vary a batch.

        Args:
            images: uint8 (N, side, side, C), a tensor of the backend.
            drawn: float32 (N, D), of `draw`.

        Returns:
            pixels, float32 (N, size, size, C) in 0…255, not rounded. Whatever the precision policy, nothing here is computed in
            less than float32: where a pixel comes from needs more than bfloat16's eight bits.
        """
        # (N, 1, 1, 1) each, ready to meet images
        what = {name: ops.reshape(drawn[:, column], (-1, 1, 1, 1)) for column, name in enumerate(_DRAWN)}
        pixels = ops.cast(images, "float32")
        if self._smoothing is not None:
            pixels = _filtered(pixels, ops.convert_to_tensor(self._smoothing))
        pixels = self._warped(pixels, what)
        if self.augmentation.brightness or self.augmentation.contrast:
            mean = ops.mean(pixels, axis=(1, 2, 3), keepdims=True)
            pixels = ops.clip(((pixels - mean) * what["stretch"] + mean) * what["gain"], 0, 255)
        if self.augmentation.degrade:
            pixels = self._spoiled(pixels, what)
        if self.augmentation.erasing:
            row, column = self._positions()
            inside = (row >= what["top"]) & (row < what["bottom"]) & (column >= what["left"]) & (column < what["right"])
            pixels = ops.where(inside, what["paint"], pixels)
        return pixels

    def _positions(self) -> tuple[Any, Any]:
        """Row and column of each pixel of a result, float32 (1, size, 1, 1) and (1, 1, size, 1)."""
        places = ops.arange(self.size, dtype="float32")
        return ops.reshape(places, (1, -1, 1, 1)), ops.reshape(places, (1, 1, -1, 1))

    def _warped(self, pixels: Any, what: dict[str, Any]) -> Any:
        """Bilinear samples at the places that the map names; borders are replicated."""
        row, column = self._positions()
        x = ops.clip(what["xx"] * column + what["xy"] * row + what["x0"], 0, self.side - 1)
        y = ops.clip(what["yx"] * column + what["yy"] * row + what["y0"], 0, self.side - 1)
        left, top = ops.floor(x), ops.floor(y)
        right, bottom = ops.minimum(left + 1, self.side - 1), ops.minimum(top + 1, self.side - 1)
        flat = ops.reshape(pixels, (-1, self.channels))
        first = ops.reshape(ops.arange(pixels.shape[0], dtype="int32") * self.side**2, (-1, 1, 1))

        def at(rows: Any, columns: Any) -> Any:
            return ops.take(flat, first + ops.cast(rows * self.side + columns, "int32")[..., 0], axis=0)

        upper = at(top, left) + (at(top, right) - at(top, left)) * (x - left)
        lower = at(bottom, left) + (at(bottom, right) - at(bottom, left)) * (x - left)
        return upper + (lower - upper) * (y - top)

    def _spoiled(self, pixels: Any, what: dict[str, Any]) -> Any:
        """Camera faults, in the order in which they arise."""
        size = self.size
        fewer = ops.take(ops.convert_to_tensor(self._resolutions), ops.cast(what["resolution"][:, 0, 0, 0], "int32"), axis=0)
        # Low resolution and blur are linear and the same along both axes: one matrix does both.
        pixels = _filtered(pixels, ops.matmul(_gaussian(what["blur"][..., 0], size, ops), fewer))

        row, column = self._positions()
        field = ops.reshape(ops.convert_to_tensor(self._noise), (-1, self.channels))
        place = (row + what["noise_top"]) * 4 * size + column + what["noise_left"]
        noise = ops.take(field, ops.cast(place, "int32")[..., 0], axis=0)
        pixels = ops.clip(pixels + what["noise"] * noise, 0, 255)

        pixels = 255 * ops.power(pixels / 255, what["gamma"])
        return ops.where(what["jpeg"] > 0, self._compressed(pixels, what["jpeg"]), pixels)

    def _compressed(self, pixels: Any, percent: Any) -> Any:
        """What JPEG leaves of an image; `percent` of the quantisation table, (N, 1, 1, 1)."""
        missing = (0, -self.size % 8)
        padded = ops.pad(pixels, ((0, 0), missing, missing, (0, 0)), mode="symmetric")
        table = ops.clip(ops.floor((self._table * percent + 50) / 100), 1, 255)
        waves = ops.round(_filtered(padded - 128, ops.convert_to_tensor(self._cosines)) / table) * table
        restored = _filtered(waves, ops.convert_to_tensor(self._cosines.swapaxes(1, 2))) + 128
        return ops.clip(restored[:, : self.size, : self.size], 0, 255)


def _filtered(pixels: Any, matrix: Any) -> Any:
    """Apply a matrix (N or 1, S, S) along both axes of images (N, S, S, C)."""
    matrix = ops.broadcast_to(matrix, (pixels.shape[0], *matrix.shape[1:]))
    return ops.einsum("nlk,nikc->nilc", matrix, ops.einsum("nij,njkc->nikc", matrix, pixels))


def _gaussian(sigma: Any, side: int, numbers: Any) -> Any:
    """The matrix (N, side, side) of a blur along one axis for each sigma (N, 1, 1); the identity for 0.

    `numbers` computes it: NumPy, or `keras.ops`.
    """
    distance = np.subtract.outer(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))[None]
    weights = numbers.exp(-((distance / numbers.maximum(sigma, 1e-3)) ** 2) / 2)
    return numbers.array(weights / numbers.sum(weights, axis=-1, keepdims=True), dtype="float32")


def _resolutions(size: int) -> NDArray[np.float32]:
    """Matrices (R, size, size) that shrink and enlarge again along one axis, as OpenCV does; the identity first."""
    unit = np.eye(size, dtype=np.float32)
    lowest, highest = (max(4, int(share * size)) for share in (0.4, 0.8))
    small = [cv2.resize(unit, (size, fewer), interpolation=cv2.INTER_AREA) for fewer in range(lowest, max(lowest + 1, highest))]
    return np.stack([unit, *(cv2.resize(image, (size, size)) for image in small)])
