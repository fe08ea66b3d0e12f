"""Doubtful labels: what a classifier that was fitted without a picture takes it for, and what FER+'s taggers voted for.

Likely wrong labels are found by confident learning (Northcutt, Jiang and Chuang 2021, https://arxiv.org/abs/1911.00068), through
its authors' `cleanlab`. It needs probabilities from a classifier that did not see the picture's label: a logistic regression,
cross-validated over what a network says of the pictures. And over their outlines, because the network may know nothing of the
kind of pictures at hand.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.data.votes import LEFT_OUT, strict_labels
from fer.labels import FER8
from fer.quality.findings import Action, Finding
from fer.words import percent

if TYPE_CHECKING:
    from fer.inference.classifier import Examination

FOLDS = 5
LEAST_OF_A_CLASS = 2 * FOLDS  # distinct images; of fewer, a fold would ask about one or none

# A label is likely wrong where another is this many times as probable, even if it is beyond the number of wrong labels that
# confident learning reckons with: of flipped labels that a model knew almost all to be wrong, it counted 54 to 65 %.
CERTAIN = 10.0

_HOG_SIDE = 48
# Of the flagship's 768 embeddings and of 900 outlines: as good as all of them, in half the time.
_EMBEDDING_COMPONENTS, _OUTLINE_COMPONENTS = 400, 200
_CHUNK = 1024
_SEED = 0
_MOST_ITERATIONS = 500

Floats = NDArray[np.float32]


def find_label_issues(
    dataset: Dataset, answers: Examination, groups: NDArray[np.integer], progress: Callable[[float], None] | None = None
) -> tuple[list[Finding], list[str]]:
    """Images whose label is likely wrong, with the label that is likely right.

    Args:
        dataset: N images.
        answers: of a network to them.
        groups: (N,), equal for images of which one would tell the label of the other: duplicates.
        progress: called with the fraction done, 0…1.

    Returns:
        the findings, and what a reader of them should know.
    """
    from cleanlab.filter import find_label_issues as confident_learning

    distinct = np.unique(np.stack([dataset.label_ids, groups]), axis=1)[0]
    judged = np.flatnonzero(np.bincount(distinct, minlength=len(dataset.label_set)) >= LEAST_OF_A_CLASS)
    left_out = [label for i, label in enumerate(dataset.label_set) if i not in judged and i in distinct]
    notes = [f"Labels of {', '.join(left_out)} were not judged: fewer than {LEAST_OF_A_CLASS} distinct images."] * bool(left_out)
    if len(judged) < 2:
        return [], [f"Labels were not judged: that takes two classes of at least {LEAST_OF_A_CLASS} distinct images."]
    rows = np.flatnonzero(np.isin(dataset.label_ids, judged))
    given = np.searchsorted(judged, dataset.label_ids[rows])  # classes numbered anew, without gaps
    y_prob = out_of_fold_probabilities(describe_images(dataset, answers)[rows], given, groups[rows], progress)
    # As many as confident learning counts, the least probable labels first: where any label may stand for any other, they are
    # wrong in that order. And of these where one label is more probable than all others together, and can be proposed.
    issues = confident_learning(given, y_prob, filter_by="low_self_confidence", n_jobs=1)
    likely = y_prob.argmax(axis=1)
    p_given, p_likely = y_prob[np.arange(len(rows)), given], y_prob.max(axis=1)
    issues = (likely != given) & (p_likely > 0.5) & (issues | (p_likely >= CERTAIN * p_given))
    findings = []
    for i in np.flatnonzero(issues).tolist():
        label, other = (dataset.label_set.names[judged[k]] for k in (given[i], likely[i]))
        detail = f"labelled {label}; a model takes it for {other}, {percent(p_likely[i], 0)} to {percent(p_given[i], 0)}"
        findings.append(Finding("label_issue", (int(rows[i]),), float(1 - p_given[i]), "relabel", other, detail))
    return findings, notes


def find_disputed_labels(dataset: Dataset) -> tuple[list[Finding], list[str]]:
    """Images whose label is not the emotion that more than half of FER+'s taggers chose (see `strict_labels`).

    Where the dataset has no class for that emotion (contempt, in FER2013), no label is right, and dropping is proposed.

    Returns:
        the findings, and what a reader of them should know.
    """
    if dataset.votes is None:
        return [], []
    merged = [name for name in dataset.label_set if name not in FER8]
    if merged:
        return [], [f"FER+ votes were not held against the labels: {', '.join(merged)} is no emotion of FER+."]
    winners = strict_labels(dataset.votes)
    given = FER8.encode(dataset.label_set)[dataset.label_ids]
    findings = []
    for row in np.flatnonzero((winners != LEFT_OUT) & (winners != given)).tolist():
        votes, winner = dataset.votes[row].astype(int), FER8.names[winners[row]]
        for_winner, for_label, total = votes[winners[row]], votes[given[row]], votes.sum()
        detail = f"labelled {FER8.names[given[row]]} ({for_label} of {total} votes); {winner} got {for_winner}"
        has_class = winner in dataset.label_set
        action: Action = "relabel" if has_class else "drop"
        findings.append(
            Finding("votes_disagree", (row,), float(for_winner - for_label) / int(total), action, winner * has_class, detail)
        )
    return findings, []


def describe_images(dataset: Dataset, answers: Examination) -> Floats:
    """What the logistic regression judges images by: what a network says of them and sees in them, and their outlines.

    Args:
        dataset: N images, at least one.
        answers: of the network to them.

    Returns:
        float32 (N, D). Logits and outlines have the same total variance, so that neither drowns the other; embeddings have four
        times as much, with which flipped labels of synthetic faces were found most precisely.
    """
    blocks = [_scaled(_standard(np.concatenate(list(answers.logits.values()), axis=1)))]
    if answers.quarters is not None:
        embeddings = _standard(answers.quarters.reshape(len(dataset), -1))
        blocks.append(2 * _scaled(_main_components(embeddings, _EMBEDDING_COMPONENTS)))
    blocks.append(_scaled(_main_components(_outlines(dataset), _OUTLINE_COMPONENTS)))
    return np.concatenate(blocks, axis=1)


def _outlines(dataset: Dataset) -> Floats:
    """Histograms of oriented gradients (Dalal and Triggs 2005) in 25 overlapping blocks: float32 (N, 900)."""
    hog = cv2.HOGDescriptor((_HOG_SIDE, _HOG_SIDE), (16, 16), (8, 8), (8, 8), 9)
    histograms = np.empty((len(dataset), hog.getDescriptorSize()), np.float32)
    for start in range(0, len(dataset), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(dataset)))
        for row, image in zip(rows.tolist(), dataset.images.batch(rows, _HOG_SIDE, 1), strict=True):
            histograms[row] = np.asarray(hog.compute(image)).ravel()
    return histograms


def _standard(columns: Floats) -> Floats:
    """Each column with the mean 0 and, unless it is constant, the standard deviation 1."""
    spread = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1), np.float32)


def _main_components(block: Floats, most: int) -> Floats:
    """The columns of a block, or its main components where it has more columns than `most`."""
    from sklearn.decomposition import PCA

    if block.shape[1] <= most:
        return block
    return np.asarray(PCA(min(most, len(block)), svd_solver="covariance_eigh").fit_transform(block), np.float32)


def _scaled(block: Floats) -> Floats:
    """Columns divided by one number, so that their variances sum to 1 (unless all are 0)."""
    total = float(np.sqrt(block.var(axis=0).sum()))
    return np.asarray(block / (total or 1.0), np.float32)


def out_of_fold_probabilities(
    features: Floats,
    label_ids: NDArray[np.integer],
    groups: NDArray[np.integer],
    progress: Callable[[float], None] | None = None,
) -> NDArray[np.float64]:
    """Probabilities of labels by logistic regressions, each of which was fitted without the images that it is asked about.

    Args:
        features: (N, D).
        label_ids: (N,), 0…K-1.
        groups: (N,); images of one group are all fitted on, or all asked about.
        progress: called with the fraction done, 0…1.

    Returns:
        float64 (N, K); rows sum to 1.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    folds = _folds(label_ids, groups)
    y_prob = np.zeros((len(features), int(label_ids.max()) + 1))

    def answer(fold: int) -> None:
        asked = folds == fold
        model = LogisticRegression(max_iter=_MOST_ITERATIONS).fit(features[~asked], label_ids[~asked])
        y_prob[np.ix_(asked, model.classes_)] = model.predict_proba(features[asked])

    # A fold a thread: BLAS's own threads wait for each other at every step, on a busy machine ten times as long as they work.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(min(os.cpu_count() or 1, FOLDS)) as pool:
        for done, _ in enumerate(pool.map(answer, range(FOLDS)), 1):
            if progress:
                progress(done / FOLDS)
    return y_prob


def _folds(label_ids: NDArray[np.integer], groups: NDArray[np.integer]) -> NDArray[np.intp]:
    """A fold for each image, intp (N,), equal within a group; each fold gets its share of each label."""
    _, firsts, members = np.unique(groups, return_index=True, return_inverse=True)
    order = np.lexsort((np.random.default_rng(_SEED).random(len(firsts)), label_ids[firsts]))
    fold_of_group = np.empty(len(firsts), np.intp)
    fold_of_group[order] = np.arange(len(firsts)) % FOLDS
    return fold_of_group[members]
