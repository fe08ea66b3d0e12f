"""Collect: where pictures come from. The live camera records a few seconds; photos and files are for where it cannot be had."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fer.data.collect import Collection
from fer.errors import ImageError
from fer.images import MAX_IMAGE_BYTES, read_image
from ui.explore.collect_state import LABEL_KEY, keep_waiting, missing, waiting
from ui.predict.options import recognizer_for
from ui.predict.sources import PICTURE_TYPES
from ui.state import active_bundle, active_model
from ui.webcam import stream as webcam_stream
from ui.webcam.panel import PATIENCE_S
from ui.webcam.stream import StreamState
from ui.words import counted, plain

if TYPE_CHECKING:
    from fer.detection import FaceDetector
    from fer.inference.burst import BurstCamera
    from fer.inference.recognizer import Recognizer

SECONDS = 3.0
PICTURES = 12
_EVERY_S = 0.5
_CAMERA_KEY = "collect_camera"
_SEEN_KEY, _SINCE_KEY, _RECORDED_KEY = "collect_seen", "collect_since", "collect_recorded"
_SOURCES = {
    "live": ":material/videocam: Live camera",
    "photo": ":material/photo_camera: Single photos",
    "files": ":material/upload: Files",
}
# What a face does, by the action units that EMFACS ascribes to each expression.
_HINTS = {
    "angry": "Brows down and together, a hard look, lips pressed together.",
    "disgust": "Nose wrinkled, upper lip drawn up, as at a bad smell.",
    "fear": "Brows up and together, eyes wide open, mouth stretched sideways.",
    "happy": "Corners of the mouth up, cheeks raised, small folds at the eyes.",
    "sad": "Inner ends of the brows up, corners of the mouth down.",
    "surprise": "Brows up, eyes wide open, jaw dropped.",
    "neutral": "Everything at rest, mouth closed.",
    "contempt": "One corner of the mouth tightened and raised.",
}


def take_pictures(collection: Collection) -> None:
    """The choice of the expression and of the source, and the source; what is taken waits to be looked at."""
    label = _choose_expression(collection)
    source = st.segmented_control(
        "Take pictures with",
        list(_SOURCES),
        default="live",
        required=True,
        format_func=_SOURCES.__getitem__,
        key="collect_source",
    )
    detector, recognizer = _tools()
    left, right = st.columns([3, 2], gap="medium")
    with right:
        st.markdown(f"**{collection.label_set.emoji(label)} {label.capitalize()}.** {_HINTS.get(label, '')}")
    if source == "live":
        _live(left, right, label, detector, recognizer)
        return
    with left:
        if source == "photo":
            photo = st.camera_input("Take a photo", key="collect_photo", label_visibility="collapsed")
            files = [photo] if photo else []
        else:
            files = st.file_uploader(
                "Pictures",
                type=list(PICTURE_TYPES),
                accept_multiple_files=True,
                max_upload_size=MAX_IMAGE_BYTES // 2**20,
                key="collect_files",
            )
            st.caption("Pictures with one face each, all of the expression that is chosen here. The face is cut out.")
        _take_files(files, label, detector, recognizer)


def _tools() -> tuple[FaceDetector, Recognizer | None]:
    """The active face detector, and the active model, which tells what is no face; None where there is none.

    Raises:
        FerError: one of them cannot be loaded.
    """
    from fer.detection import available_detectors, default_detector_name, get_detector

    wished = st.session_state.get("option_detector")
    usable = [detector.name for detector in available_detectors() if detector.available]
    name = wished if wished in usable else default_detector_name()
    recognizer = recognizer_for(active_bundle(), name) if active_model() else None
    return get_detector(name), recognizer


def _choose_expression(collection: Collection) -> str:
    if st.session_state.get(LABEL_KEY) not in collection.label_set:
        wanted = missing(collection, collection.pictures())
        st.session_state[LABEL_KEY] = next(iter(wanted or collection.label_set))
    label = st.pills(
        "Expression now shown",
        list(collection.label_set),
        required=True,
        format_func=lambda name: f"{collection.label_set.emoji(name)} {name}",
        key=LABEL_KEY,
    )
    return label or collection.label_set.names[0]


def _live(
    left: st.delta_generator.DeltaGenerator,
    right: st.delta_generator.DeltaGenerator,
    label: str,
    detector: FaceDetector,
    recognizer: Recognizer | None,
) -> None:
    from fer.inference.burst import BurstCamera

    camera: BurstCamera = st.session_state.setdefault(_CAMERA_KEY, BurstCamera())
    camera.configure(detector, recognizer, mirror=True)
    with left:
        state = webcam_stream.camera_stream(camera, "collect")
    if not state.running:
        camera.pause()
        st.session_state.pop(_SINCE_KEY, None)
    since = st.session_state.setdefault(_SINCE_KEY, time.monotonic()) if state.running else 0.0
    snapshot = camera.snapshot()
    # A stream that ends, or is said to, takes nothing of what was recorded with it.
    going_on = state.running or snapshot.recording or snapshot.share == 1
    with right:
        st.fragment(_watch, run_every=_EVERY_S if going_on else None)(camera, state, label, since)


def _watch(camera: BurstCamera, state: StreamState, label: str, since: float) -> None:
    """The button, how the recording goes, and what the camera sees; the end of a recording shows its pictures.

    Whether there are frames is asked of what takes them: the component tells of its state late, or not at all.
    """
    taken = camera.take()
    if taken is not None:
        keep_waiting(st.session_state.get(_RECORDED_KEY, label), *taken)
        st.rerun()
    snapshot = camera.snapshot()
    st.button(
        f"Record {SECONDS:g} seconds",
        type="primary",
        icon=":material/fiber_manual_record:",
        width="stretch",
        disabled=snapshot.faces is None or snapshot.recording,
        key="collect_record",
        on_click=_record,
        args=(camera, label),
    )
    if snapshot.error:
        st.error(plain(snapshot.error), icon=":material/error:")
    elif snapshot.recording:
        st.progress(snapshot.share, "Recording. Turn your head a little, come nearer and go back.")
    elif not state.running:
        st.caption("Press **Start** and allow the camera. Nothing is kept before you have seen it and pressed *Keep*.")
    elif snapshot.faces is None and time.monotonic() - since < PATIENCE_S:
        st.caption("Connecting to the camera…")
    elif snapshot.faces is None:
        st.error(
            "No picture has arrived: browser and server cannot reach each other. *Single photos* and *Files* need no such "
            "connection; the Webcam page says what else to do.",
            icon=":material/videocam_off:",
        )
    elif snapshot.faces == 0:
        st.caption(":material/search_off: No face found. Face the camera, with light from the front.")
    elif snapshot.faces > 1:
        st.caption(f":material/groups: {snapshot.faces} faces. Only one person should be in view.")
    elif waiting() is None:
        st.caption(f":material/check: One face. Show the expression, then press *Record*: {PICTURES} pictures.")
    else:
        st.caption(":material/south: Look at the pictures below, or record again.")


def _record(camera: BurstCamera, label: str) -> None:
    st.session_state[_RECORDED_KEY] = label  # another may be chosen before the end
    camera.start(pictures=PICTURES, seconds=SECONDS)


def _take_files(files: Sequence[UploadedFile], label: str, detector: FaceDetector, recognizer: Recognizer | None) -> None:
    """Find the faces in pictures that have not been seen before; those that come together count as one recording."""
    from fer.inference.burst import find_shots

    seen: set[str] = st.session_state.setdefault(_SEEN_KEY, set())
    new = [file for file in files if file.file_id not in seen]
    if not new:
        return
    problems: list[str] = []
    bar = st.progress(0.0, f"Looking for faces in {counted(len(new), 'picture')}")

    def images() -> Iterator[NDArray[np.uint8]]:
        for number, file in enumerate(new, 1):
            try:
                yield read_image(file.getvalue())
            except ImageError as error:
                problems.append(f"{file.name}: {error}")
            bar.progress(number / len(new), f"Looking for faces, {number} of {counted(len(new), 'picture')}")

    shots, faceless = find_shots(images(), detector, recognizer)
    bar.empty()
    seen.update(file.file_id for file in new)
    keep_waiting(label, shots, faceless, problems)
