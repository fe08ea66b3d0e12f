"""Face crop -> model input: the one function that training, evaluation and prediction share.

A `Preprocessing` travels inside every bundle, so a network is never fed pixels scaled, coloured or sized otherwise than those it
learned from. It works in two steps: `prepare` makes a uint8 batch (small to store, what augmentation works on), `normalise`
makes the float32 that the network takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import fit_image
from fer.errors import ImageError, SettingsError

# name -> (offset, divisor)
_SCALES: Mapping[str, tuple[float, float]] = {
    "unit": (0.0, 255.0),
    "signed": (127.5, 127.5),
    "standard": (128.0, 64.0),
    "raw": (0.0, 1.0),
}
SCALES = tuple(_SCALES)
EQUALISATIONS = ("none", "global", "clahe")
SIZES = (8, 1024)  # of the input, both included
_CLAHE_CLIP, _CLAHE_TILES = 2.0, (4, 4)  # a tile of 12 pixels on a face of 48: an eye, or the mouth's half


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a face crop becomes the input of a network.

    Args:
        size: side of the square input in pixels, 8 to 1024. 48 is FER2013's own.
        channels: 1 (luma) or 3 (RGB).
        scale: `unit` maps pixels to [0, 1], `signed` to [-1, 1], `standard` to (pixel - 128) / 64; `raw` leaves
            them from 0 to 255, as some networks from elsewhere take them.
        equalise: histogram equalisation of the luma: `none`, `global`, or `clahe` (contrast limited, by tiles; Zuiderveld 1994).

    Raises:
        SettingsError: a value is out of range.
    """

    size: int = 48
    channels: int = 1
    scale: str = "unit"
    equalise: str = "none"

    def __post_init__(self) -> None:
        if not _is_int(self.size) or not SIZES[0] <= self.size <= SIZES[1]:
            raise SettingsError(f"The input size is a whole number from {SIZES[0]} to {SIZES[1]}. Received: {self.size!r}")
        if not _is_int(self.channels) or self.channels not in (1, 3):
            raise SettingsError(f"The input has 1 channel (grey) or 3 (RGB). Received: {self.channels!r}")
        if self.scale not in _SCALES:
            raise SettingsError(f"Unknown scale {self.scale!r}. Known: {', '.join(SCALES)}")
        if self.equalise not in EQUALISATIONS:
            raise SettingsError(f"Unknown equalise {self.equalise!r}. Known: {', '.join(EQUALISATIONS)}")

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Preprocessing:
        """Read back what `as_dict` gave; a missing key takes its default.

        Raises:
            SettingsError: a key is unknown, or a value out of range.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise SettingsError(f"Unknown preprocessing setting: {', '.join(unknown)}. Known: {', '.join(known)}")
        return cls(**settings)

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON-ready values."""
        return asdict(self)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(size, size, channels): one image of `model_input`."""
        return (self.size, self.size, self.channels)

    @property
    def offset_and_divisor(self) -> tuple[float, float]:
        """model_input = (pixel - offset) / divisor, in float32."""
        return _SCALES[self.scale]

    def prepare(self, face_crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Resize face crops, in whatever sizes they come, into one batch.

        Args:
            face_crops: N images, each uint8 RGB (H, W, 3).

        Returns:
            uint8 (N, size, size, channels); N may be 0.

        Raises:
            ImageError: a crop is no uint8 image of 3 channels (or of 1), or has no pixels.
        """
        batch = np.empty((len(face_crops), *self.input_shape), np.uint8)
        for row, face_crop in enumerate(face_crops):
            if face_crop.dtype != np.uint8 or face_crop.ndim != 3 or face_crop.shape[2] not in (1, 3) or face_crop.size == 0:
                raise ImageError(f"Expected a face crop as uint8 (H, W, 3). Received: {face_crop.dtype} {face_crop.shape}")
            batch[row] = fit_image(face_crop, self.size, self.channels)
        return batch

    def normalise(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Equalise and scale a uint8 batch to the `model_input` of a network.

        Args:
            batch: uint8 (N, size, size, channels), as `prepare` or `ImageStore.batch` give it.

        Returns:
            float32 of the same shape.

        Raises:
            ImageError: the batch is not uint8 (it may have been scaled already), or its shape is another.
        """
        # A scaled float batch would be scaled a second time, and arithmetic left in uint8 wraps around: neither fails by itself,
        # both cost half the accuracy.
        if batch.dtype != np.uint8:
            raise ImageError(f"normalise() takes pixels as uint8 0…255, once. Received: {batch.dtype}")
        if batch.ndim != 4 or batch.shape[1:] != self.input_shape:
            raise ImageError(f"Expected a batch of shape (N, {', '.join(map(str, self.input_shape))}). Received: {batch.shape}")
        offset, divisor = self.offset_and_divisor
        if self.equalise != "none":
            batch = np.stack([equalise_image(image, self.equalise) for image in batch]) if len(batch) else batch
        return (batch.astype(np.float32) - np.float32(offset)) / np.float32(divisor)


def equalise_image(image: NDArray[np.uint8], how: str) -> NDArray[np.uint8]:
    """Spread the grey levels of an image; of a coloured one the luma alone, so that colours stay.

    Args:
        image: uint8 (H, W, 1 or 3), RGB.
        how: `global` or `clahe`, see `Preprocessing`.

    Returns:
        uint8 of the same shape.
    """
    if image.shape[2] == 3:
        ycrcb = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
        ycrcb[..., :1] = equalise_image(np.ascontiguousarray(ycrcb[..., :1]), how)
        return np.asarray(cv2.cvtColor(ycrcb, cv2.COLOR_YCrCb2RGB), np.uint8)
    if how == "global":
        return np.asarray(cv2.equalizeHist(image), np.uint8).reshape(image.shape)
    return np.asarray(cv2.createCLAHE(_CLAHE_CLIP, _CLAHE_TILES).apply(image), np.uint8).reshape(image.shape)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
