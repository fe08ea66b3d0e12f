"""What each command of `fer/cli.py` does: call the library, print the answer, return the exit code.

Those of `data …` are in `data_commands.py`. Everything heavy is imported inside the command that needs it, so that the others
start at once.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from fer.errors import FerError, SettingsError
from fer.terminal import print_json, print_table, progress_bar
from fer.words import percent

if TYPE_CHECKING:
    from fer.data import Dataset
    from fer.recipes import Recipe, Settings
    from fer.training import Run


def train(options: argparse.Namespace) -> int:
    from fer.quality.cleaning import read_cleaned
    from fer.recipes import load_recipe, read_overrides
    from fer.training import create_run, enqueue, open_run
    from fer.training.prepare import choose_data
    from fer.training.worker import train_run

    progress = progress_bar()
    if options.queue and options.run:
        raise SettingsError("What waits in the queue lies in the workspace: --queue takes no --run.")
    if options.resume:
        if any((options.recipe, options.data, options.ferplus, options.cleaning, options.overrides, options.run)):
            raise SettingsError("--resume goes on with what the run was started with; it takes no other options.")
        run = open_run(options.resume)
    elif options.data:
        overrides = read_overrides(options.overrides)
        recipe = load_recipe(options.recipe).with_overrides(overrides) if options.recipe else None
        # Read before a folder is made, so that data that does not serve leaves nothing behind; the reading is cached.
        dataset, cleaned = read_cleaned(options.data, options.cleaning, ferplus=options.ferplus, progress=progress)
        if cleaned:
            print(cleaned, file=sys.stderr)
        recipe = recipe or _suggested(dataset).with_overrides(overrides)
        if options.estimate:
            return _estimate(dataset, recipe.settings, options.json)
        choose_data(dataset, recipe.settings)
        run = create_run(recipe, options.data, ferplus=options.ferplus, cleaning=options.cleaning, run_dir=options.run)
    else:
        raise SettingsError("Training needs --data, or --resume.")
    if options.queue:
        enqueue(run)
        return print_json(_run_row(run)) if options.json else _print_queued(run)
    # With --json, stdout is for the answer alone, and what is said on the way goes to stderr.
    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        print(f"Run {run.path}", flush=True)
        train_run(run, progress=progress)
    if options.json:
        return print_json(_run_row(run))
    print(f"{run.status}. {run.reason}".strip())
    if run.status == "finished":
        print(f"Make a model of it: python -m fer bundle {run.path} NAME")
    return 0


def _suggested(dataset: Dataset) -> Recipe:
    """The recipe for who has named none; says which, and why."""
    from fer.recipes import load_recipe
    from fer.training.suggest import suggest_recipe

    suggestion = suggest_recipe(dataset)
    print(f"Recipe {suggestion.recipe}: {suggestion.why} --recipe takes another.", file=sys.stderr)
    return load_recipe(suggestion.recipe)


def _print_queued(run: Run) -> int:
    from fer.training.queue import number_in_queue

    number = number_in_queue(run)
    words = f"It waits in the queue, as number {number}." if number else "It trains in the background."
    print(f"Run {run.path}\n{words} `python -m fer runs` shows how far it is.")
    return 0


def _estimate(dataset: Dataset, settings: Settings, as_json: bool) -> int:
    from fer.training.estimate import estimate_training

    expected = estimate_training(dataset, settings)
    if as_json:
        return print_json(expected.as_dict())
    print(f"{expected.parameters / 1e6:.2f} M parameters, {expected.multiply_adds / 1e6:.0f} M multiply-adds an image")
    print(f"{expected.images:,} images an epoch, about {expected.seconds_an_epoch:.0f} s; {expected.epochs} epochs at most")
    print(f"memory: about {expected.memory_bytes / 2**30:.1f} GiB of {expected.available_bytes / 2**30:.1f} GiB that are free")
    if expected.warning:
        print(f"warning: {expected.warning}", file=sys.stderr)
    return 0


def _run_row(run: Run) -> dict[str, Any]:
    from fer.training.queue import number_in_queue

    epochs = run.epoch_rows()
    best = max((row["val_accuracy"] for row in epochs), default=None)
    return {
        "id": run.id,
        "path": str(run.path),
        "recipe": run.recipe_name,
        "status": run.status,
        "reason": run.reason,
        "number_in_queue": number_in_queue(run),
        "epochs": len(epochs),
        "epochs_total": run.epochs_total,
        "best_val_accuracy": best,
    }


def runs(options: argparse.Namespace) -> int:
    from fer.training import list_runs
    from fer.training.queue import start_next

    start_next()  # where the process that should have started it was killed
    rows: list[dict[str, Any]] = []
    for run in list_runs():
        try:
            rows.append(_run_row(run))
        except FerError as error:
            rows.append({"id": run.id, "path": str(run.path), "error": str(error)})
    if options.json:
        return print_json(rows)
    if not rows:
        print("No runs yet. Start one: python -m fer train --recipe compact --data synthetic")
        return 0
    table = []
    for row in rows:
        if "error" in row:
            table.append([row["id"], "", "damaged", "", ""])
            print(f"error: {row['error']}", file=sys.stderr)
            continue
        best = "" if row["best_val_accuracy"] is None else percent(row["best_val_accuracy"])
        status = f"{row['status']} {row['number_in_queue'] or ''}".strip()
        table.append([row["id"], row["recipe"], status, f"{row['epochs']}/{row['epochs_total']}", best])
    print_table(["run", "recipe", "status", "epochs", "best val accuracy"], table)
    return 0


def evaluate(options: argparse.Namespace) -> int:
    from fer.bundles import default_model, load_bundle
    from fer.evaluation import classification_text, evaluate, measure_robustness, robustness_table, settle
    from fer.inference.classifier import Classifier
    from fer.quality.cleaning import read_cleaned
    from fer.report_commands import cut_slices, print_slices, write_report

    if options.job:
        from fer.evaluation_commands import compare_networks

        return compare_networks(options.job)
    if not options.data:
        raise SettingsError("Name the data to evaluate on: --data PATH")
    if options.package:
        from fer.evaluation_commands import evaluate_package

        return evaluate_package(options)
    bundle = load_bundle(options.model or default_model())
    progress = progress_bar()
    dataset, cleaned = read_cleaned(options.data, options.cleaning, ferplus=options.ferplus, progress=progress)
    if cleaned:
        dataset = replace(dataset, name=f"{dataset.name}, cleaned")
    classifier = Classifier(bundle)
    report = evaluate(
        bundle,
        dataset,
        split=options.split,
        head=options.head,
        progress=lambda share: progress("Evaluating", share),
        classifier=classifier,
        against_keras=True,
    )
    if report.is_pending:
        progress("Asking the Keras network", 0.5)
        report = settle(report, bundle, wait=True)
        progress("Asked the Keras network", 1.0)
    if cleaned:
        report = replace(report, notes=(cleaned.note(options.cleaning), *report.notes))
    if options.save is not None:
        folder = report.save(options.save or None)
        print(f"Report kept at {folder}", file=sys.stderr)
    write_report(options, report, bundle)
    slices = cut_slices(options, report, dataset)
    robustness: dict[str, Any] | None = None
    if options.robustness:
        robustness = measure_robustness(
            bundle, dataset, split=options.split, head=options.head, progress=lambda share: progress("Corrupting", share)
        ).as_dict()
    milliseconds = classifier.milliseconds_a_face()
    if options.json:
        figures = {**report.as_dict(), "milliseconds_a_face": round(milliseconds, 3)}
        figures |= {"slices": [cut.as_dict() for cut in slices]} if slices else {}
        return print_json({**figures, **({"robustness": robustness} if robustness else {})})
    print(classification_text(report))
    print(f"one face on one core of this machine: {milliseconds:.2f} ms")
    if robustness:
        print("\naccuracy under corruptions; changes in percentage points")
        head, *rows = robustness_table(robustness)
        print_table(head, rows)
    print_slices(slices)
    return 0


def detectors(options: argparse.Namespace) -> int:
    from fer.detection import available_detectors, default_detector_name, fetch_yunet, prepare_mtcnn

    if options.fetch == "yunet":
        print(f"YuNet at {fetch_yunet(progress_bar())}", file=sys.stderr)
    if options.fetch == "mtcnn":
        print(f"MTCNN at {prepare_mtcnn()}", file=sys.stderr)
    default = default_detector_name()
    rows = [{**asdict(detector), "default": detector.name == default} for detector in available_detectors()]
    if options.json:
        return print_json(rows)
    for row in rows:
        print(f"{row['name']}{' (default)' if row['default'] else ''}: {row['title']}, {row['licence']}\n  {row['state']}")
    return 0
