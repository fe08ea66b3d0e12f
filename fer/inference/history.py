"""What a session has seen, moment by moment, and what a person has shown in it: `Moment`, `person_history`, `usual_face`.

`LiveView.history` gives the moments; the charts of the page Webcam are drawn from what is here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError
from fer.inference.shown_face import ShownFace
from fer.labels import LabelSet

# Whoever was seen in fewer moments is a detector's mistake, or has only passed by.
_FEWEST_MOMENTS = 5


@dataclass(frozen=True, slots=True)
class Moment:
    """What one frame showed.

    Args:
        time_s: by the clock of the `LiveView`.
        faces: as they were shown.
    """

    time_s: float
    faces: tuple[ShownFace, ...]


@dataclass(frozen=True, eq=False, slots=True)
class PersonHistory:
    """What one person showed, in the N moments in which their face was seen.

    Args:
        number: of the person.
        label_set: the K classes.
        times_s: float64 (N,), rising, by the clock of the `LiveView`.
        smoothed: float64 (N, K), rows sum to 1.
        label_ids: int16 (N,), the label shown.
    """

    number: int
    label_set: LabelSet
    times_s: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    label_ids: NDArray[np.int16]

    def since(self, time_s: float) -> PersonHistory:
        """The part from a moment on."""
        kept = self.times_s >= time_s
        return PersonHistory(self.number, self.label_set, self.times_s[kept], self.smoothed[kept], self.label_ids[kept])

    def shares(self) -> dict[str, float]:
        """By label, the share of the moments in which it was shown; they sum to 1, and are 0 where there is no moment."""
        counts = np.bincount(self.label_ids, minlength=len(self.label_set))
        return dict(zip(self.label_set, (counts / max(1, len(self.label_ids))).tolist(), strict=True))


def people_seen(moments: Sequence[Moment]) -> list[int]:
    """Numbers of those who were in view for half a second or more."""
    seen = Counter(face.number for moment in moments for face in moment.faces if face.is_face)
    return sorted(number for number, count in seen.items() if count >= _FEWEST_MOMENTS)


def person_history(moments: Sequence[Moment], number: int) -> PersonHistory:
    """What a person showed.

    Raises:
        DataError: the person was never seen.
    """
    seen = [(moment.time_s, face) for moment in moments for face in moment.faces if face.number == number and face.is_face]
    if not seen:
        raise DataError(f"Person {number} has not been seen.")
    return PersonHistory(
        number=number,
        label_set=seen[0][1].label_set,
        times_s=np.array([time_s for time_s, _ in seen]),
        smoothed=np.array([face.probabilities for _, face in seen], np.float64),
        label_ids=np.array([face.label_id for _, face in seen], np.int16),
    )


def usual_face(moments: Sequence[Moment], number: int, from_s: float, to_s: float) -> NDArray[np.float64]:
    """What a person showed on average while they held their face at rest: float64 (K,), sums to 1.

    Raises:
        DataError: their face was seen for less than half of that time.
    """
    within = [moment for moment in moments if from_s <= moment.time_s <= to_s]
    rows = [face.raw for moment in within for face in moment.faces if face.number == number and face.is_face]
    if not rows or 2 * len(rows) < len(within):
        raise DataError(f"The face of person {number} was not seen for long enough. Face the camera, and try again.")
    mean: NDArray[np.float64] = np.array(rows, np.float64).mean(axis=0)
    return mean
