"""Haar cascades: the default where nothing better has been set up, since OpenCV carries them.

One cascade with fixed settings misses every third expression worth reading, so several searches are combined: the usual cascade
first, a more willing one where it finds nothing, and both again on the picture turned by 25° either way.
Viola, Jones: "Rapid Object Detection using a Boosted Cascade of Simple Features", 2001, https://doi.org/10.1109/CVPR.2001.990517
"""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.boxes import Boxes, square_xyxy
from fer.detection.faces import MIN_FACE_SIZE, DetectorInfo, Faces, to_working_size
from fer.errors import DetectionError

_LONGEST_SIDE = 640
_SMALLEST_FACE = 36  # of the working picture; below it false alarms outnumber faces
_TURNS_DEGREES = (25, -25)
# A turned search wants twice the agreement: it then finds 78 % of turned faces instead of 83 %, with half the false alarms.
_TURNED_CAUTION = 2
# A picture this small may be a face crop, whose face touches the frame, and a cascade needs a margin: it finds 84 % of FER2013's
# crops with one, 69 % without.
_LIKELY_CROP_SIDE = 320
# Equalising mends dark pictures and spoils backlit ones, so it is kept for the dark.
_DARK_MEAN = 60

# file, scale step, neighbours wanted, side of FER2013's crop / side of the box (FER2013 was cut with the first cascade)
_CASCADES = (
    ("haarcascade_frontalface_default.xml", 1.1, 6, 1.0),
    ("haarcascade_frontalface_alt2.xml", 1.1, 3, 1.04),
)


class HaarDetector:
    """OpenCV's frontal face cascades, combined.

    Raises:
        DetectionError: this OpenCV comes without cascades.
    """

    name = "haar"

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a cascade keeps its picture pyramid between the stages of one call
        self._cascades = [cv2.CascadeClassifier(str(_folder() / file)) for file, *_ in _CASCADES]
        if any(cascade.empty() for cascade in self._cascades):
            raise DetectionError(f"No cascades in {_folder()}. {_HOW_TO_GET}")

    def detect(self, image: NDArray[np.uint8], *, min_size: int = MIN_FACE_SIZE) -> Faces:
        """Find the faces of a picture; see `FaceDetector.detect`. There are no landmarks."""
        working, scale = to_working_size(image, _LONGEST_SIDE)
        grey = np.asarray(cv2.cvtColor(working, cv2.COLOR_RGB2GRAY), np.uint8)
        if grey.mean() < _DARK_MEAN:
            grey = np.asarray(cv2.equalizeHist(grey), np.uint8)
        margin = max(grey.shape) // 6 if max(grey.shape) <= _LIKELY_CROP_SIDE else 0
        grey = np.asarray(cv2.copyMakeBorder(grey, margin, margin, margin, margin, cv2.BORDER_REPLICATE), np.uint8)
        smallest = max(_SMALLEST_FACE, round(min_size * scale))
        with self._lock:
            for degrees in (0, *_TURNS_DEGREES):
                xyxy, crop_xyxy, scores = self._search(grey, degrees, smallest)
                if len(xyxy):
                    return Faces.collect((xyxy - margin) / scale, (crop_xyxy - margin) / scale, scores, min_size=min_size)
        return Faces.collect([], [], [])

    def _search(self, grey: NDArray[np.uint8], degrees: int, smallest: int) -> tuple[Boxes, Boxes, NDArray[np.float32]]:
        """Boxes, crops and scores in a picture turned by some degrees, by the first cascade that finds anything."""
        height, width = grey.shape
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        back = cv2.invertAffineTransform(turn)
        turned = cv2.warpAffine(grey, turn, (width, height), borderMode=cv2.BORDER_REPLICATE) if degrees else grey
        for cascade, (_, step, usual_neighbours, crop_scale) in zip(self._cascades, _CASCADES, strict=True):
            neighbours = usual_neighbours * (_TURNED_CAUTION if degrees else 1)
            xywh, counts = cascade.detectMultiScale2(turned, step, neighbours, minSize=(smallest, smallest))
            if len(xywh):
                boxes = np.asarray(xywh, np.float32)
                half = boxes[:, 2:] / 2
                centres = (boxes[:, :2] + half) @ back[:, :2].T + back[:, 2]
                xyxy = np.concatenate([centres - half, centres + half], axis=1, dtype=np.float32)
                # A cascade knows no probability. What it knows is how many shifted windows agreed.
                votes = np.asarray(counts, np.float32).reshape(-1)
                return xyxy, square_xyxy(xyxy, crop_scale), votes / (votes + neighbours)
        nothing = np.empty((0, 4), np.float32)
        return nothing, nothing, np.empty(0, np.float32)


def _folder() -> Path:
    return Path(cv2.__file__).parent / "data"


def describe() -> DetectorInfo:
    """The cascades for a list of detectors."""
    available = all((_folder() / file).is_file() for file, *_ in _CASCADES)
    return DetectorInfo(
        name=HaarDetector.name,
        title="Haar cascades",
        available=available,
        state="Ready." if available else f"No cascades in {_folder()}. {_HOW_TO_GET}",
        licence="Intel (BSD-like), with OpenCV",
        note="Works offline from the start. Misses small faces in groups, and many that are turned or covered.",
    )


_HOW_TO_GET = "Install opencv-python-headless below version 5, which carries them."
