"""`Recognizer`: a picture in, an answer for each face out. Pages, command line and HTTP API all predict through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer.boxes import clip_xyxy, crop_faces
from fer.bundles import Bundle, default_model, load_bundle
from fer.detection import MIN_FACE_SIZE, FaceDetector, Faces, get_detector, require_image
from fer.errors import DetectionError, SettingsError
from fer.inference.classifier import Classifier
from fer.inference.heatmap import Heatmap
from fer.labels import LabelSet

NOT_A_FACE = "not a face"
CAM = "cam"  # the method of the heat maps that come with predictions; the others are in `fer.explain`
# Below this confidence the answer of a model that no threshold was chosen for is a guess.
UNSURE_BELOW = 0.4


@dataclass(frozen=True, slots=True)
class FacePrediction:
    """The apparent expression of one face; or, where the model refuses what the detector took for one, "not a face".

    Args:
        xyxy: left, top, right, bottom of the face in pixels, inside the picture.
        detection_score: how sure the detector is that this is a face, in [0, 1]; None where the whole picture was taken as one.
        label_set: the classes.
        probabilities: one a class, in the order of `label_set`; they sum to 1 (of what is not a face, too).
        face_probability: how sure the model is that this is a face, in [0, 1]; None where it was not trained to tell.
        face_threshold: below this probability it is not a face.
        unsure_below: of less confidence, the label is a guess.
        crop_xyxy: the part of the picture that the network saw, which may reach beyond its edges; None where that is not known.
        roll_degrees: by how much it was turned back first, as of `crop_faces`.
        heatmap: where in that part its label was seen; None where it was not asked for, and of what is not a face.
    """

    xyxy: tuple[float, float, float, float]
    detection_score: float | None
    label_set: LabelSet
    probabilities: tuple[float, ...]
    face_probability: float | None = None
    face_threshold: float = 0.0
    unsure_below: float = UNSURE_BELOW
    crop_xyxy: tuple[float, float, float, float] | None = field(default=None, compare=False)
    roll_degrees: float = field(default=0.0, compare=False)
    heatmap: Heatmap | None = field(default=None, compare=False, repr=False)

    @property
    def is_face(self) -> bool:
        """Whether an expression is read from it; always, where the model cannot tell."""
        return self.face_probability is None or self.face_probability >= self.face_threshold

    @property
    def ranked(self) -> tuple[tuple[str, float], ...]:
        """Labels with their probabilities, the most probable first."""
        pairs = zip(self.label_set, self.probabilities, strict=True)
        return tuple(sorted(pairs, key=lambda pair: -pair[1]))

    @property
    def label(self) -> str:
        """The most probable class; `not a face` where it is none."""
        return self.ranked[0][0] if self.is_face else NOT_A_FACE

    @property
    def confidence(self) -> float:
        """The probability of the label."""
        if self.face_probability is not None and not self.is_face:
            return 1 - self.face_probability
        return self.ranked[0][1]

    @property
    def is_unsure(self) -> bool:
        """Whether this is a face whose label is a guess."""
        return self.is_face and self.confidence < self.unsure_below

    def as_dict(self) -> dict[str, Any]:
        """The prediction as JSON-ready values."""
        return {
            "xyxy": [round(side, 1) for side in self.xyxy],
            "detection_score": None if self.detection_score is None else round(self.detection_score, 4),
            "label": self.label,
            "confidence": self.confidence,
            "is_unsure": self.is_unsure,
            "is_face": self.is_face,
            "face_probability": self.face_probability,
            "probabilities": dict(zip(self.label_set, self.probabilities, strict=True)),
        }


class _Cut(NamedTuple):
    """Where a face crop was cut, and of what; the same as in `FacePrediction`."""

    xyxy: tuple[float, float, float, float]
    detection_score: float | None
    crop_xyxy: tuple[float, float, float, float]
    roll_degrees: float = 0.0


class Recognizer:
    """A face detector and a classifier, put together. May be used from any thread.

    Args:
        model: a bundle, or the name or folder of one; None for the one that ships.
        detector: a detector or its name (`auto`, `yunet`, `haar`, `mtcnn`); None where only whole pictures will be predicted.
        threads: CPU threads for the classifier, and for a detector given by name.
        unsure_below: confidence below which an answer is unsure, 0…1; None for the threshold that the model carries, or
            `UNSURE_BELOW` where it carries none.

    Raises:
        BundleError: the model is missing or damaged.
        DetectionError: the detector is unknown or not available.
        SettingsError: the confidence lies outside its range.
    """

    def __init__(
        self,
        model: str | Bundle | None = None,
        detector: str | FaceDetector | None = "auto",
        *,
        threads: int = 1,
        unsure_below: float | None = None,
    ) -> None:
        if unsure_below is not None and not 0 <= unsure_below <= 1:
            raise SettingsError(f"A confidence lies between 0 and 1, such as 0.5. Received: {unsure_below}")
        self._unsure_below = unsure_below
        self.bundle = model if isinstance(model, Bundle) else load_bundle(model or default_model())
        self.detector = get_detector(detector, threads=threads) if isinstance(detector, str) else detector
        self.classifier = Classifier(self.bundle, threads=threads)

    def predict(
        self,
        image: NDArray[np.uint8],
        *,
        whole_image: bool = False,
        head: str | None = None,
        min_size: int = MIN_FACE_SIZE,
        explain: bool = False,
    ) -> tuple[FacePrediction, ...]:
        """Find the faces of a picture and read the expression of each.

        Args:
            image: uint8 RGB (H, W, 3).
            whole_image: take the picture itself for one face crop, without looking for faces (as FER2013's images are).
            head: name of the model's head that answers; None for its default.
            min_size: leave out faces narrower than this many pixels.
            explain: say of each face, too, where in it its label was seen (`FacePrediction.heatmap`), from the same pass of the
                network. `fer.explain` does it for other classes, and in other ways.

        Returns:
            One prediction a face, the largest face first; those that the model refuses are among them (`is_face`). Empty: no face
            was found, and nothing is guessed.

        Raises:
            ImageError: the image has another shape or dtype.
            BundleError: there is no such head, or the model cannot explain (`Classifier.has_maps`).
            DetectionError: this recognizer has no detector, and `whole_image` is off.
        """
        require_image(image)
        resolution_wh = (image.shape[1], image.shape[0])
        if whole_image:
            box = (0.0, 0.0, float(resolution_wh[0]), float(resolution_wh[1]))
            return self._read([image], [_Cut(box, None, box)], head, explain)
        if self.detector is None:
            raise DetectionError("This recognizer has no face detector. Pass whole_image=True, or make it with detector='auto'.")
        return self.read(image, self.detector.detect(image, min_size=min_size), head=head, explain=explain)

    def read(
        self,
        image: NDArray[np.uint8],
        faces: Faces,
        *,
        head: str | None = None,
        explain: bool = False,
        upright: bool = False,
    ) -> tuple[FacePrediction, ...]:
        """Read the expression of faces that were found already.

        Args:
            image: uint8 RGB (H, W, 3).
            faces: where they are in it.
            head, explain: as of `predict`.
            upright: turn faces whose eyes are found so that the eyes are level.

        Returns:
            One prediction a face, in the order of `faces`.

        Raises:
            ImageError: a face lies outside the picture.
            BundleError: there is no such head, or the model cannot explain.
        """
        boxes = [tuple(box) for box in clip_xyxy(faces.xyxy, (image.shape[1], image.shape[0])).tolist()]
        turned = faces.roll_degrees if upright else None
        rolls = [0.0] * len(faces) if turned is None else turned.tolist()
        crops = [tuple(box) for box in faces.crop_xyxy.tolist()]
        cuts = [_Cut(*cut) for cut in zip(boxes, faces.detection_score.tolist(), crops, rolls, strict=True)]
        return self._read(crop_faces(image, faces.crop_xyxy, rolls), cuts, head, explain)

    def unsure_below(self, head: str | None = None) -> float:
        """Below this confidence an answer of that head is a guess, 0…1.

        Raises:
            BundleError: there is no such head.
        """
        own = self.bundle.head(head).abstain_threshold
        if self._unsure_below is not None:
            return self._unsure_below
        return UNSURE_BELOW if own is None else own

    def _read(
        self, face_crops: Sequence[NDArray[np.uint8]], cuts: Sequence[_Cut], head: str | None, explain: bool
    ) -> tuple[FacePrediction, ...]:
        """A prediction a face crop."""
        if explain:
            y_prob, face_prob, maps = self.classifier.explain_faces(face_crops, head)
        else:
            y_prob, face_prob = self.classifier.predict_faces(face_crops, head)
        face_probabilities = [None] * len(cuts) if face_prob is None else face_prob.tolist()
        answering, unsure_below = self.bundle.head(head), self.unsure_below(head)
        threshold = self.bundle.face.threshold if self.bundle.face else 0.0
        faces = [
            FacePrediction(
                cut.xyxy,
                cut.detection_score,
                answering.label_set,
                tuple(row),
                face_probability,
                threshold,
                unsure_below,
                cut.crop_xyxy,
                cut.roll_degrees,
            )
            for cut, row, face_probability in zip(cuts, y_prob.tolist(), face_probabilities, strict=True)
        ]
        if explain:
            faces = [self._explained(face, evidence) for face, evidence in zip(faces, maps, strict=True)]
        return tuple(faces)

    def _explained(self, face: FacePrediction, evidence: NDArray[np.float32]) -> FacePrediction:
        """The prediction with the map of its label, of evidence (h, w, K)."""
        if not face.is_face:
            return face
        of_label = evidence[..., face.label_set.label_id(face.label)]
        return replace(face, heatmap=Heatmap.of_evidence(of_label, self.bundle.preprocessing.size, face.label, CAM))
