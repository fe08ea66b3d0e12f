"""The pictures behind a report: a report keeps none, so they come from the active dataset where that is the report's."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from fer.data.dataset import Dataset
from fer.evaluation import Report
from ui.evaluate.confusion import images_of
from ui.state import active_choice, active_dataset, dataset_shelf
from ui.words import plain


def evaluated_images(report: Report, *, needed_for: str, key: str) -> Dataset | None:
    """A report's images in its order, with the labels that they were judged by; None, and words that say what to do, where they
    are not at hand.

    Args:
        report: whose.
        needed_for: what cannot be shown without them, as the beginning of a sentence.
        key: of the widget.
    """
    choice = active_choice()
    dataset = dataset_shelf().peek(choice)
    places = None if dataset is None else images_of(report, dataset)
    if dataset is not None and places is not None:
        return replace(dataset.select(places), label_set=report.label_set, label_ids=report.y_true, votes=None)
    if dataset is None:  # chosen in an earlier session, and not read in this one
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"{needed_for} once the pictures are at hand.", width="stretch")
            if st.button(f"Open {plain(choice.title)}", icon=":material/folder_open:", key=key):
                active_dataset()
    else:
        words = f"{needed_for} while **{plain(report.dataset)}** is the active dataset: choose it in the sidebar."
        st.info(words, icon=":material/database:")
    return None
