"""How a face's answer looks beside the picture: its crop, its label and a bar for every class. Predict and Webcam share it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from fer.inference.recognizer import FacePrediction
from ui import bars
from ui.bars import Bar
from ui.predict.answers import Answer
from ui.words import percent, plain

_HEADING = "display:flex;flex-wrap:wrap;gap:0 .45em;align-items:baseline;font-size:1.15rem"


def heading_html(prediction: FacePrediction) -> str:
    """`😄 happy 93.1 %`, or `not a face`, as HTML."""
    if not prediction.is_face:
        return f'<div style="{_HEADING};opacity:.75"><strong>{escape(prediction.label)}</strong></div>'
    emoji = prediction.label_set.emoji(prediction.label)
    unsure = '<span style="opacity:.75">unsure</span>' if prediction.is_unsure else ""
    return (
        f'<div style="{_HEADING}"><span aria-hidden="true">{emoji}</span><strong>{escape(prediction.label)}</strong>'
        f"<span>{percent(prediction.confidence)}</span>{unsure}</div>"
    )


def bars_html(prediction: FacePrediction) -> str:
    """A bar for every class, as HTML; in the label set's order, so that faces compare at a glance and live bars do not jump."""
    label_set = prediction.label_set
    return bars.bars_html(
        Bar(label_set.emoji(label), label, label_set.colour(label), share, percent(share, 0), label == prediction.label)
        for label, share in zip(label_set, prediction.probabilities, strict=True)
    )


def from_left(predictions: Sequence[FacePrediction]) -> list[int]:
    """Positions of faces from left to right, which is where people look for them, and steady from frame to frame.

    What is not a face comes last.
    """
    return sorted(range(len(predictions)), key=lambda i: (not predictions[i].is_face, sum(predictions[i].xyxy[::2])))


def faces_of(predictions: Sequence[FacePrediction]) -> list[FacePrediction]:
    """Those from which an expression is read."""
    return [prediction for prediction in predictions if prediction.is_face]


def face_cards(answer: Answer) -> None:
    """A card a face (pixels, label, confidence, bars), as many side by side as fit; with a second model, both answers each."""
    with st.grid(min_column_width=260 if len(answer.models) < 2 else 420):
        for number, i in enumerate(from_left(answer.predictions), start=1):
            with st.container(border=True):
                face_card(answer, i, f"Face {number}")


def face_card(answer: Answer, i: int, name: str, *, width: int = 64) -> None:
    """What stands on the card of face `i`; `name` is read aloud instead of its pixels, which are shown so wide."""
    first = answer.predictions[i]
    if not answer.second:
        with st.container(horizontal=True, vertical_alignment="center", wrap=False):
            st.image(answer.crops[i], width=width, alt=name)
            st.html(heading_html(first))
        _bars(first)
        return
    second = answer.second[i]
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.image(answer.crops[i], width=width, alt=name)
        if first.label != second.label:
            st.badge("They differ", icon=":material/call_split:", color="orange")
        else:
            st.badge("Same answer", icon=":material/check:", color="gray")
    for column, model, face in zip(st.columns(2), answer.models, (first, second), strict=True):
        with column:
            st.caption(plain(model))
            st.html(heading_html(face))
            _bars(face)


def _bars(face: FacePrediction) -> None:
    if face.is_face:
        st.html(bars_html(face))
    else:
        st.caption("The model sees no face here, so it reads no expression.")
