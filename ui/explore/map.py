"""Explore: every face as a dot, near those that look alike to the model; a lasso picks what lies in the wrong place."""

from __future__ import annotations

import os
import time

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from fer.bundles import Bundle
from fer.data.dataset import Dataset
from fer.labels import LabelSet
from fer.quality.cleaning import CleaningList
from fer.quality.findings import Action
from fer.quality.projection import STEPS, FaceMap, cached_face_map, face_map, most_points, neighbour_agreement
from fer.quality.thumbnails import Thumbnails, thumbnails
from ui.cleaning import active_cleaning, change_in_words, show_change_error, undo_step
from ui.explore.audits_going import audit_shelf
from ui.explore.face_map import draw_face_map, draw_thumbnails, map_payload, thumbnails_payload
from ui.explore.map_colours import colourings
from ui.gallery import paged_grid
from ui.state import active_bundle
from ui.words import count, counted, duration, errors_in_words, percent, plain

_AT_ONCE = 3000  # images of which a map takes seconds
_SECONDS_AT_FIRST = 4.0  # to load what it takes
_SECONDS_AN_IMAGE = 0.0019  # of one core: the flagship 0.9 ms, neighbours and layout 1.0 ms
_THREADS = 4  # more do not help
_SHARES = {STEPS[0]: 0.55, STEPS[1]: 0.1, STEPS[2]: 0.35}
_REASON = "selected on the map"


def draw(dataset: Dataset) -> None:
    """The view."""
    if not len(dataset):
        st.info("There is no image to draw a map of.", icon=":material/search_off:")
        return
    bundle = active_bundle()
    identity = f"{dataset.fingerprint[:16]}-{bundle.sha256[:16]}"
    wanted = st.session_state.get(f"map_wanted_{identity}", len(dataset) <= _AT_ONCE)
    if not wanted and cached_face_map(dataset, bundle) is None:
        _invitation(dataset, bundle, identity)
        return
    with errors_in_words():
        drawn, pictures = _make(dataset, bundle, identity)
        _explore(dataset, bundle, drawn, identity)
        # Outside the fragment, so that a selection does not hand them to the browser again.
        draw_thumbnails(thumbnails_payload(pictures, identity), f"map_thumbnails_{identity}")


def _invitation(dataset: Dataset, bundle: Bundle, identity: str) -> None:
    working = min(len(dataset), most_points()) * _SECONDS_AN_IMAGE / min(os.cpu_count() or 1, _THREADS)
    with st.container(border=True):
        st.subheader("Every face as a dot", anchor=False)
        st.markdown(
            "Faces that look alike to the model lie near each other, so a class is an island, and a wrong label is a dot of "
            "another colour on it. Point at a dot to see the face; draw a lasso to look at many, and to relabel or drop them."
        )
        st.caption(
            f"The model {plain(bundle.name)} looks at {counted(len(dataset), 'image')} once, which takes about "
            f"{duration(_SECONDS_AT_FIRST + working)} on an idle machine. The map is kept: the next time it opens at once."
        )
        st.button(
            "Draw the map",
            type="primary",
            icon=":material/scatter_plot:",
            key="map_draw",
            on_click=_want,
            args=(identity, True),
        )


def _want(identity: str, wanted: bool) -> None:
    st.session_state[f"map_wanted_{identity}"] = wanted


def _make(dataset: Dataset, bundle: Bundle, identity: str) -> tuple[FaceMap, Thumbnails]:
    """The map and its thumbnails; while they are made, a bar, and a way to stop: a click ends this run, and with it the work.

    Raises:
        FerError: the model cannot draw maps, or a picture cannot be read any more.
    """
    st.empty()  # takes the place of the invitation, of which parts would stand below the bar
    place = st.empty()
    bar: DeltaGenerator | None = None  # none for what comes from the cache

    started = time.monotonic()

    def report(words: str, share: float) -> None:
        nonlocal bar
        if bar is None:
            with place.container(horizontal=True, vertical_alignment="center"):
                bar = st.progress(0.0)
                st.button("Stop", icon=":material/stop:", key="map_stop", on_click=_want, args=(identity, False))
        bar.progress(min(share, 1.0), words)

    def report_step(step: str, share: float) -> None:
        before = sum(part for other, part in _SHARES.items() if STEPS.index(other) < STEPS.index(step))
        done = before + _SHARES[step] * share
        left = (time.monotonic() - started) * (1 - done) / done if done > 0.05 else None
        report(step if left is None else f"{step} · about {duration(left)} left", done)

    try:
        drawn = face_map(dataset, bundle, progress=report_step)
        return drawn, thumbnails(dataset.select(drawn.rows), lambda share: report("Making small pictures", share))
    finally:
        place.empty()


@st.fragment
def _explore(dataset: Dataset, bundle: Bundle, drawn: FaceMap, identity: str) -> None:
    agreement = _agreement(identity, drawn, dataset)
    _heading(dataset, bundle, drawn, agreement)
    with errors_in_words():
        cleaning = active_cleaning()
        table = audit_shelf().find(dataset, bundle)
        ways = colourings(dataset, drawn, agreement, cleaning, None if table is None else table.audit)
        rows = draw_face_map(map_payload(dataset, drawn, identity, ways), drawn, identity, f"map_{identity}")
        if len(rows):
            _selection(dataset, rows, cleaning)


@st.cache_resource(show_spinner=False, max_entries=3)
def _agreement(identity: str, _drawn: FaceMap, _dataset: Dataset) -> NDArray[np.float32]:
    return neighbour_agreement(_drawn.points, _dataset.label_ids[_drawn.rows])


def _heading(dataset: Dataset, bundle: Bundle, drawn: FaceMap, agreement: NDArray[np.floating]) -> None:
    labels = dataset.label_ids[drawn.rows]
    st.subheader(map_finding(agreement, labels, dataset.label_set), anchor=False)
    part = "" if len(drawn) == len(dataset) else f" A sample of {count(len(drawn))} of {counted(len(dataset), 'image')}."
    st.caption(
        f"Each dot is a face; what looks alike to the model {plain(bundle.name)} lies near (t-SNE; the space between "
        f"islands means little). Of a face's ten nearest, {percent(float(agreement.mean()), 0)} have its label.{part}"
    )


def map_finding(agreement: NDArray[np.floating], label_ids: NDArray[np.integer], label_set: LabelSet) -> str:
    """`Happy stands apart, fear mixes with the others`.

    Args:
        agreement: (M,), of each point the share of its neighbours that have its label.
        label_ids: (M,), labels of the points.
        label_set: which they index into.
    """
    present = np.unique(label_ids)
    if len(present) < 2:
        return "All faces have one label"
    shares = {label_set.names[label]: float(agreement[label_ids == label].mean()) for label in present}
    best, worst = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    if shares[best] - shares[worst] < 0.1:
        return "The classes stand apart" if shares[worst] >= 0.8 else "The classes mix about equally"
    return f"{best.capitalize()} stands apart, {worst} mixes with the others"


def _selection(dataset: Dataset, rows: NDArray[np.intp], cleaning: CleaningList) -> None:
    """What was selected: by class, with what can be decided about all of it, and the pictures."""
    st.subheader(f"{counted(len(rows), 'face')} selected", anchor=False)
    numbers = np.bincount(dataset.label_ids[rows], minlength=len(dataset.label_set))
    by_class = sorted(zip(numbers.tolist(), dataset.label_set, strict=True), key=lambda pair: -pair[0])
    st.markdown(" · ".join(f"{dataset.label_set.emoji(label)} {label} **{count(n)}**" for n, label in by_class if n))
    _decide(dataset, rows, cleaning)
    paged_grid(dataset, rows, f"map_selection_{hash(rows.tobytes())}")


def _decide(dataset: Dataset, rows: NDArray[np.intp], cleaning: CleaningList) -> None:
    show_change_error()

    def decide(action: Action) -> None:
        value = st.session_state["map_label"] if action == "relabel" else ""
        change_in_words(lambda now: now.decide(dataset, rows.tolist(), action, value, reason=_REASON))

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Label for all of them",
            list(dataset.label_set),
            format_func=lambda name: f"{dataset.label_set.emoji(name)} {name}",
            key="map_label",
            width=200,
        )
        st.button("Relabel", icon=":material/label:", key="map_relabel", on_click=decide, args=("relabel",))
        st.button("Drop", icon=":material/delete:", key="map_drop", on_click=decide, args=("drop",))
        meant = "As they are, whatever was decided or found before."
        st.button("Keep", icon=":material/check:", key="map_keep", help=meant, on_click=decide, args=("keep",))
        if cleaning.history and cleaning.history[-1].reason == _REASON:
            st.button("Undo", icon=":material/undo:", type="tertiary", key="map_undo", on_click=undo_step, args=(cleaning,))
            st.markdown(_done(cleaning), width="content")
    st.caption("Decisions go into the cleaning list, in the Audit view; no image is touched.")


def _done(cleaning: CleaningList) -> str:
    """`808 images relabelled to fear`: what the last step was."""
    last = [decision for decision in cleaning.history if decision.decided == cleaning.history[-1].decided]
    words = {"drop": "dropped", "relabel": f"relabelled to {last[0].value}", "keep": "kept as they are"}
    return f":green[:material/check: {counted(len(last), 'image')} {words[last[0].action]}]"
