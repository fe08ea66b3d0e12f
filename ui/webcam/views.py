"""Below the picture: what was shown over time, the recording, the challenge; one of them at a time, polled while frames flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from ui.webcam.challenge import challenge_view
from ui.webcam.over_time import over_time
from ui.webcam.panel import EVERY_S
from ui.webcam.recording import recording_view
from ui.webcam.session import Session

_VIEWS: Mapping[str, tuple[str, Callable[[Session], None]]] = MappingProxyType(
    {
        "time": (":material/timeline: Over time", over_time),
        "record": (":material/fiber_manual_record: Record", recording_view),
        "challenge": (":material/sports_esports: Challenge", challenge_view),
    }
)


def session_views(session: Session) -> None:
    """The choice and the view; nothing before the first start."""
    if session.since is None and not session.live.history():
        return
    view = st.segmented_control(
        "This session",
        list(_VIEWS),
        default="time",
        required=True,
        format_func=lambda name: _VIEWS[name][0],
        key="webcam_view",
        label_visibility="collapsed",
    )
    # What was recorded stands still, and a page that is drawn anew would break off the download of it.
    polled = session.since is not None and not (view == "record" and session.live.recorder.has_ended)
    with st.container(border=True, key="webcam_session_view"):
        st.fragment(_draw, run_every=EVERY_S if polled else None)(session, view, polled=polled)


def _draw(session: Session, view: str, *, polled: bool) -> None:
    if view == "record" and session.since is not None and polled == session.live.recorder.has_ended:
        st.rerun()
    _VIEWS[view][1](session)
