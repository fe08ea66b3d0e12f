"""What the original of a recipe reported, beside what came out here: figures with their intervals, and the curve behind ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.errors import FerError
from fer.evaluation import wilson_interval
from fer.evaluation.metrics import averages, class_scores
from fer.recipes import Recipe, load_recipe
from fer.training import Run
from fer.training.history import best_row
from ui.words import count, percent

Rows = Sequence[Mapping[str, Any]]
_LAST, _BEST = "accuracy", "best accuracy"  # where both are reported, the first is of the last epoch


def recipe_of(run: Run) -> Recipe | None:
    """The recipe of that name that ships; None where the user made their own."""
    try:
        return load_recipe(run.recipe_name)
    except FerError:
        return None


def reported_words(recipe: Recipe) -> str:
    """The accuracies that the original reported, in a sentence; empty where it reported none."""
    figures = {metric: value for metric, value in recipe.reported.items() if metric.endswith(_LAST)}
    if not figures:
        return ""
    words = [f"{_with_interval(value, recipe.reported_images)} {metric}" for metric, value in figures.items()]
    images = f", on {count(recipe.reported_images)} images" if recipe.reported_images else ""
    return f"The original reported {' and '.join(words)}{images}."


def reported_curve(recipe: Recipe | None, measure: str) -> dict[str, list[tuple[float, float]]]:
    """By split, the points (epoch, value) that the original reported; empty where it reported none.

    Args:
        recipe: which was followed.
        measure: `accuracy` or `loss`.
    """
    if recipe is None or not recipe.reported_curve:
        return {}
    columns = {"train": measure, "val": f"val_{measure}"}
    return {
        split: [(epoch, row[column]) for epoch, row in enumerate(recipe.reported_curve, 1)] for split, column in columns.items()
    }


def reported_panel(run: Run, recipe: Recipe | None, epochs: Rows) -> None:
    """A table of what was reported and what came out here, of a run that has finished epochs."""
    if recipe is None or not recipe.reported or not epochs:
        return
    info = run.dataset_info()
    images = sum(info.get("counts", {}).get("val", {}).values())
    rows = beside_ours(recipe, epochs, run.confusions(), info.get("labels", ()), images, run.settings.training.monitor)
    st.markdown("**Reported by the original, and here**")
    st.dataframe(rows, hide_index=True, width="content", key=f"reported_{run.id}")
    theirs = f"{count(recipe.reported_images)} images" if recipe.reported_images else "a number of images that it does not state"
    st.caption(
        f"With 95 % intervals of accuracies. Theirs is of {theirs}, ours of the validation part ({count(images)}): other images, "
        "so a difference may be theirs."
    )


def beside_ours(
    recipe: Recipe, epochs: Rows, confusions: Mapping[int, NDArray[np.integer]], labels: Sequence[str], images: int, monitor: str
) -> list[dict[str, str]]:
    """A row a reported figure: `figure`, `reported`, `here`; `–` where there is nothing of the kind here.

    Args:
        recipe: with reported figures.
        epochs: rows of the finished epochs, at least one.
        confusions: by epoch, on the validation part, (K, K), rows are true.
        labels: the K classes.
        images: of the validation part.
        monitor: what chooses the epoch that is kept, whose figures are ours.
    """
    kept = best_row([dict(row) for row in epochs], monitor)
    accuracies = {
        _LAST: (epochs[-1] if _BEST in recipe.reported else kept)["val_accuracy"],
        _BEST: max(row["val_accuracy"] for row in epochs),
    }
    others = _scores(confusions.get(kept["epoch"]), labels)
    rows = []
    for metric, value in recipe.reported.items():
        here = percent(others[metric]) if metric in others else "–"
        if metric in accuracies:
            here = _with_interval(accuracies[metric], images)
        theirs = _with_interval(value, recipe.reported_images) if metric.endswith(_LAST) else percent(value)
        rows.append({"figure": metric.replace("_", " "), "reported": theirs, "here": here})
    return rows


def _scores(confusion: NDArray[np.integer] | None, labels: Sequence[str]) -> dict[str, float]:
    """Scores by the names that recipes call them; none without a confusion matrix of images."""
    if confusion is None or not confusion.sum():
        return {}
    scores = class_scores(np.asarray(confusion, np.int64))
    mean = averages(scores, weighted=True)
    found = {"weighted_precision": mean.precision, "weighted_recall": mean.recall, "weighted_f1": mean.f1}
    for label, precision, recall, f1 in zip(labels, scores.precision, scores.recall, scores.f1, strict=True):
        found |= {f"precision {label}": precision, f"recall {label}": recall, f"F1 {label}": f1}
    return found


def _with_interval(accuracy: float, images: int) -> str:
    """`68.2 % (64.3 to 71.9)`: an accuracy with its 95 % interval where the number of images is known."""
    if not images:
        return percent(accuracy)
    low, high = wilson_interval(round(accuracy * images), images)
    return f"{percent(accuracy)} ({100 * low:.1f} to {100 * high:.1f})"
