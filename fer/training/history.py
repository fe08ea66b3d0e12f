"""What a run's rows of epochs say: which is better, which is kept, and how one reads. Free of Keras, so a page may ask."""

from __future__ import annotations

from typing import Any


def is_better(row: dict[str, Any], history: list[dict[str, Any]], monitor: str) -> bool:
    """Whether an epoch's row beats all earlier ones by the figure that chooses; the first always does."""
    sign = -1 if monitor == "val_loss" else 1
    return all(sign * row[monitor] > sign * earlier[monitor] for earlier in history)


def best_row(history: list[dict[str, Any]], monitor: str) -> dict[str, Any]:
    """The row whose weights are kept: the first of the best."""
    return min(history, key=lambda row: row[monitor] if monitor == "val_loss" else -row[monitor])


def describe_epoch(row: dict[str, Any], epochs_total: int) -> str:
    """One line a person can read."""
    line = f"epoch {row['epoch']}/{epochs_total}  loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}"
    line += f"  val_loss {row['val_loss']:.4f}  val_accuracy {row['val_accuracy']:.4f}"
    if "val_votes_accuracy" in row:
        line += f"  val_votes_accuracy {row['val_votes_accuracy']:.4f}"
    return f"{line}  {row['seconds']:.0f} s  {row['images_per_second']:.0f} images/s"
