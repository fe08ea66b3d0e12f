"""What the figures say, in a sentence: the headings of charts."""

from __future__ import annotations

from collections.abc import Mapping

from fer.data.dataset import Dataset


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
