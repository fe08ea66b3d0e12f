"""Single pictures from the camera, for where a live connection cannot be had: they travel over the page's own connection."""

from __future__ import annotations

import streamlit as st

from fer.inference.recognizer import Recognizer
from ui.predict_answers import Picture, answer_pictures
from ui.predict_options import Options
from ui.predict_results import results


def single_pictures(recognizer: Recognizer, options: Options, model: str) -> None:
    """A switch; behind it a camera widget and the answer to the picture taken with it."""
    if not st.toggle("Single pictures instead", key="webcam_single", help="Where the live connection does not come about."):
        return
    taken = st.camera_input("Take a picture", key="webcam_camera", width=480)
    if taken is not None:
        results(answer_pictures([Picture(taken.name, taken.getvalue())], recognizer, options, model))
