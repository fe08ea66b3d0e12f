"""The reference systems, trained here on real faces, beside what they reported.

    python -m benchmarks.reference_systems --data fer2013.zip [--only cnn4-binary …] [--json FILE]

Each system is its recipe, unchanged but for what its entry below says and why. The two of seven classes learn from FER2013's
train part and are judged on its validation part; the small ones get a subset of the train part as large as their own data was,
or as large as a processor carries in minutes, and are split as the original was. Runs are kept in the workspace as
`reference-NAME`: what is trained already is taken as it is, what was interrupted goes on. Nothing is read of a test part.
All of them take about two hours on two idle cores.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import benchmark_parser, end_in_words
from benchmarks.runs import finished_run
from fer.bundling import create_bundle
from fer.data import Dataset, read_dataset
from fer.data.dataset import UNSPLIT
from fer.errors import DataError
from fer.evaluation import evaluate, settle
from fer.files import write_json
from fer.quality.export import export_dataset
from fer.recipes import load_recipe
from fer.terminal import print_table
from fer.training import Run
from fer.training.history import best_row
from fer.training.prepare import choose_data
from fer.words import percent
from fer.workspace import workspace_dir

# A measure of a processor's patience, not of the systems': each allows more. Both are past the first cut of their learning rate.
ENOUGH = 14


@dataclass(frozen=True)
class System:
    """One reference system, and how it is trained here.

    Args:
        recipe: name of its recipe.
        images: of each class, how many of FER2013's train part it gets; None for the whole dataset.
        overrides: settings that differ from the recipe's.
        enough: epochs after which it is stopped; None for the recipe's own end.
        differs: what is not as it was there, and why; a sentence each.
    """

    recipe: str
    images: Mapping[str, int] | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    enough: int | None = None
    differs: tuple[str, ...] = ()
    suffix: str = ""

    @property
    def name(self) -> str:
        """Of its run, after `reference-`."""
        return self.recipe + self.suffix


_RESPLIT = (
    "FER2013 as it was published, 28,709 images to train on and 3,589 to validate on, not its resplit of 28,821 and 7,066.",
    "Training images whose pixels stand in validation or test as well are left out.",
)
_FACES = "Cut grey faces of FER2013, 48 pixels wide and enlarged, not coloured photographs of the web."
SYSTEMS = (
    System("cnn4-7class", enough=ENOUGH, differs=_RESPLIT),
    System("cnn5-7class", enough=ENOUGH, differs=_RESPLIT),
    System("cnn4-binary", {"happy": 84, "sad": 74}, differs=(_FACES,)),
    System(
        "cnn4-binary",
        {"happy": 840, "sad": 740},
        differs=(_FACES, "Ten times as many images as the original had: what its network can do when it is given more."),
        suffix="-tenfold",
    ),
    System(
        "vgg16-3class",
        {"angry": 120, "happy": 120, "sad": 120},
        {"network.weights": "random"},
        differs=(
            _FACES,
            "VGG16's weights are random and frozen, not ImageNet's: what a head can make of features that nobody has trained.",
            "360 images instead of 2,847: a processor takes a second for four of them.",
        ),
    ),
)


class ReferenceSystems:
    """The steps, on one dataset.

    Args:
        data: as `fer train` takes it, with train and val.

    Raises:
        DataError: it cannot be read.
    """

    def __init__(self, data: str) -> None:
        self.data = data
        self.dataset = read_dataset(data)

    def measure(self, system: System) -> dict[str, Any]:
        """Train a system, or take it as it was trained, and judge its best epoch: its figures, ready for JSON."""
        recipe = load_recipe(system.recipe)
        changed = recipe.with_overrides(system.overrides)
        data = self.data if system.images is None else str(self._subset(system))
        run = finished_run(f"reference-{system.name}", changed, data, enough=system.enough)
        used, leaks = choose_data(read_dataset(data), run.settings)
        print(f"{system.name}: measuring", flush=True)
        with tempfile.TemporaryDirectory() as models:
            bundle = create_bundle(run, system.name, models=Path(models), data=data)
            # FER2013's own test part stays closed; a subset's is drawn from images to train on.
            splits = ["val"] if system.images is None else [split for split in ("val", "test") if split in used.split_names]
            scores = {split: _score(bundle, used, split) for split in splits}
            parameters, multiply_adds = bundle.card["parameters"], bundle.card["multiply_adds"]
        return {
            "name": system.name,
            "recipe": system.recipe,
            "title": recipe.title,
            "overrides": dict(system.overrides),
            "images": {split: sum(counts.values()) for split, counts in used.counts().items()},
            "leaks_removed": leaks,
            "differs": [*system.differs, *_stopped(run)],
            "command": _command(system, data),
            "parameters": parameters,
            "multiply_adds": multiply_adds,
            "reported": dict(recipe.reported),
            "reported_curve": [dict(row) for row in recipe.reported_curve],
            "ended": run.reason,
            "chosen_epoch": best_row(run.epoch_rows(), run.settings.training.monitor)["epoch"],
            "epochs_allowed": run.epochs_total,
            "curve": [_rounded(row) for row in run.epoch_rows()],
            "scores": scores,
        }

    def _subset(self, system: System) -> Path:
        """The system's images as class folders in the workspace, in no split: the recipe draws its own, as the original did."""
        assert system.images is not None
        folder = workspace_dir() / "reference-systems" / system.name
        if not folder.is_dir():
            export_dataset(draw_subset(self.dataset, system.images), folder, "folders")
        return folder


def draw_subset(dataset: Dataset, images: Mapping[str, int]) -> Dataset:
    """So many images of each class of the train part, the same each time, no two with the same pixels; in no split.

    Raises:
        DataError: a class has fewer.
    """
    train = dataset.split("train")
    rng = np.random.default_rng(0)
    rows: list[int] = []
    for label, n in images.items():
        own = np.flatnonzero(train.label_ids == train.label_set.label_id(label))
        _, first = np.unique(train.content_ids[own], return_index=True)
        if len(first) < n:
            raise DataError(f"Expected at least {n} different images of {label} in train. {dataset.name} has {len(first)}.")
        rows += rng.choice(own[np.sort(first)], n, replace=False).tolist()
    subset = train.select(np.array(rows))
    return subset.with_splits(np.full(len(subset), UNSPLIT))


def _stopped(run: Run) -> list[str]:
    """That it was stopped by hand; ended by its own early stopping, it is as the original."""
    return [] if run.status == "finished" else [f"Stopped after {len(run.epoch_rows())} of at most {run.epochs_total} epochs."]


def _score(bundle: Any, dataset: Dataset, split: str) -> dict[str, Any]:
    report = settle(evaluate(bundle, dataset, split=split, against_keras=True), bundle, wait=True)
    return {
        "n": report.n,
        "accuracy": report.accuracy,
        "accuracy_ci95": list(report.accuracy_ci95),
        "majority": float(np.bincount(report.y_true).max() / report.n),
        "labels": list(report.labels),
        "confusion": report.confusion.tolist(),
        "classes": report.per_class,
        "checks": {check.name: check.status for check in report.checks},
    }


def _rounded(row: Mapping[str, Any]) -> dict[str, float]:
    keys = ("epoch", "accuracy", "loss", "val_accuracy", "val_loss", "learning_rate", "seconds")
    return {key: float(f"{row[key]:.5g}") for key in keys}


def _command(system: System, data: str) -> str:
    words = ["python", "-m", "fer", "train", "--recipe", system.recipe, "--data", Path(data).name]
    return shlex.join([*words, *(part for key, value in system.overrides.items() for part in ("--set", f"{key}={value}"))])


def _earlier(path: Path | None, dataset: Dataset) -> dict[str, Any]:
    """Figures of systems that an earlier call has written, of the same dataset."""
    if path is None or not path.is_file():
        return {}
    figures = json.loads(path.read_text(encoding="utf-8"))
    return {row["name"]: row for row in figures["systems"]} if figures["fingerprint"] == dataset.fingerprint else {}


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print what came out beside what was reported."""
    rows = []
    for system in figures["systems"]:
        for split, score in system["scores"].items():
            low, high = score["accuracy_ci95"]
            rows.append(
                [
                    system["name"],
                    split,
                    f"{score['n']:,}",
                    f"{len(system['curve'])} of {system['epochs_allowed']}",
                    percent(score["accuracy"]),
                    f"{percent(low)} to {percent(high)}",
                    percent(score["majority"]),
                    percent(system["reported"]["accuracy"]) if "accuracy" in system["reported"] else "–",
                ]
            )
    print_table(["system", "split", "images", "epochs", "accuracy", "95 % interval", "largest class", "reported"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    names = [system.name for system in SYSTEMS]
    parser = benchmark_parser(__doc__, overrides=False)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=f"of {', '.join(names)}")
    options = parser.parse_args(arguments)
    return end_in_words(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> int:
    steps = ReferenceSystems(options.data)
    measured = _earlier(options.json, steps.dataset)
    for system in SYSTEMS:
        if system.name in options.only:
            measured[system.name] = steps.measure(system)
    figures = {
        "dataset": steps.dataset.name,
        "fingerprint": steps.dataset.fingerprint,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "systems": [measured[system.name] for system in SYSTEMS if system.name in measured],
    }
    print_figures(figures)
    if options.json:
        write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
