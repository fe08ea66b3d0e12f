"""The Webcam page, run without a browser; the component itself is tried in tests/browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version

import av
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.errors import SettingsError
from fer.inference.live import LiveView
from fer.inference.shown_face import ShownFace
from fer.labels import FER7
from fer.workspace import REPOSITORY
from ui.webcam import stream as webcam_stream
from ui.webcam.stream import StreamState, frame_callback, ice_servers

OpenPage = Callable[..., AppTest]

FACE = ShownFace((100.0, 80.0, 300.0, 320.0), 0.9, FER7, (0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02), label_id=3)
REFUSED = replace(FACE, face_probability=0.1, face_threshold=0.5)
FRAME = np.full((480, 640, 3), 90, np.uint8)
IDLE, CONNECTING, PLAYING = StreamState(False, False), StreamState(True, False), StreamState(False, True)


class Follower:
    """Sees what it is told to."""

    def __init__(self, *faces: ShownFace) -> None:
        self.faces = faces

    def update(self, time_s: float, image: np.ndarray) -> tuple[ShownFace, ...]:
        return self.faces


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What stands in for the component, which needs a browser: its state, and what it does with the live view when drawn."""
    settings: dict[str, object] = {"state": IDLE, "do": lambda live: None}

    def camera_stream(live: LiveView) -> StreamState:
        settings["do"](live)  # type: ignore[operator]
        return settings["state"]  # type: ignore[return-value]

    monkeypatch.setattr(webcam_stream, "camera_stream", camera_stream)
    return settings


def texts(at: AppTest) -> str:
    return "\n".join(element.value for element in (*at.markdown, *at.caption, *at.info, *at.error))


def html(at: AppTest) -> str:
    return "\n".join(element.proto.body for element in at.get("html"))


def metric(at: AppTest, label: str) -> str:
    return next(metric.value for metric in at.metric if metric.label == label)


def see(*faces: ShownFace) -> object:
    """A frame with these faces has just been read."""

    def process(live: LiveView) -> None:
        LiveView.configure(live, Follower(*faces), mirror=False)
        live.process(FRAME)

    return process


def test_webcam_page_opens_with_the_notice_and_an_example(open_page: OpenPage, stream: dict[str, object]) -> None:
    at = open_page("webcam")
    assert "nothing is stored" in texts(at)
    assert "Press **Start**" in texts(at)
    assert "happy" in html(at)  # a bar for every class, whatever the model sees in the example
    assert metric(at, "Faces") == "–"


def test_webcam_panel_names_the_faces_of_the_newest_frame(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE)}
    at = open_page("webcam")
    assert "88.0 %" in html(at)
    assert metric(at, "Faces") == "1"
    assert "Press **Start**" not in texts(at)


def test_webcam_panel_says_when_there_is_no_face(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see()}
    at = open_page("webcam")
    assert "No face found" in texts(at)
    assert metric(at, "Faces") == "0"


def test_webcam_panel_counts_what_is_not_a_face_apart(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE, REFUSED)}
    at = open_page("webcam")
    assert metric(at, "Faces") == "1"
    assert len(at.get("html")) == 1
    assert "1 detection is not a face" in texts(at)
    assert "No face found" not in texts(at)


def test_webcam_panel_of_nothing_but_what_is_not_a_face_says_no_face(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(REFUSED, REFUSED)}
    at = open_page("webcam")
    assert metric(at, "Faces") == "0"
    assert not at.get("html")
    assert "No face found" in texts(at)
    assert "2 detections are not a face" in texts(at)


def test_webcam_panel_shows_at_most_four_faces_and_counts_the_rest(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(*[FACE] * 6)}
    at = open_page("webcam")
    assert len(at.get("html")) == 4
    assert "2 more faces" in texts(at)


def test_webcam_panel_shows_why_a_frame_failed(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": lambda live: live.report("The frame could not be decoded.")}
    at = open_page("webcam")
    assert "could not be decoded" in at.error[0].value


def test_webcam_panel_explains_a_connection_that_does_not_come_about(
    open_page: OpenPage, stream: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream["state"] = CONNECTING
    at = open_page("webcam")
    assert "Connecting" in texts(at)
    at.session_state["webcam_since"] -= 60
    at.run()
    assert "cannot reach each other" in at.error[0].value
    assert "Single pictures" in texts(at)


def test_webcam_panel_forgets_the_last_face_after_stop(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE)}
    at = open_page("webcam")
    stream |= {"state": IDLE, "do": lambda live: None}
    at.run()
    assert metric(at, "Faces") == "–"
    assert "88.0 %" not in html(at)


def test_webcam_page_takes_single_pictures(open_page: OpenPage, stream: dict[str, object]) -> None:
    at = open_page("webcam")
    at.toggle(key="webcam_single").set_value(True).run()
    assert not at.exception
    assert len(at.get("camera_input")) == 1


def test_webcam_page_with_wrong_ice_servers_says_so(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_ICE_SERVERS", "stun:example.org")
    at = open_page("webcam")
    assert "FER\\_ICE\\_SERVERS" in at.error[0].value


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, []),
        ("", []),
        ('[{"urls": "stun:example.org"}]', [{"urls": "stun:example.org"}]),
    ],
)
def test_ice_servers_are_none_unless_set(
    monkeypatch: pytest.MonkeyPatch, setting: str | None, expected: list[dict[str, str]]
) -> None:
    if setting is None:
        monkeypatch.delenv("FER_ICE_SERVERS", raising=False)
    else:
        monkeypatch.setenv("FER_ICE_SERVERS", setting)
    assert ice_servers() == expected


@pytest.mark.parametrize("setting", ["stun:example.org", '{"urls": "stun:example.org"}', '[{"url": "x"}]', "[1]"])
def test_ice_servers_when_malformed_are_refused_without_showing_them(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("FER_ICE_SERVERS", setting)
    with pytest.raises(SettingsError, match="urls"):
        ice_servers()


def test_frame_callback_gives_back_an_annotated_frame_of_the_same_size() -> None:
    live = LiveView(Follower(FACE))
    frame = frame_callback(live)(av.VideoFrame.from_ndarray(FRAME, format="rgb24"))
    image = frame.to_ndarray(format="rgb24")
    assert image.shape == FRAME.shape
    assert not np.array_equal(image, FRAME)
    assert live.snapshot().faces == (FACE,)


def test_frame_callback_never_raises() -> None:
    class Broken:
        def to_ndarray(self, format: str) -> np.ndarray:
            raise ValueError("odd pixels")

    live, broken = LiveView(Follower()), Broken()
    assert frame_callback(live)(broken) is broken  # type: ignore[arg-type, comparison-overlap]
    assert "odd pixels" in (live.snapshot().error or "")


def test_streamlit_webrtc_is_the_version_that_the_workaround_was_made_for() -> None:
    # `webcam_stream._keep_in_step` reaches into the component. On another version: drop it, restart the stream
    # a hundred times without a pause as tests/browser does, and see what is still needed.
    assert version("streamlit-webrtc") == "0.79.0"
    import streamlit_webrtc.component

    for name in ("get_this_session_info", "generate_frontend_component_key", "compile_state", "_reset_context"):
        assert callable(getattr(streamlit_webrtc.component, name))
    assert "streamlit-webrtc==0.79.0" in (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
