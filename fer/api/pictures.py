"""`PictureReader`: an uploaded picture in, what is known of its faces out, as JSON-ready values."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

from fer.api.metrics import ApiMetrics
from fer.api.options import PredictOptions
from fer.api.problems import Problem
from fer.api.uploads import UploadedFile
from fer.errors import ImageError
from fer.images import read_image
from fer.inference.recognizer import NOT_A_FACE, FacePrediction, Recognizer

NO_FACE = "no face"


@dataclass(frozen=True)
class PictureAnswer:
    """What is known of one picture.

    Args:
        name: as the client calls it.
        resolution_wh: of the upright picture, in pixels.
        predictions: the largest face first; empty where none was found.
    """

    name: str
    resolution_wh: tuple[int, int]
    predictions: tuple[FacePrediction, ...]

    @property
    def answer(self) -> str:
        """`face`; `no face` where none was found; `not a face` where the model refuses all that was."""
        if any(prediction.is_face for prediction in self.predictions):
            return "face"
        return NOT_A_FACE if self.predictions else NO_FACE

    def as_dict(self) -> dict[str, Any]:
        """The answer of `POST /api/predict` for one picture."""
        width, height = self.resolution_wh
        faces = [prediction.as_dict() for prediction in self.predictions]
        return {"name": self.name, "width": width, "height": height, "answer": self.answer, "faces": faces}

    def as_emotion(self) -> dict[str, Any]:
        """The answer of `POST /predict`: the emotion of the largest face; null where there is none, and nothing is guessed."""
        largest = next((prediction for prediction in self.predictions if prediction.is_face), None)
        faces = sum(prediction.is_face for prediction in self.predictions)
        if largest is None:
            return {"emotion": None, "answer": self.answer, "faces": faces}
        return {"emotion": largest.label, "answer": self.answer, "faces": faces, **largest.as_dict()}


@dataclass(frozen=True)
class PictureReader:
    """Reads pictures with one set of options. May be used from any thread.

    Args:
        recognizer: of the model and the detector that were asked for.
        options: how to read.
        max_pixels: of a picture; one with more is refused before it is decoded.
        metrics: where it is counted.
    """

    recognizer: Recognizer
    options: PredictOptions
    max_pixels: int
    metrics: ApiMetrics

    def read(self, upload: UploadedFile) -> PictureAnswer | Problem:
        """What is known of a picture, or why it cannot be read: one bad picture must not cost the answers of the others.

        Raises:
            FerError: the model has no such head, or cannot read it.
        """
        started = perf_counter()
        head = self.options.head_of(self.recognizer.bundle)  # first: that is the request's fault, whatever the picture
        try:
            image = read_image(upload.file.read(), max_pixels=self.max_pixels)
        except ImageError as error:
            self.metrics.picture(None)
            return Problem("bad-image", str(error))
        options = self.options
        predictions = self.recognizer.predict(image, whole_image=options.whole_image, head=head, min_size=options.min_size)
        self.metrics.picture_seconds.observe(perf_counter() - started)
        self.metrics.picture(predictions)
        return PictureAnswer(upload.name, (image.shape[1], image.shape[0]), predictions)

    def about(self) -> dict[str, Any]:
        """Who answers."""
        bundle = self.recognizer.bundle
        head = bundle.head(self.options.head_of(bundle))
        detector = self.recognizer.detector
        return {
            "model": bundle.name,
            "model_sha256": bundle.sha256,
            "head": head.name,
            "labels": list(head.label_set),
            "detector": None if self.options.whole_image or detector is None else detector.name,
        }
