"""The Webcam page, run without a browser; the component itself is tried in tests/browser."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version

import av
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.drawing import person_colour
from fer.inference.history import Moment
from fer.inference.live import LiveView
from fer.inference.shown_face import ShownFace
from fer.labels import FER7
from fer.workspace import REPOSITORY
from ui.webcam import stream as webcam_stream
from ui.webcam.stream import StreamState, frame_callback

OpenPage = Callable[..., AppTest]

HAPPY, NEUTRAL = (0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02), (0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.88)
FACE = ShownFace((100.0, 80.0, 300.0, 320.0), 0.9, FER7, HAPPY, label_id=3, raw=HAPPY)
AT_REST = replace(FACE, probabilities=NEUTRAL, raw=NEUTRAL, label_id=6)
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

    def camera_stream(live: LiveView, **options: object) -> StreamState:
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
    stream |= {"state": PLAYING, "do": see(*[replace(FACE, number=number) for number in range(1, 7)])}
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
    at.session_state["webcam_session"].since -= 60
    at.run()
    assert "cannot reach each other" in at.error[0].value
    assert "has offered no connection" in texts(at)
    assert "Single pictures" in texts(at)
    assert len(at.get("camera_input")) == 1, "single pictures have come by themselves"


def test_webcam_panel_says_when_the_camera_is_lost_in_the_middle(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE)}
    at = open_page("webcam")
    stream["do"] = lambda live: setattr(live, "_last", live.now_s - 60)
    at.run()
    assert "has stopped coming" in at.error[0].value
    assert "88.0 %" not in html(at)
    assert metric(at, "Frames a second") == "–"


def test_webcam_panel_says_that_the_stream_broke_off_until_the_next_start(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE)}
    at = open_page("webcam")
    stream |= {"state": IDLE, "do": lambda live: setattr(live, "_last", live.now_s - 7)}
    at.run()
    assert "broken off: no new picture came in its last 7 s" in at.error[0].value
    assert "Single pictures" in texts(at)
    stream["do"] = lambda live: None
    at.run()
    assert "broken off" in at.error[0].value
    stream |= {"state": PLAYING, "do": see(FACE)}
    at.run()
    stream |= {"state": IDLE, "do": lambda live: None}
    at.run()
    assert not at.error, "this time somebody pressed Stop"


def test_webcam_panel_of_a_page_that_has_outlived_its_server_says_so(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream["state"] = StreamState(False, False, orphaned=True)
    at = open_page("webcam")
    assert "was restarted" in at.error[0].value
    assert "Press **Start**" in texts(at)


def test_webcam_panel_keeps_the_reason_when_a_connection_fails_for_good(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream["state"] = CONNECTING
    at = open_page("webcam")
    at.session_state["webcam_session"].ice = "failed"
    stream["state"] = IDLE
    at.run()
    assert "does not come about (ICE: failed)" in at.error[0].value


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


def test_webcam_page_says_that_it_looks_for_faces_less_often(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE)}
    at = open_page("webcam")
    assert "looking for faces" not in texts(at)
    at.session_state["webcam_session"].follower.pace._level = 3
    at.run()
    assert "looking for faces in every 6th frame, and in a smaller picture" in texts(at)


def test_webcam_panel_numbers_people_in_colours_of_their_own(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE, replace(FACE, number=2, xyxy=(400.0, 80.0, 600.0, 320.0)))}
    at = open_page("webcam")
    for number in (1, 2):
        assert f"background:{person_colour(number)}" in html(at)


def watch(live: LiveView, *faces: ShownFace, seconds: float = 4.0) -> None:
    """As if these faces had been in view for a while, until now."""
    for i in range(round(seconds * 10)):
        live._history.append(Moment(live.now_s - seconds + i / 10, faces))


def test_webcam_page_shows_what_a_person_showed_over_time(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE)}
    at = open_page("webcam")
    assert "drawn here once" in texts(at)
    watch(at.session_state["webcam_session"].live, FACE, replace(FACE, number=2))
    at.run()
    assert "The last minute" in texts(at)
    assert "100 %" in html(at)  # happy, all of the time
    assert "derived" in texts(at)
    assert len(at.get("echarts_chart")) == 2
    assert at.selectbox(key="webcam_person").options == ["Person 1", "Person 2"]


def test_webcam_page_shows_changes_against_a_face_at_rest(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": lambda live: watch(live, AT_REST)}
    at = open_page("webcam")
    at.button(key="webcam_rest_set").click().run()
    session = at.session_state["webcam_session"]
    assert session.rest is not None
    assert session.rest.usual is None
    session.rest.from_s -= 3.5
    stream["do"] = lambda live: watch(live, FACE, seconds=0.1)
    at.run()
    assert "Change from the face at rest" in texts(at)
    assert "happy, by 86 points" in texts(at)
    at.button(key="webcam_rest_remove").click().run()
    assert "The last minute" in texts(at)


def test_webcam_page_says_when_the_face_at_rest_was_not_seen(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": lambda live: None}
    at = open_page("webcam")
    session = at.session_state["webcam_session"]
    watch(session.live, FACE)
    at.run()
    at.button(key="webcam_rest_set").click().run()
    session.rest.from_s -= 60
    at.run()
    assert "was not seen for long enough" in at.error[0].value
    assert session.rest is None


def test_webcam_recording_is_off_until_asked_for_and_gone_when_discarded(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE)}
    at = open_page("webcam", state={"webcam_view": "record"})
    recorder = at.session_state["webcam_session"].live.recorder
    assert recorder.recording() is None
    assert "Off: no frame is kept" in texts(at)
    at.button(key="webcam_record").click().run()
    for _ in range(2):
        at.session_state["webcam_session"].live.process(FRAME)
    at.button(key="webcam_mark").click().run()
    assert "Recording" in texts(at)
    at.button(key="webcam_record_stop").click().run()
    assert "**Recorded:**" in texts(at)
    assert len(at.get("download_button")) == 3
    at.button(key="webcam_discard").click().run()
    assert recorder.recording() is None


def test_webcam_recording_ends_with_the_stream_and_can_be_taken_home(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE)}
    at = open_page("webcam", state={"webcam_view": "record"})
    at.button(key="webcam_record").click().run()
    stream |= {"state": IDLE, "do": lambda live: None}
    at.run()
    assert not at.session_state["webcam_session"].live.recorder.recording().is_on
    assert len(at.get("download_button")) == 3


def test_webcam_challenge_asks_for_each_expression_and_draws_the_results(open_page: OpenPage, stream: dict[str, object]) -> None:
    stream |= {"state": PLAYING, "do": see(FACE)}
    at = open_page("webcam", state={"webcam_view": "challenge"})
    at.button(key="webcam_game").click().run()
    session = at.session_state["webcam_session"]
    first = session.label_set.names[0]
    assert f"Show: {first}" in texts(at)
    session.game = replace(session.game, began_s=session.game.began_s - 1000)
    at.run()
    assert "on average" in texts(at)
    assert len(at.get("echarts_chart")) == 1
    assert at.button(key="webcam_game").label == "Play again"


def test_webcam_page_refuses_one_viewer_too_many_politely(
    open_page: OpenPage, stream: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_LIVE_VIEWERS", "1")
    stream |= {"state": PLAYING, "do": see(FACE)}
    first = open_page("webcam")
    stream["state"] = IDLE
    second = open_page("webcam")
    assert "all are in use" in texts(second)
    assert metric(first, "Faces") == "1"
    assert second.toggle(key="webcam_single") is not None
    first.run()  # stopped
    second.button(key="webcam_try_again").click().run()
    assert "all are in use" not in texts(second)


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


def test_streamlit_stops_no_frame_to_search_for_garbage_after_every_poll() -> None:
    # `streamlit_app.py` does it after a page. Each is 30 to 40 ms of the processor, and 0.2 s of the clock where it is busy.
    config = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["runner"]["postScriptGC"] is False
    assert "gc.collect()" in (REPOSITORY / "streamlit_app.py").read_text(encoding="utf-8")
