"""`CleaningList`: what was decided about single images of a dataset, as a small CSV beside it that never touches the images.

Findings (`findings.py`) are accepted into it, or decisions are made image by image; `train` and `evaluate` see their data through
it (`--cleaning FILE`), and `export.py` writes what is left. `decisions.py` has the single decision, and the file.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.data import read_dataset
from fer.data.dataset import Dataset
from fer.data.read import Progress
from fer.errors import DataError, LabelError
from fer.quality.decisions import Decision, Subject, by_time, read_decisions, write_decisions
from fer.quality.findings import KINDS, Action, Audit, Finding
from fer.workspace import workspace_dir

# Of an audit, what is stronger wins over what is weaker: a wrong label of an image that goes is no matter.
_STRENGTH: Mapping[str, int] = {"relabel": 0, "move": 0, "drop": 1}


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two lists decided differently about one image, neither of them knowing what the other had decided.

    Args:
        ours, theirs: what each list says; the later one holds in the merged list.
    """

    ours: Decision
    theirs: Decision

    def __str__(self) -> str:
        later = max(self.ours, self.theirs, key=by_time)
        return f"{later.name}: {self.ours} here, {self.theirs} there. The later holds: {later}."


@dataclass(frozen=True, slots=True)
class CleaningSummary:
    """What a cleaning list has done to a dataset.

    Args:
        decisions: how many hold.
        before, after: images of the dataset.
        dropped, relabelled, moved: images changed, of those that are left the last two.
        absent: decisions about names that the dataset does not have.
        replaced: decisions about a picture in whose place another now stands under its name; it is left as it is.
        emptied: a sentence for each split or class that has no images any more.
    """

    decisions: int
    before: int
    after: int
    dropped: int
    relabelled: int
    moved: int
    absent: int
    replaced: int
    emptied: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "emptied": list(self.emptied)}

    def note(self, path: str | Path) -> str:
        """What stands beside figures of a dataset that was seen through the list in a file."""
        return f"The dataset was seen through the cleaning list {Path(path).name}. {self}"

    def __str__(self) -> str:
        sentences = [
            f"Cleaned: {self.dropped:,} dropped, {self.relabelled:,} relabelled, {self.moved:,} moved; "
            f"{self.after:,} of {self.before:,} images are left."
        ]
        if self.absent:
            sentences.append(f"Of {self.decisions:,} decisions, {self.absent:,} are about images that are not in this dataset.")
        if self.replaced:
            sentences.append(
                f"{self.replaced:,} were left aside: another picture stands under the name than the one they were made about."
            )
        return " ".join([*sentences, *self.emptied])


@dataclass(frozen=True)
class CleaningList:
    """Decisions, in the order in which they were made. A value: what changes it gives a new one.

    Args:
        history: all of them, also those that later ones have overruled.
    """

    history: tuple[Decision, ...] = ()

    def __len__(self) -> int:
        return len(self.in_force)

    @cached_property
    def in_force(self) -> Mapping[Subject, Decision]:
        """The decisions that hold: of each subject the last."""
        return {decision.subject: decision for decision in self.history}

    @cached_property
    def steps(self) -> tuple[tuple[Decision, ...], ...]:
        """The history by steps, the oldest first: what was decided at one moment is one step."""
        return tuple(tuple(step) for _, step in groupby(self.history, key=lambda decision: decision.decided))

    def decide(self, dataset: Dataset, rows: Iterable[int], action: Action, value: str = "", *, reason: str = "") -> CleaningList:
        """The list with the same decision about some images of a dataset, as one step.

        Args:
            rows: indices into the dataset.
            value: for `relabel` a label in any known spelling, for `move` a split.

        Raises:
            DataError: the dataset has no such row, or the value does not fit the action.
            LabelError: the dataset has no such class.
        """
        return self._with(dataset, [(row, action, value, reason) for row in rows])

    def accept(self, dataset: Dataset, found: Finding | Audit, *, kinds: Collection[str] = tuple(KINDS)) -> CleaningList:
        """The list with what a finding, or a whole audit, proposes, as one step.

        Of an audit, what proposes no change is passed over, and what has been decided before stays decided, but for copies too
        many that have merely been relabelled (`Finding.settled_by`). Where its findings disagree about an image, `drop` wins over
        the others, then the kind that stands first in `KINDS`, then the worse finding.

        Args:
            dataset: the one that the findings are about, before any cleaning.
            kinds: those of an audit's findings that are accepted.

        Raises:
            DataError: the audit is of another dataset, or the finding about a row that this one does not have.
            LabelError: a label is proposed that the dataset does not have.
        """
        if isinstance(found, Finding):
            return self._with(dataset, [(row, *_proposal(found)) for row in found.targets])
        if found.fingerprint != dataset.fingerprint:
            raise DataError(f"The audit of {found.dataset!r} is not of this dataset as it is now. Audit it again.")
        order = list(KINDS)
        findings = [finding for finding in found.findings if finding.kind in kinds and finding.action != "keep"]
        findings.sort(key=lambda finding: (_STRENGTH[finding.action], -order.index(finding.kind), finding.severity))
        wanted = {(row, finding.action == "move"): finding for finding in findings for row in finding.targets}
        return self._with(
            dataset,
            [
                (row, *_proposal(finding))
                for (row, _), finding in sorted(wanted.items(), key=lambda item: item[0])
                if not self._settles(str(dataset.names[row]), int(dataset.content_ids[row]), finding)
            ],
        )

    def move_to(self, dataset: Dataset, splits: NDArray[np.str_], *, reason: str = "") -> CleaningList:
        """The list with each image of a dataset moved to where it stands in `splits`, as one step.

        Args:
            dataset: as this list leaves it (`apply`), so that what was moved before and stays there is not decided twice.
            splits: str (N,), all of them train, val or test.

        Raises:
            DataError: a split is unknown, or there is not one for each image.
        """
        if splits.shape != (len(dataset),):
            raise DataError(f"Expected a split for each of {len(dataset):,} images. Received: {splits.shape}")
        rows = np.flatnonzero(splits != dataset.splits).tolist()
        return self._with(dataset, [(row, "move", str(splits[row]), reason) for row in rows])

    def undo(self, steps: int = 1) -> CleaningList:
        """The list without its last steps: all that was decided at the last moments. An empty list stays empty."""
        return CleaningList(tuple(chain.from_iterable(self.steps[:-steps])))

    def merge(self, other: CleaningList) -> tuple[CleaningList, tuple[Conflict, ...]]:
        """Both histories as one, and where the two disagree; the later decision holds, so the order of merging is no matter.

        It is no conflict where one list had the other's decision in its history and overruled it.
        """
        ours, theirs = set(self.history), set(other.history)
        conflicts = tuple(
            Conflict(decision, against)
            for subject, decision in self.in_force.items()
            if (against := other.in_force.get(subject)) is not None
            and (decision.action, decision.value) != (against.action, against.value)
            and decision not in theirs
            and against not in ours
        )
        return CleaningList(tuple(sorted(ours | theirs, key=by_time))), conflicts

    def apply(self, dataset: Dataset) -> tuple[Dataset, CleaningSummary]:
        """The dataset as decided, and what was done; the same once more changes nothing. The images themselves stay as they are.

        Raises:
            LabelError: an image is relabelled to a class that the dataset does not have.
        """
        rows = {key: row for row, key in enumerate(zip(dataset.names.tolist(), dataset.content_ids.tolist(), strict=True))}
        names = set(dataset.names.tolist())
        kept = np.ones(len(dataset), np.bool_)
        label_ids, splits = dataset.label_ids.copy(), dataset.splits.astype("U5")
        absent = replaced = 0
        for decision in self.in_force.values():
            row = rows.get((decision.name, decision.content_id))
            if row is None:
                absent += decision.name not in names
                replaced += decision.name in names
            elif decision.action == "drop":
                kept[row] = False
            elif decision.action == "relabel":
                label_ids[row] = _label_id(dataset, decision)
            elif decision.action == "move":
                splits[row] = decision.value
        cleaned = replace(dataset, label_ids=label_ids, splits=splits).select(kept)
        summary = CleaningSummary(
            decisions=len(self),
            before=len(dataset),
            after=len(cleaned),
            dropped=int((~kept).sum()),
            relabelled=int((kept & (label_ids != dataset.label_ids)).sum()),
            moved=int((kept & (splits != dataset.splits)).sum()),
            absent=absent,
            replaced=replaced,
            emptied=_emptied(dataset, cleaned),
        )
        return cleaned, summary

    def save(self, path: str | Path) -> None:
        """Write the list, whole or not at all.

        Raises:
            DataError: the file cannot be written.
        """
        write_decisions(path, self.history)

    @classmethod
    def load(cls, path: str | Path) -> CleaningList:
        """Read a list; lines may have been sorted, and a spreadsheet may have saved it.

        Raises:
            DataError: the file cannot be read or is no cleaning list, or lines of it are malformed; each is named with what was
                expected and what came.
        """
        return cls(tuple(sorted(read_decisions(path), key=by_time)))

    def _settles(self, name: str, content_id: int, finding: Finding) -> bool:
        decided = (self.in_force.get((name, content_id, is_move)) for is_move in (False, True))
        return any(decision is not None and decision.action in finding.settled_by for decision in decided)

    def _with(self, dataset: Dataset, wanted: Sequence[tuple[int, Action, str, str]]) -> CleaningList:
        """The list with a step more: (row, action, value, reason) each."""
        decided = datetime.now(UTC)
        if self.history:  # two steps are never of one moment, nor a later one earlier where a clock was set back
            decided = max(decided, self.history[-1].decided + timedelta(microseconds=1))
        step = []
        for row, action, value, reason in wanted:
            if not 0 <= row < len(dataset):
                raise DataError(f"Dataset {dataset.name!r} has rows 0…{len(dataset) - 1}. Received: {row}")
            label = dataset.label_set.names[dataset.label_set.label_id(value)] if action == "relabel" and value else value
            name, content_id = str(dataset.names[row]), int(dataset.content_ids[row])
            step.append(Decision(name, content_id, action, label, reason, decided))
        return CleaningList((*self.history, *sorted(step, key=by_time)))


def default_place(source: str) -> Path:
    """Where the cleaning list of a dataset is kept when nobody names another file; it need not exist yet.

    Args:
        source: what `fer.data.read_dataset` takes.

    Returns:
        for a folder, archive or table `<its name>.cleaning.csv` beside it; a file in the workspace where that place cannot be
        written, or where the dataset has none of its own (Kaggle, synthetic).
    """
    path = Path(source).expanduser().absolute()
    if not source.startswith(("synthetic", "kaggle:")) and os.access(path.parent, os.W_OK):
        return path.with_name(f"{path.name}.cleaning.csv")
    name = re.sub(r"[^\w.-]+", "-", source).strip("-")[-60:]
    return workspace_dir() / "cleaning" / f"{name}-{hashlib.sha256(source.encode()).hexdigest()[:8]}.csv"


def read_cleaned(
    path: str | Path,
    cleaning: str | Path | None,
    *,
    ferplus: str | Path | None = None,
    progress: Progress | None = None,
) -> tuple[Dataset, CleaningSummary | None]:
    """A dataset as `fer.data.read_dataset` reads it, seen through a cleaning list where one is given.

    Returns:
        the dataset, and what the list has done to it; None where there is none.

    Raises:
        DataError: the dataset or the list cannot be read.
        LabelError: an unknown class folder, or an image is relabelled to a class that the dataset does not have.
    """
    decided = None if cleaning is None else CleaningList.load(cleaning)  # first: it is read at once, the dataset is not
    dataset = read_dataset(path, ferplus=ferplus, progress=progress)
    return (dataset, None) if decided is None else decided.apply(dataset)


def _proposal(finding: Finding) -> tuple[Action, str, str]:
    """Action, value and reason of a finding that is accepted."""
    title = KINDS[finding.kind].title
    return finding.action, finding.value, f"{title}: {finding.detail}" if finding.detail else title


def _label_id(dataset: Dataset, decision: Decision) -> int:
    try:
        return dataset.label_set.label_id(decision.value)
    except LabelError as error:
        raise LabelError(
            f"The cleaning list relabels {decision.name!r} to {decision.value!r}, a class that {dataset.name!r} lacks. "
            f"It has: {', '.join(dataset.label_set)}. Decide anew about such images, or take their lines out of the list."
        ) from error


def _emptied(before: Dataset, after: Dataset) -> tuple[str, ...]:
    """A sentence for each split, each class, and each class of a split that had images and has none now."""
    had, has = before.counts(), after.counts()
    sentences = [f"The split {split or '(none)'} has no images left." for split in had if split not in has]
    gone = set(np.unique(before.label_ids).tolist()) - set(np.unique(after.label_ids).tolist())
    sentences += [f"The class {before.label_set.names[label_id]} has no images left." for label_id in sorted(gone)]
    sentences += [
        f"The split {split or '(none)'} has no image of {label} left."
        for split, counts in had.items()
        if split in has
        for label_id, (label, count) in enumerate(counts.items())
        if count and not has[split][label] and label_id not in gone
    ]
    return tuple(sentences)
