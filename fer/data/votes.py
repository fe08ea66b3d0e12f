"""FER+ votes as labels: target distributions for training, and the strict protocol under which published figures compare.

Every image of FER+ was tagged by ten people (Barsoum et al. 2016, https://arxiv.org/abs/1608.01041). Both readings of their
votes begin as the authors' own: a class that a single tagger chose counts as a slip and is set to 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.errors import DataError
from fer.labels import FER8, VOTE_COLUMNS

LEFT_OUT = -1
# Behind the name of a dataset whose labels they are.
BY_VOTES = ", FER+ labels"


def _without_single_votes(votes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Votes (N, 10) as int64 with every 1 set to 0; checked, because a table with its columns missing would score silently."""
    if votes.ndim != 2 or votes.shape[1] != len(VOTE_COLUMNS):
        columns = ", ".join(VOTE_COLUMNS)
        raise DataError(f"Expected FER+ votes of shape (N, {len(VOTE_COLUMNS)}): {columns}. Received: {votes.shape}")
    wide = votes.astype(np.int64)
    return np.where(wide == 1, 0, wide)


def vote_distribution(votes: NDArray[np.integer]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What share of the votes each of the eight emotions got: the target of a head that learns from votes.

    Doubtful images stay, with their votes spread; only the strict protocol leaves them out.

    Args:
        votes: integers (N, 10) in the order of `fer.labels.VOTE_COLUMNS`, each 0 or more.

    Returns:
        distribution: float32 (N, 8) in the order of `FER8`; a row sums to 1, or is all 0 where its weight is 0.
        weights: float32 (N,), 1, or 0 where "unknown" or "not a face" has more votes than every emotion, or no emotion has votes.

    Raises:
        DataError: the votes have another shape.
    """
    kept = _without_single_votes(votes)
    emotions, others = kept[:, : len(FER8)], kept[:, len(FER8) :]
    usable = (emotions.max(axis=1) >= others.max(axis=1)) & emotions.any(axis=1)
    totals = np.where(usable, emotions.sum(axis=1), 1)
    distribution = np.where(usable[:, None], emotions / totals[:, None], 0.0)
    return distribution.astype(np.float32), usable.astype(np.float32)


def strict_labels(votes: NDArray[np.integer]) -> NDArray[np.int16]:
    """Labels under the strict protocol: the emotion with more than half of all votes that remain, "unknown" and "NF" included.

    It is the rule of the mode "majority" in the authors' code (`src/ferplus.py` of microsoft/FERPlus on GitHub).

    Args:
        votes: integers (N, 10) in the order of `fer.labels.VOTE_COLUMNS`, each 0 or more.

    Returns:
        int16 (N,), label ids of `FER8`, or -1 where the image is left out.

    Raises:
        DataError: the votes have another shape.
    """
    kept = _without_single_votes(votes)
    winner = kept.argmax(axis=1)
    is_majority = 2 * kept.max(axis=1) > kept.sum(axis=1)
    return np.where(is_majority & (winner < len(FER8)), winner, LEFT_OUT).astype(np.int16)


def with_labels_of_votes(dataset: Dataset) -> Dataset:
    """The images on which FER+'s taggers agree under the strict protocol, with the eight classes that they chose.

    Raises:
        DataError: the dataset has no votes.
    """
    if dataset.votes is None:
        raise DataError(f"The dataset {dataset.name!r} has no FER+ votes to take labels from. Give them with --ferplus.")
    label_ids = strict_labels(dataset.votes)
    relabelled = replace(dataset, label_set=FER8, label_ids=np.maximum(label_ids, 0))
    return relabelled.select(label_ids != LEFT_OUT)
