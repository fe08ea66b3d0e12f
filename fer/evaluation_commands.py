"""What the commands `calibrate`, `evaluate --package` and `evaluate --job` of `fer/cli.py` do; see `commands.py`."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from fer.errors import SettingsError
from fer.terminal import print_json, progress_bar
from fer.words import percent, percent_range


def calibrate(options: argparse.Namespace) -> int:
    from fer.bundles import load_bundle
    from fer.bundling import amend_card
    from fer.data.votes import with_labels_of_votes
    from fer.evaluation import evaluate
    from fer.evaluation.calibrate import calibrate
    from fer.quality.cleaning import read_cleaned

    bundle = load_bundle(options.model)
    progress = progress_bar()
    dataset, _ = read_cleaned(options.data, options.cleaning, ferplus=options.ferplus, progress=progress)
    if options.ferplus:
        dataset = with_labels_of_votes(dataset)
    # Not the test part, unless it is all there is: what is chosen there could not be measured there any more.
    split = options.split or next((name for name in ("val", "test") if name in dataset.split_names), "all")
    report = evaluate(bundle, dataset, split=split, head=options.head, progress=lambda share: progress("Evaluating", share))
    for note in report.notes:
        print(note, file=sys.stderr)
    found = calibrate(bundle, report, options.accuracy)
    if options.apply:
        bundle = amend_card(bundle, found.card_changes(bundle))
    if options.json:
        return print_json({**found.as_dict(), "model": bundle.name, "sha256": bundle.sha256, "applied": options.apply})
    chosen = found.abstention
    print(f"{bundle.name}, head {found.head}, on {found.dataset} ({found.split}): {found.n:,} images")
    if found.is_recalibrated:
        print(
            f"temperature {found.temperature:.3f} (was {found.old_temperature:.3f}): calibration error "
            f"{found.old_ece:.3f} → {found.ece:.3f}, negative log-likelihood {found.old_nll:.3f} → {found.nll:.3f}"
        )
    else:
        print(f"temperature {found.old_temperature:.3f} stays: none is better (calibration error {found.ece:.3f})")
    interval = f"(95 % interval {percent_range(chosen.accuracy_ci95)})"
    right = "" if chosen.accuracy is None else f", right in {percent(chosen.accuracy)} {interval}"
    print(f"unsure below {percent(chosen.threshold)} confidence: answers {percent(chosen.coverage)} of the images{right}")
    print("Each image was judged by what others gave.")
    print(f"Kept in {bundle.path}" if options.apply else "Nothing was changed. Add --apply to keep both in the model.")
    return 0


def compare_networks(folder: str) -> int:
    """What an evaluation starts beside itself: ask the model's Keras network, too."""
    from fer.agreement_worker import measure_agreement
    from fer.evaluation.agreement import AgreementJob

    if hasattr(os, "nice"):
        os.nice(10)  # the evaluation beside it goes first
    measure_agreement(AgreementJob(Path(folder)))
    return 0


def evaluate_package(options: argparse.Namespace) -> int:
    from fer.evaluation import classification_text
    from fer.foreign.packages import evaluate_package
    from fer.quality.cleaning import read_cleaned
    from fer.report_commands import cut_slices, print_slices, write_report

    if options.model or options.head or options.robustness:
        raise SettingsError("--package stands for the model: it takes no --model, --head or --robustness.")
    progress = progress_bar()
    dataset, cleaned = read_cleaned(options.data, options.cleaning, ferplus=options.ferplus, progress=progress)
    if cleaned:
        dataset = replace(dataset, name=f"{dataset.name}, cleaned")
    report = evaluate_package(
        options.package, dataset, split=options.split, progress=lambda share: progress(f"Asking {options.package}", share)
    )
    if cleaned:
        report = replace(report, notes=(cleaned.note(options.cleaning), *report.notes))
    if options.save is not None:
        print(f"Report kept at {report.save(options.save or None)}", file=sys.stderr)
    write_report(options, report, None)
    slices = cut_slices(options, report, dataset)
    if options.json:
        return print_json(report.as_dict() | ({"slices": [cut.as_dict() for cut in slices]} if slices else {}))
    print(classification_text(report))
    print_slices(slices)
    return 0
