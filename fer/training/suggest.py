"""Which recipe to begin with: on a small set, what the flagship knows under new answers; else a network from scratch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer.bundles import list_bundles
from fer.data import Dataset
from fer.data.dataset import UNSPLIT
from fer.recipes import load_recipe

# The largest set that `benchmarks/small_sets.py` tries; of 200 images, transfer makes 86 % where a network from scratch makes 48.
SMALL_SET = 1_000
TRANSFER, FROM_SCRATCH = "transfer", "compact"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A recipe, by its name, and why, in a sentence."""

    recipe: str
    why: str


def suggest_recipe(dataset: Dataset) -> Suggestion:
    """The recipe for who has not chosen one. Without the model that `transfer` begins with, it is never that."""
    images = int(np.isin(dataset.splits, ("train", UNSPLIT)).sum())
    if images > SMALL_SET:
        return Suggestion(FROM_SCRATCH, f"{images:,} images are enough for a network from scratch.")
    if load_recipe(TRANSFER).settings.training.start_from not in list_bundles():
        return Suggestion(FROM_SCRATCH, f"for {images:,} images, {TRANSFER} would do better, but the flagship is not in models/.")
    return Suggestion(
        TRANSFER, f"{images:,} images are few for a network from scratch; what the flagship knows makes much more of them."
    )
