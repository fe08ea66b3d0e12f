"""What the commands `data …` of `fer/cli.py` do: call the library, print the answer, return the exit code."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fer.errors import SettingsError
from fer.terminal import print_json, print_table, progress_bar


def data_info(options: argparse.Namespace) -> int:
    from fer.data import read_dataset

    dataset = read_dataset(options.path, ferplus=options.ferplus, progress=progress_bar())
    info: dict[str, Any] = {
        "name": dataset.name,
        "n": len(dataset),
        "labels": list(dataset.label_set),
        "counts": {split or "unsplit": counts for split, counts in dataset.counts().items()},
        "grey": int(dataset.is_grey.sum()),
        "colour": int((~dataset.is_grey).sum()),
        "votes": dataset.votes is not None,
        "fingerprint": dataset.fingerprint,
        "problems": [{"name": problem.name, "reason": problem.reason} for problem in dataset.problems],
    }
    if options.json:
        return print_json(info)
    print(f"{dataset.name}: {len(dataset):,} images, {info['grey']:,} grey, {info['colour']:,} in colour")
    splits = list(info["counts"])
    rows = [[label, *(f"{info['counts'][split][label]:,}" for split in splits)] for label in dataset.label_set]
    rows.append(["all", *(f"{sum(info['counts'][split].values()):,}" for split in splits)])
    print_table(["class", *splits], rows)
    for problem in dataset.problems[:20]:
        print(f"left out: {problem.name}: {problem.reason}")
    if len(dataset.problems) > 20:
        print(f"… and {len(dataset.problems) - 20:,} more left out")
    return 0


def data_audit(options: argparse.Namespace) -> int:
    from fer.data import read_dataset
    from fer.quality.audit import audit
    from fer.quality.findings import KINDS, images_in, proposals

    progress = progress_bar()
    dataset = read_dataset(options.path, ferplus=options.ferplus, progress=progress)
    found = audit(dataset, progress=progress)
    if options.json:
        return print_json(found.as_dict(dataset.names.tolist()))
    print(f"{dataset.name}: {found.n:,} images, {len(found.findings):,} findings")
    by_kind = found.by_kind()
    rows = [
        [
            KINDS[kind].title,
            f"{len(findings):,}",
            f"{images_in(findings):,}",
            ", ".join(f"{action} {n:,}" for action, n in proposals(findings).items()),
        ]
        for kind, findings in by_kind.items()
    ]
    if rows:
        print_table(["kind", "findings", "images", "proposed"], rows)
        print()
    for kind in by_kind:
        print(f"{KINDS[kind].title}: {KINDS[kind].meaning}")
    for note in found.notes:
        print(f"note: {note}")
    print("Which images: the same command with --json.")
    return 0


def data_export(options: argparse.Namespace) -> int:
    from fer.quality.cleaning import read_cleaned
    from fer.quality.export import export_dataset
    from fer.quality.resplit import resplit

    progress = progress_bar()
    dataset, cleaned = read_cleaned(options.path, options.cleaning, ferplus=options.ferplus, progress=progress)
    if cleaned:
        print(cleaned, file=sys.stderr)
    if options.resplit:
        dataset = resplit(dataset, _shares(options.resplit), seed=options.seed)
    place = export_dataset(
        dataset, options.target, options.format, resize=options.resize, overwrite=options.overwrite, progress=progress
    )
    counts = {split or "unsplit": sum(by_label.values()) for split, by_label in dataset.counts().items()}
    if options.json:
        return print_json(
            {
                "path": str(place),
                "format": options.format,
                "n": len(dataset),
                "counts": counts,
                "cleaning": cleaned.as_dict() if cleaned else None,
            }
        )
    print(f"{len(dataset):,} images at {place}: {', '.join(f'{n:,} {split}' for split, n in counts.items())}")
    return 0


def _shares(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise SettingsError(f"--resplit takes shares such as 0.8,0.1,0.1. Received: {text!r}") from error
