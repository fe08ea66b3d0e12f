"""The panel beside the camera's picture: who shows what now, and how fast it goes; polled from a `LiveView` twice a second."""

from __future__ import annotations

import time

import streamlit as st

from fer.inference.live import LiveSnapshot, LiveView
from ui.predict_faces import bars_html, heading_html
from ui.webcam_stream import StreamState
from ui.words import counted

_EVERY_S = 0.5
_PATIENCE_S = 12.0  # a connection stands within 2 s on one machine; a slow network and a TURN server take up to 10
_MOST_FACES = 4
_SINCE_KEY = "webcam_since"


def live_panel(live: LiveView, state: StreamState) -> None:
    """Poll while the stream runs or connects; otherwise show what to do."""
    running = state.playing or state.connecting
    if not running:
        live.reset()
        st.session_state.pop(_SINCE_KEY, None)
    since = st.session_state.setdefault(_SINCE_KEY, time.monotonic()) if running else 0.0
    st.fragment(_draw, run_every=_EVERY_S if running else None)(live, running, since)


def _draw(live: LiveView, running: bool, since: float) -> None:
    snapshot = live.snapshot()
    with st.container(horizontal=True, gap="small"):
        st.metric("Faces", len(snapshot.predictions) if snapshot.frames else "–", border=True)
        st.metric("Frames a second", f"{snapshot.frames_per_second:.0f}" if snapshot.frames else "–", border=True)
        st.metric("Latency", f"{snapshot.latency_ms:.0f} ms" if snapshot.frames else "–", border=True, help="Time to read one frame.")
    with st.container(border=True, key="webcam_faces"):
        if not running:
            st.markdown("Press **Start** under the picture. The first answer comes a second or two later.")
        elif snapshot.error:
            st.error(snapshot.error, icon=":material/error:")
        elif snapshot.seconds_since_frame is None or snapshot.seconds_since_frame > _PATIENCE_S:
            _waiting(time.monotonic() - since)
        else:
            _faces(snapshot)


def _faces(snapshot: LiveSnapshot) -> None:
    if not snapshot.predictions:
        st.markdown("**No face found.** Face the camera, with light from the front, and come nearer.")
        return
    for face in snapshot.predictions[:_MOST_FACES]:
        st.html(heading_html(face) + bars_html(face))
    hidden = len(snapshot.predictions) - _MOST_FACES
    if hidden > 0:
        st.caption(f"and {counted(hidden, 'more face')} in the picture")


def _waiting(seconds: float) -> None:
    if seconds < _PATIENCE_S:
        st.markdown("Connecting to the camera…")
        return
    st.error("No picture has arrived. Browser and server cannot reach each other.", icon=":material/videocam_off:")
    st.markdown(
        "- Is the camera allowed for this page, and free of other programs?\n"
        "- Over a network the page must be on https, and behind a NAT or a firewall the video needs a TURN server: "
        "set `FER_ICE_SERVERS`, as the README says.\n"
        "- Meanwhile *Single pictures*, below, works without a live connection."
    )
