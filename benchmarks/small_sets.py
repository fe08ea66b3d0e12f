"""What to train on a small set: the flagship's trunk under new answers, or a network from scratch.

    python -m benchmarks.small_sets --data fer2013.zip [--only three mood] [--recipes transfer compact] [--seeds 2] [--json FILE]

Small sets are drawn from FER2013's validation part, stratified: some images to learn from, as many as a user may have, others to
choose the epoch by, and a part that judges, the same for all seeds. The flagship's trunk was trained on FER2013's train part, so
images of that would be no news to it; of the validation part, it only had its epoch chosen by it. They are still pictures of the
same collection, labelled by the same people: on pictures of another kind, expect transfer to gain less. Nothing is read of the
official test part.

Every training is the run `small-TRIAL-RECIPE-SEED` in the workspace: finished ones are skipped and interrupted ones go on, so the
same command is given until all is done. `vgg16-3class` is no contender unless --recipes names it: its trunk takes 15,000 M
multiply-adds an image, 130 times the flagship's, and without ImageNet's weights it is frozen at random.
"""

from __future__ import annotations

import argparse
import os
import sys
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
from fer.bundles import load_bundle
from fer.data import Dataset, read_dataset
from fer.files import write_json
from fer.inference.classifier import Classifier
from fer.labels import FER7, ClassMap
from fer.quality.export import export_dataset
from fer.recipes import Recipe, load_recipe, read_overrides
from fer.terminal import print_table
from fer.training import Run
from fer.training.worker import prepare_keras
from fer.words import percent
from fer.workspace import workspace_dir

TRANSFER, AS_IT_IS = "transfer", "flagship"
# Images that choose the epoch, and that judge.
VAL, JUDGING = 200, 800
SEEDS = 2

# The recipes' settings are for tens of thousands of images. On some hundred, a batch of 128 makes two steps an epoch, and early
# stopping would end it before batch normalisation has learned what is usual. So those that begin from scratch get as many epochs
# as `transfer`, all of them, in twice its steps, and keep the most accurate one. A rate of SGD falls with the batch.
FROM_SCRATCH = {
    "training.epochs": "40",
    "training.batch_size": "16",
    "training.early_stopping": "0",
    "training.plateau_patience": "0",
    "training.monitor": "val_accuracy",
}
CONTENDERS: Mapping[str, Mapping[str, str]] = {
    TRANSFER: {},
    "compact": {**FROM_SCRATCH, "training.learning_rate": "0.0125", "data.votes": "false"},
    "cnn4-7class": FROM_SCRATCH,
    "cnn5-7class": FROM_SCRATCH,
    "vgg16-3class": {**FROM_SCRATCH, "network.weights": "random"},
}
USUAL = (TRANSFER, "compact", "cnn4-7class", "cnn5-7class")

CAVEAT = (
    "Drawn from FER2013's validation part: the flagship's trunk never learned from it, but its epoch was chosen on it, and it is "
    "of the collection that the trunk did learn from. On pictures of another kind, expect transfer to gain less."
)


@dataclass(frozen=True)
class Trial:
    """One small set.

    Args:
        name: of its runs, after `small-`.
        classes: as `data.classes` takes them.
        images: to learn from.
        recipes: that are tried on it.
        seeds: at most so many; each draws the set and trains anew.
    """

    name: str
    classes: tuple[str, ...]
    images: int
    recipes: tuple[str, ...] = USUAL
    seeds: int = SEEDS


THREE = ("angry", "happy", "sad")
MOOD = ("positive=happy", "negative=angry+disgust+fear+sad", "neutral")
TRIALS = (
    Trial("three", THREE, 200),
    Trial("mood", MOOD, 200, (TRANSFER, "compact", "cnn4-7class"), 1),
    Trial("three-1000", THREE, 1000, (TRANSFER, "compact"), 1),
)


class SmallSets:
    """The steps, on one dataset.

    Args:
        data: as `fer train` takes it, with FER2013's classes and a val part.
        seeds: of each trial, at most.
        recipes: that are tried in the place of each trial's own; empty for those.
        overrides: settings of every training, for a try on small networks.
    """

    def __init__(self, data: str, seeds: int, recipes: Sequence[str] = (), overrides: Mapping[str, str] | None = None) -> None:
        self.dataset = read_dataset(data)
        self.seeds, self.recipes, self.overrides = seeds, recipes, overrides or {}

    def measure(self, trials: Sequence[Trial]) -> dict[str, Any]:
        """Train what is not trained yet, and measure all: the figures, ready for JSON."""
        rows = [self._measured(trial) for trial in trials]
        return {
            "dataset": self.dataset.name,
            "fingerprint": self.dataset.fingerprint,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "split": "val",
            "caveat": CAVEAT,
            "val": VAL,
            "judging": JUDGING,
            "overrides": {name: {**CONTENDERS[name], **self.overrides} for name in CONTENDERS},
            "trials": rows,
        }

    @cached_property
    def drawn_from(self) -> Dataset:
        """The validation part, each picture once."""
        part = self.dataset.split("val")
        return part.select(np.unique(part.content_ids, return_index=True)[1])

    def draw(self, trial: Trial, seed: int) -> Dataset:
        """A small set: `train` to learn from, `val` to choose the epoch by, and as `test` what judges, equal for all seeds."""
        from sklearn.model_selection import train_test_split

        label_ids = ClassMap.parse(self.drawn_from.label_set, trial.classes).apply(self.drawn_from.label_ids)
        rows = np.flatnonzero(label_ids >= 0)
        pool, judges = train_test_split(rows, test_size=JUDGING, stratify=label_ids[rows], random_state=0)
        splits = np.full(len(self.drawn_from), "", dtype="U5")
        splits[judges] = "test"
        wanted = trial.images + VAL
        some, _ = train_test_split(pool, train_size=wanted, stratify=label_ids[pool], random_state=seed)
        train, val = train_test_split(some, train_size=trial.images, stratify=label_ids[some], random_state=seed)
        splits[train], splits[val] = "train", "val"
        return self.drawn_from.with_splits(splits).select(splits != "")

    def judges(self, trial: Trial) -> Dataset:
        """The part that judges, in the trial's classes."""
        part = self.draw(trial, 0).split("test")
        return part.with_classes(ClassMap.parse(part.label_set, trial.classes))

    def recipe(self, trial: Trial, name: str, seed: int) -> Recipe:
        """What is trained."""
        changes = {"data.classes": ",".join(trial.classes), "training.seed": str(seed)}
        return load_recipe(name).with_overrides({**changes, **CONTENDERS[name], **self.overrides})

    def _measured(self, trial: Trial) -> dict[str, Any]:
        recipes = list(self.recipes or trial.recipes)
        runs: dict[tuple[str, int], Run] = {}
        seeds = range(min(self.seeds, trial.seeds))
        for seed in seeds:
            data = self._kept(trial, seed)
            for name in recipes:
                run_name = f"small-{trial.name}-{name}-{seed}"
                runs[name, seed] = finished_run(run_name, self.recipe(trial, name, seed), str(data))
        judges = self.judges(trial)
        correct = {name: np.stack([answers(runs[name, seed], judges) == judges.label_ids for seed in seeds]) for name in recipes}
        correct[AS_IT_IS] = (flagship_answers(judges, trial.classes) == judges.label_ids)[None]
        rows = []
        for name, right in correct.items():
            row = {"name": name, **describe(right)}
            if name in recipes:
                row["epochs"] = [len(runs[name, seed].epoch_rows()) for seed in seeds]
                row["seconds"] = [sum(epoch["seconds"] for epoch in runs[name, seed].epoch_rows()) for seed in seeds]
                if name != TRANSFER and TRANSFER in correct:
                    row["transfer_gains"] = paired_difference(correct[TRANSFER], right)
            rows.append(row)
        return {
            "name": trial.name,
            "classes": list(trial.classes),
            "images": trial.images,
            "judged_on": len(judges),
            "rows": rows,
        }

    def _kept(self, trial: Trial, seed: int) -> Path:
        """The small set as a user has one, on disk."""
        folder = workspace_dir() / "small-sets" / f"{trial.name}-{seed}"
        return export_dataset(self.draw(trial, seed), folder, "parquet", overwrite=True)


def flagship_answers(dataset: Dataset, classes: Sequence[str]) -> NDArray[np.integer]:
    """What the flagship says without any training, its seven classes picked and merged as asked: label ids, (N,)."""
    bundle = load_bundle(AS_IT_IS)
    size, channels = bundle.preprocessing.size, bundle.preprocessing.channels
    y_prob = Classifier(bundle).predict_batch(dataset.images.batch(np.arange(len(dataset)), size, channels), "labels")
    return merged(y_prob, ClassMap.parse(FER7, classes)).argmax(axis=1)


def merged(y_prob: NDArray[np.floating], class_map: ClassMap) -> NDArray[np.floating]:
    """Probabilities (N, K) of the source's classes as those of the target's, (N, T): of a merge, their sum."""
    members = np.eye(len(class_map.target) + 1)[list(class_map.target_ids)][:, :-1]  # -1, what is dropped, is the last
    return y_prob @ members


def answers(run: Run, dataset: Dataset) -> NDArray[np.integer]:
    """Label ids that the run's best network gives to all images of a dataset, (N,)."""
    from fer.training.prepare import LABELS_HEAD
    from fer.training.trained import open_trained

    preprocessing = run.settings.preprocessing
    images = dataset.images.batch(np.arange(len(dataset)), preprocessing.size, preprocessing.channels)
    logits = open_trained(str(run.path)).build().predict(preprocessing.normalise(images), verbose=0)
    return np.asarray(logits[LABELS_HEAD]).argmax(axis=1)


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print a table a trial, best first, and what must be read with it."""
    for trial in figures["trials"]:
        print(f"\n{', '.join(trial['classes'])}: {trial['images']} images to learn from, judged on {trial['judged_on']}")
        table = []
        for row in sorted(trial["rows"], key=lambda row: -row["mean"]):
            gain = row.get("transfer_gains")
            table.append(
                [
                    "flagship as it is, untrained" if row["name"] == AS_IT_IS else row["name"],
                    percent(row["mean"]) + (f" ± {100 * row['sd']:.1f}" if len(row["seeds"]) > 1 else ""),
                    f"{100 * gain['mean']:+.1f} ({100 * gain['low']:+.1f} … {100 * gain['high']:+.1f})" if gain else "",
                    f"{np.mean(row['epochs']):.0f}" if "epochs" in row else "",
                    f"{np.mean(row['seconds']):.0f}" if "seconds" in row else "",
                ]
            )
        print_table(["recipe", "accuracy", "transfer's lead, points (95 %)", "epochs", "s"], table)
    print(f"\n{figures['caveat']}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure and print; 1 where a training fails or the user has interrupted, and the same command goes on."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--only", nargs="+", choices=[trial.name for trial in TRIALS], help="these trials")
    parser.add_argument("--recipes", nargs="+", choices=list(CONTENDERS), default=[], help="these recipes in all trials")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="trainings of each recipe")
    options = parser.parse_args(arguments)
    return end_in_words(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> int:
    trials = [trial for trial in TRIALS if trial.name in (options.only or (trial.name,))]
    prepare_keras(Path(os.devnull))
    steps = SmallSets(options.data, options.seeds, options.recipes, read_overrides(options.overrides))
    figures = steps.measure(trials)
    print_figures(figures)
    if options.json:
        write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
