"""Valence and arousal, derived from an expression's probabilities; nothing here measures either.

Each expression has a fixed place in the plane of valence (unpleasant to pleasant) and arousal (calm to excited), the circumplex
of Russell 1980 ("A circumplex model of affect", Journal of Personality and Social Psychology 39), and a distribution stands at
their mean, weighted by its probabilities. What comes out is therefore another view of the same probabilities, and is called
derived wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer.labels import LabelSet

# Pleasure and arousal of six emotion terms, each -1…1, as rated by students: Russell and Mehrabian 1977, "Evidence for a
# three-factor theory of emotions", Journal of Research in Personality 11, 273-294. Neutral is the origin of both scales. Contempt
# is not among the terms, and is put between anger and disgust.
_ANGRY, _DISGUST = (-0.51, 0.59), (-0.60, 0.35)
COORDINATES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "angry": _ANGRY,
        "disgust": _DISGUST,
        "fear": (-0.64, 0.60),
        "happy": (0.81, 0.51),
        "sad": (-0.63, -0.27),
        "surprise": (0.40, 0.67),
        "neutral": (0.0, 0.0),
        "contempt": ((_ANGRY[0] + _DISGUST[0]) / 2, (_ANGRY[1] + _DISGUST[1]) / 2),
    }
)


def has_coordinates(label_set: LabelSet) -> bool:
    """Whether every class has a place; merged ones ("positive") have none."""
    return all(label in COORDINATES for label in label_set)


def derive_affect(probabilities: ArrayLike, label_set: LabelSet) -> NDArray[np.float64]:
    """Valence and arousal of distributions: the mean place of their classes.

    Args:
        probabilities: (N, K), in the order of `label_set`; or differences of such, which give differences.
        label_set: the classes, each with a place (`has_coordinates`).

    Returns:
        float64 (N, 2): valence, arousal, each -1…1.
    """
    places = np.array([COORDINATES[label] for label in label_set])
    derived: NDArray[np.float64] = np.asarray(probabilities, np.float64) @ places
    return derived
