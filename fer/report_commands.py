"""What the command `report`, and the options of `evaluate` that cut a report or write it down, do; parsed by `cli.py`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer.errors import DataError
from fer.files import replacing
from fer.terminal import print_json, print_table, progress_bar
from fer.words import percent, percent_range

if TYPE_CHECKING:
    from fer.bundles import Bundle
    from fer.data import Dataset
    from fer.evaluation import Report, SlicedColumn


def report(options: argparse.Namespace) -> int:
    from fer.evaluation import classification_text, load_settled_report
    from fer.evaluation.tables import answering_bundle

    report = load_settled_report(options.report)
    write_report(options, report, answering_bundle(report))
    if options.json:
        return print_json(report.as_dict())
    print(classification_text(report))
    return 0


def write_report(options: argparse.Namespace, report: Report, bundle: Bundle | None) -> None:
    """Write the files that `--html` and `--markdown` name."""
    from fer.evaluation.html_report import report_html
    from fer.evaluation.markdown_report import report_markdown

    for name, make in ((options.html, report_html), (options.markdown, report_markdown)):
        if name is None:
            continue
        try:
            with replacing(Path(name)) as beside:
                beside.write_text(make(report, bundle), encoding="utf-8")
        except OSError as error:
            raise DataError(f"Cannot write {name}: {error.strerror or error}. Name a file in a folder that is there.") from error
        print(f"Written to {name}", file=sys.stderr)


def cut_slices(options: argparse.Namespace, report: Report, dataset: Dataset) -> list[SlicedColumn]:
    """The report cut as `--slices` and `--table` ask for; nothing where neither is given.

    Args:
        options: of the command `evaluate`.
        report: what came out.
        dataset: the whole of what was evaluated.
    """
    from fer.evaluation import picture_columns, read_csv_columns, slice_report

    columns = []
    if options.slices:
        part = dataset if report.split == "all" else dataset.split(report.split)
        progress = progress_bar()
        # Where classes were picked for the model, images of others are not in the report.
        images = part.select(np.isin(part.names, report.names))
        columns += picture_columns(images, lambda share: progress("Measuring images", share))
    if options.table:
        columns += read_csv_columns(options.table, report.names)
    return slice_report(report, columns)


def print_slices(slices: Sequence[SlicedColumn]) -> None:
    """A sentence and a table a column."""
    for cut in slices:
        print(f"\n{cut.words}")
        parts = [*cut.slices, *([cut.too_few] if cut.too_few else [])]
        rows = [[part.name, f"{part.n:,}", percent(part.accuracy), percent_range(part.accuracy_ci95)] for part in parts]
        if cut.without:
            rows.append(["without a value", f"{cut.without:,}", "", ""])
        print_table([cut.column, "images", "accuracy", "95 % interval"], rows)
