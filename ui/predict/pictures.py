"""Predict's view of pictures: every face of them with its expression. Opens with an example that is answered already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ui.choice import choose_way
from ui.predict.answers import Answer, answer_pictures
from ui.predict.downloads import download_buttons
from ui.predict.face_gallery import face_gallery
from ui.predict.options import Options, recognizer_for
from ui.predict.results import figures, results
from ui.predict.sources import choose_pictures
from ui.state import read_bundle

if TYPE_CHECKING:
    from fer.bundles import Bundle


def draw(bundle: Bundle, options: Options) -> None:
    """The pictures given, or the example; their answers, and files to take home.

    Raises:
        FerError: the model or the detector cannot be loaded.
    """
    pictures = choose_pictures()
    recognizer = recognizer_for(bundle, options.detector)
    rival = recognizer_for(read_bundle(options.rival), options.detector) if options.rival else None
    answers = answer_pictures(pictures, recognizer, options, keep="predict_answers", rival=rival)
    figures(answers)
    if _shows_faces(answers):
        face_gallery(answers)
    else:
        results(answers, recognizer)
    download_buttons(answers)
    st.caption(
        "The model reads the *apparent* expression, not what a person feels. "
        "Pictures stay in the memory of this server, and only until the tab is closed. "
        "Programs ask the same of this server's [HTTP API](/api/docs)."
    )


def _shows_faces(answers: Sequence[Answer]) -> bool:
    """Whether faces are to be shown one by one, rather than picture by picture."""
    if sum(len(answer.predictions) for answer in answers) < 2:
        return False
    return choose_way("Show", ["Pictures", "Faces"], key="predict_layout") == "Faces"
