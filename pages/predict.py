"""Predict: pictures, folders and clips in, every face with its expression out."""

import streamlit as st

from ui.predict import clip, folder, pictures
from ui.predict.options import choose_options
from ui.state import active_bundle
from ui.theme import page_header
from ui.words import errors_in_words

# Only the view that is open is drawn: the others cost nothing until somebody looks. With each, the options that it heeds.
VIEWS = {
    "Pictures": (pictures.draw, ("min_size", "whole_image", "blur", "rival")),
    "Folder": (folder.draw, ("min_size", "whole_image")),
    "Clip": (clip.draw, ("min_size",)),
}

head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom")
with head, st.container(width="content"):
    page_header("Predict", "Pictures, a folder or a clip: every face gets an expression, and how sure the model is of it.")
bundle = active_bundle()
tabs = st.tabs(list(VIEWS), key="predict_view", on_change="rerun", bind="query-params")
for tab, (draw, offers) in zip(tabs, VIEWS.values(), strict=True):
    if tab.open:
        with head:
            options = choose_options(bundle, offers)
        with tab, errors_in_words():
            draw(bundle, options)
