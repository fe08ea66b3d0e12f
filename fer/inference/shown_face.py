"""`ShownFace`: a person's face at one moment, with what is shown of it: steadied over time, and by number.

The timeline of a clip (`fer/clips`) and the live picture (`fer/inference/follower.py`) both show these.
"""

from __future__ import annotations

from dataclasses import dataclass

from fer.inference.recognizer import NOT_A_FACE, FacePrediction

# Label id of a moment in which the model refuses what the detector took for a face.
NOT_A_FACE_ID = -1


@dataclass(frozen=True, slots=True)
class ShownFace(FacePrediction):
    """A face at one moment: its probabilities are smoothed over time, and its label is the one that is shown.

    Args:
        number: of the person, from 1.
        label_id: of the label shown, which waits until another one is clearly ahead; -1 is "not a face".
        raw: probabilities of this moment by itself; empty where they are not known.
    """

    number: int = 1
    label_id: int = NOT_A_FACE_ID
    raw: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        return self.label_set.names[self.label_id] if self.is_face else NOT_A_FACE

    @property
    def confidence(self) -> float:
        """The probability of the label."""
        return self.probabilities[self.label_id] if self.is_face else 1 - (self.face_probability or 0.0)
