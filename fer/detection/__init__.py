"""Face detection: a picture in, `Faces` out; three backends, one file each.

`get_detector()` gives the best that is at hand. A detector says twice where a face is: its own box, and the square that FER2013
would have been cut with (`Faces.crop_xyxy`), which is what a network has to be fed.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fer.detection import haar, mtcnn, yunet
from fer.detection.faces import MIN_FACE_SIZE, DetectorInfo, FaceDetector, Faces, require_image
from fer.detection.mtcnn import prepare_mtcnn
from fer.detection.yunet import fetch_yunet
from fer.errors import DetectionError

__all__ = [
    "MIN_FACE_SIZE",
    "DetectorInfo",
    "FaceDetector",
    "Faces",
    "available_detectors",
    "default_detector_name",
    "fetch_yunet",
    "get_detector",
    "prepare_mtcnn",
    "require_image",
]


def available_detectors() -> list[DetectorInfo]:
    """All detectors, the best first, also those that cannot be used yet (`available`, `state`)."""
    return [yunet.describe(), mtcnn.describe(), haar.describe()]


def default_detector_name() -> str:
    """The best that is ready at once: `yunet` where its file is, `mtcnn` where it is prepared, else `haar`."""
    if yunet.describe().available:
        return "yunet"
    return "mtcnn" if mtcnn.is_prepared() else "haar"


def get_detector(name: str = "auto", *, threads: int = 1) -> FaceDetector:
    """A detector by name, loaded once a process and shared by its threads.

    Args:
        name: `yunet`, `haar` or `mtcnn`; `auto` is `default_detector_name()`.
        threads: CPU threads for one call; `haar` takes as many as OpenCV is set to.

    Raises:
        DetectionError: the name is unknown, or the detector is not available; the text says what to do.
    """
    infos = {info.name: info for info in available_detectors()}
    chosen = default_detector_name() if name == "auto" else name
    if chosen not in infos:
        raise DetectionError(f"Unknown face detector {name!r}. Known: auto, {', '.join(infos)}")
    if not infos[chosen].available:
        raise DetectionError(f"The face detector {infos[chosen].title} is not available. {infos[chosen].state}")
    # Only what counts is part of the key; the path does, as the user may name another file.
    if chosen == "haar":
        return _haar()
    return _mtcnn(threads) if chosen == "mtcnn" else _yunet(yunet.yunet_path(), threads)


_haar = lru_cache(maxsize=1)(haar.HaarDetector)


@lru_cache(maxsize=2)
def _mtcnn(threads: int) -> FaceDetector:
    return mtcnn.MtcnnDetector(threads=threads)


@lru_cache(maxsize=2)
def _yunet(path: Path, threads: int) -> FaceDetector:
    return yunet.YuNetDetector(path, threads=threads)
