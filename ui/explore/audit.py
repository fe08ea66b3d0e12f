"""Explore: what is wrong with a dataset, and its mending.

This module makes the audit, and shows the kinds of findings with what a click does to all of one kind. One kind's findings are in
`headlines.py`, one finding in `review.py`, the decisions in `cleaning_panel.py`.
"""

from __future__ import annotations

import json

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.bundles import Bundle
from fer.data.dataset import Dataset
from fer.errors import DataError
from fer.quality.cleaning import CleaningList
from fer.quality.findings import KINDS
from fer.quality.settled import FindingTable
from ui.cleaning import active_cleaning, keep_words_fresh, show_change_error, undo_step
from ui.explore.audit_place import Place, go, place
from ui.explore.audits_going import audit_shelf, expected_time
from ui.explore.cleaning_panel import cleaning_screen, cleaning_strip, damaged_list
from ui.explore.findings import accept_button, findings_screen, show_said
from ui.explore.review import review_screen
from ui.going import Work, show_going
from ui.state import active_bundle
from ui.theme import plain_metric
from ui.words import count, counted, duration, percent, plain, show_error

_SEEN = "audit_seen_running"


def draw(dataset: Dataset) -> None:
    """The view."""
    if not len(dataset):
        st.info("There are no images to audit.", icon=":material/search_off:")
        return
    bundle = active_bundle()
    job = audit_shelf().job(dataset, bundle)  # asked first: one that ends right now has left its findings when those are asked
    table = audit_shelf().find(dataset, bundle)
    if table is not None:
        _audited(dataset, bundle, table)
    elif job is not None and not job.ended.is_set():
        show_going(job, key="audit_stop", note="It goes on when this page is closed, and is kept for the next time.")
    else:
        _offer(dataset, bundle, job)


def _offer(dataset: Dataset, bundle: Bundle, failed: Work[None] | None) -> None:
    """What an audit is, and the button; a former one's failure in words."""
    if failed is not None:
        show_error(DataError(failed.error))
    with st.container(border=True):
        st.subheader("Find what is wrong with this dataset", anchor=False)
        st.markdown(
            "- **Copies**: the same pixels, or the same photograph altered, twice, in two splits, or under two labels\n"
            "- **Pictures of no use**: broken, blank, tiny, too dark, too bright, blurred, without a face\n"
            "- **Likely wrong labels**: a classifier that never saw the label is confident of another"
            + ("" if dataset.votes is None else ", or the taggers of FER+ voted for another")
        )
        st.caption(
            f"The model {plain(bundle.name)} helps to judge faces and labels. Nothing is changed: what to do about a finding is "
            "yours to decide."
        )
        st.button(
            f"Audit {counted(len(dataset), 'image')}, {expected_time(len(dataset))}",
            type="primary",
            icon=":material/troubleshoot:",
            key="audit_start",
            on_click=audit_shelf().start,
            args=(dataset, bundle),
        )


@st.fragment
def _audited(dataset: Dataset, bundle: Bundle, table: FindingTable) -> None:
    """The screen that the session is at; a fragment, so that a decision draws nothing else again."""
    show_change_error()
    show_said()
    try:
        cleaning = active_cleaning()
    except DataError as error:
        damaged_list(error)
        return
    here = place(table)
    if here.at is None:  # in a review, nothing may take time
        keep_words_fresh(cleaning)
    if here.is_list:
        cleaning_screen(dataset, table, cleaning)
    elif here.kind is None:
        _kinds_screen(dataset, bundle, table, cleaning)
    elif here.at is None:
        findings_screen(dataset, table, cleaning, here.kind)
    else:
        review_screen(dataset, bundle, table, cleaning, here.kind, here.at)


def _kinds_screen(dataset: Dataset, bundle: Bundle, table: FindingTable, cleaning: CleaningList) -> None:
    settled = table.settled(cleaning)
    _metrics(table, settled)
    cleaning_strip(dataset, table, cleaning)
    if not table.by_kind:
        st.success("Nothing was found wrong with this dataset.", icon=":material/verified:")
    with st.container(gap="xsmall"):
        for kind in table.by_kind:
            _kind_row(dataset, table, cleaning, kind, settled[kind])
    seconds = sum(table.audit.seconds.values())
    st.caption(" ".join([f"Audited in {duration(seconds)} with the model {plain(bundle.name)}.", *map(plain, table.audit.notes)]))
    st.download_button(
        "All findings (JSON)",
        lambda: json.dumps(table.audit.as_dict(dataset.names.tolist()), ensure_ascii=False),
        f"{dataset.name}-audit.json".replace("/", "-"),
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        key="audit_download",
    )


def _metrics(table: FindingTable, settled: dict[str, NDArray[np.bool_]]) -> None:
    n, counts = table.audit.n, table.audit.counts()
    copies = sum(len(finding.targets) for finding in table.by_kind.get("identical", ()))
    wrong, decided = counts.get("label_issue", 0), sum(int(each.sum()) for each in settled.values())
    with st.grid(5, min_column_width=150):
        plain_metric("With a finding", count(table.images_found), f"{percent(table.images_found / n, 0)} of the images")
        leaks = f"and {count(counts.get('near_leak', 0))} near ones"
        plain_metric("Leaks", count(counts.get("leak", 0)), leaks, KINDS["leak"].meaning)
        near = f"and {count(counts.get('near_duplicate', 0))} near ones"
        plain_metric("Identical copies", count(copies), near, "Images beyond the first of those with the same pixels.")
        plain_metric("Likely wrong labels", count(wrong), f"{percent(wrong / n)} of the labels", KINDS["label_issue"].meaning)
        plain_metric("Settled", count(decided), f"of {counted(len(table.audit.findings), 'finding')}")


def _kind_row(dataset: Dataset, table: FindingTable, cleaning: CleaningList, kind: str, settled: NDArray[np.bool_]) -> None:
    """A kind of findings: what it means, how much of it there is and is decided, and what can be done about all of it."""
    findings, images = table.by_kind[kind], table.images[kind]
    with st.container(border=True):
        words, progress, buttons = st.columns([5, 3, 5], vertical_alignment="center", gap="medium")
        with words, st.container(gap=None):
            figures = counted(len(findings), "finding") + (f" in {counted(images, 'image')}" if images != len(findings) else "")
            st.markdown(f"**{KINDS[kind].title}** · {figures}")
            st.caption(KINDS[kind].meaning)
        with progress:
            if images:
                st.progress(float(settled.mean()), f"{_proposed(table, kind)} · {count(int(settled.sum()))} settled")
        with buttons, st.container(horizontal=True, horizontal_alignment="right"):
            _bulk_buttons(dataset, table, cleaning, kind, bool(settled.all()))
            st.button("Look", icon=":material/chevron_right:", key=f"look_{kind}", on_click=go, args=(table, Place(kind)))


def _proposed(table: FindingTable, kind: str) -> str:
    return ", ".join(f"{action} {count(n)}" for action, n in table.proposals[kind].items())


def _bulk_buttons(dataset: Dataset, table: FindingTable, cleaning: CleaningList, kind: str, all_settled: bool) -> None:
    """Accept what is proposed for all findings of a kind; right after that, take it back."""
    last = cleaning.steps[-1] if cleaning.history else ()
    is_newest = bool(last) and all(decision.reason.startswith(KINDS[kind].title) for decision in last)
    if is_newest:
        st.button("Undo", icon=":material/undo:", key=f"undo_{kind}", on_click=undo_step, args=(cleaning,))
    if not (is_newest and all_settled):
        accept_button(dataset, table, kind, all_settled)
