"""A report on a page: its figures with intervals, where they come from, and what there is to take away."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Literal

import streamlit as st

from fer.evaluation import Report
from fer.evaluation.html_report import report_html
from fer.evaluation.markdown_report import report_markdown
from fer.evaluation.tables import answering_bundle, figure_rows
from ui.evaluate.reports import about_rows, shown_folder
from ui.tables import csv_text
from ui.theme import plain_metric
from ui.words import count, percent, plain, plus_minus


def figures(report: Report) -> None:
    """The figures that matter, with what they must be read with."""
    with st.grid(5 if report.ferplus else 4, min_column_width=165):
        words = f"{plus_minus(report.accuracy_ci95)}, n = {count(report.n)}"
        plain_metric("Accuracy", percent(report.accuracy), words, "Share of right answers, with its 95 % interval.")
        if report.ferplus:
            words = f"{plus_minus(report.ferplus.accuracy_ci95)}, n = {count(report.ferplus.n)}"
            explained = "Strict protocol: only images on which more than half of the taggers agree."
            plain_metric("FER+ accuracy", percent(report.ferplus.accuracy), words, explained)
        explained = "Mean recall: every class counts the same. With its 95 % interval (bootstrap)."
        plain_metric("Balanced accuracy", percent(report.balanced_accuracy), _either_way(report, "balanced_accuracy"), explained)
        explained = "F1 joins precision and recall of a class; macro is the plain mean over the classes. With its 95 % interval."
        plain_metric("Macro F1", percent(report.macro_f1), _either_way(report, "macro_f1"), explained)
        explained = "How far the confidence is from the share of right answers, on average (15 bins)."
        plain_metric("Calibration error", percent(report.ece), f"log loss {report.nll:.2f}", explained)
    always = f"Always answering {report.majority_label} would give {percent(report.majority_accuracy)}."
    if report.leaks and report.accuracy_leak_free is not None:
        always += (
            f" {count(report.leaks)} of the images stand in train as well, pixel for pixel; without them the accuracy is "
            f"{percent(report.accuracy_leak_free)}."
        )
    st.caption(" ".join([always, *map(plain, report.notes)]))


def _either_way(report: Report, figure: str) -> str:
    """Half the width of a bootstrap interval, in points."""
    interval = report.bootstrap_ci95[figure]
    return "every answer is right" if interval is None else plus_minus(interval)


def details(report: Report) -> None:
    """Every figure, where they come from, and everything to take away."""
    st.subheader("All figures", anchor=False)
    st.dataframe(
        [
            {
                "figure": figure.name,
                "value": figure.value,
                "95 % interval": figure.interval,
                "what it says": figure.meaning,
            }
            for figure in figure_rows(report)
        ],
        hide_index=True,
        height="content",
        column_config={"what it says": st.column_config.TextColumn(width="large")},
    )
    st.subheader("Where these figures come from", anchor=False)
    st.dataframe(about_rows(report), hide_index=True, column_config={"value": st.column_config.TextColumn(width="large")})
    with st.container(horizontal=True):
        # Built only when they are asked for, as the model is read for them.
        page, markdown = (lambda make=make: make(report, answering_bundle(report)) for make in (report_html, report_markdown))
        st.download_button(
            "Report (HTML)", page, f"{report.id}.html", "text/html", type="primary", icon=":material/download:",
            key="report_html",
        )  # fmt: skip
        st.download_button(
            "Report (Markdown)", markdown, f"{report.id}.md", "text/markdown", icon=":material/download:", key="report_markdown",
        )  # fmt: skip
        text = json.dumps(report.as_dict(), indent=2, ensure_ascii=False)
        st.download_button("All figures (JSON)", text, f"{report.id}.json", "application/json", icon=":material/download:")
        st.download_button(
            "Report table (CSV)", csv_text(report_rows(report)), f"{report.id}.csv", "text/csv", icon=":material/download:"
        )
        # Built only when it is asked for: it has a row an image.
        answers, name = (lambda: csv_text(answer_rows(report))), f"{report.id}-answers.csv"
        st.download_button("Answers, a row an image (CSV)", answers, name, "text/csv", icon=":material/download:")
    st.caption(
        "The HTML file needs nothing else: mail it, print it, put it beside a paper. There are no faces in it. The same on the "
        "command line:"
    )
    command = f"python -m fer report {shlex.quote(shown_folder())} --html report.html --markdown report.md"
    st.code(command, language="bash", wrap_lines=True)


def report_rows(report: Report) -> list[dict[str, object]]:
    """Precision, recall and F1 a class, then their means."""
    per_class: list[dict[str, object]] = [
        {
            "class": row["label"],
            "precision": row["precision"],
            "recall": row["recall"],
            "f1": row["f1"],
            "AUC": row["auc"],
            "average precision": row["average_precision"],
            "images": row["support"],
            "answered": row["predicted"],
        }
        for row in report.per_class
    ]
    figures: Mapping[str, object] = report.as_dict()
    for mean in ("macro", "weighted"):
        parts = {name: figures[f"{mean}_{name}"] for name in ("precision", "recall", "f1")}
        parts |= {"AUC": _mean_area(report, "auc", mean), "average precision": _mean_area(report, "average_precision", mean)}
        per_class.append({"class": f"{mean} mean", **parts, "images": report.n, "answered": report.n})
    return per_class


def _mean_area(report: Report, name: Literal["auc", "average_precision"], mean: str) -> float | None:
    """Mean of an area over the classes that have one, each counting the same (`macro`) or by its images."""
    known = [(area, row["support"] if mean == "weighted" else 1) for row in report.per_class if (area := row[name]) is not None]
    return sum(area * weight for area, weight in known) / sum(weight for _, weight in known) if known else None


def answer_rows(report: Report) -> list[dict[str, object]]:
    """What was answered for every image."""
    true, predicted = report.label_set.decode(report.y_true), report.label_set.decode(report.y_pred)
    return [
        {
            "image": str(name),
            "true": t,
            "answered": p,
            **{label: round(float(q), 5) for label, q in zip(report.labels, row, strict=True)},
        }
        for name, t, p, row in zip(report.names, true, predicted, report.y_prob, strict=True)
    ]
