"""Pictures that the detectors' tests share: one public-domain photo with one face, and what is made of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

# The face of astronaut.png, marked by hand from brow to chin and cheek to cheek.
FACE_XYXY = np.array([[180, 70, 270, 180]], np.float32)


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """uint8 RGB (512, 512, 3); Eileen Collins, smiling (NASA, public domain)."""
    return data.astronaut()


@pytest.fixture(scope="session")
def face_xyxy() -> np.ndarray:
    """Where the astronaut's face is, float32 (1, 4)."""
    return FACE_XYXY


@pytest.fixture(scope="session")
def coffee() -> np.ndarray:
    """A photo without a face, uint8 RGB (400, 600, 3)."""
    return data.coffee()


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    """The picture turned about the astronaut's face."""
    turn = cv2.getRotationMatrix2D((225, 125), degrees, 1.0)
    return cv2.warpAffine(image, turn, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture(scope="session")
def astronaut_turned(astronaut: np.ndarray) -> np.ndarray:
    """The astronaut with her head turned by 30°."""
    return turned(astronaut, 30)
