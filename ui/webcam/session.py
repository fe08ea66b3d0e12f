"""What a session on the Webcam page keeps from one run of the script to the next; it is gone when the tab is closed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from fer.clips.samples import Reading
from fer.clips.settings import ClipSettings
from fer.inference.challenge import Challenge
from fer.inference.delay import CameraDelay
from fer.inference.follower import FaceFollower
from fer.inference.live import LiveView
from fer.labels import LabelSet
from ui.predict.options import Options
from ui.webcam.camera_options import CameraOptions

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
        recorded_by: by what the recording's faces were read.
        since: when the stream was started, in monotonic seconds; None while it does not run.
        rest: the neutral baseline.
        game: the challenge that is played, or was last.
    """

    reads_by: tuple[Recognizer, str, float]
    follower: FaceFollower
    label_set: LabelSet
    live: LiveView = field(default_factory=LiveView)
    delay: CameraDelay = field(default_factory=CameraDelay)
    recorded_by: Reading | None = None
    since: float | None = None
    rest: Rest | None = None
    game: Challenge | None = None

    @property
    def smoothing_s(self) -> float:
        return self.reads_by[2]

    def start_recording(self) -> None:
        recognizer, head, smoothing_s = self.reads_by
        self.recorded_by = Reading.of(recognizer, ClipSettings(rate=None, head=head, smoothing_s=smoothing_s))
        self.live.recorder.start()

    def begin(self) -> None:
        """A stream begins: who was seen in the last one is forgotten."""
        self.live.reset()
        self.rest = self.game = None


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
            session.live.recorder.stop()
            session.begin()
            session.reads_by, session.follower, session.label_set = reads_by, follower, label_set
    session.live.configure(session.follower, mirror=camera.mirror)
    return session
