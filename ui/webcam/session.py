"""What a session on the Webcam page keeps from one run of the script to the next: its live view, and who it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from fer.inference.follower import FaceFollower
from fer.inference.live import LiveView
from ui.predict.options import Options

if TYPE_CHECKING:
    from fer.inference.recognizer import Recognizer

_LIVE_KEY, _FOLLOWER_KEY = "webcam_live", "webcam_follower"


def live_view(recognizer: Recognizer, options: Options, *, mirror: bool) -> LiveView:
    """The session's live view, set to these options; people stay who they are as long as the options do."""
    reads_by = (recognizer, options.head)
    kept = st.session_state.get(_FOLLOWER_KEY)
    if kept is None or kept[0] != reads_by:
        kept = (reads_by, FaceFollower(recognizer, head=options.head))
        st.session_state[_FOLLOWER_KEY] = kept
    live: LiveView = st.session_state.setdefault(_LIVE_KEY, LiveView())
    live.configure(kept[1], mirror=mirror)
    return live
