"""`Finding` and `Audit`: what a search has found wrong with a dataset, as values that pages, command line and cleaning share.

The searches of this folder make findings, `audit.py` gathers them, `cleaning.py` turns those that are accepted into decisions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from fer.errors import DataError

Action = Literal["keep", "drop", "relabel", "move"]
ACTIONS: tuple[Action, ...] = get_args(Action)
_WITH_VALUE = ("relabel", "move")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding, as people are told about it.

    Args:
        title: heading of a list of them.
        meaning: what is wrong and why it matters, one or two sentences.
        action: what is usually done about it; a single finding may propose something else.
    """

    title: str
    meaning: str
    action: Action


# In the order in which pages and reports list them: what flatters a score first, then what harms a training, then what is ugly.
# Of two labels proposed for an image the first kind wins: that of ten people before that of a classifier.
KINDS: Mapping[str, Kind] = {
    "leak": Kind(
        "Leaks", "The same pixels stand in two splits, so that a score measures memory. The training copy goes.", "drop"
    ),
    "near_leak": Kind("Near leaks", "The same photograph, altered, stands in two splits. The training copy goes.", "drop"),
    "conflict": Kind(
        "Conflicting labels", "The same pixels carry different labels: at most one of them can be right.", "relabel"
    ),
    "identical": Kind("Identical images", "The same pixels stand there more than once and count more than once.", "drop"),
    "near_duplicate": Kind(
        "Near duplicates", "The same photograph, mirrored, encoded again, cropped a little or brightened.", "drop"
    ),
    "broken": Kind("Broken files", "The file could not be read as a picture and was left out of the dataset.", "drop"),
    "blank": Kind("Blank images", "The picture shows nothing: all pixels are (almost) one value.", "drop"),
    "no_face": Kind("No face", "The model, or most taggers of FER+, saw no face in the picture.", "drop"),
    "votes_disagree": Kind("Votes disagree", "The taggers of FER+ mostly voted for something else.", "relabel"),
    "label_issue": Kind(
        "Likely wrong labels", "A classifier that was fitted without the picture is confident of another label.", "relabel"
    ),
    "tiny": Kind("Tiny images", "The picture has too few pixels to show an expression.", "drop"),
    "dark": Kind("Too dark", "Almost all of the picture is black.", "keep"),
    "bright": Kind("Too bright", "Almost all of the picture is white.", "keep"),
    "blurred": Kind("Blurred", "The picture has no sharp edge.", "keep"),
}

# A copy too many stays one whatever its label; where it leaks, it may stand on the other side as well.
_LEAKS = ("leak", "near_leak")
_COPIES = ("identical", "near_duplicate")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one image or a group of images, and what to do about it.

    Args:
        kind: one of `KINDS`.
        indices: rows of the dataset that it is about, distinct; those that stay as they are come first. None for a broken file.
        severity: how bad, 0…1, to rank findings of one kind by.
        action: what is proposed for `targets`.
        value: the label (`relabel`) or split (`move`) proposed; empty for other actions.
        detail: one line for people.
        kept: how many of the first `indices` stay as they are; 0 where the action is for all.

    Raises:
        DataError: the kind or action is unknown, or a field does not fit the others.
    """

    kind: str
    indices: tuple[int, ...]
    severity: float
    action: Action
    value: str = ""
    detail: str = ""
    kept: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(f"Unknown kind of finding {self.kind!r}. Known: {', '.join(KINDS)}")
        if self.action not in ACTIONS:
            raise DataError(f"Unknown action {self.action!r}. Known: {', '.join(ACTIONS)}")
        if bool(self.value) != (self.action in _WITH_VALUE):
            raise DataError(f"A value goes with {' and '.join(_WITH_VALUE)}. Received: {self.action} with {self.value!r}")
        if min(self.indices, default=0) < 0 or len(set(self.indices)) != len(self.indices):
            raise DataError(f"Expected distinct rows from 0. Received: {self.indices}")
        if not 0 <= self.severity <= 1:
            raise DataError(f"A severity lies in 0…1. Received: {self.severity}")
        if not 0 <= self.kept <= len(self.indices):
            raise DataError(f"Of {len(self.indices)} images 0…{len(self.indices)} can be kept. Received: {self.kept}")

    @property
    def targets(self) -> tuple[int, ...]:
        """The rows that the action is for."""
        return self.indices[self.kept :]

    @property
    def settled_by(self) -> tuple[Action, ...]:
        """The decisions about a target after which this finding has nothing more to say of it."""
        if self.action == "move":
            return ("move",)
        if self.action == "drop" and self.kind in _LEAKS:
            return ("keep", "drop", "move")
        if self.action == "drop" and self.kind in _COPIES:
            return ("keep", "drop")
        return ("keep", "drop", "relabel")

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "kind": self.kind,
            "indices": list(self.indices),
            "severity": self.severity,
            "action": self.action,
            "value": self.value,
            "detail": self.detail,
            "kept": self.kept,
        }


def images_in(findings: Iterable[Finding]) -> int:
    """How many images findings are about, each counted once."""
    return len({row for finding in findings for row in finding.indices})


def proposals(findings: Iterable[Finding]) -> dict[Action, int]:
    """For how many images each action is proposed, the most frequent first."""
    images = {(finding.action, row) for finding in findings for row in finding.targets}
    return dict(Counter(action for action, _ in images).most_common())


@dataclass(frozen=True, slots=True)
class Audit:
    """All that was found in one dataset.

    Args:
        dataset: its name.
        fingerprint: its `Dataset.fingerprint`; rows mean nothing for another dataset.
        n: how many images it has.
        findings: in any order.
        seconds: how long each step took.
        notes: what a reader should know, such as a step that was left out and why.

    Raises:
        DataError: a finding is about a row that the dataset does not have.
    """

    dataset: str
    fingerprint: str
    n: int
    findings: tuple[Finding, ...]
    seconds: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        last = max((max(finding.indices, default=-1) for finding in self.findings), default=-1)
        if last >= self.n:
            raise DataError(f"A finding is about row {last} of {self.dataset!r}, which has {self.n} images.")

    def by_kind(self) -> dict[str, tuple[Finding, ...]]:
        """The kinds that were found, in the order of `KINDS`; of each the worst first."""
        table: dict[str, list[Finding]] = {kind: [] for kind in KINDS}
        for finding in sorted(self.findings, key=lambda finding: (-finding.severity, finding.indices)):
            table[finding.kind].append(finding)
        return {kind: tuple(findings) for kind, findings in table.items() if findings}

    def counts(self) -> dict[str, int]:
        """How many findings of each kind there are, in the order of `KINDS`, without the kinds of which there are none."""
        counted = Counter(finding.kind for finding in self.findings)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}

    def as_dict(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """Ready for JSON. With `Dataset.names`, each finding also says the `names` of its images."""
        findings = [finding.as_dict() for finding in self.findings]
        if len(names):
            for finding in findings:
                finding["names"] = [str(names[index]) for index in finding["indices"]]
        return {
            "dataset": self.dataset,
            "fingerprint": self.fingerprint,
            "n": self.n,
            "findings": findings,
            "seconds": dict(self.seconds),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Audit:
        """What `as_dict` gave, also after JSON; names are not needed.

        Raises:
            DataError: it is no audit.
        """
        try:
            findings = tuple(
                Finding(
                    kind=str(row["kind"]),
                    indices=tuple(int(index) for index in row["indices"]),
                    severity=float(row["severity"]),
                    action=row["action"],
                    value=str(row["value"]),
                    detail=str(row["detail"]),
                    kept=int(row["kept"]),
                )
                for row in values["findings"]
            )
            seconds = {str(step): float(took) for step, took in values["seconds"].items()}
            notes = tuple(str(note) for note in values["notes"])
            return cls(str(values["dataset"]), str(values["fingerprint"]), int(values["n"]), findings, seconds, notes)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"This is no audit: {type(error).__name__}: {error}") from error
