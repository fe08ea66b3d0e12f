"""`Timeline`: who shows what, and when, in a clip; and how it is made of samples.

    samples (what each frame shows) → tracked to people → probabilities smoothed → steady labels

The making takes an instant and reads nothing but the samples, so it can be done again with another smoothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fer.boxes import Boxes
from fer.clips.affect import derive_affect, has_coordinates
from fer.clips.reading import ClipInfo
from fer.clips.samples import Reading, Sample
from fer.errors import DataError
from fer.inference.recognizer import FacePrediction
from fer.inference.shown_face import NOT_A_FACE_ID, ShownFace
from fer.inference.smoother import smooth, steady_labels
from fer.inference.tracker import FaceTracker
from fer.labels import LabelSet

# Who was seen in fewer frames than this, or now and then only (in less than this share of the frames from the first to the last),
# is a mistake of the detector's, or nobody whose expression could be told.
_FEWEST_FRAMES, _LEAST_SEEN = 3, 0.3
_MOST_REFUSED = 0.5
# A face that is missed for so long is taken to have been there all the while.
BRIDGED_S = 0.5
# A clip that ends this much earlier than it says was cut short; the last frame may be shown for a while.
_CUT_SHORT_S = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class Person:
    """One person of a clip, in the N frames that show their face.

    Args:
        number: from 1, in the order in which people appear; from left to right, where they do so at once.
        times_s: float64 (N,), rising.
        xyxy: float32 (N, 4), in pixels of the upright frame.
        detection_score: float32 (N,) in [0, 1]; NaN where the detector gives none.
        raw: float32 (N, K), probabilities of each frame by itself; rows sum to 1.
        smoothed: float32 (N, K), averaged over time; rows sum to 1. Where the model refuses the face, between those beside it.
        face_probability: float32 (N,) in [0, 1]; NaN where the model cannot tell.
        label_ids: int16 (N,), the label shown, which waits until another one is clearly ahead; -1 is "not a face".

    Raises:
        DataError: the arrays do not belong together.
    """

    number: int
    times_s: NDArray[np.float64]
    xyxy: Boxes
    detection_score: NDArray[np.float32]
    raw: NDArray[np.float32]
    smoothed: NDArray[np.float32]
    face_probability: NDArray[np.float32]
    label_ids: NDArray[np.int16]

    def __post_init__(self) -> None:
        n, k = len(self.times_s), self.raw.shape[-1]
        expected = {
            "times_s": (n,),
            "xyxy": (n, 4),
            "detection_score": (n,),
            "raw": (n, k),
            "smoothed": (n, k),
            "face_probability": (n,),
            "label_ids": (n,),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise DataError(f"Expected {name} of shape {shape}. Received: {getattr(self, name).shape}")
        if not n or not (np.diff(self.times_s) > 0).all():
            raise DataError("The times of a person rise, and there is at least one.")

    def __len__(self) -> int:
        return len(self.times_s)

    def xyxy_at(self, time_s: float) -> list[float]:
        """The box at a moment, on its way from one frame to the next; the first and the last one before and after all."""
        after = int(np.searchsorted(self.times_s, time_s).clip(0, len(self) - 1))
        before = max(after - 1, 0)
        return [float(np.interp(time_s, self.times_s[before : after + 1], side)) for side in self.xyxy[before : after + 1].T]

    @property
    def is_face(self) -> NDArray[np.bool_]:
        """bool (N,): where an expression is read."""
        seen: NDArray[np.bool_] = self.label_ids != NOT_A_FACE_ID
        return seen


@dataclass(frozen=True, eq=False, slots=True)
class Timeline:
    """All that was read from a clip.

    Args:
        name: of the clip, for people.
        info: what the clip says of itself.
        reading: by what it was read.
        smoothing_s: time constant of the smoothing, in seconds.
        times_s: float64 (F,), of all frames that were read, with a face or without.
        people: in the order in which they appear.
        is_whole: whether the clip was read to its end.
    """

    name: str
    info: ClipInfo
    reading: Reading
    smoothing_s: float
    times_s: NDArray[np.float64]
    people: tuple[Person, ...]
    is_whole: bool = True

    @property
    def label_set(self) -> LabelSet:
        return self.reading.label_set

    @property
    def duration_s(self) -> float:
        """Length of what was read, in seconds; that of the clip, where it was read to its end."""
        read = float(self.times_s[-1]) + self.interval_s if len(self.times_s) else 0.0
        return max(read, self.info.duration_s or 0.0) if self.is_whole and not self.cut_short else read

    @property
    def interval_s(self) -> float:
        """Seconds between two frames that were read; the median."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 1 / (self.reading.rate or 25.0)

    @property
    def cut_short(self) -> bool:
        """Whether the file ends before its end: a recording or a download that broke off."""
        ends = float(self.times_s[-1]) if len(self.times_s) else 0.0
        return self.is_whole and (self.info.duration_s or 0.0) > ends + self.interval_s + _CUT_SHORT_S

    @property
    def has_affect(self) -> bool:
        """Whether valence and arousal can be derived from its classes."""
        return has_coordinates(self.label_set)

    def person(self, number: int) -> Person:
        """A person by number.

        Raises:
            DataError: there is no such person.
        """
        for person in self.people:
            if person.number == number:
                return person
        raise DataError(f"There is no person {number} in {self.name}. There are: {len(self.people)}")

    def affect(self, person: Person, *, raw: bool = False) -> NDArray[np.float64]:
        """Valence and arousal of a person, float64 (N, 2), derived from the probabilities (`derive_affect`)."""
        return derive_affect(person.raw if raw else person.smoothed, self.label_set)

    def durations_s(self, person: Person) -> NDArray[np.float64]:
        """Seconds that each frame of a person stands for, float64 (N,): half the way to the frames read before and after it."""
        gaps = np.diff(self.times_s) if len(self.times_s) > 1 else np.array([self.interval_s])
        # The first and the last one stand alone to one side: as long as to the other.
        of_frames = (np.append(gaps[:1], gaps) + np.append(gaps, gaps[-1:])) / 2
        durations: NDArray[np.float64] = of_frames[np.searchsorted(self.times_s, person.times_s)]
        return durations

    def seen_s(self, person: Person) -> float:
        """Seconds in which the person's face is seen."""
        return float(self.durations_s(person).sum())

    def shares(self, person: Person) -> dict[str, float]:
        """By label, the share of the time in which the person shows it; they sum to 1."""
        is_face = person.is_face
        times = np.bincount(person.label_ids[is_face], self.durations_s(person)[is_face], len(self.label_set))
        return dict(zip(self.label_set, (times / times.sum()).tolist(), strict=True))

    def stretches(self, person: Person) -> list[slice]:
        """The person's frames in stretches without a gap; a detector that misses a face for a moment makes none."""
        frames = np.searchsorted(self.times_s, person.times_s)
        apart = (np.diff(frames) > 1) & (np.diff(person.times_s) > BRIDGED_S)
        edges = [0, *(np.flatnonzero(apart) + 1).tolist(), len(person)]
        return [slice(start, stop) for start, stop in pairwise(edges)]

    def faces_at(self, time_s: float) -> list[ShownFace]:
        """Who is seen at a moment, with the smoothed probabilities of their frame next to it.

        Between two frames of a person the box moves from one to the other.
        """
        if not len(self.times_s):
            return []
        read_s = self.times_s[_nearest(self.times_s, time_s)]
        return [self._shown_face(person, time_s) for person in self.people if _is_there(person.times_s, read_s)]

    def _shown_face(self, person: Person, time_s: float) -> ShownFace:
        i = _nearest(person.times_s, time_s)
        left, top, right, bottom = person.xyxy_at(time_s)
        return ShownFace(
            xyxy=(left, top, right, bottom),
            detection_score=float(person.detection_score[i]),
            label_set=self.label_set,
            probabilities=tuple(person.smoothed[i].tolist()),
            face_probability=None if np.isnan(person.face_probability[i]) else float(person.face_probability[i]),
            face_threshold=self.reading.face_threshold,
            unsure_below=self.reading.unsure_below,
            number=person.number,
            label_id=int(person.label_ids[i]),
        )


def _nearest(times_s: NDArray[np.float64], time_s: float) -> int:
    """Position of the time that is nearest; by bisection, as this is asked for every frame of a clip that may be long."""
    after = int(np.searchsorted(times_s, time_s))
    if after in (0, len(times_s)):
        return min(after, len(times_s) - 1)
    return after if times_s[after] - time_s < time_s - times_s[after - 1] else after - 1


def _is_there(times_s: NDArray[np.float64], read_s: float) -> bool:
    """Whether somebody with these frames is taken to be there in one that was read; as `Timeline.stretches` has it."""
    before = int(np.searchsorted(times_s, read_s, side="right")) - 1
    if before < 0:
        return False
    bridged = before + 1 < len(times_s) and times_s[before + 1] - times_s[before] <= BRIDGED_S
    return bool(times_s[before] == read_s or bridged)


def build_timeline(
    samples: Sequence[Sample], *, name: str, info: ClipInfo, reading: Reading, smoothing_s: float, is_whole: bool = True
) -> Timeline:
    """Put samples together to people and smooth what they show.

    Args:
        samples: of one clip, in the order of time.
        name, info, reading, smoothing_s, is_whole: as of `Timeline`.
    """
    tracker, faces = FaceTracker(), dict[int, list[tuple[float, FacePrediction]]]()
    for sample in samples:
        numbers = tracker.update(sample.time_s, [face.xyxy for face in sample.predictions])
        for number, face in zip(numbers.tolist(), sample.predictions, strict=True):
            faces.setdefault(number, []).append((sample.time_s, face))
    times = np.array([sample.time_s for sample in samples], np.float64)
    kept = [seen for seen in faces.values() if _is_somebody(seen, times)]
    kept.sort(key=lambda seen: (seen[0][0], seen[0][1].xyxy[0]))
    people = tuple(_person(number, seen, smoothing_s) for number, seen in enumerate(kept, start=1))
    return Timeline(name, info, reading, smoothing_s, times, people, is_whole)


def _is_somebody(seen: Sequence[tuple[float, FacePrediction]], times_s: NDArray[np.float64]) -> bool:
    """Whether what was tracked is a person, rather than a pattern that a detector takes for one at times."""
    first, last = np.searchsorted(times_s, [seen[0][0], seen[-1][0]])
    refused = sum(not face.is_face for _, face in seen)
    return (
        len(seen) >= min(_FEWEST_FRAMES, len(times_s))
        and len(seen) >= _LEAST_SEEN * (last - first + 1)
        and refused < _MOST_REFUSED * len(seen)
    )


def _person(number: int, seen: Sequence[tuple[float, FacePrediction]], smoothing_s: float) -> Person:
    times = np.array([time_s for time_s, _ in seen], np.float64)
    faces = [face for _, face in seen]
    raw = np.array([face.probabilities for face in faces], np.float64)
    is_face = np.array([face.is_face for face in faces])
    # What is no face says nothing of the expression: it is passed over, and stands between what is beside it.
    smoothed_faces = smooth(times[is_face], raw[is_face], smoothing_s)
    smoothed = np.stack([np.interp(times, times[is_face], column) for column in smoothed_faces.T], axis=1)
    label_ids = np.full(len(faces), NOT_A_FACE_ID, np.int16)
    label_ids[is_face] = steady_labels(smoothed_faces)
    return Person(
        number=number,
        times_s=times,
        xyxy=np.array([face.xyxy for face in faces], np.float32),
        detection_score=_numbers(face.detection_score for face in faces),
        raw=raw.astype(np.float32),
        smoothed=smoothed.astype(np.float32),
        face_probability=_numbers(face.face_probability for face in faces),
        label_ids=label_ids,
    )


def _numbers(values: Iterable[float | None]) -> NDArray[np.float32]:
    return np.array([np.nan if value is None else value for value in values], np.float32)
