"""`FaceFollower`: the frames of one camera in, and of everybody in view a steady answer out.

    frame ─ detector, or the movement of the picture ─→ faces ─ tracker ─→ people ─ network, smoother ─→ what is shown of each

It knows no clock and no camera: who calls it says when each frame was. `LiveView` draws what comes out.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.boxes import iou_matrix
from fer.detection import MIN_FACE_SIZE, Faces
from fer.errors import DetectionError
from fer.inference.flow import FaceFlow
from fer.inference.pace import Pace
from fer.inference.recognizer import FacePrediction, Recognizer
from fer.inference.shown_face import NOT_A_FACE_ID, ShownFace
from fer.inference.smoother import Smoother, SteadyLabel
from fer.inference.tracker import MEMORY_S, FaceTracker

SMOOTHING_S = 0.4
# A face that the detector misses, but that the picture's movement follows, is still there for so long.
_HELD_S = 0.5
# A face that is followed to where one is detected with this overlap (IoU) is that one.
_SAME_FACE = 0.2


@dataclass(slots=True)
class _Person:
    """What is remembered of somebody."""

    smoother: Smoother
    steady: SteadyLabel = field(default_factory=SteadyLabel)
    probabilities: tuple[float, ...] = ()
    label_id: int = NOT_A_FACE_ID
    seen_s: float = 0.0
    detected_s: float = 0.0


class FaceFollower:
    """Answers frame after frame; for one camera, and one thread.

    Args:
        recognizer: finds and reads faces.
        head: which of the bundle's heads answers; None for its default.
        smoothing_s: time constant of the smoothing, in seconds; 0 smoothes nothing.
        min_size: leave out faces narrower than this many pixels.
        pace: how much is done for a frame; None for one that keeps up with 30 frames a second.

    Raises:
        DetectionError: the recognizer has no detector.
        SettingsError: the smoothing is negative.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        head: str | None = None,
        smoothing_s: float = SMOOTHING_S,
        min_size: int = MIN_FACE_SIZE,
        pace: Pace | None = None,
    ) -> None:
        if recognizer.detector is None:
            raise DetectionError("Faces of a camera have to be found first. Make the recognizer with detector='auto'.")
        self._recognizer, self._detector = recognizer, recognizer.detector
        self._head, self._smoothing_s, self._min_size = head, smoothing_s, min_size
        self.pace = pace or Pace()
        Smoother(smoothing_s)  # refused here, and not at the first face
        self._tracker, self._flow = FaceTracker(), FaceFlow()
        self._faces = Faces.collect([], [], [])
        self._persons: dict[int, _Person] = {}
        self._frames_since = math.inf  # the last detection

    def update(self, time_s: float, image: NDArray[np.uint8]) -> tuple[ShownFace, ...]:
        """Take the next frame.

        Args:
            time_s: of the frame, in seconds from any beginning; later than the frame before.
            image: uint8 RGB (H, W, 3).

        Returns:
            Everybody in view, the largest face first, and what the model takes for no face.

        Raises:
            ImageError: the image has another shape or dtype.
            BundleError: there is no such head.
            SettingsError: the time is not later than the one before.
        """
        started = time.perf_counter()
        faces, detected = self._find(image)
        numbers = self._tracker.update(time_s, faces.xyxy).tolist()
        faces, numbers = self._without_the_lost(faces, numbers, detected, time_s)
        self._faces = faces
        read = self._recognizer.read(image, faces, head=self._head, upright=True)
        shown = tuple(self._steady(time_s, number, face) for number, face in zip(numbers, read, strict=True))
        self._persons = {n: person for n, person in self._persons.items() if time_s - person.seen_s <= MEMORY_S}
        self.pace.took(time_s, time.perf_counter() - started)
        return shown

    def _find(self, image: NDArray[np.uint8]) -> tuple[Faces, NDArray[np.bool_]]:
        """Faces of this frame, and which of them the detector has found in it."""
        moved, found = self._flow.follow(image, self._faces)
        moved = _only(moved, found)
        self._frames_since += 1
        # A face that has been lost is looked for at once; an empty picture at the pace, as it may stay empty.
        if found.all() and self._frames_since < self.pace.step.every:
            return moved, np.zeros(len(moved), bool)
        self._frames_since = 0
        faces = self._detect(image)
        return _joined(faces, moved)

    def _detect(self, image: NDArray[np.uint8]) -> Faces:
        side, longest = self.pace.step.longest_side, max(image.shape[:2])
        if side is None or side >= longest:
            return self._detector.detect(image, min_size=self._min_size)
        scale = side / longest
        size_wh = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        small = np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        faces = self._detector.detect(small, min_size=max(1, round(self._min_size * scale)))
        points = None if faces.landmarks is None else faces.landmarks / np.float32(scale)
        return Faces(faces.xyxy / np.float32(scale), faces.crop_xyxy / np.float32(scale), faces.detection_score, points)

    def _without_the_lost(
        self, faces: Faces, numbers: list[int], detected: NDArray[np.bool_], time_s: float
    ) -> tuple[Faces, list[int]]:
        """Leave out who has only been followed for too long, and remember when everybody was last detected."""
        looked = self._frames_since == 0
        kept = np.ones(len(faces), bool)
        for i, number in enumerate(numbers):
            person = self._persons.setdefault(number, _Person(Smoother(self._smoothing_s), detected_s=time_s))
            if detected[i] or not looked:
                person.detected_s = time_s if detected[i] else person.detected_s
            elif time_s - person.detected_s > _HELD_S:
                kept[i] = False
        return _only(faces, kept), [number for number, keep in zip(numbers, kept, strict=True) if keep]

    def _steady(self, time_s: float, number: int, face: FacePrediction) -> ShownFace:
        person = self._persons[number]
        person.seen_s = time_s
        if face.is_face:
            person.probabilities = tuple(person.smoother.update(time_s, face.probabilities).tolist())
            person.label_id = person.steady.update(person.probabilities)
        values = {part.name: getattr(face, part.name) for part in fields(FacePrediction)}
        # What is no face says nothing of the expression.
        values["probabilities"] = person.probabilities or face.probabilities
        label_id = person.label_id if face.is_face else NOT_A_FACE_ID
        return ShownFace(**values, number=number, label_id=label_id, raw=face.probabilities)


def _joined(faces: Faces, moved: Faces) -> tuple[Faces, NDArray[np.bool_]]:
    """Detected faces, and those followed to where none was detected; and which of them are detected, bool (F,)."""
    alone = iou_matrix(moved.xyxy, faces.xyxy).max(axis=1, initial=0) < _SAME_FACE
    if not alone.any():
        return faces, np.ones(len(faces), bool)
    held = _only(moved, alone)
    if not len(faces):
        return held, np.zeros(len(held), bool)
    points = None
    if faces.landmarks is not None and held.landmarks is not None:
        points = np.concatenate([faces.landmarks, held.landmarks])
    both = Faces(
        np.concatenate([faces.xyxy, held.xyxy]),
        np.concatenate([faces.crop_xyxy, held.crop_xyxy]),
        np.concatenate([faces.detection_score, held.detection_score]),
        points,
    )
    return both, np.arange(len(both)) < len(faces)


def _only(faces: Faces, kept: NDArray[np.bool_]) -> Faces:
    points = None if faces.landmarks is None else faces.landmarks[kept]
    return Faces(faces.xyxy[kept], faces.crop_xyxy[kept], faces.detection_score[kept], points)
