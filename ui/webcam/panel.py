"""The panel beside the camera's picture: who shows what now, and how fast it goes; polled from a `LiveView` twice a second."""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st

from fer.inference.live import LiveView
from fer.inference.recognizer import FacePrediction
from ui.predict.answers import Answer
from ui.predict.faces import bars_html, faces_of, from_left, heading_html
from ui.webcam.stream import StreamState
from ui.words import counted, plain

_EVERY_S = 0.5
PATIENCE_S = 12.0  # a connection stands within 2 s on one machine; a slow network and a TURN server take up to 10
_MOST_FACES = 4
_SINCE_KEY = "webcam_since"


def live_panel(live: LiveView, state: StreamState, example: Answer | None) -> None:
    """Poll while the stream runs or connects; otherwise say what to do, with an example of what will stand here."""
    if not state.running:
        live.reset()
        st.session_state.pop(_SINCE_KEY, None)
    since = st.session_state.setdefault(_SINCE_KEY, time.monotonic()) if state.running else 0.0
    st.fragment(_draw, run_every=_EVERY_S if state.running else None)(live, since, example)


def _draw(live: LiveView, since: float, example: Answer | None) -> None:
    snapshot = live.snapshot()
    with st.container(horizontal=True, gap="small"):
        st.metric("Faces", len(faces_of(snapshot.faces)) if snapshot.frames else "–", border=True)
        st.metric("Frames a second", f"{snapshot.frames_per_second:.0f}" if snapshot.frames else "–", border=True)
        st.metric("Time a frame", f"{snapshot.latency_ms:.0f} ms" if snapshot.frames else "–", border=True)
    with st.container(border=True, key="webcam_faces"):
        if example is not None:
            st.markdown("Press **Start**. What the faces show appears here, like this:")
            _faces(example.predictions)
        elif snapshot.error:
            st.error(plain(snapshot.error), icon=":material/error:")
        elif snapshot.seconds_since_frame is None or snapshot.seconds_since_frame > PATIENCE_S:
            _waiting(time.monotonic() - since)
        else:
            if not faces_of(snapshot.faces):
                st.markdown("**No face found.** Face the camera, with light from the front, and come nearer.")
            _faces(snapshot.faces)


def _faces(predictions: Sequence[FacePrediction]) -> None:
    faces = faces_of(predictions)
    for i in from_left(faces)[:_MOST_FACES]:
        st.html(heading_html(faces[i]) + bars_html(faces[i]))
    hidden, refused = len(faces) - _MOST_FACES, len(predictions) - len(faces)
    if hidden > 0:
        st.caption(f"and {counted(hidden, 'more face')} in the picture")
    if refused:
        st.caption(f"{counted(refused, 'detection')} {'is' if refused == 1 else 'are'} not a face")


def _waiting(seconds: float) -> None:
    if seconds < PATIENCE_S:
        st.markdown("Connecting to the camera…")
        return
    st.error("No picture has arrived. Browser and server cannot reach each other.", icon=":material/videocam_off:")
    st.markdown(
        "- Is the camera allowed for this page, and free of other programs?\n"
        "- Over a network the page must be on https, and behind a NAT or a firewall the video needs a TURN server: "
        "set `FER_ICE_SERVERS`, as the README says.\n"
        "- Meanwhile *Single pictures*, below, works without a live connection."
    )
