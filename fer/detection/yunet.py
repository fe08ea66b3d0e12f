"""YuNet, the default face detector: quick, finds turned and covered faces, and needs one file of 317 KB.

The file is never part of the repository: `fetch_yunet` gets it once from its authors, or `FER_YUNET` names a copy.
Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023, https://doi.org/10.1007/s11633-023-1423-y
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.boxes import square_xyxy
from fer.detection.faces import MIN_FACE_SIZE, DetectorInfo, Faces, to_working_size
from fer.errors import DetectionError, FetchError
from fer.fetch import fetch
from fer.onnx_network import OnnxNetwork
from fer.workspace import cache_dir

FILE_NAME = "yunet_n_640_640.onnx"
URL = f"https://github.com/ShiqiYu/libfacedetection.train/raw/master/onnx/{FILE_NAME}"
SHA256 = "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31"
_SIZE_BYTES = 317_466

# At the native resolution of a noisy picture YuNet collapses; at 480 px it finds faces from 10 px on.
_LONGEST_SIDE = 480
_MIN_SCORE = 0.7
_NMS_IOU = 0.3
_STRIDES = (8, 16, 32)
_OUTPUTS = ("cls", "obj", "bbox", "kps")
# FER2013's crops are wider than YuNet's boxes, which hug the face.
_CROP_SCALE = 1.26


class YuNetDetector:
    """YuNet on ONNX Runtime, which runs it in a third of the time that OpenCV's own runtime takes, and from many threads at once.

    Args:
        path: the ONNX file.
        threads: CPU threads.

    Raises:
        DetectionError: the file cannot be read, or is another network.
    """

    name = "yunet"

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        try:
            self._network = OnnxNetwork(_with_free_size(path.read_bytes()), threads=threads)
            missing = {f"{kind}_{stride}" for kind in _OUTPUTS for stride in _STRIDES} - set(self._network.output_widths)
            if missing:
                raise ValueError(f"outputs are missing: {', '.join(sorted(missing))}")
        except (OSError, ValueError) as error:
            raise DetectionError(f"{path} cannot be read as the YuNet face detector ({FILE_NAME}). {_HOW_TO_GET}") from error

    def detect(self, image: NDArray[np.uint8], *, min_size: int = MIN_FACE_SIZE) -> Faces:
        """Find the faces of a picture; see `FaceDetector.detect`."""
        working, scale = to_working_size(image, _LONGEST_SIDE)
        height, width = working.shape[:2]
        padded = cv2.copyMakeBorder(working, 0, -height % _STRIDES[-1], 0, -width % _STRIDES[-1], cv2.BORDER_CONSTANT)
        # Trained on OpenCV's BGR, 0…255.
        answers = self._network.run(np.asarray(cv2.dnn.blobFromImage(padded, swapRB=True), np.float32))
        xywh, points, scores = (np.concatenate(parts) for parts in zip(*_cells_with_faces(answers, padded.shape), strict=True))
        kept = np.asarray(cv2.dnn.NMSBoxes(xywh.tolist(), scores.tolist(), _MIN_SCORE, _NMS_IOU), np.intp).reshape(-1)
        xywh, points = xywh[kept] / scale, points[kept] / scale
        xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        return Faces.collect(xyxy, square_xyxy(xyxy, _CROP_SCALE), scores[kept], points, min_size=min_size)


def _with_free_size(content: bytes) -> bytes:
    """The network for pictures of any size: its file says 640×640, though nothing in it depends on that.

    Raises:
        ValueError: the bytes are no ONNX network.
    """
    import onnx  # here: it takes a tenth of a second

    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf's, whose place differs between its versions
        raise ValueError(f"no ONNX network ({error})") from error
    sides = [given.type.tensor_type.shape.dim[2:] for given in model.graph.input]
    counts = [output.type.tensor_type.shape.dim[1:2] for output in model.graph.output]
    for number, dimension in enumerate(chain.from_iterable(sides + counts)):
        dimension.dim_param = f"free_{number}"
    del model.graph.value_info[:]  # the sizes in between, which followed from it
    return bytes(model.SerializeToString())


def _cells_with_faces(
    answers: dict[str, NDArray[np.float32]], shape: tuple[int, ...]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]]:
    """Boxes x, y, w, h (F, 4), landmarks (F, 10) and scores (F,) in the cells that see a face, for each stride.

    A cell answers in units of its stride, from its own corner; width and height as logarithms.
    """
    for stride in _STRIDES:
        is_face, is_object, box, points = (answers[f"{kind}_{stride}"][0] for kind in _OUTPUTS)
        scores = np.sqrt(np.clip(is_face[:, 0], 0, 1) * np.clip(is_object[:, 0], 0, 1))
        (cells,) = np.nonzero(scores >= _MIN_SCORE)
        rows, columns = np.divmod(cells, shape[1] // stride)
        corners = np.stack([columns, rows], axis=1).astype(np.float32)
        centres, sides = corners + box[cells, :2], np.exp(box[cells, 2:])
        landmarks = points[cells] + np.tile(corners, 5)
        yield np.concatenate([centres - sides / 2, sides], axis=1) * stride, landmarks * stride, scores[cells]


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
