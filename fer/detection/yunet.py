"""YuNet, the default face detector: quick, finds turned and covered faces, and needs one file of 317 KB.

The file is never part of the repository: `fetch_yunet` gets it once from its authors, or `FER_YUNET` names a copy.
Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023, https://doi.org/10.1007/s11633-023-1423-y
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.boxes import square_xyxy
from fer.detection.faces import MIN_FACE_SIZE, DetectorInfo, Faces, to_working_size
from fer.errors import DetectionError, FetchError
from fer.fetch import fetch
from fer.workspace import cache_dir

FILE_NAME = "yunet_n_640_640.onnx"
URL = f"https://github.com/ShiqiYu/libfacedetection.train/raw/master/onnx/{FILE_NAME}"
SHA256 = "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31"
_SIZE_BYTES = 317_466

# At the native resolution of a noisy picture YuNet collapses; at 480 px it finds faces from 10 px on, in 10 ms.
_LONGEST_SIDE = 480
_MIN_SCORE = 0.7
_NMS_IOU = 0.3
# FER2013's crops are wider than YuNet's boxes, which hug the face.
_CROP_SCALE = 1.26


class YuNetDetector:
    """YuNet through OpenCV.

    Args:
        path: the ONNX file.

    Raises:
        DetectionError: OpenCV cannot read the file.
    """

    name = "yunet"

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()  # one network with one input size: calls must not mix
        self._size_wh = (_LONGEST_SIDE, _LONGEST_SIDE)
        try:
            # From memory: OpenCV cannot open paths with non-Latin letters on Windows.
            content = np.frombuffer(path.read_bytes(), np.uint8)
            self._network = cv2.FaceDetectorYN.create("onnx", content, np.empty(0, np.uint8), self._size_wh, _MIN_SCORE, _NMS_IOU)
        except (OSError, cv2.error) as error:
            raise DetectionError(f"{path} cannot be read as the YuNet face detector ({FILE_NAME}). {_HOW_TO_GET}") from error

    def detect(self, image: NDArray[np.uint8], *, min_size: int = MIN_FACE_SIZE) -> Faces:
        """Find the faces of a picture; see `FaceDetector.detect`."""
        working, scale = to_working_size(image, _LONGEST_SIDE)
        height, width = working.shape[:2]
        # The network works on multiples of 32 anyway; padding here keeps its size, whose changes are slow, for like pictures.
        padded = cv2.copyMakeBorder(working, 0, -height % 32, 0, -width % 32, cv2.BORDER_CONSTANT)
        padded_bgr = cv2.cvtColor(padded, cv2.COLOR_RGB2BGR)
        size_wh = (padded.shape[1], padded.shape[0])
        with self._lock:
            if size_wh != self._size_wh:
                self._network.setInputSize(size_wh)
                self._size_wh = size_wh
            found: NDArray[np.float32] | None = self._network.detect(padded_bgr)[1]  # type: ignore[assignment]  # None: no face
        if found is None:
            return Faces.collect([], [], [], [])
        xywh, points, scores = found[:, :4] / scale, found[:, 4:14] / scale, found[:, 14]
        xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        return Faces.collect(xyxy, square_xyxy(xyxy, _CROP_SCALE), np.clip(scores, 0, 1), points, min_size=min_size)


def yunet_path() -> Path:
    """Where the file is looked for: `FER_YUNET` where it is set, else the cache."""
    named = os.environ.get("FER_YUNET")
    return Path(named) if named else cache_dir() / "detectors" / FILE_NAME


def describe() -> DetectorInfo:
    """YuNet for a list of detectors."""
    path = yunet_path()
    available = path.is_file()
    return DetectorInfo(
        name=YuNetDetector.name,
        title="YuNet",
        available=available,
        state="Ready." if available else f"No file at {path}. {_HOW_TO_GET}",
        licence="Apache-2.0",
        note="Best of the three, and the quickest: small, turned and half-covered faces too.",
    )


def fetch_yunet(progress: Callable[[str, float], None] | None = None) -> Path:
    """Download YuNet's file into the cache, once.

    Args:
        progress: called with a few words and the share done in [0, 1].

    Returns:
        The file. One that is there with the right checksum is not fetched again.

    Raises:
        DetectionError: no connection, or what came is not the file expected; nothing is left behind then.
    """
    try:
        return fetch(
            URL,
            cache_dir() / "detectors" / FILE_NAME,
            digest=f"sha256:{SHA256}",
            size=_SIZE_BYTES,
            what="YuNet",
            progress=progress,
        )
    except FetchError as error:
        raise DetectionError(f"{error} {_HOW_TO_GET}") from error


_HOW_TO_GET = (
    f"Fetch it once (Predict page, or `python -m fer detectors --fetch yunet`), or download {URL} yourself and name the copy in "
    "the environment variable FER_YUNET. Without it, the detectors 'mtcnn' and 'haar' work offline."
)
