"""What each ingredient of the flagship is worth: labels, a teacher, augmentation, size against accuracy and milliseconds.

    python -m benchmarks.ablations --data fer2013.zip --ferplus fer2013new.csv [--only base distilled] [--into models/flagship]

Every variant is a short training of the flagship's recipe with one change, kept as the run `ablation-NAME` in the workspace:
finished ones are skipped and interrupted ones go on, so the same command is given until all is done. At the end every network
is bundled, answers the validation part, and is timed. Eight variants of eight epochs take about an hour on two cores.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.command import benchmark_parser, end_in_words
from benchmarks.runs import finished_run
from fer.bundles import load_bundle
from fer.bundling import amend_card, create_bundle
from fer.data import read_dataset
from fer.data.votes import LEFT_OUT, strict_labels
from fer.errors import DataError, FerError
from fer.evaluation import evaluate
from fer.files import write_json
from fer.inference.classifier import Classifier
from fer.model_card import ablation_table, ablations_in_words
from fer.recipes import Recipe, load_recipe, read_overrides
from fer.terminal import print_table
from fer.training import Run
from fer.training.prepare import LABELS_HEAD, VOTES_HEAD

RECIPE = "flagship"
# The small budget that all share, and a network served as it was trained. Who learns no labels has no accuracy on them to choose
# an epoch by, so for everybody the loss chooses.
SHARED = {
    "preprocessing.size": "36",
    "training.small_size": "0",
    "training.teachers": "",
    "training.monitor": "val_loss",
    "training.seed": "0",
    "serving.mirror": "false",
    "serving.weights": "float32",
}
# As the flagship is served: where size is the question, this is a part of the answer.
SERVED = {"serving.mirror": "true", "serving.weights": "int8"}
SIZE = "size"

NO_DISTURBANCE = {f"augmentation.{name}": "0" for name in ("brightness", "contrast", "degrade", "erasing")}
NO_GEOMETRY = {"augmentation.flip": "false", **{f"augmentation.{name}": "0" for name in ("rotation", "zoom", "shift", "shear")}}

# One face at a time, as the webcam page asks. The networks take turns, so that whatever else the machine does meets all alike.
TURNS, FACES_A_TURN = 10, 20


@dataclass(frozen=True)
class Variant:
    """One training.

    Args:
        name: of its run, after `ablation-`.
        groups: the groups of the table that it stands in, and what it is called there.
        overrides: what it changes, as `fer train --set` takes it.
        head: the output that answers for FER2013's classes.
    """

    name: str
    groups: Mapping[str, str]
    overrides: Mapping[str, str] = field(default_factory=dict)
    head: str = LABELS_HEAD

    def recipe(self, epochs: int, overrides: Mapping[str, str]) -> Recipe:
        """What is trained; the caller's overrides have the last word."""
        changes = {**SHARED, "training.epochs": str(epochs), **self.overrides, **overrides}
        return load_recipe(RECIPE).with_overrides(changes)


VARIANTS = (
    Variant(
        "base", {"labels": "FER2013 and FER+", "distillation": "no teacher", "augmentation": "all of it", SIZE: "the flagship's"}
    ),
    Variant("fer2013", {"labels": "FER2013 alone"}, {"data.votes": "false"}),
    Variant("ferplus", {"labels": "FER+ alone"}, {"training.labels_weight": "0"}, head=VOTES_HEAD),
    Variant("distilled", {"distillation": "taught by compact"}, {"training.teachers": "compact"}),
    Variant("geometry", {"augmentation": "geometry alone"}, NO_DISTURBANCE),
    Variant("unvaried", {"augmentation": "none"}, NO_DISTURBANCE | NO_GEOMETRY),
    Variant("compact", {SIZE: "compact's"}, {"network.stem": "24,32", "network.widths": "32,64,128"}),
    Variant("half", {SIZE: "half of compact's width"}, {"network.stem": "12,16", "network.widths": "16,32,64"}),
)


class Ablations:
    """The steps, on one dataset.

    Args:
        data: as `fer train` takes it.
        ferplus: CSV of FER+ votes; None where the data has votes of its own.
        epochs: of every training.
        overrides: settings of every training, for a try on small networks.

    Raises:
        DataError: the data has no votes to learn from and to be judged by.
    """

    def __init__(self, data: str, ferplus: str | None, epochs: int, overrides: Mapping[str, str]) -> None:
        self.data, self.ferplus, self.epochs, self.overrides = data, ferplus, epochs, overrides
        self.dataset = read_dataset(data, ferplus=ferplus)
        self.failed: list[str] = []
        votes = self.dataset.split("val").votes
        if votes is None or (strict_labels(votes) == LEFT_OUT).all():
            raise DataError(f"FER2013's labels are compared with FER+ votes, and {data} has none. Give them with --ferplus.")

    def measure(self, variants: Sequence[Variant]) -> dict[str, Any]:
        """Train what is not trained yet, and measure all: what a card keeps as `ablations`. What fails is named in `failed`."""
        runs: dict[str, Run] = {}
        rows: list[dict[str, Any]] = []
        classifiers: list[Classifier] = []
        for variant in variants:
            with self._going_on_without(variant):
                runs[variant.name] = self._trained(variant)
        with tempfile.TemporaryDirectory() as folder:
            for variant in variants:
                for served in (False, True) if SIZE in variant.groups else (False,):
                    if variant.name in self.failed:
                        break
                    with self._going_on_without(variant):
                        row, classifier = self._measured(variant, runs[variant.name], Path(folder), served=served)
                        rows.append(row)
                        classifiers.append(classifier)
        for row, milliseconds in zip(rows, milliseconds_in_turns(classifiers), strict=True):
            row["milliseconds"] = round(milliseconds, 3)
        return {
            "recipe": RECIPE,
            "epochs": self.epochs,
            "size": VARIANTS[0].recipe(self.epochs, self.overrides).settings.preprocessing.size,
            "shared": {**SHARED, **self.overrides},
            "dataset": self.dataset.name,
            "fingerprint": self.dataset.fingerprint,
            "split": "val",
            "n": len(self.dataset.split("val")),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "rows": rows,
        }

    @contextmanager
    def _going_on_without(self, variant: Variant) -> Iterator[None]:
        """A variant that fails, of whatever it may be, must not cost the hours of the others."""
        try:
            yield
        except Exception as error:
            words = error if isinstance(error, FerError) else traceback.format_exc()
            print(f"error: {variant.name}: {words}", file=sys.stderr, flush=True)
            self.failed.append(variant.name)

    def _trained(self, variant: Variant) -> Run:
        """The variant's finished run."""
        return finished_run(
            f"ablation-{variant.name}", variant.recipe(self.epochs, self.overrides), self.data, ferplus=self.ferplus
        )

    def _measured(self, variant: Variant, run: Run, folder: Path, *, served: bool) -> tuple[dict[str, Any], Classifier]:
        """A row of the table but for its milliseconds, and the network that they are taken from."""
        name = f"{variant.name}-served" if served else variant.name
        print(f"{name}: measuring", flush=True)
        if served:
            run = _served_otherwise(run, folder / "runs" / name)
        bundle = create_bundle(run, name, models=folder / "models", data=self.data, ferplus=self.ferplus)
        classifier = Classifier(bundle)
        report = evaluate(bundle, self.dataset, split="val", head=variant.head, classifier=classifier)
        assert report.ferplus is not None  # the votes were looked at before the first training
        row = {
            "name": name,
            "groups": {SIZE: variant.groups[SIZE]} if served else dict(variant.groups),
            "overrides": {**variant.overrides, **(SERVED if served else {})},
            "serving": bundle.card["settings"]["serving"],
            "parameters": bundle.card["parameters"],
            "multiply_adds": bundle.card["multiply_adds"],
            "accuracy": report.accuracy,
            "accuracy_ci95": list(report.accuracy_ci95),
            "ferplus": {name: report.ferplus.as_dict()[name] for name in ("n", "accuracy", "accuracy_ci95")},
        }
        return row, classifier


def _served_otherwise(run: Run, path: Path) -> Run:
    """A copy of a finished run that is bundled as the flagship is served; its weights are the same."""
    shutil.copytree(run.path, path, ignore=shutil.ignore_patterns("checkpoint.npz"))
    write_json(path / "settings.json", {**run.request, "settings": run.settings.with_overrides(SERVED).as_dict()})
    return Run(path)


def milliseconds_in_turns(classifiers: Sequence[Classifier]) -> list[float]:
    """What one face costs each network, in the order given: the median of its turns."""
    for classifier in classifiers:
        classifier.milliseconds_a_face(FACES_A_TURN)  # the first calls allocate
    turns = [[classifier.milliseconds_a_face(FACES_A_TURN) for classifier in classifiers] for _ in range(TURNS)]
    return [statistics.median(times) for times in zip(*turns, strict=True)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure and print; 1 where a variant is missing or the user has interrupted, and the same command goes on."""
    names = [variant.name for variant in VARIANTS]
    parser = benchmark_parser(__doc__)
    parser.add_argument("--ferplus", metavar="CSV", help="FER+ votes, fer2013new.csv")
    parser.add_argument("--epochs", type=int, default=8, help="of every training")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=f"some of: {', '.join(names)}")
    parser.add_argument("--into", metavar="BUNDLE", help="keep the table in the card of this model, a name or a folder")
    options = parser.parse_args(arguments)
    return end_in_words(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> int:
    bundle = load_bundle(options.into) if options.into else None  # one that is not there is said before an hour of training
    steps = Ablations(options.data, options.ferplus, options.epochs, read_overrides(options.overrides))
    ablations = steps.measure([variant for variant in VARIANTS if variant.name in options.only])
    if ablations["rows"]:
        head, *rows = ablation_table(ablations)
        print()
        print_table(head, rows)
        print(f"\n{ablations_in_words(ablations)}")
        if options.json:
            write_json(options.json, ablations)
        if bundle:
            print(f"Kept in {amend_card(bundle, {'ablations': ablations}).path}")
    if steps.failed:
        print(f"Missing: {', '.join(steps.failed)}. The same command tries them again.", file=sys.stderr)
    return int(bool(steps.failed))


if __name__ == "__main__":
    sys.exit(main())
