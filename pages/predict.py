"""Predict: pictures in, every face with its expression out. Opens with an example that is answered already."""

import streamlit as st

from fer.errors import FerError
from ui.predict.answers import answer_pictures
from ui.predict.downloads import download_buttons
from ui.predict.options import choose_options, recognizer_for
from ui.predict.results import figures, results
from ui.predict.sources import choose_pictures, example_picture
from ui.state import active_bundle
from ui.theme import page_header
from ui.words import show_error

with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
    with st.container(width="content"):
        page_header("Predict", "Give it pictures: every face gets an expression, and how sure the model is of it.")
    bundle = active_bundle()
    options = choose_options(bundle, whole_image=True)
pictures = choose_pictures()
try:
    recognizer = recognizer_for(bundle, options.detector)
except FerError as error:
    show_error(error)
    st.stop()
pictures = pictures or [example_picture(("happy", "surprise", "angry"), (420, 1000))]
answers = answer_pictures(pictures, recognizer, options, keep="predict_answers")
figures(answers)
results(answers)
download_buttons(answers)
st.caption(
    "The model reads the *apparent* expression, not what a person feels. "
    "Pictures stay in the memory of this server, and only until the tab is closed."
)
