"""Explore: every face as a dot, near those that look alike to the model; a lasso picks what lies in the wrong place."""

from __future__ import annotations

import os

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.bundles import Bundle
from fer.data.dataset import Dataset
from fer.errors import FerError
from fer.labels import LabelSet
from fer.quality.findings import Action
from fer.quality.projection import STEPS, FaceMap, cached_face_map, face_map, most_points, neighbour_agreement
from fer.quality.thumbnails import thumbnails
from ui.audits import audit_shelf
from ui.cleaning import active_cleaning, change_in_words, show_change_error, undo_step
from ui.face_map import draw_face_map, draw_thumbnails, map_payload, thumbnails_payload
from ui.gallery import paged_grid
from ui.map_colours import colourings
from ui.state import active_bundle
from ui.words import count, counted, duration, errors_in_words, percent, plain, show_error

_AT_ONCE = 3000  # images of which a map takes seconds
_SECONDS_AN_IMAGE = 0.0018  # of one core: the flagship 1.0 ms, neighbours and layout 0.8 ms
_THREADS = 4  # more do not help
_SHARES = {STEPS[0]: 0.55, STEPS[1]: 0.1, STEPS[2]: 0.35}
_PICTURES = "Making small pictures"
_WANTED = "map_wanted"
_REASON = "selected on the map"


def draw(dataset: Dataset) -> None:
    """The view."""
    if not len(dataset):
        st.info("There is no image to draw a map of.", icon=":material/search_off:")
        return
    bundle = active_bundle()
    identity = f"{dataset.fingerprint[:16]}-{bundle.sha256[:16]}"
    drawn = cached_face_map(dataset, bundle)
    if drawn is None and len(dataset) > _AT_ONCE and st.session_state.get(_WANTED) != identity:
        _invitation(dataset, bundle, identity)
        return
    if drawn is None or identity not in _payloads():
        drawn = _make(dataset, bundle, identity)
    if drawn is not None:
        _explore(dataset, bundle, drawn, identity)
        # Outside the fragment, so that a selection does not hand them to the browser again.
        draw_thumbnails(_payloads()[identity], f"map_thumbnails_{identity}")


@st.cache_resource(show_spinner=False)
def _payloads() -> dict[str, bytes]:
    """Thumbnails as the browser is given them, of the maps opened last."""
    return {}


def _invitation(dataset: Dataset, bundle: Bundle, identity: str) -> None:
    seconds = min(len(dataset), most_points()) * _SECONDS_AN_IMAGE / min(os.cpu_count() or 1, _THREADS)
    with st.container(border=True):
        st.subheader("Every face as a dot", anchor=False)
        st.markdown(
            "Faces that look alike to the model lie near each other, so a class is an island, and a wrong label is a dot of "
            "another colour on it. Point at a dot to see the face; draw a lasso to look at many, and to relabel or drop them."
        )
        st.caption(
            f"The model {plain(bundle.name)} looks at {counted(len(dataset), 'image')} once, which takes about "
            f"{duration(seconds)} on an idle machine. The map is kept: the next time it opens at once."
        )
        st.button(
            "Draw the map",
            type="primary",
            icon=":material/scatter_plot:",
            key="map_draw",
            on_click=lambda: st.session_state.update({_WANTED: identity}),
        )


def _make(dataset: Dataset, bundle: Bundle, identity: str) -> FaceMap | None:
    """The map and its thumbnails, with a bar and a way to stop: any click ends the run of the page, and with it the work."""
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, STEPS[0])
        st.button("Stop", icon=":material/stop:", key="map_stop", on_click=lambda: st.session_state.pop(_WANTED, None))

    def report(step: str, share: float) -> None:
        before = sum(part for other, part in _SHARES.items() if STEPS.index(other) < STEPS.index(step))
        bar.progress(min(before + _SHARES[step] * share, 1.0), step)

    try:
        drawn = face_map(dataset, bundle, progress=report)
        pictures = thumbnails(dataset.select(drawn.rows), lambda share: bar.progress(share, _PICTURES) and None)
    except FerError as error:
        show_error(error)
        return None
    finally:
        place.empty()
    payloads = _payloads()
    payloads[identity] = thumbnails_payload(pictures, identity)
    for oldest in list(payloads)[:-2]:
        payloads.pop(oldest, None)
    return drawn


@st.fragment
def _explore(dataset: Dataset, bundle: Bundle, drawn: FaceMap, identity: str) -> None:
    agreement = _agreement(identity, drawn, dataset)
    with errors_in_words():
        cleaning = active_cleaning()
        _heading(dataset, bundle, drawn, agreement)
        table = audit_shelf().find(dataset, bundle)
        ways = colourings(dataset, drawn, agreement, cleaning, None if table is None else table.audit)
        rows = draw_face_map(map_payload(dataset, drawn, identity, ways), drawn, identity, f"map_{identity}")
        if len(rows):
            _selection(dataset, rows)


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


def _selection(dataset: Dataset, rows: NDArray[np.intp]) -> None:
    """What was selected: by class, with what can be decided about all of it, and the pictures."""
    st.subheader(f"{counted(len(rows), 'face')} selected", anchor=False)
    numbers = np.bincount(dataset.label_ids[rows], minlength=len(dataset.label_set))
    by_class = sorted(zip(numbers.tolist(), dataset.label_set, strict=True), key=lambda pair: -pair[0])
    st.markdown(" · ".join(f"{dataset.label_set.emoji(label)} {label} **{count(n)}**" for n, label in by_class if n))
    _decide(dataset, rows)
    paged_grid(dataset, rows, f"map_selection_{hash(rows.tobytes())}")


def _decide(dataset: Dataset, rows: NDArray[np.intp]) -> None:
    show_change_error()

    def decide(action: Action, value: str = "") -> None:
        chosen = rows.tolist()
        if change_in_words(lambda cleaning: cleaning.decide(dataset, chosen, action, value, reason=_REASON)):
            done = {"drop": "dropped", "relabel": f"relabelled to {value}", "keep": "kept as they are"}[action]
            st.toast(f"{counted(len(chosen), 'image')} {done}", icon=":material/check:")

    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox(
            "Label for all of them",
            list(dataset.label_set),
            format_func=lambda name: f"{dataset.label_set.emoji(name)} {name}",
            key="map_label",
            width=200,
        )
        st.button("Relabel", icon=":material/label:", key="map_relabel", on_click=lambda: decide("relabel", label))
        st.button("Drop", icon=":material/delete:", key="map_drop", on_click=lambda: decide("drop"))
        st.button(
            "Keep",
            icon=":material/check:",
            key="map_keep",
            help="As they are, whatever was decided or found before.",
            on_click=lambda: decide("keep"),
        )
        seen = active_cleaning()
        if seen.history and seen.history[-1].reason == _REASON:
            st.button("Undo", icon=":material/undo:", type="tertiary", key="map_undo", on_click=lambda: undo_step(seen))
    st.caption("Decisions go into the cleaning list, in the Audit view; no image is touched.")
