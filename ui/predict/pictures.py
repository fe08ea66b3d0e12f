"""Predict's view of pictures: every face of them with its expression. Opens with an example that is answered already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.predict.answers import answer_pictures
from ui.predict.downloads import download_buttons
from ui.predict.options import Options, recognizer_for
from ui.predict.results import figures, results
from ui.predict.sources import choose_pictures, example_picture

if TYPE_CHECKING:
    from fer.bundles import Bundle


def draw(bundle: Bundle, options: Options) -> None:
    """The pictures given, or the example; their answers, and files to take home.

    Raises:
        FerError: the model or the detector cannot be loaded.
    """
    pictures = choose_pictures() or [example_picture(("happy", "surprise", "angry"), (420, 1000))]
    recognizer = recognizer_for(bundle, options.detector)
    answers = answer_pictures(pictures, recognizer, options, keep="predict_answers")
    figures(answers)
    results(answers, recognizer)
    download_buttons(answers)
    st.caption(
        "The model reads the *apparent* expression, not what a person feels. "
        "Pictures stay in the memory of this server, and only until the tab is closed."
    )
