"""Labels: the only place where an index becomes a name, a colour or an emoji, and back.

Everything downstream (datasets, heads of a network, reports, pages) carries a `LabelSet` and never a bare list of names, so
an order cannot be read the other way round between training and prediction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer.errors import LabelError


@dataclass(frozen=True, slots=True)
class Emotion:
    """One of the eight expressions: its name, other spellings, and how it is drawn."""

    name: str
    colour: str  # hex; from the Okabe-Ito palette, safe for colour-blind eyes
    emoji: str
    aliases: tuple[str, ...] = ()


EMOTIONS: Mapping[str, Emotion] = {
    emotion.name: emotion
    for emotion in (
        Emotion("angry", "#D55E00", "😠", ("anger",)),
        Emotion("disgust", "#009E73", "🤢", ("disgusted",)),
        Emotion("fear", "#CC79A7", "😨", ("fearful", "afraid", "scared")),
        Emotion("happy", "#F0C808", "😄", ("happiness", "joy", "happily")),
        Emotion("sad", "#0072B2", "😢", ("sadness", "unhappy")),
        Emotion("surprise", "#56B4E9", "😮", ("surprised",)),
        Emotion("neutral", "#8A8F98", "😐", ("neutrality", "calm")),
        Emotion("contempt", "#8C564B", "😒", ("contemptuous",)),
    )
}

# Merged classes ("positive", "negative", …) are no emotions of their own and take their colours from here, in order.
_MERGED_COLOURS = ("#4C6EF5", "#12B886", "#E8590C", "#AE3EC9")
_MERGED_EMOJI = "🎭"

_CANONICAL = {alias: e.name for e in EMOTIONS.values() for alias in (e.name, *e.aliases)}


def canonical_label(name: str) -> str:
    """Map any known spelling ("Anger", "happiness ", "SAD") to its label.

    Raises:
        LabelError: the name is no known spelling of an emotion.
    """
    key = name.strip().lower()
    if key not in _CANONICAL:
        raise LabelError(
            f"Unknown emotion {name!r}. Known: {', '.join(EMOTIONS)} (and usual spellings such as 'anger', 'happiness')."
        )
    return _CANONICAL[key]


def is_known_label(name: str) -> bool:
    """Whether `canonical_label` would accept the name."""
    return name.strip().lower() in _CANONICAL


@dataclass(frozen=True, slots=True)
class LabelSet:
    """An ordered set of class names; position is the `label_id`.

    Args:
        names: at least one distinct, non-empty name, in the order of the network's outputs.

    Raises:
        LabelError: names are missing, empty or repeated.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not all(name.strip() for name in self.names):
            raise LabelError(f"The name of a class may not be empty. Received: {self.names!r}")
        if not self.names:
            raise LabelError("A label set needs at least one class.")
        if len(set(self.names)) != len(self.names):
            raise LabelError(f"Each class may stand once in a label set. Received: {', '.join(self.names)}")

    @classmethod
    def from_names(cls, names: Iterable[str]) -> LabelSet:
        """A label set of the emotions named, in the project's canonical order and without repeats.

        Raises:
            LabelError: a name is no known spelling of an emotion.
        """
        found = {canonical_label(name) for name in names}
        return cls(tuple(name for name in EMOTIONS if name in found))

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def label_id(self, name: str) -> int:
        """Position of a class, by its name or any known spelling of it.

        Raises:
            LabelError: the class is not in this set.
        """
        label = name if name in self.names else (canonical_label(name) if is_known_label(name) else name)
        if label not in self.names:
            raise LabelError(f"No class {name!r} in this label set. It has: {', '.join(self.names)}")
        return self.names.index(label)

    def decode(self, label_ids: ArrayLike) -> list[str]:
        """Names of an array of label ids (any shape, flattened)."""
        return [self.names[int(i)] for i in np.asarray(label_ids).ravel()]

    def encode(self, labels: Iterable[str]) -> NDArray[np.int16]:
        """Label ids of names, int16 (N,)."""
        return np.array([self.label_id(name) for name in labels], dtype=np.int16)

    def colour(self, name: str) -> str:
        """Hex colour of a class, the same on every chart, box and badge."""
        if name in EMOTIONS:
            return EMOTIONS[name].colour
        return _MERGED_COLOURS[self.label_id(name) % len(_MERGED_COLOURS)]

    def emoji(self, name: str) -> str:
        """Emoji of a class; merged classes share one."""
        return EMOTIONS[name].emoji if name in EMOTIONS else _MERGED_EMOJI


FER7 = LabelSet(("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"))
FER8 = LabelSet(("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt"))

# Columns of `Dataset.votes`: FER+ taggers could also answer "unknown" and "NF" (not a face).
VOTE_COLUMNS = (*FER8.names, "unknown", "not_a_face")


@dataclass(frozen=True, slots=True)
class ClassMap:
    """Which classes of a source label set are kept, and into which target class each goes.

    `target_ids[source_id]` is the target's label id, or -1 where the class is dropped.
    """

    source: LabelSet
    target: LabelSet
    target_ids: tuple[int, ...]

    @classmethod
    def parse(cls, source: LabelSet, classes: Sequence[str]) -> ClassMap:
        """Pick or merge classes.

        Args:
            source: the label set of the data.
            classes: one entry a target class, in the wished order: a name (`"happy"`), or a merge
                (`"negative=angry+sad"`). An empty sequence keeps all classes as they are.

        Raises:
            LabelError: a class is unknown to the source, used twice, or an entry has no classes.
        """
        if not classes:
            return cls(source, source, tuple(range(len(source))))
        names: list[str] = []
        target_ids = [-1] * len(source)
        for entry in classes:
            name, equals, members = entry.partition("=")
            parts = [part.strip() for part in (members if equals else name).split("+")]
            if not name.strip() or not all(parts):
                raise LabelError(f"Cannot read the class {entry!r}. Expected a name, or name=member+member.")
            for part in parts:
                source_id = source.label_id(part)
                if target_ids[source_id] != -1:
                    raise LabelError(f"The class {part!r} is used twice in: {', '.join(classes)}")
                target_ids[source_id] = len(names)
            names.append(name.strip() if equals else source.names[source.label_id(parts[0])])
        return cls(source, LabelSet(tuple(names)), tuple(target_ids))

    def apply(self, label_ids: NDArray[np.integer]) -> NDArray[np.int16]:
        """Target label ids of source label ids; -1 where dropped."""
        mapped: NDArray[np.int16] = np.array(self.target_ids, dtype=np.int16)[label_ids]
        return mapped
