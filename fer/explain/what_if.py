"""What if the light, the crop or the head were a little different, or a part of the face covered: the answer under small changes.

Stronger ones, and drawn by chance, are those of `fer/evaluation/corruptions.py`, under which whole models are measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer.boxes import crop_faces
from fer.evaluation.corruptions import EYES, MOUTH, cover, gamma, warp
from fer.explain.occlusion import mean_colour
from fer.explain.question import ask
from fer.inference.recognizer import FacePrediction, Recognizer
from fer.labels import LabelSet

UNCHANGED = "as it is"

_GAMMA = 1.6
_SCALE, _SHIFT = 0.1, 0.08  # of the crop's side: what detectors differ by
_DEGREES = 12.0
_COVERED = 0.15  # of the area: both eyes, or the mouth
_DIRECTIONS = {"further left": (-1, 0), "further right": (1, 0), "higher": (0, -1), "lower": (0, 1)}


@dataclass(frozen=True, eq=False, slots=True)
class Change:
    """A face under one change.

    Args:
        name: of the change, for people.
        group: `light`, `crop`, `head` or `covered`; empty for the face as it is.
        image: uint8 (S, S, C), what the network then gets.
        label_set: the classes.
        probabilities: float32 (K,).
    """

    name: str
    group: str
    image: NDArray[np.uint8]
    label_set: LabelSet
    probabilities: NDArray[np.float32]

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.label_set.names[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """Its probability."""
        return float(self.probabilities.max())


def what_if(recognizer: Recognizer, image: NDArray[np.uint8], face: FacePrediction) -> tuple[Change, ...]:
    """The answers for a face under small changes, the unchanged face first.

    Args:
        recognizer: of the model that read the face.
        image: uint8 RGB (H, W, 3), the whole picture: another crop is cut from it, with what lies beside the face.
        face: one of its predictions.

    Raises:
        SettingsError: the prediction is another model's.
        ImageError: the face lies outside the picture.
    """
    question = ask(recognizer, image, face)
    plain = question.image
    left, top, right, bottom = face.crop_xyxy or face.xyxy
    width, height = right - left, bottom - top

    def cut(scale: float = 1.0, right_by: float = 0.0, down_by: float = 0.0) -> NDArray[np.uint8]:
        x, y = (left + right) / 2 + right_by * width, (top + bottom) / 2 + down_by * height
        half_width, half_height = scale * width / 2, scale * height / 2
        crops = crop_faces(image, [(x - half_width, y - half_height, x + half_width, y + half_height)], [face.roll_degrees])
        (prepared,) = recognizer.bundle.preprocessing.prepare(crops)
        return np.asarray(prepared, np.uint8)

    grey = int(mean_colour(plain).mean())
    changed = {
        ("", UNCHANGED): plain,
        ("light", "darker"): gamma(plain, _GAMMA),
        ("light", "brighter"): gamma(plain, 1 / _GAMMA),
        ("crop", "tighter"): cut(1 - _SCALE),
        ("crop", "wider"): cut(1 + _SCALE),
        **{("crop", name): cut(1.0, _SHIFT * x, _SHIFT * y) for name, (x, y) in _DIRECTIONS.items()},
        ("head", "tilted left"): warp(plain, degrees=_DEGREES),
        ("head", "tilted right"): warp(plain, degrees=-_DEGREES),
        ("covered", "eyes covered"): cover(plain, EYES, _COVERED, grey),
        ("covered", "mouth covered"): cover(plain, MOUTH, _COVERED, grey),
    }
    batch = np.stack([changed_image.reshape(plain.shape) for changed_image in changed.values()])
    answers = zip(changed, batch, question.answer(batch), strict=True)
    return tuple(Change(name, group, after, face.label_set, y_prob) for (group, name), after, y_prob in answers)
