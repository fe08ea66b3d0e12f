"""The same picture twice: identical images, leaks across splits, conflicting labels, near duplicates.

What is identical is known since the images were read (`Dataset.content_ids`); what is nearly so, `similarity.py` finds. Here
groups become findings, each with the images that stay first:

- An image of test stays rather than one of val, of val rather than of train, of train rather than one without a split. Held-out
  images are few and published figures are about them; what train loses is a repetition.
- Then one that carries the label proposed for its group: that of most of its images; where several are as frequent, the one of
  them with the most votes of FER+; where there are no votes either, none, and nobody knows what the images show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from fer.data.dataset import SPLITS, UNSPLIT, Dataset
from fer.data.read import Progress
from fer.labels import VOTE_COLUMNS
from fer.quality.findings import Finding
from fer.quality.similarity import SIDE, near_groups

_PREFERRED = (*reversed(SPLITS), UNSPLIT)


def find_duplicates(dataset: Dataset, *, near: bool = True, progress: Progress | None = None) -> tuple[Finding, ...]:
    """Findings of the kinds `identical`, `leak`, `conflict`, and with `near` also `near_duplicate`, `near_leak`.

    A group may make several: what is repeated is `identical`, what is repeated in another split also a `leak`, and where labels
    differ it is a `conflict`. Near duplicates are listed with all identical copies of each. A `near_leak` crosses splits by more
    than identical images.

    Args:
        near: whether to compare pixels, too; that takes most of the time, and 2.3 kB of memory an image.
        progress: called with what is being done and the fraction done, 0…1.
    """
    report = progress or (lambda _what, _fraction: None)
    report("Comparing images", 0.0)
    preference = np.array([_PREFERRED.index(split) for split in dataset.splits.tolist()], np.intp)
    by_content: dict[int, list[int]] = {}
    for row in np.argsort(preference, kind="stable").tolist():
        by_content.setdefault(int(dataset.content_ids[row]), []).append(row)
    contents = list(by_content.values())
    findings = [finding for rows in contents if len(rows) > 1 for finding in _of_identical(dataset, rows)]
    if near and contents:
        images = dataset.images.batch(np.array([rows[0] for rows in contents]), SIDE, 1)[..., 0]
        for group in near_groups(images, lambda fraction: report("Comparing images", fraction)):
            findings += _of_near(dataset, [contents[member] for member in group.members], group.score)
    report("Comparing images", 1.0)
    return tuple(findings)


def _of_identical(dataset: Dataset, rows: Sequence[int]) -> list[Finding]:
    """Findings about the rows of one content, two or more."""
    label_id = _proposed_label(dataset, rows)
    rows = _in_order(dataset, rows, label_id)
    repeated, detail = 1 - 1 / len(rows), _describe(dataset, rows)
    findings = [Finding("identical", rows, repeated, "drop", detail=detail, kept=1)]
    placed, kept = _leak(dataset, rows)
    if kept < len(placed):
        findings.append(Finding("leak", placed, repeated, "drop", detail=detail, kept=kept))
    if len(set(dataset.label_ids[list(rows)].tolist())) > 1:
        findings.append(_conflict(dataset, rows, label_id, detail))
    return findings


def _conflict(dataset: Dataset, rows: tuple[int, ...], label_id: int | None, detail: str) -> Finding:
    """The labels of one content differ: relabel to the one proposed, or drop all where there is none."""
    most = max(Counter(dataset.label_ids[list(rows)].tolist()).values())
    doubt = 1 - most / len(rows)
    if label_id is None:
        return Finding("conflict", rows, doubt, "drop", detail=detail)
    agreeing = tuple(row for row in rows if dataset.label_ids[row] == label_id)
    others = tuple(row for row in rows if dataset.label_ids[row] != label_id)
    label = dataset.label_set.names[label_id]
    return Finding("conflict", agreeing + others, doubt, "relabel", label, detail, kept=len(agreeing))


def _of_near(dataset: Dataset, contents: Sequence[Sequence[int]], score: float) -> list[Finding]:
    """Findings about contents that show one photograph, each content given as its rows, in the order of preference."""
    unordered = [row for copies in contents for row in copies]
    rows = _in_order(dataset, unordered, _proposed_label(dataset, unordered))
    detail = f"{_describe(dataset, rows)}; edges alike by {score:.2f}"
    findings = [Finding("near_duplicate", rows, score, "drop", detail=detail, kept=1)]
    best_splits = {str(dataset.splits[copies[0]]) for copies in contents} - {UNSPLIT}
    if len(best_splits) > 1:
        placed, kept = _leak(dataset, rows)
        findings.append(Finding("near_leak", placed, score, "drop", detail=detail, kept=kept))
    return findings


def _in_order(dataset: Dataset, rows: Sequence[int], label_id: int | None) -> tuple[int, ...]:
    """The rows that rather stay first."""

    def preference(row: int) -> tuple[int, bool]:
        return _PREFERRED.index(str(dataset.splits[row])), bool(dataset.label_ids[row] != label_id)

    return tuple(sorted(rows, key=preference))


def _leak(dataset: Dataset, rows: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Of rows in order those that have a split, and how many of them stand in the first one's; the others leak."""
    placed = tuple(row for row in rows if dataset.splits[row] != UNSPLIT)
    return placed, sum(dataset.splits[row] == dataset.splits[placed[0]] for row in placed)


def _proposed_label(dataset: Dataset, rows: Sequence[int]) -> int | None:
    """The most frequent label of the rows; of several, the one with the most votes; None where that decides nothing."""
    counts: Counter[int] = Counter(dataset.label_ids[list(rows)].tolist())
    most = max(counts.values())
    leading = [label_id for label_id, count in counts.items() if count == most]
    if len(leading) == 1:
        return leading[0]
    names = [dataset.label_set.names[label_id] for label_id in leading]
    if dataset.votes is None or not all(name in VOTE_COLUMNS for name in names):
        return None
    votes = dataset.votes[list(rows)].sum(axis=0, dtype=np.int64)[[VOTE_COLUMNS.index(name) for name in names]]
    winners = np.flatnonzero(votes == votes.max())
    return leading[int(winners[0])] if len(winners) == 1 else None


def _describe(dataset: Dataset, rows: Sequence[int]) -> str:
    """How many images, in which splits and under which labels: `3 images: 1 val, 2 train; 2 sad, 1 neutral`."""
    splits = Counter(str(dataset.splits[row]) or "without a split" for row in rows)
    labels = Counter(dataset.label_set.decode(dataset.label_ids[list(rows)]))
    parts = (", ".join(f"{count} {name}" for name, count in counter.items()) for counter in (splits, labels))
    return f"{len(rows)} images: {'; '.join(parts)}"
