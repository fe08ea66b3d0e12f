"""Webcam: boxes and labels on the live picture, the probabilities beside it."""

import streamlit as st

from fer.errors import FerError
from ui.predict.options import choose_options, recognizer_for
from ui.state import active_bundle
from ui.theme import page_header
from ui.webcam import stream as webcam_stream
from ui.webcam.panel import live_panel
from ui.webcam.session import live_view
from ui.webcam.snapshot import example_answer, single_pictures
from ui.words import show_error

with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
    with st.container(width="content"):
        page_header("Webcam", "The expression of every face before the camera, live.")
    bundle = active_bundle()
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        mirror = st.toggle("Mirror", value=True, key="webcam_mirror")
        options = choose_options(bundle)
st.info(
    "Frames go to the server that runs this app, are read in its memory and forgotten; nothing is stored. The model reads the "
    "*apparent* expression, not what a person feels. Tell everybody who is in view; do not use it on people at work or in class.",
    icon=":material/privacy_tip:",
)
try:
    recognizer = recognizer_for(bundle, options.detector)
    live = live_view(recognizer, options, mirror=mirror)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        state = webcam_stream.camera_stream(live)
    example = None if state.running else example_answer(recognizer, options)
    if example:
        left.image(example.shown, caption="An example, drawn by this program", width="stretch")
    with right:
        live_panel(live, state, example)
except FerError as error:
    show_error(error)
else:
    single_pictures(recognizer, options)
