"""What a session on the Webcam page keeps from one run of the script to the next; it is gone when the tab is closed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from fer.clips.samples import Reading
from fer.clips.settings import ClipSettings
from fer.inference.challenge import Challenge
from fer.inference.delay import CameraDelay
from fer.inference.follower import FaceFollower
from fer.inference.live import LiveView
from fer.inference.seats import Seats, most_viewers
from fer.labels import LabelSet
from ui.predict.options import Options
from ui.webcam.camera_options import CameraOptions
from ui.webcam.stream import StreamState
from ui.webcam.trouble import SERVER_LOST, STALLED_S, broken_off, why_no_picture
from ui.words import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fer.inference.recognizer import Recognizer

_KEY = "webcam_session"


@dataclass
class Rest:
    """A face that is held at rest, to show changes against it.

    Args:
        number: of the person.
        from_s: when that began, by the live view's clock.
        usual: (K,), what the face shows then; None as long as it is held.
    """

    number: int
    from_s: float
    usual: NDArray[np.float64] | None = None


@dataclass
class Session:
    """Of one browser tab.

    Args:
        reads_by: what the follower was made of: recognizer, head, smoothing.
        follower: answers.
        label_set: of its answers.
        live: takes the frames.
        delay: takes note of them.
        recorded_by: by what the recording's faces were read, and over how many seconds they were smoothed.
        since: when the stream was started, in monotonic seconds; None while it does not run.
        ice: how far the connection was seen to come.
        why_not: why it did not come about, in words; "" as long as it may.
        ended: why the last stream ended by itself, in words; "" where somebody stopped it.
        rest: the neutral baseline.
        game: the challenge that is played, or was last.
    """

    reads_by: tuple[Recognizer, str, float]
    follower: FaceFollower
    label_set: LabelSet
    live: LiveView = field(default_factory=LiveView)
    delay: CameraDelay = field(default_factory=CameraDelay)
    recorded_by: tuple[Reading, float] | None = None
    since: float | None = None
    ice: str | None = None
    why_not: str = ""
    ended: str = ""
    rest: Rest | None = None
    game: Challenge | None = None

    def start_recording(self) -> None:
        """Keep frames from now on, in the place of those that were recorded before."""
        recognizer, head, smoothing_s = self.reads_by
        settings = ClipSettings(rate=None, head=head, smoothing_s=smoothing_s)
        self.recorded_by = (Reading.of(recognizer, settings), smoothing_s)
        self.live.recorder.start()

    def follow_stream(self, seats: Seats, state: StreamState) -> None:
        """Take note of whether the stream runs, with a seat as long as it does; what was seen stays when it ends."""
        if not state.running:
            seats.leave(self.live)
        elif not seats.take(self.live):  # somebody else was quicker to press Start
            st.rerun()
        if state.running and self.since is None:
            self.since, self.ice, self.why_not, self.ended = time.monotonic(), None, "", ""
        elif not state.running:
            if state.orphaned:
                self.ended = SERVER_LOST
            elif self.since is not None:
                self.ended = self._why_ended()
            self.since = None
            self.live.pause()

    def _why_ended(self) -> str:
        """Nothing where pictures came until the end, or the first was still to be waited for: then somebody has pressed Stop."""
        since_s = self.live.snapshot().seconds_since_frame
        if since_s is not None:
            # A server that stood still finds frames that were sent before the connection broke, and answers them late.
            silent_s = since_s + (self.delay.seconds or 0.0)
            return broken_off(silent_s) if silent_s > STALLED_S else ""
        return self.why_not or (why_no_picture(self.ice) if self.ice in ("failed", "disconnected", "closed") else "")

    def forget(self) -> None:
        """Forget who was seen, and what was made of it; not a recording."""
        self.live.reset()
        self.rest = self.game = None


@st.cache_resource(show_spinner=False)
def live_seats() -> Seats:
    """Who is being shown by this server.

    Raises:
        SettingsError: their number is misconfigured.
    """
    return Seats(most_viewers())


def no_room(seats: Seats) -> None:
    """What stands in the place of the stream where all seats are taken."""
    st.info(
        f"**This server shows {counted(seats.count, 'camera')} at a time, and all are in use.** One more would make everybody's "
        "picture stutter. Try again in a moment, or take single pictures, below.",
        icon=":material/hourglass_top:",
    )
    st.button("Try again", icon=":material/refresh:", key="webcam_try_again")


def webcam_session(recognizer: Recognizer, options: Options, camera: CameraOptions) -> Session:
    """The tab's session, set to these options; people stay who they are as long as the options do."""
    reads_by = (recognizer, options.head, camera.smoothing_s)
    session: Session | None = st.session_state.get(_KEY)
    if session is None or session.reads_by != reads_by:
        follower = FaceFollower(recognizer, head=options.head, smoothing_s=camera.smoothing_s)
        label_set = recognizer.bundle.head(options.head).label_set
        if session is None:
            session = st.session_state[_KEY] = Session(reads_by, follower, label_set)
        else:  # a recording is of one model, and so is a chart
            session.forget()
            session.reads_by, session.follower, session.label_set = reads_by, follower, label_set
    session.live.configure(session.follower, mirror=camera.mirror)
    return session
