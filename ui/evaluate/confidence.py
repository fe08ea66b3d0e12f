"""Evaluate: is the model as sure as it should be, and from which confidence on should it answer at all?"""

from __future__ import annotations

import streamlit as st

from fer.bundles import Bundle
from fer.errors import FerError
from fer.evaluation import Report
from fer.evaluation.calibrate import Calibration, calibrate
from ui.charts import PLOTLY_CONFIG
from ui.evaluate.charts import coverage_curve, reliability_diagram
from ui.state import active_model, read_bundle
from ui.words import count, errors_in_words, percent, plain, plus_minus, show_error

_APPLIED_KEY = "calibration_applied"


def draw(report: Report) -> None:
    """The reliability diagram with its figures, then accuracy against coverage with a threshold to keep."""
    left, right = st.columns([5, 4], gap="large")
    with left:
        st.subheader(_finding(report), anchor=False)
        st.plotly_chart(reliability_diagram(report.reliability), config=PLOTLY_CONFIG, key="reliability")
    with right:
        _figures(report)
    _abstaining(report)


def _finding(report: Report) -> str:
    sure = float(report.y_prob.max(axis=1).mean())
    low, high = report.accuracy_ci95
    if low <= sure <= high:
        return f"As sure as it should be: {percent(sure)} on average, and {percent(report.accuracy)} are right"
    word = "Too sure" if sure > high else "Too modest"
    return f"{word}: {percent(sure)} sure on average, and {percent(report.accuracy)} are right"


def _figures(report: Report) -> None:
    st.subheader("How far off", anchor=False)
    rows = [
        {"figure": title, "as it is": getattr(report, name)}
        | ({"under a new temperature": getattr(report.recalibrated, name)} if report.recalibrated else {})
        for name, title in (
            ("ece", "Calibration error (15 bins)"),
            ("nll", "Log loss"),
            ("brier", "Brier score"),
            ("aurc", "Area under risk-coverage"),
        )
    ]
    columns = ("as it is", "under a new temperature")
    st.dataframe(rows, hide_index=True, column_config={name: st.column_config.NumberColumn(format="%.3f") for name in columns})
    if report.best_temperature is not None:
        is_own = f"{report.best_temperature:.2f}" == "1.00"
        best = "The model's own temperature" if is_own else f"{report.best_temperature:.2f} times the model's own temperature"
        st.caption(
            f"{best} fits these images best. The figures on the right are taken on images that had no part in fitting one: each "
            "half under what the other gave."
        )
    st.caption("Lower is better in all four. Dots above the line are answers given too modestly, below it too surely.")


@st.fragment
def _abstaining(report: Report) -> None:
    st.subheader("Answering only when sure", anchor=False)
    wished = st.slider(
        "Of the answers that are given, this many should be right",
        50,
        99,
        90,
        format="%d %%",
        key="wished_accuracy",
        persist_state="session",
        help="The threshold is the smallest confidence for which that holds with 95 % certainty.",
    )
    problem: FerError | None = None
    found: Calibration | None = None
    bundle = None
    if active_model() != report.model:
        st.caption(f"A threshold can be kept in a model: choose **{plain(report.model)}** in the sidebar to do so.")
    else:
        try:
            bundle = read_bundle(report.model)
            found = calibrate(bundle, report, wished / 100)
        except FerError as error:
            problem = error
    chosen = found.abstention if found else None
    point = (chosen.coverage, chosen.accuracy) if chosen and chosen.accuracy is not None else None
    st.plotly_chart(
        coverage_curve(report.risk_coverage, threshold=chosen.threshold if chosen else None, point=point),
        config=PLOTLY_CONFIG,
        key="coverage",
    )
    if problem and bundle and st.session_state.get(_APPLIED_KEY) == bundle.sha256:
        # What was kept has made another model of it, and the report is of the one before.
        kept = bundle.head(report.head).abstain_threshold or 0.0
        st.success(
            f"Kept: the model says *unsure* below {percent(kept)} now. Evaluate it again before you choose anew.",
            icon=":material/check:",
        )
        st.caption(_reach(bundle, report.head))
    elif problem:
        show_error(problem)
    if found and bundle:
        _keep(found, bundle)


def _keep(found: Calibration, bundle: Bundle) -> None:
    """What the threshold does, and the button that keeps it in the bundle."""
    chosen = found.abstention
    if chosen.accuracy is None:
        return
    st.markdown(
        f"Unsure below **{percent(chosen.threshold)}**: {percent(chosen.coverage)} of the images are answered, and "
        f"{percent(chosen.accuracy)} {plus_minus(chosen.accuracy_ci95)} of those rightly, measured on images that had no part in "
        f"choosing it (n = {count(chosen.answered)})."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Keep in the model", type="primary", icon=":material/save:", key="calibration_keep"):
            from fer.bundling import amend_card

            with errors_in_words():
                st.session_state[_APPLIED_KEY] = amend_card(bundle, found.card_changes(bundle)).sha256
                st.rerun()
        kept = bundle.head(found.head).abstain_threshold
        words = "" if kept is None else f"The model says *unsure* below {percent(kept)} now. "
        renewed = " The temperature is renewed." if found.is_recalibrated else ""
        st.caption(f"{words}{_reach(bundle, found.head)}{renewed}", width="content")


def _reach(bundle: Bundle, head: str) -> str:
    """Where a threshold that is kept is used: it was chosen on the answers of one head, and says nothing of another's."""
    used = "Predict, Webcam, the API and the command line then say *unsure* of other answers"
    default = bundle.default_head.name
    if head == default:
        return f"{used}."
    return (
        f"{used} of its head *{plain(head)}*. Where nobody chooses, *{plain(default)}* answers: evaluate that one to choose a "
        "threshold for it, too (in *Evaluate now*, right is what most FER+ taggers chose)."
    )
