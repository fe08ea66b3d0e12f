"""Where Predict's pictures come from: uploads, the camera, the clipboard; and the example that stands there until then."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

import cv2
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fer.images import MAX_IMAGE_BYTES, PICTURE_SUFFIXES
from fer.labels import FER8
from ui.popover import close_popover, closing_popover
from ui.predict.answers import Picture

PICTURE_TYPES = tuple(suffix.removeprefix(".") for suffix in PICTURE_SUFFIXES)
EXAMPLES: Mapping[str, tuple[tuple[str, ...], tuple[int, int]]] = MappingProxyType(
    {
        "Three people": (("happy", "surprise", "angry"), (420, 1000)),
        "A group": (FER8.names, (720, 1280)),
        "One face": (("sad",), (480, 640)),
    }
)

_TAKEN_KEY = "predict_taken"  # pictures that their widgets hold no longer: those of the camera and the clipboard hold one
_UPLOADED_KEY = "predict_uploaded"
_MOST_TAKEN = 20
_EXAMPLE_SEED = 10
_CAMERA = "predict_camera_popover"


def choose_pictures() -> list[Picture]:
    """The widgets, and the pictures given so far, newest first; an example while there are none."""
    taken: list[Picture] = st.session_state.setdefault(_TAKEN_KEY, [])
    if "predict_files" not in st.session_state:  # the widget was out of sight, and has forgotten what it held
        taken += st.session_state.pop(_UPLOADED_KEY, [])
    files = st.file_uploader(
        "Pictures",
        type=list(PICTURE_TYPES),
        accept_multiple_files=True,
        max_upload_size=MAX_IMAGE_BYTES // 2**20,
        key="predict_files",
        label_visibility="collapsed",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        camera = closing_popover("Take a picture", key=_CAMERA, icon=":material/photo_camera:")
        pasted = st.chat_input(
            "Or paste a copied picture here, then press Enter",
            accept_file="multiple",
            file_type=list(PICTURE_TYPES),
            key="predict_paste",
        )
    # Drawn only when asked for: an open camera widget asks for permission and switches the camera's light on.
    if st.session_state.get(_CAMERA):
        with camera:
            photo = st.camera_input("Take a picture", key="predict_camera", label_visibility="collapsed", width=480)
        if photo is not None and _take(photo):
            close_popover(_CAMERA)
            st.rerun()
    for file in pasted.files if pasted else ():
        _take(file)
    if taken:
        st.button("Remove earlier pictures", icon=":material/delete:", type="tertiary", on_click=taken.clear)
    uploaded = st.session_state[_UPLOADED_KEY] = [Picture(file.name, file.getvalue()) for file in reversed(files)]
    return [*taken, *uploaded] or [_choose_example()]


def _choose_example() -> Picture:
    name = st.pills(
        "Nothing is given yet. Look at an example:",
        list(EXAMPLES),
        default=next(iter(EXAMPLES)),
        required=True,
        key="predict_example",
    )
    return example_picture(*EXAMPLES[name or next(iter(EXAMPLES))])


def _take(file: UploadedFile) -> bool:
    """Keep a picture whose widget will hold the next one; returns whether it is new."""
    taken: list[Picture] = st.session_state[_TAKEN_KEY]
    content = file.getvalue()
    seen = hashlib.sha256(content).hexdigest()
    # The camera's widget hands out the same picture at every rerun, also after it has been removed here.
    if seen in st.session_state.setdefault("predict_seen", set()):
        return False
    st.session_state["predict_seen"].add(seen)
    taken.insert(0, Picture(file.name, content))
    del taken[_MOST_TAKEN:]
    return True


@st.cache_data(show_spinner=False)
def example_picture(labels: tuple[str, ...], size_hw: tuple[int, int]) -> Picture:
    """A drawn scene with a face for each label, so that a page opens with an answer; size in pixels."""
    from fer.data.synthetic import draw_scene

    image, _ = draw_scene(_EXAMPLE_SEED, labels, size_hw)
    _, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return Picture("Example, drawn by this program", encoded.tobytes())
