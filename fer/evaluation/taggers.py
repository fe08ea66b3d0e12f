"""People as the measure: how well a model does where FER+'s taggers agree, and beside one of them.

FER+ (Barsoum et al. 2016, https://arxiv.org/abs/1608.01041) had every image tagged by ten people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.data.votes import LEFT_OUT, strict_labels
from fer.evaluation.intervals import wilson_interval

TAGGERS = 10
# Fewer than this can be a majority only because single votes and the like do not count.
_FEWEST = 5
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """Images on whose label a certain number of the ten taggers agrees.

    Args:
        fewest, most: taggers who chose the label; the same but for the row of all that fewer than five chose.
        n: images, at least 1.
        accuracy, accuracy_ci95: right answers among them, 0…1, and Wilson's interval.
    """

    fewest: int
    most: int
    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]

    @property
    def words(self) -> str:
        """How many agree: `10`, `8`, `4 or fewer`."""
        return f"{self.most}" if self.fewest == self.most else f"{self.most} or fewer"


@dataclass(frozen=True, slots=True)
class HumanLine:
    """A single tagger and the model, judged alike (`compare_with_taggers`).

    Args:
        n: images on which both were judged.
        tagger, tagger_ci95: how often one tagger, drawn at random, chose what the majority of the others did, 0…1.
        model, model_ci95: how often the model did, 0…1.
        difference, difference_ci95: the model less the tagger, on the same images, -1…1.
    """

    n: int
    tagger: float
    tagger_ci95: tuple[float, float]
    model: float
    model_ci95: tuple[float, float]
    difference: float
    difference_ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class TaggerFigures:
    """The model beside FER+'s taggers.

    Args:
        agreement: a row for each number of taggers who chose the label, the doubtful images first; at least one.
        human: a single tagger and the model; None where the taggers left out leave no majority.
    """

    agreement: tuple[AgreementRow, ...]
    human: HumanLine | None

    @classmethod
    def from_dict(cls, figures: Mapping[str, Any]) -> TaggerFigures:
        """What `as_dict` gave; a TypeError or KeyError where it did not."""
        rows = (AgreementRow(**_with_tuples(row)) for row in figures["agreement"])
        human = figures["human"]
        return cls(tuple(rows), HumanLine(**_with_tuples(human)) if human else None)

    def as_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return {
            "agreement": [_with_lists(row) for row in self.agreement],
            "human": _with_lists(self.human) if self.human else None,
        }


def judge_by_taggers(votes: NDArray[np.integer], y_prob: NDArray[np.floating]) -> TaggerFigures | None:
    """Both figures of this module, of votes (N, 10) and probabilities (N, 8); None where the strict protocol keeps no image."""
    agreement = accuracy_by_agreement(votes, y_prob)
    return TaggerFigures(agreement, compare_with_taggers(votes, y_prob)) if agreement else None


def accuracy_by_agreement(votes: NDArray[np.integer], y_prob: NDArray[np.floating]) -> tuple[AgreementRow, ...]:
    """Accuracy under the strict protocol, apart for each number of taggers who chose the label; the doubtful images first.

    All votes count here, single ones and "unknown" too: 10 of 10 means that nobody saw anything else. Where there are not ten,
    their share counts.

    Args:
        votes: integers (N, 10) in the order of `fer.labels.VOTE_COLUMNS`.
        y_prob: probabilities (N, 8) in the order of `FER8`.

    Returns:
        a row for each number that occurs; those below five are one.
    """
    labels = strict_labels(votes)
    kept = np.flatnonzero(labels != LEFT_OUT)
    agreeing = votes[kept, labels[kept]] / votes[kept].sum(axis=1) * TAGGERS
    number = np.maximum(np.round(agreeing).astype(np.int64), _FEWEST - 1)
    right = y_prob[kept].argmax(axis=1) == labels[kept]
    rows = []
    for most in np.unique(number).tolist():
        n, hits = int((number == most).sum()), int(right[number == most].sum())
        fewest = most if most >= _FEWEST else 0
        rows.append(AgreementRow(fewest, most, n, hits / n, wilson_interval(hits, n)))
    return tuple(rows)


def compare_with_taggers(votes: NDArray[np.integer], y_prob: NDArray[np.floating]) -> HumanLine | None:
    """The model in the place of one tagger.

    One tagger is taken out, and the strict protocol is applied to the votes of the others: what their majority says is the truth
    for the tagger taken out *and* for the model. This is done for each of the ten in turn. Held against a majority to which he
    belongs, a tagger would look better than he is, the model would not. (The same is done for people's figure on SQuAD:
    Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250.) Who answered "unknown" or "not a face" where the others
    see an emotion counts as wrong; a model cannot do that, and has to guess. Where the others have no majority for an emotion,
    nobody is judged.

    The ten judgements of an image hang together, so intervals are those of a ratio of two sums over images (Cochran 1977,
    Sampling Techniques, chapter 6), normal at 95 %.

    Args:
        votes: integers (N, 10) in the order of `fer.labels.VOTE_COLUMNS`.
        y_prob: probabilities (N, 8) in the order of `FER8`.

    Returns:
        None where fewer than two images have such a majority.
    """
    answer = y_prob.argmax(axis=1)
    judged, tagger, model = np.zeros((3, len(votes)))
    for column in range(votes.shape[1]):
        rows = np.flatnonzero(votes[:, column])
        others = votes[rows].astype(np.int64)
        times = others[:, column].copy()
        others[:, column] -= 1
        truth = strict_labels(others)
        counts = np.where(truth != LEFT_OUT, times, 0)  # so many taggers gave this vote, and each of them leaves the same others
        judged[rows] += counts
        tagger[rows] += counts * (truth == column)
        model[rows] += counts * (truth == answer[rows])
    n = int((judged > 0).sum())
    if n < 2:
        return None
    (human, human_ci), (ours, ours_ci), (gap, gap_ci) = (_ratio(right, judged) for right in (tagger, model, model - tagger))
    return HumanLine(n, human, _shares(human_ci), ours, _shares(ours_ci), gap, gap_ci)


def _ratio(right: NDArray[np.float64], judged: NDArray[np.float64]) -> tuple[float, tuple[float, float]]:
    """The sum of one by the sum of the other over images, and its interval."""
    right, judged = right[judged > 0], judged[judged > 0]
    n, ratio = len(judged), float(right.sum() / judged.sum())
    half = _Z * float(np.sqrt(n / (n - 1) * np.square(right - ratio * judged).sum()) / judged.sum())
    return ratio, (ratio - half, ratio + half)


def _shares(ends: tuple[float, float]) -> tuple[float, float]:
    return max(0.0, ends[0]), min(1.0, ends[1])


def _with_lists(figures: AgreementRow | HumanLine) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(figures).items()}


def _with_tuples(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in figures.items()}
