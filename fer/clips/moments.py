"""`find_moments`: where to look first in a timeline; `baseline` and `above_baseline`: what differs from a person's usual face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.clips.timeline import Person, Timeline
from fer.errors import DataError
from fer.inference.shown_face import NOT_A_FACE_ID

PEAK, CHANGE = "peak", "change"
# A peak rises so far above the valleys on both sides of it, and stands so high itself.
_PROMINENCE, _HEIGHT = 0.25, 0.4
# A label that is shown for less than this is a passage to the next one, no change.
_SHORTEST_S = 0.3
# The resting face is no moment; what leads to it and away from it is.
_RESTING = "neutral"


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of a clip that is worth a look.

    Args:
        time_s: in seconds from the clip's beginning.
        person: number of the person.
        kind: `peak`: an expression is at its strongest; `change`: another label is shown from here on.
        label: of the expression that peaks, or that is shown from here on.
        probability: of that label at that moment, smoothed.
        before: the label shown before a change; empty for a peak.
    """

    time_s: float
    person: int
    kind: str
    label: str
    probability: float
    before: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LabelSpell:
    """A time in which a person shows one label.

    Args:
        label_id: of the label.
        first, stop: positions of the first frame, and of the one after the last.
        from_s, to_s: in seconds from the clip's beginning.
    """

    label_id: int
    first: int
    stop: int
    from_s: float
    to_s: float


def find_moments(timeline: Timeline) -> list[Moment]:
    """Peaks of every expression but the resting face, and changes of the label, of all people in the order of time."""
    moments = [moment for person in timeline.people for moment in (*_peaks(timeline, person), *_changes(timeline, person))]
    return sorted(moments, key=lambda moment: (moment.time_s, moment.person, moment.kind))


def baseline(person: Person, stretch_s: tuple[float, float] | None = None) -> NDArray[np.float64]:
    """What a person usually shows: their mean, float64 (K,), sums to 1.

    People's faces at rest differ, and a network reads some as sad or angry that are neither: what they show is told better by how
    it differs from that.

    Args:
        person: of a timeline.
        stretch_s: a stretch in which the person's face is at rest, from and to in seconds; None for all of the clip.

    Raises:
        DataError: the person's face is not seen in that stretch.
    """
    chosen = person.is_face
    if stretch_s is not None:
        chosen = chosen & (person.times_s >= stretch_s[0]) & (person.times_s <= stretch_s[1])
    if not chosen.any():
        raise DataError(
            f"Person {person.number} is not seen from {stretch_s[0] if stretch_s else 0:.1f} to "
            f"{stretch_s[1] if stretch_s else 0:.1f} s. Choose another stretch as the baseline."
        )
    mean: NDArray[np.float64] = person.raw[chosen].astype(np.float64).mean(axis=0)
    return mean


def above_baseline(person: Person, usual: NDArray[np.float64], *, raw: bool = False) -> NDArray[np.float64]:
    """By how much each probability is above (or below) the person's baseline, float64 (N, K) in -1…1; rows sum to 0."""
    return (person.raw if raw else person.smoothed).astype(np.float64) - usual


def _peaks(timeline: Timeline, person: Person) -> Iterator[Moment]:
    from scipy.signal import find_peaks

    for label_id, label in enumerate(timeline.label_set):
        if label == _RESTING:
            continue
        for part in timeline.stretches(person):
            values = person.smoothed[part, label_id]
            # A valley on both sides: an expression that is there from the first frame on has a strongest moment, too.
            found, _ = find_peaks(np.concatenate([[0.0], values, [0.0]]), height=_HEIGHT, prominence=_PROMINENCE)
            for i in (found - 1).tolist():
                at = (part.start or 0) + i
                yield Moment(float(person.times_s[at]), person.number, PEAK, label, float(values[i]))


def _changes(timeline: Timeline, person: Person) -> Iterator[Moment]:
    shown = ""
    for spell in label_spells(timeline, person):
        if spell.to_s - spell.from_s < _SHORTEST_S:
            continue
        label = timeline.label_set.names[spell.label_id]
        if shown and label != shown:
            yield Moment(spell.from_s, person.number, CHANGE, label, float(person.smoothed[spell.first, spell.label_id]), shown)
        shown = label


def label_spells(timeline: Timeline, person: Person) -> Iterator[LabelSpell]:
    """The times in which a person shows one label, one after the other; they do not touch where the person is not seen."""
    for part in timeline.stretches(person):
        first, times = part.start or 0, person.times_s[part]
        label_ids = person.label_ids[part]
        edges = [0, *(np.flatnonzero(np.diff(label_ids)) + 1).tolist(), len(label_ids)]
        for start, stop in pairwise(edges):
            if label_ids[start] != NOT_A_FACE_ID:
                # The last frame before a gap stands for itself alone.
                to_s = times[stop] if stop < len(times) else times[-1] + timeline.interval_s
                yield LabelSpell(int(label_ids[start]), first + start, first + stop, float(times[start]), float(to_s))
