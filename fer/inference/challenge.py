"""`Challenge`: a game of expressions. Each is asked for in turn, and how sure the model became of it is the result.

It keeps nothing but when it began: the rest is worked out from a session's moments (`LiveView.history`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fer.inference.history import Moment
from fer.labels import LabelSet

# Time to read what is asked for, and time to show it.
READY_S, SHOW_S = 2.0, 4.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One expression's turn.

    Args:
        label: what is asked for.
        position: of it in the game, from 0.
        is_ready: whether it counts now; before that there is time to get ready.
        left_s: of the present phase, in seconds.
    """

    label: str
    position: int
    is_ready: bool
    left_s: float


@dataclass(frozen=True, slots=True)
class Challenge:
    """A game.

    Args:
        label_set: the expressions, in the order in which they are asked for.
        began_s: by the clock of the moments.
    """

    label_set: LabelSet
    began_s: float

    @property
    def ends_s(self) -> float:
        return self.began_s + len(self.label_set) * (READY_S + SHOW_S)

    def turn(self, now_s: float) -> Turn | None:
        """What is asked for now; None when the game is over."""
        if now_s >= self.ends_s:
            return None
        position, within = divmod(max(0.0, now_s - self.began_s), READY_S + SHOW_S)
        left_s = (READY_S if within < READY_S else READY_S + SHOW_S) - within
        return Turn(self.label_set.names[int(position)], int(position), within >= READY_S, left_s)

    def results(self, moments: Sequence[Moment]) -> dict[str, float]:
        """By expression, how sure the model became of it while it was asked for, 0…1: the largest face's highest probability.

        An expression whose turn has not come, or in whose turn no face was seen, has 0.
        """
        return {label: self._best(label, position, moments) for position, label in enumerate(self.label_set)}

    def _best(self, label: str, position: int, moments: Iterable[Moment]) -> float:
        starts_s = self.began_s + position * (READY_S + SHOW_S) + READY_S
        values = [0.0]
        for moment in moments:
            if starts_s <= moment.time_s < starts_s + SHOW_S:
                faces = [face for face in moment.faces if face.is_face and label in face.label_set]
                # Faces come the largest first.
                values += [face.probabilities[face.label_set.label_id(label)] for face in faces[:1]]
        return max(values)
