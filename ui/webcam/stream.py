"""The camera's stream: streamlit-webrtc with what it needs to run steadily. Frames go to a `FrameSink`, nothing else leaves here.

streamlit-webrtc is pinned to 0.79.0, because `_keep_in_step` reaches into it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.inference.delay import CameraDelay
from ui.webcam.ice import ice_servers

if TYPE_CHECKING:
    import av
    from streamlit_webrtc.config import Translations

DEFAULT_KEY = "webcam"
_FRAME_RATE = 30
_WORDS: Translations = {
    "start": "Start",
    "stop": "Stop",
    "select_device": "Choose a camera",
    "media_api_not_available": "This browser gives no access to a camera here. Open the page on localhost or over https.",
    "device_ask_permission": "Please allow this page to use the camera.",
    "device_not_available": "No camera found. Connect one, close other programs that use it, and press Start again.",
    "device_access_denied": "The browser keeps the camera from this page. Allow it beside the address, then press Start again.",
}


class FrameSink(Protocol):
    """What frames are brought to, such as a `LiveView`; both are called from WebRTC's worker thread."""

    def process(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame as it is to be shown, of the same size; never raises."""
        ...

    def report(self, error: str) -> None:
        """Take note of a failure around `process`."""
        ...


class StreamState(NamedTuple):
    """What the browser says of the stream.

    Args:
        connecting: Start was pressed.
        playing: the connection stands.
        orphaned: the browser has, or had, a stream that this server knows nothing of, as after a restart of the server.
    """

    connecting: bool
    playing: bool
    orphaned: bool = False

    @property
    def running(self) -> bool:
        """Whether Start was pressed and Stop was not."""
        return self.connecting or self.playing


def frame_callback(sink: FrameSink, delay: CameraDelay | None = None) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """The function that WebRTC's worker thread calls with every newest frame. It never raises and never touches Streamlit."""
    import av

    def on_frame(frame: av.VideoFrame) -> av.VideoFrame:
        try:
            arrived_s = time.monotonic()
            image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            answer = av.VideoFrame.from_ndarray(sink.process(image), format="rgb24")
            if delay is not None and frame.time is not None:
                delay.note(frame.time, arrived_s, time.monotonic())
            return answer
        except Exception as failure:  # an exception here would freeze the video without a word
            sink.report(f"The camera's frame could not be decoded: {type(failure).__name__}: {failure}")
            return frame

    return on_frame


def camera_stream(
    sink: FrameSink,
    key: str = DEFAULT_KEY,
    *,
    size_wh: tuple[int, int] = (640, 480),
    delay: CameraDelay | None = None,
) -> StreamState:
    """Draw the component (picture, Start and Stop, choice of camera) and connect its frames to what takes them.

    Not to be drawn inside a fragment. Not with `async_processing=False`, which queues frames without end: by default only the
    newest frame is processed, so a slow machine drops frames instead of falling behind.

    Args:
        sink: what takes the frames.
        key: tells the stream of one page from that of another.
        size_wh: what the camera is asked for at the next start, in pixels.
        delay: takes note of how long frames wait.

    Raises:
        SettingsError: the ICE servers are misconfigured.
    """
    from streamlit_webrtc import WebRtcMode, webrtc_streamer

    from ui.webcam.newest import shorten_the_way

    shorten_the_way()
    is_new = key not in st.session_state
    _keep_in_step(key)
    width, height = size_wh
    video = {"width": {"ideal": width}, "height": {"ideal": height}, "frameRate": {"ideal": _FRAME_RATE}}
    context = webrtc_streamer(
        key=key,
        mode=WebRtcMode.SENDRECV,  # SENDONLY would show no boxes; the callback does not run when the video is not sent back
        rtc_configuration={"iceServers": ice_servers()},  # an empty list, not None: None asks outside hosts for servers
        media_stream_constraints={"video": video, "audio": False},
        video_frame_callback=frame_callback(sink, delay),
        video_html_attrs={"autoPlay": True, "muted": True, "playsInline": True, "controls": False, "style": {"width": "100%"}},
        translations=_WORDS,
    )
    connecting, playing = context.state.signalling and not context.state.playing, context.state.playing
    # The component of a page that was just loaded says nothing in its first run; one that speaks has outlived its server.
    outlived = is_new and not connecting and st.session_state.get(_value_key(key)) is not None
    orphaned = outlived or (playing and context._get_worker() is None)
    return StreamState(connecting, playing and not orphaned, orphaned)


def ice_state(key: str = DEFAULT_KEY) -> str | None:
    """How far the server's side of the connection has come: `checking`, `completed`, `failed`, …; None while there is none."""
    worker = st.session_state[key]._get_worker() if key in st.session_state else None
    return None if worker is None else str(worker.pc.iceConnectionState)


def _keep_in_step(key: str) -> None:
    """Bring the server's side of the stream to what the browser says now, where 0.79.0 loses track of it.

    - To notice that the page was left, it counts script runs, and takes a run that was interrupted by the next one (as happens
      while connecting) for such an absence: the stream just connected is killed, in about 7 % of restarts. Without a session it
      does not count.
    - A Stop and a Start that reach the server together are one change to it: it keeps the dead stream and never answers the new
      one. So a new offer ends whatever was there.
    - A run that is replaced by the next one can lose the callback which keeps its state: the new stream is ended as idle, again
      and again. So the state is read from the browser's value at every run.
    """
    import streamlit_webrtc.component

    component: Any = streamlit_webrtc.component
    component.get_this_session_info = lambda: None
    if key not in st.session_state:
        return
    offer_key = f"{key}_offer"  # what the browser offered when the present stream began
    context, value_key = st.session_state[key], _value_key(key)
    value = st.session_state.get(value_key) or {}
    offer = (value.get("sdpOffer") or {}).get("sdp")
    # Streamlit forgets the value of a widget that a finished run did not draw: then the page was left in between.
    if value_key not in st.session_state or (offer and offer != st.session_state.get(offer_key)):
        component._reset_context(context)
    if offer:
        st.session_state[offer_key] = offer
    context._set_state(component.compile_state(value))


def _value_key(key: str) -> str:
    """Where Streamlit keeps what the component says."""
    import streamlit_webrtc.component

    return str(streamlit_webrtc.component.generate_frontend_component_key(key))
