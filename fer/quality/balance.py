"""Balance: what class weights, under-sampling and over-sampling would each make of a training part, as plain numbers for bars.

Nothing is drawn here; the table says what would be, so that a user can choose with open eyes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fer.errors import DataError

NO_BALANCE = "none"

# In the order of pages: from what costs no image and no time to what costs most.
METHODS: Mapping[str, str] = {
    "class_weights": "Class weights: each image counts in the loss by how rare its class is; nothing is drawn twice or left out",
    "undersample": "Under-sampling: each class is cut down to the smallest one",
    "oversample_median": "Over-sampling to the median: classes below the median are repeated until they reach it",
    "oversample_largest": "Over-sampling to the largest: every class is repeated until it reaches the largest one",
}


@dataclass(frozen=True, slots=True)
class BalancedClass:
    """One class under one method.

    Args:
        method: one of `METHODS`.
        label: the class.
        before: images it has.
        after: images of it that an epoch would see.
        weight: what each of them counts in the loss.
    """

    method: str
    label: str
    before: int
    after: int
    weight: float

    @property
    def share(self) -> float:
        """What the class weighs in an epoch, in images."""
        return self.after * self.weight

    @property
    def repeats(self) -> float:
        """How often an epoch sees each of its images on average: below 1 some stay out, far above 1 they are learned by heart."""
        return self.after / self.before if self.before else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON and for charts."""
        return {**asdict(self), "share": self.share, "repeats": self.repeats}


def balance(counts: Mapping[str, int]) -> list[BalancedClass]:
    """What each method would give: a row a method and class, in the order of `METHODS` and of `counts`.

    Class weights are scikit-learn's "balanced" ones (`sklearn.utils.class_weight.compute_class_weight`, after King and Zeng 2001,
    "Logistic regression in rare events data"): n / (k · n_c), for n images in k classes. Classes without images stay without, and
    are not among the k.

    Args:
        counts: images a class, as in `Dataset.counts()["train"]`.

    Raises:
        DataError: no class has an image.
    """
    present = [count for count in counts.values() if count]
    if not present:
        raise DataError("There is nothing to balance: no class has an image.")
    n, k = sum(present), len(present)
    smallest, largest, median = min(present), max(present), round(float(np.median(present)))
    rows = []
    for method in METHODS:
        for label, count in counts.items():
            after, weight = {
                "class_weights": (count, n / (k * count) if count else 0.0),
                "undersample": (min(count, smallest), 1.0),
                "oversample_median": (max(count, median) if count else 0, 1.0),
                "oversample_largest": (largest if count else 0, 1.0),
            }[method]
            rows.append(BalancedClass(method, label, count, after, weight))
    return rows
