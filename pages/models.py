"""Models: all that there are, their cards, and what can be done with them: choose, rename, delete, take in, export."""

import streamlit as st

from fer.errors import BundleError
from fer.foreign.prepare import SUFFIXES
from fer.model_folder import import_bundle
from ui.models.adopt import adopt_panel, look_into
from ui.models.details import damaged, details
from ui.models.table import CHOSEN_KEY, models_table
from ui.popover import close_popover, closing_popover
from ui.state import read_bundle
from ui.theme import page_header
from ui.words import errors_in_words

IMPORT_KEY = "models_import"


def import_form() -> None:
    """A model from a file: one of this app's own, under the name that it brings along or another, or one from elsewhere."""
    file = st.file_uploader(
        "A ZIP file as *Export* gives it, or a model from elsewhere: Keras, TensorFlow Lite or ONNX",
        type=["zip", *(suffix.removeprefix(".") for suffix in SUFFIXES)],
        key="models_file",
    )
    if file and not file.name.lower().endswith(".zip"):
        st.caption("It is opened apart from this app. What could run a program (Lambda layers, pickles) is refused.")
        if st.button("Look into it", type="primary", icon=":material/search:", key="models_look"):
            with errors_in_words():
                with st.spinner("Opening, and trying it", show_time=True):
                    look_into(file)
                close_popover(IMPORT_KEY)
                st.rerun()
        return
    name = st.text_input("Name here (optional)", max_chars=64, key="models_file_name").strip()
    if st.button("Take it in", type="primary", icon=":material/add:", key="models_take_in", disabled=file is None) and file:
        with errors_in_words():
            taken = import_bundle(file, name or None)
            st.session_state[CHOSEN_KEY] = taken.name
            close_popover(IMPORT_KEY)
            st.rerun()


page_header("Models", "Every model is a folder with a card: what it learned from, how good it is, and where its limits are.")
with (
    st.container(horizontal=True, horizontal_alignment="right"),
    closing_popover("Import", key=IMPORT_KEY, icon=":material/upload:"),
):
    import_form()
adopt_panel()
chosen = models_table()
if chosen is None:
    st.info("There is no model yet. Train one and make a bundle of it, or import one.", icon=":material/inventory_2:")
    st.page_link("pages/train.py", label="Train", icon=":material/model_training:")
else:
    try:
        bundle = read_bundle(chosen)
    except BundleError as error:
        damaged(chosen, error)
    else:
        details(bundle)
