"""`Question`: one face as the network gets it, and the model that answers for it; what every explanation starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fer.boxes import crop_faces
from fer.bundles import Bundle
from fer.errors import SettingsError
from fer.inference.recognizer import FacePrediction, Recognizer
from fer.labels import LabelSet

# Probabilities float32 (N, K) of pictures of a face, uint8 (N, S, S, C): all that is asked of a model.
Answering = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Question:
    """A face, and who is asked about it.

    Args:
        image: uint8 (S, S, C), the face as the network gets it.
        label_set: the classes of the answer.
        answer: the model.
    """

    image: NDArray[np.uint8]
    label_set: LabelSet
    answer: Answering


def ask(recognizer: Recognizer, image: NDArray[np.uint8], face: FacePrediction) -> Question:
    """The question that a prediction answered.

    Args:
        recognizer: of the model that read the face.
        image: uint8 RGB (H, W, 3), the whole picture.
        face: one of its predictions.

    Raises:
        SettingsError: the prediction is another model's.
        ImageError: the face lies outside the picture.
    """
    head = head_of(recognizer.bundle, face)
    (prepared,) = recognizer.bundle.preprocessing.prepare([face_crop_of(image, face)])
    return Question(prepared, face.label_set, partial(recognizer.classifier.predict_batch, head=head))


def face_crop_of(image: NDArray[np.uint8], face: FacePrediction) -> NDArray[np.uint8]:
    """What the network saw of a picture, uint8 RGB (h, w, 3).

    Raises:
        ImageError: it lies outside the picture.
    """
    return crop_faces(image, [face.crop_xyxy or face.xyxy], [face.roll_degrees])[0]


def head_of(bundle: Bundle, face: FacePrediction) -> str:
    """Name of the head that answers in a prediction's classes, the default one first.

    Raises:
        SettingsError: there is none.
    """
    for head in (bundle.default_head, *bundle.heads):
        if head.label_set == face.label_set:
            return head.name
    raise SettingsError(
        f"The model {bundle.name!r} does not answer in the classes {', '.join(face.label_set)}. Explain a face with the model "
        "that read it."
    )
