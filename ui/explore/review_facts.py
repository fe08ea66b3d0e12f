"""What is known about the images of a finding: label, votes, the model's answer, and what was decided about them already."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fer.bundles import Bundle
from fer.data.dataset import Dataset
from fer.errors import FerError, LabelError
from fer.evaluation.evaluate import choose_head
from fer.quality.cleaning import CleaningList
from fer.quality.findings import Finding
from ui.bars import Bar, bars_html
from ui.picture import votes_html
from ui.state import classifier_of
from ui.theme import SPLIT_TITLES
from ui.words import percent, plain

_DECISIONS_SHOWN = 12


def label_words(dataset: Dataset, row: int) -> str:
    """Label and split of an image: `😄 happy, train`."""
    label, split = dataset.label_set.names[int(dataset.label_ids[row])], str(dataset.splits[row])
    return f"{dataset.label_set.emoji(label)} {plain(label)}, {SPLIT_TITLES[split].lower()}"


def finding_facts(dataset: Dataset, bundle: Bundle, cleaning: CleaningList, finding: Finding) -> None:
    """What helps to decide about a finding, beside its pictures."""
    first, alone = finding.indices[0], len(finding.indices) == 1
    if alone:
        st.markdown(f"#### {label_words(dataset, first)}")
        st.caption(plain(str(dataset.names[first])))
    st.markdown(f"{plain(finding.detail)}  \nSeverity: **{percent(finding.severity, 0)}**")
    _decided(dataset, cleaning, finding)
    with st.grid(2, min_column_width=190, gap="medium"):
        if dataset.votes is not None:
            with st.container(gap=None):
                st.markdown(f"**{'Votes of the taggers' if alone else f'Votes, all {len(finding.indices)} images'}** (FER+)")
                st.html(votes_html(dataset.votes[list(finding.indices)].sum(axis=0, dtype=np.int64)))
        with st.container(gap=None):
            st.markdown(f"**Answer of {plain(bundle.name)}**{'' if alone else ', to the first'}")
            try:
                st.html(_answer_html(dataset, bundle, first))
            except FerError as error:  # the file has gone, or the model does not answer
                st.caption(plain(str(error)))


def _decided(dataset: Dataset, cleaning: CleaningList, finding: Finding) -> None:
    """What is decided already about images of a finding."""
    decisions = [
        (number, decision)
        for number, row in enumerate(finding.indices)
        for is_move in (False, True)
        if (decision := cleaning.in_force.get((str(dataset.names[row]), int(dataset.content_ids[row]), is_move)))
    ]
    with st.container(horizontal=True):
        for number, decision in decisions[:_DECISIONS_SHOWN]:
            which = f"{number + 1}: " if len(finding.indices) > 1 else ""
            st.badge(
                f"{which}{decision.action}{' to ' if decision.value else ''}{decision.value}",
                icon=":material/check:",
                color="green",
            )


def _answer_html(dataset: Dataset, bundle: Bundle, row: int) -> str:
    """Probabilities of a model for an image, as bars.

    Raises:
        FerError: the image cannot be read, or the model cannot answer for the dataset's classes.
    """
    try:
        head = choose_head(bundle, dataset.label_set)
    except LabelError:
        head = bundle.default_head
    (y_prob,) = classifier_of(bundle).predict_crops([dataset.images[row]], head.name)
    names = head.label_set
    return bars_html(
        Bar(names.emoji(name), name, names.colour(name), float(share), percent(float(share), 0), share == y_prob.max())
        for name, share in zip(names, y_prob, strict=True)
    )
