"""`Decision`: one decision about one image, and the CSV that a history of them is kept in.

    # fer cleaning list 1
    name,content_id,action,value,reason,decided
    train/happy/17.png,x00c0ffee00c0ffee,relabel,sad,likely wrong labels,2026-11-21T14:02:56.123456+00:00

`keep`, `drop` and `relabel` say what becomes of an image, `move` says in which split it stands; of each the one decided last
holds, whatever the order of the lines. An image is meant by its name and its pixels: in FER2013 1,538 images have the pixels of
another, and the next download may give a name to another picture. `cleaning.py` makes and applies decisions.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fer.data.dataset import SPLITS
from fer.errors import DataError
from fer.files import replacing
from fer.quality.findings import ACTIONS, Action

FORMAT = 1

_TITLE = "# fer cleaning list"
_COLUMNS = ("name", "content_id", "action", "value", "reason", "decided")
_WITH_VALUE = ("relabel", "move")
_WRONG_LINES_SHOWN = 10

Subject = tuple[str, int, bool]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one image.

    Args:
        name: the image's name in the dataset.
        content_id: what its pixels are, 0…2⁶⁴-1 (`fer.images.content_id`).
        action: `keep` as it is, `drop`, `relabel` or `move` to a split.
        value: the label or the split; empty for other actions.
        reason: why, for people.
        decided: when, with its time zone. Decisions of the same moment are one step, undone together.

    Raises:
        DataError: a field is out of range, or does not fit the action.
    """

    name: str
    content_id: int
    action: Action
    value: str
    reason: str
    decided: datetime

    def __post_init__(self) -> None:
        if not self.name:
            raise DataError("expected the name of an image. Received: an empty one")
        if not 0 <= self.content_id < 2**64:
            raise DataError(f"expected a content id in 0…2⁶⁴-1. Received: {self.content_id}")
        if self.action not in ACTIONS:
            raise DataError(f"expected one of the actions {', '.join(ACTIONS)}. Received: {self.action!r}")
        if bool(self.value) != (self.action in _WITH_VALUE):
            raise DataError(f"expected a value with {' and '.join(_WITH_VALUE)} alone. Received: {self.action} {self.value!r}")
        if self.action == "move" and self.value not in SPLITS:
            raise DataError(f"expected a move to {', '.join(SPLITS)}. Received: {self.value!r}")
        if self.decided.tzinfo is None:
            raise DataError(f"expected a time with its zone. Received: {self.decided.isoformat()}")

    @property
    def subject(self) -> Subject:
        """What it is about: which image, and whether it is where it stands or what becomes of it."""
        return self.name, self.content_id, self.action == "move"

    def __str__(self) -> str:
        to = " to " if self.value else ""
        return f"{self.action}{to}{self.value} ({self.decided:%Y-%m-%d %H:%M})"


def by_time(decision: Decision) -> tuple[datetime, str, int, str, str, str]:
    """What to sort decisions by: time, and for those of one moment an order that does not depend on where they came from."""
    return (decision.decided, decision.name, decision.content_id, decision.action, decision.value, decision.reason)


def write_decisions(path: str | Path, decisions: Iterable[Decision]) -> None:
    """Write a cleaning list, whole or not at all.

    Raises:
        DataError: the file cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Names of files on disk need not be UTF-8; such bytes go through as they came.
        with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([f"{_TITLE} {FORMAT}"])
            writer.writerow(_COLUMNS)
            writer.writerows(_cells(decision) for decision in decisions)
    except OSError as error:
        raise DataError(f"Cannot write the cleaning list {path}: {error.strerror or error}.") from error


def read_decisions(path: str | Path) -> list[Decision]:
    """Read a cleaning list, in the order of its lines.

    Raises:
        DataError: the file cannot be read or is no cleaning list, or lines of it are malformed; each is named with what was
            expected and what came.
    """
    decisions, wrong = [], []
    try:
        with Path(path).open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.reader(file, strict=True)
            _check_head(path, next(reader, []), next(reader, []))
            for cells in reader:
                try:
                    if any(cells):
                        decisions.append(_decision(cells))
                except DataError as error:
                    wrong.append(f"line {reader.line_num}: {error}")
    except OSError as error:
        raise DataError(f"Cannot read the cleaning list {path}: {error.strerror or error}.") from error
    except csv.Error as error:
        raise DataError(f"{path} is no CSV that can be read: line {reader.line_num}: {error}.") from error
    if wrong:
        more = f"\n… and {len(wrong) - _WRONG_LINES_SHOWN:,} more" if len(wrong) > _WRONG_LINES_SHOWN else ""
        lines = "\n".join(wrong[:_WRONG_LINES_SHOWN])
        raise DataError(f"The cleaning list {path} has lines that cannot be read. Mend them, or take them out.\n{lines}{more}")
    return decisions


def _cells(decision: Decision) -> tuple[str, ...]:
    # The x keeps spreadsheets from taking the id for a number, and rounding it.
    content = f"x{decision.content_id:016x}"
    decided = decision.decided.isoformat(timespec="microseconds")
    return (decision.name, content, decision.action, decision.value, decision.reason, decided)


def _check_head(path: str | Path, title: Sequence[str], columns: Sequence[str]) -> None:
    """The first two lines must be ours; a spreadsheet may have filled up the first with empty cells."""
    text = title[0] if title else ""
    match = re.fullmatch(rf"{_TITLE} ([0-9]+)", text.strip())
    if match is None:
        raise DataError(f"{path} is no cleaning list: expected '{_TITLE} {FORMAT}' in line 1. Received: {text[:60]!r}")
    if int(match[1]) != FORMAT:
        raise DataError(f"{path} is a cleaning list of format {match[1]}; this version reads format {FORMAT}. Update fer.")
    if tuple(columns) != _COLUMNS:
        received = ",".join(columns)[:80]
        raise DataError(f"{path}, line 2: expected the columns {','.join(_COLUMNS)}. Received: {received!r}")


def _decision(cells: Sequence[str]) -> Decision:
    """A line's decision.

    Raises:
        DataError: says what was expected and what came.
    """
    if len(cells) != len(_COLUMNS):
        raise DataError(f"expected {len(_COLUMNS)} cells, {','.join(_COLUMNS)}. Received: {len(cells)}")
    name, content, action, value, reason, decided = cells
    if not re.fullmatch("x[0-9a-f]{16}", content):
        raise DataError(f"expected a content id, x and 16 digits of 0…9 and a…f. Received: {content[:40]!r}")
    try:
        moment = datetime.fromisoformat(decided)
    except ValueError as error:
        raise DataError(f"expected a time such as 2026-11-21T14:02:56+00:00. Received: {decided[:40]!r}") from error
    return Decision(name, int(content[1:], 16), action, value, reason, moment)  # type: ignore[arg-type] # the action is checked there
