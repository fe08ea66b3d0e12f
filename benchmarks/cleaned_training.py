"""What accepting an audit brings a training: the same network on the data as they are, and as the audit would have them.

    python -m benchmarks.cleaned_training --data fer2013.zip --ferplus fer2013new.csv [--seeds 3] [--json FILE]

Every variant is a cleaning list over the train part; validation stays as it is, and nothing is read of a test part. Each is
trained with every seed for the same number of steps, as the run `cleaned-NAME-SEED` in the workspace: finished ones are skipped
and interrupted ones go on, so the same command is given until all is done. Twelve trainings take about twenty minutes on two
idle cores.

Every network is then held against FER2013's labels and against what most taggers of FER+ chose, on all validation images, on
those without a twin in the raw train part, and on those with one: what a leak is worth is the distance between the last two.
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import benchmark_parser, end_in_words
from benchmarks.runs import finished_run
from benchmarks.seeds import describe, paired_difference
from fer.bundling import create_bundle
from fer.data import Dataset, read_dataset
from fer.data.votes import LEFT_OUT, strict_labels
from fer.errors import DataError
from fer.evaluation import evaluate
from fer.files import write_json
from fer.labels import FER8
from fer.quality.audit import audit
from fer.quality.cleaning import CleaningList, CleaningSummary
from fer.quality.findings import Audit
from fer.recipes import Recipe, load_recipe, read_overrides
from fer.terminal import print_table
from fer.training import Run
from fer.words import percent
from fer.workspace import workspace_dir

RECIPE = "compact"
# A network that learns a good deal in two minutes, from one label an image: what a relabelled image is worth must not be hidden
# by votes that are learned beside it. Leaks stay in, except where a cleaning list takes them out.
SHARED = {
    "data.votes": "false",
    "data.remove_leaks": "false",
    "preprocessing.size": "24",
    "network.stem": "16,24",
    "network.widths": "24,48,96",
    "network.depths": "1,1,1",
    "augmentation.degrade": "0",
    "augmentation.erasing": "0",
    "training.small_size": "0",
    "training.warmup_epochs": "1",
    "training.monitor": "val_loss",
}
EPOCHS, SEEDS = 10, 3

LEAKS = ("leak", "near_leak")
FAULTS = (*LEAKS, "conflict", "identical", "near_duplicate", "broken", "blank", "no_face", "tiny")

PARTS = ("all", "leak_free", "leaked")


@dataclass(frozen=True)
class Variant:
    """One way to clean the train part.

    Args:
        name: of its runs, after `cleaned-` and before the seed, and of its cleaning list.
        title: what it is called in tables.
        kinds: of findings that are accepted.
    """

    name: str
    title: str
    kinds: tuple[str, ...] = ()


RAW = Variant("raw", "as it is")
VARIANTS = (
    RAW,
    Variant("pruned", "without copies and pictures of no face", FAULTS),
    Variant("judged", "and relabelled where a classifier is confident", (*FAULTS, "label_issue")),
    Variant("voted", "and relabelled as most taggers of FER+ chose", (*FAULTS, "votes_disagree")),
)


class CleanedTraining:
    """The steps, on one dataset.

    Args:
        data: as `fer train` takes it, with train and val.
        ferplus: CSV of FER+ votes; None where the data has votes of its own.
        epochs: passes over the raw train part; a smaller one is passed over more often, for as many steps.
        seeds: trainings of each variant.
        overrides: settings of every training, for a try on small networks.

    Raises:
        DataError: the data has no train or no val part, or no votes to be judged by.
    """

    def __init__(self, data: str, ferplus: str | None, epochs: int, seeds: int, overrides: Mapping[str, str]) -> None:
        self.data, self.ferplus, self.epochs, self.seeds, self.overrides = data, ferplus, epochs, seeds, overrides
        self.dataset = read_dataset(data, ferplus=ferplus)
        self.train, self.val = self.dataset.split("train"), self.dataset.split("val")
        if self.val.votes is None or (strict_labels(self.val.votes) == LEFT_OUT).all():
            raise DataError(f"The networks are judged by FER+ votes, too, and {data} has none. Give them with --ferplus.")

    def measure(self, variants: Sequence[Variant]) -> dict[str, Any]:
        """Train what is not trained yet, and measure all: the figures, ready for JSON."""
        lists = {variant.name: self.clean(variant) for variant in variants}
        runs: dict[tuple[str, int], Run] = {}
        for seed in range(self.seeds):  # of all variants first: half an experiment is a comparison, too
            for variant in variants:
                runs[variant.name, seed] = self._trained(variant, seed, lists[variant.name])
        y_pred = {key: self._answers(run) for key, run in runs.items()}
        correct = {
            variant.name: self._correct([y_pred[variant.name, seed] for seed in range(self.seeds)]) for variant in variants
        }
        summary = [self._summary(variant, lists[variant.name], runs, correct) for variant in variants]
        return {
            "recipe": RECIPE,
            "shared": {**SHARED, **self.overrides},
            "seeds": self.seeds,
            "dataset": self.dataset.name,
            "fingerprint": self.dataset.fingerprint,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "split": "val",
            "n": {truth: {part: int(rows.sum()) for part, rows in self._parts(truth).items()} for truth in self.truths},
            "variants": summary,
        }

    @cached_property
    def audits(self) -> tuple[Audit, Audit]:
        """Of all, which knows the leaks, and of the train part alone: no label of validation has a say about one of train."""
        return audit(self.dataset), audit(self.train)

    def clean(self, variant: Variant) -> tuple[Path | None, CleaningSummary]:
        """The variant's cleaning list in the workspace, None without one, and what it does to the dataset."""
        of_all, of_train = self.audits
        accepted = CleaningList().accept(self.dataset, of_all, kinds=[kind for kind in LEAKS if kind in variant.kinds])
        accepted = accepted.accept(self.train, of_train, kinds=[kind for kind in variant.kinds if kind not in LEAKS])
        in_train = set(zip(self.train.names.tolist(), self.train.content_ids.tolist(), strict=True))
        # Of a leak between val and test, the copy in val would go.
        accepted = CleaningList(tuple(step for step in accepted.history if (step.name, step.content_id) in in_train))
        _, summary = accepted.apply(self.dataset)
        if not variant.kinds:
            return None, summary
        path = workspace_dir() / "cleaned-training" / f"{variant.name}.csv"
        accepted.save(path)
        return path, summary

    def recipe(self, seed: int, images: int) -> Recipe:
        """What is trained on so many images: as many epochs as come nearest to the steps that the raw train part takes."""
        recipe = load_recipe(RECIPE).with_overrides({**SHARED, **self.overrides, "training.seed": str(seed)})
        a_step = recipe.settings.training.batch_size
        steps = self.epochs * math.ceil(len(self.train) / a_step)
        return recipe.with_overrides({"training.epochs": str(max(1, round(steps / math.ceil(images / a_step))))})

    def command(self, variant: Variant) -> str:
        """How a user gets the variant's first training, whose list the app writes from its findings."""
        recipe = {**SHARED, **self.overrides}
        words = ["python", "-m", "fer", "train", "--recipe", RECIPE, "--data", Path(self.data).name]
        if variant.kinds:
            words += ["--cleaning", f"{variant.name}.csv"]
        return shlex.join([*words, *(part for key, value in recipe.items() for part in ("--set", f"{key}={value}"))])

    @cached_property
    def truths(self) -> dict[str, NDArray[np.integer]]:
        """What validation images show, label ids of FER8 (N,): by FER2013, and by most taggers, -1 where these are of no mind."""
        assert self.val.votes is not None
        return {
            "labels": FER8.encode(self.dataset.label_set)[self.val.label_ids],
            "ferplus": strict_labels(self.val.votes),
        }

    def _parts(self, truth: str) -> dict[str, NDArray[np.bool_]]:
        """Validation images that a truth knows, those of them without a twin in train, and the others: bool (N,) each."""
        known, leaked = self.truths[truth] != LEFT_OUT, has_twin(self.dataset, self.audits[0])[self.dataset.splits == "val"]
        return {"all": known, "leak_free": known & ~leaked, "leaked": known & leaked}

    def _trained(self, variant: Variant, seed: int, cleaned: tuple[Path | None, CleaningSummary]) -> Run:
        cleaning, summary = cleaned
        recipe = self.recipe(seed, summary.after - len(self.dataset) + len(self.train))
        return finished_run(f"cleaned-{variant.name}-{seed}", recipe, self.data, ferplus=self.ferplus, cleaning=cleaning)

    def _answers(self, run: Run) -> NDArray[np.integer]:
        """What the run's network, as it would be served, takes the validation images for: label ids of FER8, (N,)."""
        print(f"{run.id}: measuring", flush=True)
        with tempfile.TemporaryDirectory() as models:
            bundle = create_bundle(run, run.id, models=Path(models), data=self.data, ferplus=self.ferplus)
            report = evaluate(bundle, self.dataset, split="val")
        return FER8.encode(report.label_set)[report.y_pred]

    def _correct(self, y_pred: Sequence[NDArray[np.integer]]) -> dict[str, dict[str, NDArray[np.bool_]]]:
        """By truth and part, for which images each seed's network is right, bool (seeds, images)."""
        return {
            truth: {part: (np.stack(y_pred) == y_true)[:, rows] for part, rows in self._parts(truth).items()}
            for truth, y_true in self.truths.items()
        }

    def _summary(
        self,
        variant: Variant,
        cleaned: tuple[Path | None, CleaningSummary],
        runs: Mapping[tuple[str, int], Run],
        correct: Mapping[str, Mapping[str, Mapping[str, NDArray[np.bool_]]]],
    ) -> dict[str, Any]:
        """A variant's figures: of each score the seeds' own, their mean and deviation, and the difference from raw."""
        summary = cleaned[1]
        own = [runs[variant.name, seed] for seed in range(self.seeds)]
        images = sum(own[0].dataset_info()["counts"]["train"].values())
        scores: dict[str, Any] = {}
        for truth, parts in correct[variant.name].items():
            for part, right in parts.items():
                score = describe(right)
                if variant is not RAW and RAW.name in correct:
                    score["difference"] = paired_difference(right, correct[RAW.name][truth][part])
                scores.setdefault(truth, {})[part] = score
        return {
            "name": variant.name,
            "title": variant.title,
            "kinds": list(variant.kinds),
            "dropped": summary.dropped,
            "relabelled": summary.relabelled,
            "images": images,
            "epochs": own[0].epochs_total,
            "steps": own[0].epochs_total * math.ceil(images / own[0].settings.training.batch_size),
            "chosen_epochs": [min(run.epoch_rows(), key=lambda row: float(row["val_loss"]))["epoch"] for run in own],
            "command": self.command(variant),
            "scores": scores,
        }


def has_twin(dataset: Dataset, found: Audit) -> NDArray[np.bool_]:
    """Whether an image's pixels, or an altered copy of them, stand in train as well: bool (N,); of train itself all False."""
    in_train = dataset.splits == "train"
    twins = np.zeros(len(dataset), np.bool_)
    for finding in found.findings:
        if finding.kind in LEAKS and in_train[list(finding.indices)].any():
            twins[list(finding.indices)] = True
    return np.asarray(twins & ~in_train, np.bool_)


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print mean accuracies with their deviation over the seeds, and the differences from raw."""
    head = ["train part", "images", "steps", *(f"{truth} {part}".replace("_", " ") for truth in figures["n"] for part in PARTS)]
    rows, differences = [], []
    for variant in figures["variants"]:
        scores = [variant["scores"][truth][part] for truth in figures["n"] for part in PARTS]
        start = [variant["name"], f"{variant['images']:,}", f"{variant['steps']:,}"]
        rows.append([*start, *("–" if not s["seeds"] else f"{percent(s['mean'])} ± {100 * s['sd']:.1f}" for s in scores)])
        changes = [score.get("difference") for score in scores]
        if any(changes):
            texts = (f"{100 * d['mean']:+.1f} ({100 * d['low']:+.1f} … {100 * d['high']:+.1f})" if d else "–" for d in changes)
            differences.append([variant["name"], *texts])
    print_table(head, rows)
    if differences:
        print("\nPoints more than raw, with 95 % intervals")
        print_table([head[0], *head[3:]], differences)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure and print; 1 where a training fails or the user has interrupted, and the same command goes on."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--ferplus", metavar="CSV", help="FER+ votes, fer2013new.csv")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of a training on the raw train part")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="trainings of each variant")
    options = parser.parse_args(arguments)
    return end_in_words(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> int:
    overrides = read_overrides(options.overrides)
    figures = CleanedTraining(options.data, options.ferplus, options.epochs, options.seeds, overrides).measure(VARIANTS)
    print()
    print_figures(figures)
    if options.json:
        write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
