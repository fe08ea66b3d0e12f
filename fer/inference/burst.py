"""From camera frames to face crops that are worth keeping: `BurstCamera` records a few seconds, `find_shots` picks and judges.

The sibling of `LiveView` for collecting a dataset (`fer/data/collect.py`): it stands between whatever brings frames and whatever
shows them, and knows neither Streamlit nor WebRTC. Like there, taking a frame never raises: the video would stand still.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.boxes import Boxes, crop_faces
from fer.data.dataset import fit_image
from fer.detection import FaceDetector, Faces
from fer.errors import FerError
from fer.inference.recognizer import Recognizer
from fer.quality.images import find_unusable_images, measure_pictures

# Larger crops are shrunk to this: five times what a network sees, and a third of a megabyte at most.
LARGEST_CROP = 256
# A face in the background does not make it unclear whose expression it is.
_SMALL_BESIDE = 0.5

_TOO = {"dark": "too dark", "bright": "too bright"}  # other kinds of findings say what is wrong by their name
# Between recorded pictures a box that follows the face five times a second is enough, and leaves the processor to the page.
_LOOK_EVERY_S = 0.2
_WHITE, _BLACK, _RED = (255, 255, 255), (0, 0, 0), (220, 40, 40)


@dataclass(frozen=True, eq=False)
class Shot:
    """A face of one picture.

    Args:
        face_crop: uint8 RGB (S, S, 3), cut as FER2013 was.
        fault: what speaks against keeping it, in words; "" where nothing does.
    """

    face_crop: NDArray[np.uint8]
    fault: str = ""


@dataclass(frozen=True, eq=False)
class _Sight:
    """The largest face of a picture, and how many there are beside it that are about as large."""

    face_crop: NDArray[np.uint8]
    others: int


def find_shots(
    images: Iterable[NDArray[np.uint8]], detector: FaceDetector, recognizer: Recognizer | None = None
) -> tuple[list[Shot], int]:
    """The faces of pictures, each judged.

    Args:
        images: uint8 RGB (H, W, 3) each; none of them is kept.
        detector: finds them, and says what to cut.
        recognizer: whose model tells what is no face; None where there is no model.

    Returns:
        a shot for each picture with a face, and how many pictures have none.
    """
    sights = [_sight(image, detector.detect(image)) for image in images]
    return _judge([sight for sight in sights if sight], recognizer), sights.count(None)


def _sight(image: NDArray[np.uint8], faces: Faces) -> _Sight | None:
    if not len(faces):
        return None
    face_crop = crop_faces(image, faces.crop_xyxy[:1])[0]
    if max(face_crop.shape[:2]) > LARGEST_CROP:
        face_crop = fit_image(face_crop, LARGEST_CROP, 3)
    widths = faces.xyxy[:, 2] - faces.xyxy[:, 0]
    # A copy: the crop is else a view that keeps the whole frame in memory.
    return _Sight(face_crop.copy(), int((widths[1:] > _SMALL_BESIDE * widths[0]).sum()))


def _judge(sights: Sequence[_Sight], recognizer: Recognizer | None) -> list[Shot]:
    if not sights:
        return []
    faults: list[list[str]] = [[f"{sight.others + 1} faces in view"] if sight.others else [] for sight in sights]
    for finding in find_unusable_images(measure_pictures(sight.face_crop for sight in sights)):
        faults[finding.indices[0]].append(_TOO.get(finding.kind, finding.kind))
    if recognizer is not None and recognizer.bundle.face is not None:
        for sight, found in zip(sights, faults, strict=True):
            (prediction,) = recognizer.predict(sight.face_crop, whole_image=True)
            if not prediction.is_face:
                found.append(prediction.label)
    return [Shot(sight.face_crop, ", ".join(found)) for sight, found in zip(sights, faults, strict=True)]


@dataclass(frozen=True, slots=True)
class BurstSnapshot:
    """The state of a `BurstCamera` at one moment.

    Attributes:
        faces: in view; None before the first frame.
        recording: whether a recording is going.
        share: how much of it is done, 0…1; 1 when it has ended and waits to be taken.
        error: why the newest frame could not be used, in words.
    """

    faces: int | None
    recording: bool
    share: float
    error: str | None


class BurstCamera:
    """Marks the faces of every frame, and records on demand; every method may be called from any thread.

    Args:
        clock: seconds, monotonic; for tests.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._settings: tuple[FaceDetector | None, Recognizer | None, bool] = (None, None, False)
        self._faces: Faces | None = None
        self._looked = -np.inf
        self._error: str | None = None
        self._began: float | None = None
        self._sights: list[_Sight] = []
        self._forget()

    def configure(self, detector: FaceDetector, recognizer: Recognizer | None, *, mirror: bool) -> None:
        """Look for faces with this detector from now on; `mirror` flips what is shown, never what is recorded."""
        with self._lock:
            if detector is not self._settings[0]:
                self._faces, self._looked = None, -np.inf
            self._settings = (detector, recognizer, mirror)

    def start(self, *, pictures: int, seconds: float) -> None:
        """Record so many pictures, evenly over this time; what was recorded before and not taken is forgotten."""
        with self._lock:
            self._forget()
            self._wanted, self._seconds, self._began = pictures, seconds, self._clock()

    def pause(self) -> None:
        """Forget what the newest frame showed: there may be no next one. A recording ends by itself, as far as it has come."""
        with self._lock:
            self._faces = self._error = None

    def process(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame with its faces marked, uint8 RGB (H, W, 3), of the same size; never raises."""
        with self._lock:
            detector, _, mirror = self._settings
            faces, error = self._faces, self._error
            looks = detector is not None and (self._is_due() or self._clock() >= self._looked + _LOOK_EVERY_S)
        if looks and detector is not None:
            faces, error = self._look(image, detector)
        with self._lock:
            recording = self._is_recording()
        shown = _marked(image, faces.xyxy, recording) if faces and not error else image
        return np.ascontiguousarray(shown[:, ::-1]) if mirror else shown

    def _look(self, image: NDArray[np.uint8], detector: FaceDetector) -> tuple[Faces | None, str | None]:
        """Find the faces of a frame, and record it where that is due; what went wrong is the second answer."""
        faces: Faces | None = None
        error: str | None = None
        try:
            # Outside the lock: a page that polls never waits for a detector.
            faces = detector.detect(image)
            self._record(_sight(image, faces))
        except FerError as failure:
            error = str(failure)
        except Exception as failure:
            error = f"This frame could not be read: {type(failure).__name__}: {failure}"
        with self._lock:
            self._faces, self._error, self._looked = faces, error, self._clock()
        return faces, error

    def report(self, error: str) -> None:
        """Show a failure that happened around `process`."""
        with self._lock:
            self._error = error

    def snapshot(self) -> BurstSnapshot:
        """How it stands now."""
        with self._lock:
            faces = None if self._faces is None else len(self._faces)
            return BurstSnapshot(faces, self._is_recording(), self._share(), self._error)

    def take(self) -> tuple[list[Shot], int] | None:
        """What the recording that has ended holds, as `find_shots` gives it, once; None while there is none."""
        with self._lock:
            if self._began is None or self._is_recording():
                return None
            sights, faceless = self._sights, self._faceless
            _, recognizer, _ = self._settings
            self._forget()
        return _judge(sights, recognizer), faceless

    def _forget(self) -> None:
        self._sights, self._faceless = [], 0
        self._wanted, self._seconds, self._began = 0, 0.0, None

    def _record(self, sight: _Sight | None) -> None:
        """Keep what is seen, if a picture is due."""
        with self._lock:
            if not self._is_due():
                return
            if sight is None:
                self._faceless += 1
            else:
                self._sights.append(sight)

    def _is_due(self) -> bool:
        if self._began is None or not self._is_recording():
            return False
        return self._clock() >= self._began + self._seconds * (len(self._sights) + self._faceless) / self._wanted

    def _is_recording(self) -> bool:
        if self._began is None or len(self._sights) + self._faceless >= self._wanted:
            return False
        # A camera that gives no frames any more does not keep the page waiting.
        return self._clock() < self._began + 2 * self._seconds

    def _share(self) -> float:
        if self._began is None:
            return 0.0
        return 1.0 if not self._is_recording() else (len(self._sights) + self._faceless) / self._wanted


def _marked(image: NDArray[np.uint8], xyxy: Boxes, recording: bool) -> NDArray[np.uint8]:
    """A copy of the picture with a box around each face: white, or red while they are recorded."""
    canvas = image.copy()
    line = max(1, round(min(image.shape[:2]) / 200))
    for left, top, right, bottom in xyxy.round().astype(int).tolist():
        cv2.rectangle(canvas, (left, top), (right, bottom), _BLACK, line + 2)
        cv2.rectangle(canvas, (left, top), (right, bottom), _RED if recording else _WHITE, line)
    return canvas
