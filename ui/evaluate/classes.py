"""Evaluate: class by class, how much is found, what is mistaken, how well each is told from the rest, and the table of it."""

from __future__ import annotations

import streamlit as st

from fer.evaluation import Report
from ui.charts import PLOTLY_CONFIG, recall_bars
from ui.evaluate.charts import class_curves_chart
from ui.evaluate.report_view import report_rows
from ui.words import count, percent, plain

_KINDS = {"precision_recall": "Precision and recall", "roc": "ROC"}


def draw(report: Report) -> None:
    """Recall and mistakes side by side, the curves, the table."""
    _recall_and_mistakes(report)
    _curves(report)
    st.subheader("Classification report", anchor=False)
    shares = {
        name: st.column_config.NumberColumn(format="%.3f") for name in ("precision", "recall", "f1", "AUC", "average precision")
    }
    st.dataframe(report_rows(report), hide_index=True, column_config=shares)


def _recall_and_mistakes(report: Report) -> None:
    rows = [row for row in report.per_class if row["support"]]
    best, worst = max(rows, key=lambda row: row["recall"]), min(rows, key=lambda row: row["recall"])
    found = f"{best['label'].capitalize()} is found most often, {worst['label']} least" if len(rows) > 1 else "Recall"
    chart, mistakes = st.columns([5, 4], gap="large")
    with chart:
        st.subheader(found, anchor=False)
        st.plotly_chart(recall_bars(report.per_class, report.label_set), config=PLOTLY_CONFIG, key="recall")
    if not report.most_confused:
        return
    emoji = report.label_set.emoji
    with mistakes:
        st.subheader("Most frequent mistakes", anchor=False)
        st.markdown(
            "\n".join(
                f"1. {emoji(pair['true'])} {plain(pair['true'])} taken for {emoji(pair['predicted'])} {plain(pair['predicted'])}"
                f": {count(pair['count'])} ({percent(pair['share'], 0)} of the class)"
                for pair in report.most_confused[:7]
            )
        )


@st.fragment
def _curves(report: Report) -> None:
    known = [row for row in report.per_class if row["average_precision"] is not None]
    best = max(known, key=lambda row: row["average_precision"] or 0)
    worst = min(known, key=lambda row: row["average_precision"] or 0)
    st.subheader(
        f"{best['label'].capitalize()} is told from the rest best, {worst['label']} worst"
        if len(known) > 1
        else "One against the rest",
        anchor=False,
    )
    kind = st.segmented_control(
        "Curves", list(_KINDS), default="precision_recall", required=True, format_func=_KINDS.__getitem__,
        key="class_curves", persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    st.plotly_chart(
        class_curves_chart(report.curves, report.label_set, kind=kind or "precision_recall"),
        config=PLOTLY_CONFIG,
        key="class_curves_chart",
    )
    area = "average precision" if kind == "precision_recall" else "area under the curve (AUC)"
    st.caption(
        f"One class against all others, over all thresholds of its probability; beside its name, its {area}. A click on a name "
        "shows that class alone."
    )
