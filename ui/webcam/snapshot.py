"""The camera page without a stream: the example before it starts, and single pictures where it cannot be had."""

from __future__ import annotations

import streamlit as st

from fer.inference.recognizer import Recognizer
from ui.predict.answers import Answer, Picture, answer_pictures
from ui.predict.options import Options
from ui.predict.results import results
from ui.predict.sources import example_picture

_SINGLE_KEY, _WISH_KEY = "webcam_single", "webcam_single_wish"


def example_answer(recognizer: Recognizer, options: Options) -> Answer:
    """A drawn face and its answer: what the page will look like, and the reason why the first frame is quick."""
    return answer_pictures([example_picture(("happy",), (480, 640))], recognizer, options, keep="webcam_example")[0]


def use_single_pictures() -> None:
    """Run the page anew, with single pictures switched on; from anywhere on it."""
    st.session_state[_WISH_KEY] = True
    st.rerun()


def single_pictures(recognizer: Recognizer, options: Options) -> None:
    """A switch; behind it a camera widget and the answer to the picture taken with it.

    Pictures travel over the page's own connection, so this works where WebRTC does not get through.
    """
    if st.session_state.pop(_WISH_KEY, False):
        st.session_state[_SINGLE_KEY] = True
    if not st.toggle("Single pictures instead", key=_SINGLE_KEY, help="Where the live connection does not come about."):
        return
    taken = st.camera_input("Take a picture", key="webcam_camera", width=480)
    if taken is not None:
        picture = Picture(taken.name, taken.getvalue())
        results(answer_pictures([picture], recognizer, options, keep="webcam_answers"), recognizer)
