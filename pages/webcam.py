"""Webcam: boxes and labels on the live picture, the probabilities beside it."""

import streamlit as st

from fer.errors import FerError
from ui.predict.options import choose_options, recognizer_for
from ui.state import active_bundle
from ui.theme import page_header
from ui.webcam import stream as webcam_stream
from ui.webcam.camera_options import choose_camera
from ui.webcam.panel import live_panel
from ui.webcam.session import live_seats, no_room, webcam_session
from ui.webcam.snapshot import example_answer, single_pictures
from ui.webcam.views import session_views
from ui.words import show_error

with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
    with st.container(width="content"):
        page_header("Webcam", "The expression of every face before the camera, live.")
    bundle = active_bundle()
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        camera = choose_camera()
        options = choose_options(bundle)
st.info(
    "Frames go to the server that runs this app, are read in its memory and forgotten; nothing is stored, and nothing kept "
    "unless you record. The model reads the *apparent* expression, not what a person feels. Tell everybody who is in view; do "
    "not use it on people at work or in class.",
    icon=":material/privacy_tip:",
)
try:
    recognizer = recognizer_for(bundle, options.detector)
    session = webcam_session(recognizer, options, camera)
    seats = live_seats()
    if seats.has_room(session.live):
        left, right = st.columns([3, 2], gap="medium")
        with left:
            state = webcam_stream.camera_stream(session.live, size_wh=camera.size_wh, delay=session.delay)
        session.follow_stream(seats, state)
        example = None if state.running else example_answer(recognizer, options)
        if example:
            left.image(example.shown, caption="An example, drawn by this program", width="stretch")
        with right:
            live_panel(session, example)
    else:
        no_room(seats)
    session_views(session)
except FerError as error:
    show_error(error)
else:
    single_pictures(recognizer, options)
