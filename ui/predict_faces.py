"""How a face's answer looks beside the picture: its crop, its label and a bar for every class. Predict and Webcam share it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from fer.inference.recognizer import FacePrediction
from ui.words import percent

# Plain HTML of our own rather than a chart a face: it is drawn at once, does not flicker when it changes, and is read aloud as text.
_ROWS = "display:grid;grid-template-columns:max-content 1fr 3.2em;gap:.3em .7em;align-items:center;font-size:.85rem;line-height:1.3"
_TRACK = "height:.6em;border-radius:.3em;background:color-mix(in srgb,currentColor 10%,transparent);overflow:hidden"
# The hairline keeps yellow visible on white.
_BAR = "display:block;height:100%;border-radius:.3em;box-shadow:inset 0 0 0 1px rgb(0 0 0 / .16)"
_HEADING = "display:flex;gap:.45em;align-items:baseline;margin-bottom:.5em;font-size:1.15rem;line-height:1.3"


def heading_html(prediction: FacePrediction) -> str:
    """`😄 happy 93.1 %`, as HTML."""
    emoji = prediction.label_set.emoji(prediction.label)
    return (
        f'<div style="{_HEADING}"><span aria-hidden="true">{emoji}</span><strong>{escape(prediction.label)}</strong>'
        f'<span style="font-variant-numeric:tabular-nums">{percent(prediction.confidence)}</span></div>'
    )


def bars_html(prediction: FacePrediction) -> str:
    """A bar for every class in the label set's own order, so that faces compare at a glance and live bars do not jump; as HTML."""
    rows = []
    for label, probability in zip(prediction.label_set, prediction.probabilities, strict=True):
        weight = "600" if label == prediction.label else "400"
        colour = prediction.label_set.colour(label)
        rows.append(
            f'<span style="font-weight:{weight};white-space:nowrap"><span aria-hidden="true">{prediction.label_set.emoji(label)}</span> '
            f"{escape(label)}</span>"
            f'<span style="{_TRACK}" aria-hidden="true">'
            f'<span style="{_BAR};width:{100 * probability:.1f}%;background:{colour}"></span></span>'
            f'<span style="font-weight:{weight};text-align:right;font-variant-numeric:tabular-nums">{percent(probability, 0)}</span>'
        )
    return f'<div style="{_ROWS}">{"".join(rows)}</div>'


def _face_card(prediction: FacePrediction, crop: bytes, number: int) -> None:
    """One face: the cut-out pixels (an encoded image), label, confidence and bars."""
    with st.container(border=True):
        left, right = st.columns([1, 3], gap="small", wrap=False)
        left.image(crop, width="stretch", alt=f"Face {number}")
        right.html(heading_html(prediction) + bars_html(prediction))


def face_cards(predictions: Sequence[FacePrediction], crops: Sequence[bytes]) -> None:
    """A card a face, as many side by side as fit."""
    with st.grid(min_column_width=330):
        for number, (prediction, crop) in enumerate(zip(predictions, crops, strict=True), start=1):
            _face_card(prediction, crop, number)
