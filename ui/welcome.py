"""What only Home shows: the eight expressions in their colours, and the notice on what the models read."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.data.synthetic import draw_scene
from fer.labels import EMOTIONS

_SIDE = 200
_BAND = 10
# Chosen by eye: a face a class on which the expression is plain.
_SEEDS = {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6, "contempt": 7}

NOTICE = """
The models read the **apparent expression**: what a face shows in one picture, not what a person feels, thinks or intends.
The same feeling looks different on different people, and the labels that the models learned from are noisy.

**EU AI Act.** Art. 5(1)(f) forbids AI that infers emotions at work and in education, except for medical or safety reasons (since
2 February 2025). Other emotion recognition is high-risk (Annex III 1(c)). Those exposed to it must be told (Art. 50(3), from
2 August 2026).

**Your pictures.** Everything runs on this server: frames are not sent elsewhere and nothing is stored unless you ask for it. No
identity is kept: faces are followed by where they are, and their numbers end with the session.
"""


@st.cache_data(show_spinner=False)
def expression_tile(label: str) -> NDArray[np.uint8]:
    """A drawn face with an expression and a band in its colour below, uint8 RGB (200, 200, 3)."""
    image, faces = draw_scene(_SEEDS[label], (label,), (300, 300))
    x1, y1, x2, y2 = (round(v) for v in faces[0][0])
    crop = image[max(y1, 0) : y2, max(x1, 0) : x2]
    rows, columns = (np.linspace(0, length - 1, _SIDE).round().astype(int) for length in crop.shape[:2])
    tile: NDArray[np.uint8] = crop[rows][:, columns].copy()
    colour = EMOTIONS[label].colour
    tile[-_BAND:] = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return tile


def expression_strip() -> None:
    """The eight expressions, each with its face, colour, emoji and name."""
    with st.grid(8, min_column_width=84, gap="xsmall"):
        for emotion in EMOTIONS.values():
            alt = f"A drawn face that looks {emotion.name}"
            st.image(expression_tile(emotion.name), caption=f"{emotion.emoji} {emotion.name}", width="stretch", alt=alt)


def notice() -> None:
    """What the models read and what they do not, and what the law says of it."""
    with st.container(border=True):
        st.markdown("**:material/info: What it reads, and what it does not**")
        st.markdown(NOTICE)
