"""Evaluate: how good the active model is, and on what it fails."""

import streamlit as st

from fer.errors import FerError
from ui.popover import closing_popover
from ui.report_view import confusion, details, figures, recall_and_mistakes
from ui.reports import (
    EVALUATE_POPOVER,
    adopt_new_report,
    evaluation_form,
    make_report,
    offer_evaluation,
    report_items,
    shown_report,
)
from ui.state import active_bundle, active_model, read_bundle
from ui.theme import page_header

page_header("Evaluate", "How often the model is right, how sure that figure is, and what it takes for what.")
adopt_new_report()
name = active_model()
try:
    bundle = read_bundle(name) if name else None
except FerError:
    bundle = None  # the form says what is wrong with it; saved reports can be seen all the same
items = report_items(bundle)
with st.container(horizontal=True, vertical_alignment="bottom"):
    with st.container():
        report = shown_report(items, name)
    with closing_popover("Evaluate now", key=EVALUATE_POPOVER, icon=":material/play_arrow:"):
        evaluation_form()
if not items:  # the first visit: there is a model and a dataset, so there is something to see
    make_report(active_bundle(), None)
elif bundle and all(item.model != name for item in items.values()):
    offer_evaluation(bundle)
if report:
    figures(report)
    left, right = st.columns([3, 2], gap="large")
    with left:
        confusion(report)
    with right:
        recall_and_mistakes(report)
    details(report)
