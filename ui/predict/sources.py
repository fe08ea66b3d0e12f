"""Where Predict's pictures come from: uploads, the camera, the clipboard; and the example that stands there until then."""

from __future__ import annotations

import hashlib

import cv2
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fer.images import MAX_IMAGE_BYTES
from ui.predict.answers import Picture

PICTURE_TYPES = ("png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff")

_TAKEN_KEY = "predict_taken"  # pictures from the camera and the clipboard: their widgets hold one at a time
_MOST_TAKEN = 20
_EXAMPLE_SEED = 10


def choose_pictures() -> list[Picture]:
    """The widgets, and the pictures given so far, newest first; empty while there are none."""
    upload, camera, clipboard = st.tabs(
        [":material/upload: Upload", ":material/photo_camera: Take a picture", ":material/content_paste: Paste"],
        key="predict_source",
        on_change="rerun",
    )
    with upload:
        files = st.file_uploader(
            "Pictures",
            type=list(PICTURE_TYPES),
            accept_multiple_files=True,
            max_upload_size=MAX_IMAGE_BYTES // 2**20,
            key="predict_files",
            label_visibility="collapsed",
        )
    with camera:
        # Drawn only when asked for: an open camera widget asks for permission and switches the camera's light on.
        if camera.open:
            _take(st.camera_input("Take a picture", key="predict_camera", label_visibility="collapsed", width=480))
    with clipboard:
        st.caption("Click into the field, paste a copied picture with Ctrl + V (⌘ V on a Mac) and press Enter.")
        pasted = st.chat_input("Paste a picture here", accept_file="multiple", file_type=list(PICTURE_TYPES), key="predict_paste")
        for file in pasted.files if pasted else ():
            _take(file)
    taken: list[Picture] = st.session_state.get(_TAKEN_KEY, [])
    if taken:
        st.button("Remove taken and pasted pictures", icon=":material/delete:", type="tertiary", on_click=_forget_taken)
    return [*taken, *(Picture(file.name, file.getvalue()) for file in reversed(files))]


def _take(file: UploadedFile | None) -> None:
    """Keep a picture whose widget will hold the next one."""
    if file is None:
        return
    taken: list[Picture] = st.session_state.setdefault(_TAKEN_KEY, [])
    content = file.getvalue()
    seen = hashlib.sha256(content).hexdigest()
    # The camera's widget hands out the same picture at every rerun, also after it has been removed here.
    if seen not in st.session_state.setdefault("predict_seen", set()):
        st.session_state["predict_seen"].add(seen)
        taken.insert(0, Picture(file.name, content))
        del taken[_MOST_TAKEN:]


def _forget_taken() -> None:
    st.session_state[_TAKEN_KEY] = []


@st.cache_data(show_spinner=False)
def example_picture(labels: tuple[str, ...], size_hw: tuple[int, int]) -> Picture:
    """A drawn scene with a face for each label, so that a page opens with an answer; size in pixels."""
    from fer.data.synthetic import draw_scene

    image, _ = draw_scene(_EXAMPLE_SEED, labels, size_hw)
    _, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return Picture("Example, drawn by this program", encoded.tobytes())
