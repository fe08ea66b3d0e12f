"""`Heatmap`: where in a face a class was seen, whichever method says so, and how it is laid over the face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.detection import require_image
from fer.errors import ImageError

_VISIBLE = 0.1
# Of the face only the light is kept, dimmed, so that colour is the map's alone.
_FACE_LIGHT, _MAP_OPACITY = 0.8, 0.75


@dataclass(frozen=True, eq=False, slots=True)
class Heatmap:
    """What speaks for one class, position by position.

    Args:
        values: float32 (H, W) in [0, 1] over the face crop: 1 where the class is spoken for as strongly as anything in the face
            speaks for it or against it; 0 where nothing does, or what is there speaks against it.
        label: the class.
        method: `cam`, `grad-cam` or `occlusion`, see `fer.explain`.

    Raises:
        ImageError: the values have another shape, dtype or range.
    """

    values: NDArray[np.float32]
    label: str
    method: str

    def __post_init__(self) -> None:
        values = self.values
        if values.ndim != 2 or not values.size or values.dtype != np.float32 or not (0 <= values.min() <= values.max() <= 1):
            raise ImageError(f"A heat map is float32 (H, W) in 0…1. Received: {values.dtype} {values.shape}")

    @classmethod
    def of_evidence(cls, evidence: NDArray[np.floating], size: int, label: str, method: str, *, least: float = 0.0) -> Heatmap:
        """A map of what speaks for a class (above 0) and against it (below), on whatever scale.

        Args:
            evidence: (h, w), coarse or fine.
            size: side of the map that comes of it.
            least: where all of it is weaker than this, the map stays as faint as it is.
        """
        fine = cv2.resize(evidence.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        # Held against what speaks against it, too: else a face without a trace of a class would get a bright spot for it.
        strongest = max(float(np.abs(fine).max()), least) or 1.0
        return cls(np.maximum(fine / np.float32(strongest), 0), label, method)

    @property
    def is_blank(self) -> bool:
        """Whether nothing worth showing speaks for the class."""
        return bool(self.values.max() < _VISIBLE)


def lay_over(face_crop: NDArray[np.uint8], heatmap: Heatmap) -> NDArray[np.uint8]:
    """A face in grey with the map in colours on it: nothing where the map is 0, dark violet over red to yellow towards 1.

    Args:
        face_crop: uint8 RGB (H, W, 3), of any size.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        ImageError: the crop has another shape or dtype.
    """
    require_image(face_crop)
    height, width = face_crop.shape[:2]
    values = np.clip(cv2.resize(heatmap.values, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    colours = cv2.applyColorMap(np.rint(255 * values).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    grey = cv2.cvtColor(face_crop, cv2.COLOR_RGB2GRAY)[..., None] * _FACE_LIGHT
    opacity = _MAP_OPACITY * values[..., None]
    return np.asarray(np.rint((1 - opacity) * grey + opacity * colours), np.uint8)
