"""What the figures say, in a sentence: the headings of charts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.labels import LabelSet


def totals(dataset: Dataset) -> dict[str, int]:
    """Images a class over all splits, in the order of the classes."""
    counts = dataset.counts()
    return {label: sum(by_label[label] for by_label in counts.values()) for label in dataset.label_set}


def imbalance(by_class: Mapping[str, int]) -> float | None:
    """The largest class as a multiple of the smallest one that has images; None where no class has any."""
    present = [n for n in by_class.values() if n]
    return max(present) / min(present) if present else None


def imbalance_finding(by_class: Mapping[str, int]) -> str:
    """`Happy is 16 times disgust`."""
    ratio = imbalance(by_class)
    if ratio is None:
        return "No images"
    present = {label: n for label, n in by_class.items() if n}
    most, least = max(present, key=present.__getitem__), min(present, key=present.__getitem__)
    if ratio < 1.3:
        return "The classes are about equally large"
    times = f"{ratio:.0f}" if ratio >= 3 else f"{ratio:.1f}"
    return f"{most.capitalize()} is {times} times {least}"


# A class stands out where its median lies this many standard deviations (of all images) from that of the others: between what
# Cohen calls a small effect (0.2) and a medium one (0.5) …
_WORTH_SAYING = 0.3
# … and where that is no accident of a small class: this many standard errors of a median.
_BEYOND_CHANCE = 3 * 1.2533

# A measure: how the class with the most of it is called, the one with the least, and all of them where none stands out.
_EXTREMES: Mapping[str, tuple[str, str, str]] = {
    "brightness": ("is the brightest class", "is the darkest class", "The classes are about equally bright"),
    "contrast": ("has the most contrast", "has the least contrast", "The classes are alike in contrast"),
    "sharpness": ("is the sharpest class", "is the softest class", "The classes are about equally sharp"),
}


def light_finding(measure: str, values: NDArray[np.floating], label_ids: NDArray[np.integer], label_set: LabelSet) -> str:
    """`Surprise is the brightest class`, where that is more than a trifle and more than chance.

    Args:
        measure: `brightness`, `contrast` or `sharpness`.
        values: (N,).
        label_ids: (N,), indices into `label_set`.
        label_set: the classes.
    """
    most, least, alike = _EXTREMES[measure]
    spread = float(values.std()) if len(values) else 0.0
    best, finding = 0.0, alike
    for label_id, label in enumerate(label_set):
        own, others = values[label_ids == label_id], values[label_ids != label_id]
        if not spread or not len(own) or not len(others):
            continue
        distance = float(np.median(own) - np.median(others)) / spread
        chance = _BEYOND_CHANCE * (1 / len(own) + 1 / len(others)) ** 0.5
        if abs(distance) > max(best, _WORTH_SAYING, chance):
            best = abs(distance)
            finding = f"{label.capitalize()} {most if distance > 0 else least}"
    return finding
