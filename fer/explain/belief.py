"""Whether a heat map can be believed: hide what it marks, or show nothing else, and see what becomes of the probability.

Deletion and insertion curves after Petsiuk et al. 2018 (RISE, arXiv:1806.07421). A number alone says little: faces differ in how
easily they lose their expression. So the same is done in the order of random maps, and the map has to beat them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.explain.occlusion import mean_colour
from fer.explain.question import Question
from fer.inference.heatmap import Heatmap

STEPS = 12
# Of a useless map, the chance to beat all nineteen is one in twenty: the usual 5 %.
RANDOM_MAPS = 19
# As coarse as the flagship's activation maps: pixels hidden here and there would be another disturbance, not another place.
_COARSE = 6
_CARE = 0.75  # of them beaten: better than most
_BLUR_SHARE = 1 / 8  # standard deviation by side: a face, but no expression


@dataclass(frozen=True, eq=False)
class Belief:
    """What becomes of a class's probability when a face is hidden, or shown, in the order of a map.

    Args:
        label: the class.
        shares: float64 (T,), of the face that is hidden or shown, 0…1.
        deletion, insertion: float32 (T,), the probability: what the map marks most is hidden first; is shown first.
        random_deletion, random_insertion: float32 (R, T), the same in the order of random maps.
    """

    label: str
    shares: NDArray[np.float64]
    deletion: NDArray[np.float32]
    insertion: NDArray[np.float32]
    random_deletion: NDArray[np.float32]
    random_insertion: NDArray[np.float32]

    @property
    def deletion_area(self) -> float:
        """Area under the deletion curve, 0…1; low where the map marks what counts."""
        return float(self._areas(self.deletion))

    @property
    def insertion_area(self) -> float:
        """Area under the insertion curve, 0…1; high where the map marks what counts."""
        return float(self._areas(self.insertion))

    @property
    def beaten(self) -> int:
        """How many random maps have a smaller area between insertion and deletion."""
        between = self._areas(self.random_insertion) - self._areas(self.random_deletion)
        return int((between < self.insertion_area - self.deletion_area).sum())

    @property
    def is_believable(self) -> bool:
        """Whether it beats all of them."""
        return self.beaten == len(self.random_deletion)

    @property
    def verdict(self) -> str:
        """In plain words."""
        n = len(self.random_deletion)
        if self.is_believable:
            return f"This map can be believed: it finds what makes '{self.label}' better than all {n} random maps."
        if self.beaten > _CARE * n:
            return f"Take this map with care: it is better than {self.beaten} of {n} random maps, and chance may do that."
        return f"Do not believe this map: it is better than only {self.beaten} of {n} random maps."

    def _areas(self, curves: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(np.trapezoid(curves, self.shares, axis=-1))


def measure_belief(question: Question, heatmap: Heatmap, *, seed: int = 0) -> Belief:
    """Hide and show a face step by step in the order of a map, and in that of random ones.

    What is hidden takes the face's mean colour, and what is not shown yet is blurred, as in the paper.

    Args:
        question: the face and the model.
        heatmap: of that face, (S, S) as the question's image.
        seed: of the random maps.
    """
    rng = np.random.default_rng(seed)
    image, side = question.image, len(question.image)
    coarse = rng.random((RANDOM_MAPS, _COARSE, _COARSE), np.float32)
    maps = [heatmap.values, *(np.asarray(cv2.resize(each, (side, side), interpolation=cv2.INTER_CUBIC)) for each in coarse)]
    label_id = question.label_set.label_id(heatmap.label)
    hidden = np.broadcast_to(mean_colour(image), image.shape)
    blurred = np.asarray(cv2.GaussianBlur(image, (0, 0), side * _BLUR_SHARE, borderType=cv2.BORDER_REPLICATE), np.uint8)
    ranks = [_ranks(values, rng) for values in maps]
    deletion, insertion = (
        np.stack([question.answer(_way(before, after, rank))[:, label_id] for rank in ranks])
        for before, after in ((image, hidden), (blurred.reshape(image.shape), image))
    )
    shares = np.linspace(0, 1, STEPS + 1)
    return Belief(heatmap.label, shares, deletion[0], insertion[0], deletion[1:], insertion[1:])


def _ranks(values: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.intp]:
    """The place of each pixel (S, S) in the order of a map, the highest first; equal ones by lot."""
    order = np.lexsort((rng.random(values.size), -values.ravel()))
    ranks = np.empty(values.size, np.intp)
    ranks[order] = np.arange(values.size)
    return ranks.reshape(values.shape)


def _way(before: NDArray[np.uint8], after: NDArray[np.uint8], ranks: NDArray[np.intp]) -> NDArray[np.uint8]:
    """From one image to another in `STEPS` steps, both ends among them; uint8 (STEPS + 1, S, S, C)."""
    limits = np.linspace(0, ranks.size, STEPS + 1).reshape(-1, 1, 1, 1)
    return np.where(ranks[None, ..., None] < limits, after, before)
