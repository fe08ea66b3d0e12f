"""Evaluate: how good the active model is, and on what it fails."""

import streamlit as st

from fer.errors import BundleError
from ui.evaluate import checks, classes, compare, confidence, confusion, robustness, slices, votes
from ui.evaluate.report_view import details, figures
from ui.evaluate.reports import (
    EVALUATE_POPOVER,
    adopt_new_report,
    evaluation_form,
    make_report,
    offer_evaluation,
    report_items,
    shown_report,
)
from ui.popover import closing_popover
from ui.state import active_model, read_bundle
from ui.theme import page_header
from ui.words import show_error

# Only the view that is open is drawn: the others cost nothing until somebody looks.
VIEWS = {
    "Confusion": confusion.draw,
    "Classes": classes.draw,
    "Checks": checks.draw,
    "Confidence": confidence.draw,
    "Votes": votes.draw,
    "Robustness": robustness.draw,
    "Slices": slices.draw,
    "Compare": compare.draw,
    "Report": details,
}

page_header("Evaluate", "How often the model is right, how sure that figure is, and what it takes for what.")
adopt_new_report()
name = active_model()
bundle, problem = None, BundleError("There is no trained model yet. Train one, and make a bundle of it.")
if name:
    try:
        bundle = read_bundle(name)
    except BundleError as error:
        problem = error
items = report_items(bundle)
with st.container(horizontal=True, vertical_alignment="bottom"):
    with st.container():
        report = shown_report(items, name)
    if bundle:
        with closing_popover("Evaluate now", key=EVALUATE_POPOVER, icon=":material/play_arrow:"):
            evaluation_form(bundle)
if not bundle:
    show_error(problem)
elif not items:  # the first visit: there is a model and a dataset, so there is something to see
    make_report(bundle)
elif all(item.model != name for item in items.values()):
    offer_evaluation(bundle)
if report:
    figures(report)
    checks.strip(report.checks)
    checks.watch(report)
    for tab, draw in zip(
        st.tabs(list(VIEWS), key="evaluate_view", on_change="rerun", bind="query-params"), VIEWS.values(), strict=True
    ):
        if tab.open:
            with tab:
                draw(report)
