"""How the camera is used: resolution, mirror, smoothing. The choices hold for the session."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from fer.inference.follower import SMOOTHING_S

_SIZES = {"Small, 320 × 240": (320, 240), "Usual, 640 × 480": (640, 480), "Large, 1280 × 720": (1280, 720)}
_SMOOTHINGS = {"Off": 0.0, "Little": 0.2, "Usual": SMOOTHING_S, "Much": 1.0}


@dataclass(frozen=True)
class CameraOptions:
    """The choices.

    Args:
        size_wh: what the camera is asked for, in pixels; it may give another size.
        mirror: flip the picture left to right, as people expect of a picture of themselves.
        smoothing_s: time constant of the smoothing, in seconds.
    """

    size_wh: tuple[int, int]
    mirror: bool
    smoothing_s: float


def choose_camera() -> CameraOptions:
    """A popover with the choices."""
    with st.popover("Camera", icon=":material/videocam:"):
        mirror = st.toggle("Mirror", value=True, key="webcam_mirror", persist_state="session")
        smoothing = st.select_slider(
            "Smoothing",
            list(_SMOOTHINGS),
            "Usual",
            key="webcam_smoothing",
            persist_state="session",
            help="Over how much of the last moments an answer is averaged. Off shows what each frame says by itself.",
        )
        size = st.selectbox(
            "Resolution",
            list(_SIZES),
            index=1,
            key="webcam_size",
            persist_state="session",
            help="Asked for at the next *Start*. A larger picture finds faces farther away, and costs more.",
        )
    return CameraOptions(_SIZES[size], mirror, _SMOOTHINGS[smoothing])
