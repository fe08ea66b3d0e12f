"""MTCNN, the default where YuNet's file is not: three small networks, each sorting out what the one before proposed.

The weights are those of the `mtcnn` wheel, which needs TensorFlow itself (seconds to import, a gigabyte): so a worker process
converts them once (`fer.detection.mtcnn_convert`), LiteRT runs them, and the cascade here is our own, several times as quick.
Zhang et al.: "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016, https://arxiv.org/abs/1604.02878
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import cache
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.boxes import Boxes, iou_matrix, square_xyxy
from fer.detection.faces import MIN_FACE_SIZE, DetectorInfo, Faces, to_working_size
from fer.errors import DetectionError
from fer.litert import LiteRtNetwork
from fer.workspace import REPOSITORY, cache_dir

_LONGEST_SIDE = 480
# Of the working picture. A larger start of the pyramid silently loses faces.
_SMALLEST_FACE = 20
_PYRAMID_STEP = 0.709  # 1/√2: areas halve
_CELL, _STRIDE = 12, 2  # P-Net judges squares of 12 pixels, every second pixel
# Score wanted after P-, R- and O-Net, and the overlap from which a better box replaces another.
_MIN_SCORES = (0.6, 0.7, 0.8)
_NMS_ONE_SCALE, _NMS = 0.5, 0.7
_CROP_SCALE = 1.28

_NETWORKS = ("pnet", "rnet", "onet")
_FORMAT = 1  # of the converted files: another number converts again
_CONVERSION_SECONDS = 300

_Scores = NDArray[np.float32]


class MtcnnDetector:
    """MTCNN on LiteRT.

    Args:
        threads: CPU threads.

    Raises:
        DetectionError: the networks cannot be converted or read.
    """

    name = "mtcnn"

    def __init__(self, *, threads: int = 1) -> None:
        folder = prepare_mtcnn()
        try:
            # P-Net meets one input shape a scale of the pyramid; R- and O-Net a few batch sizes.
            self._pnet, self._rnet, self._onet = (
                LiteRtNetwork((folder / f"{name}.tflite").read_bytes(), threads=threads, keep=20) for name in _NETWORKS
            )
        except (OSError, ValueError) as error:
            words = f"The converted MTCNN networks in {folder} cannot be read ({error}). Delete that folder and try again."
            raise DetectionError(words) from error

    def detect(self, image: NDArray[np.uint8], *, min_size: int = MIN_FACE_SIZE) -> Faces:
        """Find the faces of a picture; see `FaceDetector.detect`."""
        working, scale = to_working_size(image, _LONGEST_SIDE)
        boxes = self._propose(working, max(_SMALLEST_FACE, min_size * scale))
        boxes = self._refine(working, boxes)
        boxes, scores, landmarks = self._decide(working, boxes)
        boxes, landmarks = boxes / scale, landmarks / scale
        return Faces.collect(boxes, square_xyxy(boxes, _CROP_SCALE), scores, landmarks, min_size=min_size)

    def _propose(self, image: NDArray[np.uint8], smallest_face: float) -> Boxes:
        """P-Net over a pyramid of the picture: squares (F, 4) that may hold a face."""
        found: list[tuple[Boxes, _Scores]] = []
        shrink = _CELL / smallest_face
        while min(image.shape[:2]) * shrink >= _CELL:
            size_wh = (int(image.shape[1] * shrink), int(image.shape[0] * shrink))
            level = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
            outputs = _by_width(self._pnet.run(_normalise(np.asarray(level, np.uint8)[None])))
            scores = outputs[2][0, :, :, 1]
            rows, columns = np.nonzero(scores > _MIN_SCORES[0])
            corners = np.stack([columns, rows], axis=1) * _STRIDE
            # The weights were trained with boxes that count pixels from 1 and include the last one.
            cells = np.concatenate([corners + 1, corners + _CELL], axis=1).astype(np.float32)
            boxes = _moved(cells, outputs[4][0, rows, columns]) / np.float32(shrink)
            found.append(_best(boxes, scores[rows, columns], _NMS_ONE_SCALE))
            shrink *= _PYRAMID_STEP
        if not found:
            return np.empty((0, 4), np.float32)
        boxes, _ = _best(np.concatenate([b for b, _ in found]), np.concatenate([s for _, s in found]), _NMS)
        return _to_squares(boxes)

    def _refine(self, image: NDArray[np.uint8], boxes: Boxes) -> Boxes:
        """R-Net: fewer and better squares."""
        outputs = _by_width(self._rnet.run_batch(_patches(image, boxes, 24)))
        scores = outputs[2][:, 1]
        kept = scores > _MIN_SCORES[1]
        boxes, _ = _best(_moved(boxes, outputs[4])[kept], scores[kept], _NMS)
        return _to_squares(boxes)

    def _decide(self, image: NDArray[np.uint8], boxes: Boxes) -> tuple[Boxes, _Scores, NDArray[np.float32]]:
        """O-Net: the faces, their scores, and five points each, (F, 5, 2)."""
        outputs = _by_width(self._onet.run_batch(_patches(image, boxes, 48)))
        scores = outputs[2][:, 1]
        sides = (boxes[:, 2:] - boxes[:, :2])[:, None]
        points = boxes[:, None, :2] + outputs[10].reshape(-1, 2, 5).transpose(0, 2, 1) * sides
        kept = scores > _MIN_SCORES[2]
        boxes, scores, points = _moved(boxes, outputs[4])[kept], scores[kept], points[kept]
        order = _survivors(boxes, scores, _NMS, over_smaller=True)
        return boxes[order], scores[order], points[order]


def _normalise(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (pixels.astype(np.float32) - np.float32(127.5)) / np.float32(128)


def _by_width(outputs: dict[str, NDArray[np.float32]]) -> dict[int, NDArray[np.float32]]:
    """Outputs by their number of values, which tells them apart: 2 scores, 4 box offsets, 10 landmarks."""
    return {output.shape[-1]: output for output in outputs.values()}


def _patches(image: NDArray[np.uint8], boxes: Boxes, side: int) -> NDArray[np.float32]:
    """Squares of the picture, each resampled to side × side; grey outside the picture. float32 (F, side, side, 3) in [-1, 1]."""
    patches = np.empty((len(boxes), side, side, 3), np.uint8)
    for patch, (left, top, right, bottom) in zip(patches, boxes.tolist(), strict=True):
        # Point samples from corner to corner, as the weights were trained with (no averaging of areas).
        step_x, step_y = (right - left) / (side - 1), (bottom - top) / (side - 1)
        to_image = np.array([[step_x, 0, left], [0, step_y, top]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        patch[:] = cv2.warpAffine(image, to_image, (side, side), None, flags, cv2.BORDER_CONSTANT, (128, 128, 128))
    return _normalise(patches)


def _moved(boxes: Boxes, offsets: NDArray[np.float32]) -> Boxes:
    """Boxes moved by offsets that are fractions of their sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return (boxes + offsets * np.tile(sides, (1, 2))).astype(np.float32, copy=False)


def _to_squares(boxes: Boxes) -> Boxes:
    """Squares about the centres of boxes, as wide as their longer sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return square_xyxy(boxes, sides.max(axis=1) / np.maximum(sides[:, 0], 1e-6)) if len(boxes) else boxes


def _survivors(boxes: Boxes, scores: _Scores, overlap: float, *, over_smaller: bool = False) -> NDArray[np.intp]:
    """Indices, the best first, of the boxes that no better one overlaps by more than `overlap`."""
    order = np.argsort(-scores, kind="stable")
    overlaps = np.triu(iou_matrix(boxes[order], boxes[order], over_smaller=over_smaller), k=1)
    return order[~(overlaps > overlap).any(axis=0)]


def _best(boxes: Boxes, scores: _Scores, overlap: float) -> tuple[Boxes, _Scores]:
    order = _survivors(boxes, scores, overlap)
    return boxes[order], scores[order]


@cache
def _wheel_version() -> str | None:
    """Version of the `mtcnn` wheel; None where it, or the TensorFlow that converts it, is not installed. Imports neither."""
    if not all(importlib.util.find_spec(package) for package in ("mtcnn", "tensorflow")):
        return None
    return metadata.version("mtcnn")


def _cached_folder(version: str) -> Path:
    return cache_dir() / "detectors" / f"mtcnn-{version}-{_FORMAT}"


def is_prepared() -> bool:
    """Whether the networks are converted, so that the detector is there at once."""
    version = _wheel_version()
    return version is not None and _cached_folder(version).is_dir()


def prepare_mtcnn() -> Path:
    """The folder of the three LiteRT files; makes it in a worker process (some ten seconds) where it is not there.

    Raises:
        DetectionError: the wheel is not installed, or the worker failed; nothing is left behind then.
    """
    version = _wheel_version()
    if version is None:
        raise DetectionError(_NOT_INSTALLED)
    target = _cached_folder(version)
    with _CONVERTING:
        if not target.is_dir():
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(dir=target.parent, prefix=".mtcnn-") as beside:
                    _convert_into(Path(beside) / "networks", target)
            except OSError as error:
                words = f"The MTCNN networks cannot be written to {target.parent}: {error.strerror or error}."
                raise DetectionError(words) from error
    return target


def _convert_into(made: Path, target: Path) -> None:
    made.mkdir()
    command = [sys.executable, "-m", "fer.detection.mtcnn_convert", str(made)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_CONVERSION_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        words = f"Converting the MTCNN networks took longer than {_CONVERSION_SECONDS} s. Try again, or use 'haar'."
        raise DetectionError(words) from error
    if done.returncode != 0 or not all((made / f"{name}.tflite").is_file() for name in _NETWORKS):
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise DetectionError(f"The MTCNN networks could not be converted: {reason}. Use the detector 'yunet' or 'haar'.")
    try:
        made.replace(target)
    except OSError:
        # Another process was quicker; its files are the same.
        if not target.is_dir():
            raise
        shutil.rmtree(made)


def describe() -> DetectorInfo:
    """MTCNN for a list of detectors."""
    version = _wheel_version()
    if version is None:
        state = _NOT_INSTALLED
    else:
        state = "Ready." if is_prepared() else f"Takes some ten seconds of preparation, once: at its first use, or by {_PREPARE}."
    return DetectorInfo(
        name=MtcnnDetector.name,
        title="MTCNN",
        available=version is not None,
        state=state,
        licence="MIT",
        note="Nearly as good as YuNet, at a third of its speed. Needs no download beyond its Python package.",
        ready=is_prepared(),
    )


_PREPARE = "`python -m fer detectors --fetch mtcnn`"
_NOT_INSTALLED = "It needs the Python packages mtcnn and tensorflow: `pip install mtcnn tensorflow`."
_CONVERTING = threading.Lock()
