"""How a face's answer looks beside the picture: its crop, its label and a bar for every class. Predict and Webcam share it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from fer.inference.recognizer import FacePrediction
from ui import bars
from ui.bars import Bar
from ui.words import percent

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


def face_cards(predictions: Sequence[FacePrediction], crops: Sequence[bytes]) -> None:
    """A card a face (its pixels as an encoded image, label, confidence, bars), as many side by side as fit."""
    with st.grid(min_column_width=260):
        for number, i in enumerate(from_left(predictions), start=1):
            with st.container(border=True):
                with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                    st.image(crops[i], width=64, alt=f"Face {number}")
                    st.html(heading_html(predictions[i]))
                if predictions[i].is_face:
                    st.html(bars_html(predictions[i]))
                else:
                    st.caption("The model sees no face here, so it reads no expression.")
