"""How well probabilities agree with FER+: under the strict protocol, and with the votes themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from fer.data.votes import LEFT_OUT, strict_labels, vote_distribution
from fer.errors import DataError
from fer.evaluation.intervals import wilson_interval
from fer.evaluation.metrics import ece, kl_divergence, nll
from fer.labels import FER8


@dataclass(frozen=True, slots=True)
class FerPlusScore:
    """How well probabilities agree with FER+.

    Args:
        n: images that the strict protocol keeps.
        accuracy, accuracy_ci95: right answers among them, and Wilson's interval.
        nll: mean negative log-likelihood of their label, nats.
        ece: calibration error on them, 15 bins.
        kl: mean divergence from the vote distribution, nats, over the `kl_n` images where an emotion
            wins, the doubtful ones too.
    """

    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    nll: float
    ece: float
    kl: float
    kl_n: int

    def as_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return {**asdict(self), "accuracy_ci95": list(self.accuracy_ci95)}


def score_votes(votes: NDArray[np.integer], y_prob: NDArray[np.floating]) -> FerPlusScore | None:
    """Score probabilities against FER+ votes.

    Args:
        votes: integers (N, 10) in the order of `fer.labels.VOTE_COLUMNS`.
        y_prob: probabilities (N, 8) in the order of `FER8`.

    Returns:
        None where the protocol keeps no image.

    Raises:
        DataError: the shapes do not match.
    """
    labels = strict_labels(votes)
    if y_prob.shape != (len(labels), len(FER8)):
        raise DataError(f"Expected probabilities ({len(labels)}, {len(FER8)}), a row a row of votes. Received: {y_prob.shape}")
    kept = labels != LEFT_OUT
    n = int(kept.sum())
    if not n:
        return None
    y_true, strict_prob = labels[kept], y_prob[kept]
    correct = int((strict_prob.argmax(axis=1) == y_true).sum())
    distribution, weights = vote_distribution(votes)
    usable = weights > 0
    return FerPlusScore(
        n=n,
        accuracy=correct / n,
        accuracy_ci95=wilson_interval(correct, n),
        nll=nll(y_true, strict_prob),
        ece=ece(y_true, strict_prob),
        kl=kl_divergence(distribution[usable], y_prob[usable]),
        kl_n=int(usable.sum()),
    )
