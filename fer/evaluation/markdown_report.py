"""`report_markdown`: a report as Markdown, for a repository, an issue or a paper's appendix. What it tells is in `tables.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from fer.bundles import Bundle
from fer.evaluation import tables
from fer.evaluation.report import Report
from fer.evaluation.robustness import describe_robustness


def report_markdown(report: Report, bundle: Bundle | None = None) -> str:
    """The whole text; arguments as of `report_html`."""
    figures = [[figure.name, figure.value, figure.interval, figure.meaning] for figure in tables.figure_rows(report)]
    matrix = [[label, *(f"{n:,}" for n in row)] for label, row in zip(report.labels, report.confusion.tolist(), strict=True)]
    checks = [[check.status, check.name, check.finding, check.action] for check in report.checks]
    votes, limits = tables.vote_words(report), [*tables.READING, *tables.limits_of(bundle)]
    lines = [
        f"# {_plain(tables.title_of(report))}",
        "",
        _plain(tables.finding_of(report)),
        *(line for note in report.notes for line in ("", _plain(note))),
        *_section("Figures", _table(["figure", "value", "95 % interval", "what it says"], figures)),
        *(_section("Reality checks", _table(["status", "check", "finding", "what to do"], checks)) if checks else []),
        *_section("Confusion matrix", ["Rows are true, columns are answers.", "", *_table(["", *report.labels], matrix)]),
        *_section("Most frequent mistakes", _list(tables.mistake_words(report)) or ["No image is mistaken."]),
        *_section("Class by class", _table(*_head_and_rows(tables.class_rows(report)))),
        *(_section("Beside people", _list(votes)) if votes else []),
        *(["", *describe_robustness(bundle.card["robustness"])] if bundle and "robustness" in bundle.card else []),
        *_section("Where these figures come from", _table(["what", "value"], tables.origin_rows(report, bundle))),
        *_section("How to read this", _list([*limits, tables.NO_FACES])),
        "",
    ]
    return "\n".join(lines)


def _head_and_rows(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    return rows[0], rows[1:]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return ["", f"## {title}", "", *lines]


def _list(items: Iterable[str]) -> list[str]:
    return [f"- {_plain(item)}" for item in items]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(map(_plain, row))} |" for row in (head, ["---"] * len(head), *rows)]


def _plain(text: str) -> str:
    """A text that Markdown shows as it stands: on one line, and without signs that it would read as its own or as HTML."""
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", escape(" ".join(text.split()), quote=False))
