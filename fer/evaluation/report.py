"""`Report`: what a bundle answered on a dataset, as one folder that pages and command line can show without the dataset.

    <report>/report.json         every figure, and where it comes from
    <report>/probabilities.npz   y_true, y_prob, names, has_train_twin

`fer/evaluation/evaluate.py` makes a report. On load the figures are worked out again from the probabilities and must be
those of the JSON, so a damaged or edited report is noticed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.errors import DataError, FerError
from fer.evaluation.checks import Check
from fer.evaluation.ferplus import FerPlusScore
from fer.evaluation.scores import SINGLE_FIGURES, Scores
from fer.evaluation.taggers import TaggerFigures
from fer.files import replacing, replacing_folder
from fer.labels import LabelSet
from fer.workspace import workspace_dir

REPORT_FILE = "report.json"
PROBABILITIES_FILE = "probabilities.npz"
FORMAT = 1

_TEXTS = ("model", "bundle_sha256", "head", "dataset", "source", "fingerprint", "split", "created")
# Reports from before these were figures lack them; they follow from the probabilities all the same.
_LATER = ("kappa", "mcc", "top2_accuracy", "aurc")
_CHECKED = (*SINGLE_FIGURES, "confusion", "leaks", "accuracy_leak_free")


@dataclass(frozen=True, eq=False)
class Report(Scores):
    """Answers of one bundle on N images; the figures are those of `Scores`.

    Args:
        names: str (N,), the images' names in the dataset.
        model, bundle_sha256, head: who answered.
        dataset, source, fingerprint: on what; the fingerprint is that of the whole dataset.
        split: `train`, `val`, `test`, or `all` for the whole dataset.
        created: ISO 8601, UTC.
        has_train_twin: bool (N,), whether a training image of the dataset has the same pixels; None where that cannot be told,
            because there is no train part, or because it was evaluated itself.
        ferplus: agreement with FER+ votes; None where there are none.
        taggers: the model beside FER+'s taggers; None where there are no votes, or the report is from before this was measured.
        notes: what a reader of the figures should know, one sentence each.
        checks: whether the figures mean what they seem to; empty in reports from before there were checks.
        pixels: `pixels_sha256` of the images; empty in reports from before it was kept.
        versions: of the software that made it, by name; empty in reports from before they were kept.
    """

    names: NDArray[np.str_]
    model: str
    bundle_sha256: str
    head: str
    dataset: str
    source: str
    fingerprint: str
    split: str
    created: str
    has_train_twin: NDArray[np.bool_] | None = None
    ferplus: FerPlusScore | None = None
    taggers: TaggerFigures | None = None
    notes: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    pixels: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for column in (self.names, self.has_train_twin):
            if column is not None and column.shape != (self.n,):
                raise DataError(f"Expected a name and a flag for each of {self.n} images. Received shape: {column.shape}")

    @property
    def id(self) -> str:
        """Name of the report's folder: when, who, on what."""
        parts = (re.sub(r"\D", "", self.created)[:14], self.model, self.dataset, self.split)
        return "-".join(re.sub(r"[^\w.]+", "_", part).strip("._")[:40] for part in parts)

    @property
    def leaks(self) -> int | None:
        """Images whose very pixels are in the dataset's train part; None where that cannot be told."""
        return None if self.has_train_twin is None else int(self.has_train_twin.sum())

    @property
    def accuracy_leak_free(self) -> float | None:
        """Accuracy on the images without such a twin, 0…1; None where that cannot be told, or no image is left."""
        if self.has_train_twin is None or self.has_train_twin.all():
            return None
        return float((self.y_pred == self.y_true)[~self.has_train_twin].mean())

    @property
    def is_pending(self) -> bool:
        """Whether a check still waits for what goes on in another process (see `fer.evaluation.settling`)."""
        return any(check.status == "pending" for check in self.checks)

    @property
    def lacks(self) -> tuple[str, ...]:
        """Figures, in words, that an old report does not hold and that cannot be worked out without its dataset."""
        is_old = self.ferplus is not None and self.taggers is None
        return ("accuracy by tagger agreement, and that of a single tagger",) if is_old else ()

    def as_dict(self) -> dict[str, object]:
        """All figures and where they come from, ready for JSON; what was answered for each image stays out."""
        return {
            **super().as_dict(),
            "leaks": self.leaks,
            "accuracy_leak_free": self.accuracy_leak_free,
            **({"ferplus": self.ferplus.as_dict()} if self.ferplus else {}),
            **({"taggers": self.taggers.as_dict()} if self.taggers else {}),
            **{name: getattr(self, name) for name in _TEXTS},
            "notes": list(self.notes),
            "checks": [asdict(check) for check in self.checks],
            "pixels": self.pixels,
            "versions": dict(self.versions),
        }

    def save(self, folder: str | Path | None = None) -> Path:
        """Write the report as a new folder: whole, or not at all.

        Args:
            folder: must not exist yet, or be empty; default: a new one under `reports_dir()`.

        Returns:
            The folder.

        Raises:
            DataError: the folder holds something, or cannot be written.
        """
        target = _free_folder(reports_dir() / self.id) if folder is None else Path(folder)
        try:
            if target.exists() and (not target.is_dir() or any(target.iterdir())):
                raise DataError(f"Expected a new folder for the report. {target} holds something already: name another one.")
            with replacing_folder(target, overwrite=False) as building:
                self._write(building)
        except OSError as error:
            raise DataError(f"Cannot write the report to {target}: {error}. Free some space, or name another folder.") from error
        return target

    def _write(self, folder: Path) -> None:
        names = np.asarray(self.names, np.str_)
        arrays: dict[str, NDArray[np.generic]] = {"y_true": self.y_true, "y_prob": self.y_prob, "names": names}
        if self.has_train_twin is not None:
            arrays["has_train_twin"] = self.has_train_twin
        np.savez_compressed(folder / PROBABILITIES_FILE, allow_pickle=False, **arrays)
        self.write_card(folder / REPORT_FILE)

    def write_card(self, path: Path) -> None:
        """Write the figures alone, beside probabilities that stand there already; a reader never sees half of them."""
        text = json.dumps({"format": FORMAT, **self.as_dict()}, indent=1, ensure_ascii=False, allow_nan=False)
        with replacing(path) as beside:
            beside.write_text(text + "\n", encoding="utf-8")


def pixels_sha256(part: Dataset) -> str:
    """Which pictures these are, in their order; labels, splits and votes, of which a dataset's fingerprint tells, stay out."""
    return hashlib.sha256(np.ascontiguousarray(part.content_ids).tobytes()).hexdigest()


def reports_dir() -> Path:
    """Where reports go unless told otherwise, one folder each."""
    return workspace_dir() / "reports"


def load_report(path: str | Path) -> Report:
    """Read a report.

    Args:
        path: its folder, its `report.json`, or the name of a folder under `reports_dir()`.

    Raises:
        DataError: there is no report, or its files are damaged, do not belong together or come from a newer version.
    """
    folder = find_report_folder(path)
    card, arrays = _read_card(folder), _read_arrays(folder)
    try:
        ferplus, taggers = card.get("ferplus"), card.get("taggers")
        report = Report(
            label_set=LabelSet(tuple(card["labels"])),
            y_true=arrays["y_true"],
            y_prob=arrays["y_prob"],
            names=arrays["names"],
            has_train_twin=arrays.get("has_train_twin"),
            ferplus=FerPlusScore(**{**ferplus, "accuracy_ci95": tuple(ferplus["accuracy_ci95"])}) if ferplus else None,
            taggers=TaggerFigures.from_dict(taggers) if taggers else None,
            notes=tuple(card["notes"]),
            checks=tuple(Check(**check) for check in card.get("checks", ())),
            pixels=str(card.get("pixels", "")),
            versions={str(name): str(version) for name, version in card.get("versions", {}).items()},
            **{name: str(card[name]) for name in _TEXTS},
        )
        figures = report.as_dict()
        checked = [name for name in _CHECKED if name in card or name not in _LATER]
        differing = [name for name in checked if not _is_same(figures[name], card[name])]
    except (AttributeError, KeyError, TypeError, ValueError, FerError) as error:
        raise _damaged(folder, f"{type(error).__name__}: {error}") from error
    if differing:
        raise _damaged(folder, f"in {REPORT_FILE}, {', '.join(differing)} do not follow from {PROBABILITIES_FILE}")
    return report


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """A saved report in a list; where its JSON cannot be read, `problem` says why and the rest is empty."""

    path: Path
    model: str = ""
    dataset: str = ""
    split: str = ""
    created: str = ""
    n: int = 0
    accuracy: float = 0.0
    problem: str = ""


def list_reports() -> list[ReportSummary]:
    """The reports under `reports_dir()`, the newest first; damaged ones are listed with their problem, at the end."""
    root = reports_dir()
    folders = [entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")] if root.is_dir() else []
    return sorted(map(_summary, folders), key=lambda summary: (summary.created, summary.path.name), reverse=True)


def _summary(folder: Path) -> ReportSummary:
    try:
        card = _read_card(folder)
        texts = {name: str(card[name]) for name in ("model", "dataset", "split", "created")}
        return ReportSummary(folder, **texts, n=int(card["n"]), accuracy=float(card["accuracy"]))
    except DataError as error:
        return ReportSummary(folder, problem=str(error))
    except (KeyError, TypeError, ValueError) as error:
        return ReportSummary(folder, problem=str(_damaged(folder, f"{type(error).__name__}: {error}")))


def find_report_folder(path: str | Path) -> Path:
    """The folder that is meant; `path` and errors are those of `load_report`."""
    given = Path(path)
    for folder in (given.parent if given.name == REPORT_FILE else given, reports_dir() / given):
        if (folder / REPORT_FILE).is_file():
            return folder
    known = ", ".join(summary.path.name for summary in list_reports()) or "none yet"
    raise DataError(f"No report at {given}. Expected a folder with {REPORT_FILE}, or one of the saved reports: {known}")


def _read_card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(folder, f"{REPORT_FILE}: {error}") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else type(card).__name__
        raise _damaged(folder, f"{REPORT_FILE}: expected format {FORMAT}, received {found!r}")
    return card


def _read_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    try:
        # Opened here, because np.load leaves a path's file open when the archive in it is damaged.
        with (folder / PROBABILITIES_FILE).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except Exception as error:  # NumPy, zipfile and zlib each raise kinds of their own on damaged bytes
        raise _damaged(folder, f"{PROBABILITIES_FILE}: {type(error).__name__}: {error}") from error


def _is_same(ours: Any, stored: Any) -> bool:
    """Equal, or for shares and the like equal but for the last digits, in which two processors may differ."""
    return isclose(ours, stored, rel_tol=1e-6, abs_tol=1e-9) if isinstance(ours, float) else ours == stored


def _damaged(folder: Path, reason: str) -> DataError:
    return DataError(f"The report in {folder} is damaged or was changed ({reason}). Evaluate again to have a whole one.")


def _free_folder(wished: Path) -> Path:
    """The folder itself, or the first of its name with -2, -3, … that is free."""
    candidate, number = wished, 1
    while candidate.exists():
        number += 1
        candidate = wished.with_name(f"{wished.name}-{number}")
    return candidate
