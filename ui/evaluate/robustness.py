"""Evaluate: what bad pictures do to the answers: on one face, live, and on many, as curves over severity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.bundles import Bundle
from fer.data import synthetic_dataset
from fer.data.dataset import Dataset
from fer.errors import BundleError
from fer.evaluation import Report, SeverityCurves, measure_severities
from fer.evaluation.corruptions import CORRUPTIONS, Corruption
from fer.evaluation.robustness import SeverityCurve
from fer.labels import LabelSet
from ui.bars import Bar, bars_html
from ui.charts import PLOTLY_CONFIG
from ui.evaluate.charts import Whisker, severity_curve, whiskers
from ui.evaluate.images import evaluated_images
from ui.going import measured
from ui.state import classifier_of, read_bundle
from ui.tiles import tile
from ui.words import count, errors_in_words, percent, plain

_SAMPLES = {200: "200 images", 500: "500 images", 10**9: "All"}
_BY_NAME = {corruption.name: corruption for corruption in CORRUPTIONS}
_FACE_KEY = "robustness_face"
_SIDE = 192


def draw(report: Report) -> None:
    """One face under corruptions of one's choice; what the card says; the curves."""
    try:
        bundle = read_bundle(report.model)
    except BundleError:
        st.info(
            f"The model **{plain(report.model)}** is not among the models any more, so it cannot be asked.",
            icon=":material/search_off:",
        )
        return
    images = evaluated_images(report, needed_for="Curves, and faces that were evaluated, are shown", key="robustness_open")
    with errors_in_words():  # a file may have gone since it was read
        _try_out(bundle, report.head, _drawn_faces() if images is None else images)
    if "robustness" in bundle.card:
        _card(bundle.card["robustness"])
    if images is not None:
        _curves(bundle, report.head, images)


def titled(name: str) -> str:
    """`low_resolution` as `low resolution`."""
    return "JPEG" if name == "jpeg" else name.replace("_", " ")


def _heading(words: str) -> str:
    return words[0].upper() + words[1:]


@st.cache_resource(show_spinner=False)
def _drawn_faces() -> Dataset:
    return synthetic_dataset(40)


@st.fragment
def _try_out(bundle: Bundle, head: str, faces: Dataset) -> None:
    st.subheader("Try it on a face", anchor=False)
    chosen = st.pills(
        "What goes wrong",
        list(_BY_NAME),
        selection_mode="multi",
        default=["blur"],
        format_func=titled,
        key="robustness_kinds",
        persist_state="session",
    )
    with st.grid(3, min_column_width=240):
        severities = [(_BY_NAME[name], _severity(_BY_NAME[name])) for name in _BY_NAME if name in chosen]
    order = np.random.default_rng(0).permutation(len(faces))
    row = int(order[st.session_state.get(_FACE_KEY, 0) % len(faces)])
    clean = faces.images.batch(np.array([row]), bundle.preprocessing.size, bundle.preprocessing.channels)
    bad = clean
    for corruption, severity in severities:
        bad = corruption.apply(bad, first=row, severity=severity)
    y_prob = classifier_of(bundle).predict_batch(np.concatenate([clean, bad]), head)
    label_set, label = bundle.head(head).label_set, faces.label_set.names[int(faces.label_ids[row])]
    with st.grid(2, min_column_width=300):
        _answer(f"As it is, labelled {label}", clean[0], y_prob[0], label_set)
        _answer(
            ", ".join(titled(corruption.name) for corruption, _ in severities) or "nothing done", bad[0], y_prob[1], label_set
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Another face", icon=":material/shuffle:", key="robustness_next", on_click=_next_face)
        st.caption("As the model is given it. What goes wrong is done in the order above.", width="content")


def _next_face() -> None:
    st.session_state[_FACE_KEY] = st.session_state.get(_FACE_KEY, 0) + 1


def _severity(corruption: Corruption) -> float:
    step = 1.0 if corruption.limit > 10 else 0.1
    return st.slider(
        f"{_heading(titled(corruption.name))}, {corruption.unit}",
        0.0,
        float(corruption.limit),
        float(corruption.severity),
        step,
        format="%.0f" if step == 1 else "%.1f",
        help=f"{_heading(corruption.description)}. Models' cards tell of {corruption.severity:g}.",
        key=f"robustness_{corruption.name}",
        persist_state="session",
    )


def _answer(title: str, image: NDArray[np.uint8], y_prob: NDArray[np.float32], label_set: LabelSet) -> None:
    """A picture as the network is given it, beside what it answers."""
    best = label_set.names[int(y_prob.argmax())]
    with st.container(border=True):
        st.markdown(f"**{plain(_heading(title))}**: {label_set.emoji(best)} {plain(best)} {percent(float(y_prob.max()), 0)}")
        with st.container(horizontal=True, vertical_alignment="center", wrap=False):
            st.image(tile(np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image, _SIDE), width=144, alt=title)
            st.html(
                bars_html(
                    Bar(label_set.emoji(name), name, label_set.colour(name), float(share), percent(float(share), 0), name == best)
                    for name, share in zip(label_set, y_prob, strict=True)
                )
            )


def _card(figures: dict[str, Any]) -> None:
    """What the model's card says, at once: it was measured when the model was made."""
    clean, rows = figures["clean"], figures["corruptions"]
    worst = min(rows, key=lambda row: row["accuracy"])
    lost = 100 * (clean["accuracy"] - worst["accuracy"])
    st.subheader(f"In its card, {titled(worst['name'])} costs most: {lost:.1f} points", anchor=False)
    st.plotly_chart(
        whiskers(
            [
                Whisker(titled(row["name"]), row["accuracy"], tuple(row["accuracy_ci95"]), row["n"])
                for row in sorted(rows, key=lambda row: -row["accuracy"])
            ],
            reference=clean["accuracy"],
            told=f"as they are: {percent(clean['accuracy'])}",
        ),
        config=PLOTLY_CONFIG,
        key="robustness_card",
    )
    st.caption(
        f"{count(clean['n'])} images of {plain(figures['dataset'])} ({plain(figures['split'])}), corrupted in one way at a time; "
        f"mean over all ways {percent(figures['mean_accuracy'])}. Dots with 95 % intervals."
    )


def _curves(bundle: Bundle, head: str, images: Dataset) -> None:
    st.subheader("Accuracy over severity", anchor=False)
    most = st.segmented_control(
        "Sample", list(_SAMPLES), default=500, required=True, format_func=_SAMPLES.__getitem__,
        key="robustness_sample", persist_state="session",
        help="Drawn from the images of the report, always the same ones. Each is answered 56 times.",
    ) or 500  # fmt: skip

    def work(progress: Callable[[float], None]) -> SeverityCurves:
        return measure_severities(bundle, images, split="all", head=head, most=most, progress=progress)

    found = measured(
        ("severities", bundle.sha256, images.fingerprint, head, most), work, title="Measure", words="Corrupting and answering",
        name="severities",
    )  # fmt: skip
    if found is not None:
        _small_multiples(found)


def _small_multiples(found: SeverityCurves) -> None:
    shares = [end for curve in found.curves for answered in curve.answered for end in answered.accuracy_ci95]
    ends = (min(shares), max([*shares, found.clean.accuracy_ci95[1]]))
    with st.grid(4, min_column_width=170):
        for curve in found.curves:
            with st.container(gap="xsmall"):
                st.markdown(f"**{_heading(titled(curve.corruption.name))}** {_cost(found, curve)}")
                st.plotly_chart(
                    severity_curve(found.clean, curve, ends), config=PLOTLY_CONFIG, key=f"severity_{curve.corruption.name}"
                )
    st.caption(
        f"{count(found.clean.n)} images, drawn at random and always the same; bands are 95 % intervals. The dotted line is the "
        "severity of models' cards, at which the points are lost or won."
    )


def _cost(found: SeverityCurves, curve: SeverityCurve) -> str:
    """What the severity of the cards does to the accuracy."""
    at_card = curve.severities.index(curve.corruption.severity)
    return f"{100 * (curve.answered[at_card].accuracy - found.clean.accuracy):+.1f} points"
