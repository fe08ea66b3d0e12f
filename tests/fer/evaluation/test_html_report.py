"""A report as a file: all of it is there, nothing is fetched, nothing runs, and whatever stands in a name stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from fer.bundles import Bundle, load_bundle
from fer.data import synthetic_dataset
from fer.evaluation import Report, evaluate
from fer.evaluation.checks import Check
from fer.evaluation.html_report import report_html
from fer.evaluation.markdown_report import report_markdown
from fer.evaluation.tables import NO_FACES, READING, answering_bundle, class_rows, figure_rows
from fer.labels import LabelSet
from fer.words import percent

EVIL = '<script>alert(1)</script>|"><img src=x onerror=y>`*_[a](http://b.example)'
VOID = {"meta"}


class Reader(HTMLParser):
    """Which elements a page has, what can be read in it, and whether every element is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += data


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return load_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def report(bundle: Bundle) -> Report:
    return evaluate(bundle, synthetic_dataset(160), split="all")


def evil(report: Report) -> Report:
    """The report with a name in every place where one can stand that would like to be more than text."""
    names = (EVIL, *report.labels[1:])
    check = Check(EVIL, "fail", EVIL, EVIL, EVIL)
    return replace(
        report,
        label_set=LabelSet(names),
        model=EVIL,
        dataset=EVIL,
        head=EVIL,
        notes=(EVIL,),
        checks=(check,),
        versions={EVIL: EVIL},
    )


def test_report_html_tells_all_of_a_report(report: Report, bundle: Bundle) -> None:
    text = Reader(report_html(report, bundle)).text
    for expected in (
        f"{percent(report.accuracy)}",
        f"{report.mcc:.3f}",
        report.fingerprint,
        report.bundle_sha256,
        *report.labels,
        *(check.finding for check in report.checks),
        *report.notes,
        *READING,
        *bundle.card["limits"],
        f"NumPy {report.versions['NumPy']}",
        NO_FACES,
    ):
        assert expected in text, expected
    assert "apparent expression" in text


def test_report_html_needs_nothing_else(report: Report, bundle: Bundle) -> None:
    page = report_html(report, bundle)
    reader = Reader(page)
    assert "default-src 'none'" in page
    assert not {"script", "img", "link", "iframe", "object"} & set(reader.tags)
    assert not {"src", "href", "onload"} & {name for name, _ in reader.attributes}
    assert not re.search(r"https?:|url\(|@import", page)
    assert len(page) < 200_000


def test_report_html_holds_no_answer_for_a_single_image(report: Report) -> None:
    page = report_html(replace(report, checks=()))
    assert not [name for name in report.names if name in page]


def test_report_html_escapes_every_text(report: Report) -> None:
    reader = Reader(report_html(evil(report)))
    assert not {"script", "img", "a"} & set(reader.tags)
    assert reader.text.count(EVIL) >= 9
    assert "onerror" not in {name for name, _ in reader.attributes}


def test_report_html_draws_a_dot_a_bin_and_a_row_a_class(report: Report) -> None:
    reader = Reader(report_html(report))
    assert reader.tags.count("svg") == 2
    assert reader.tags.count("circle") == len(report.reliability)
    assert reader.tags.count("tr") >= 2 * len(report.labels)


def test_report_html_of_a_bare_report_says_what_it_lacks(report: Report) -> None:
    bare = replace(report, checks=(), versions={}, ferplus=None, taggers=None)
    text = Reader(report_html(bare)).text
    assert "before there were checks" in text
    assert "its settings are not told" in text
    assert "Beside people" not in text


def test_report_markdown_has_whole_tables_and_no_html(report: Report, bundle: Bundle) -> None:
    for text in (report_markdown(report, bundle), report_markdown(evil(report))):
        assert "<" not in text
        tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
        assert len(tables) >= 5
        for table in tables:
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table}) == 1, table[0]
    assert f"| Accuracy | {percent(report.accuracy)} |" in report_markdown(report)


def test_figure_rows_are_those_of_the_report(report: Report) -> None:
    figures = {figure.name: figure for figure in figure_rows(report)}
    assert figures["Macro F1"].value == f"{percent(report.macro_f1)}"
    low, high = report.accuracy_ci95
    assert figures["Accuracy"].interval == f"{percent(low)} to {percent(high)}"
    perfect = replace(report, y_prob=np.eye(len(report.labels), dtype=np.float32)[report.y_true])
    assert {figure.name: figure.interval for figure in figure_rows(perfect)}["MCC"] == ""


def test_class_rows_have_all_classes_and_two_means(report: Report) -> None:
    head, *rows = class_rows(report)
    assert [row[0] for row in rows] == [*report.labels, "macro mean", "weighted mean"]
    assert {len(row) for row in rows} == {len(head)}


def test_answering_bundle_is_none_once_it_has_changed(report: Report, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_MODELS", str(tiny_bundle.parent))
    found = answering_bundle(report)
    assert found is not None
    assert found.name == report.model
    assert answering_bundle(replace(report, bundle_sha256="0" * 64)) is None
    assert answering_bundle(replace(report, model="gone")) is None
