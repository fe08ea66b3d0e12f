"""The panel beside the camera's picture: who shows what now, and how fast it goes; polled from a `LiveView` twice a second."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from fer.drawing import person_colour
from fer.inference.live import LiveSnapshot
from fer.inference.pace import STEPS, Step
from fer.inference.recognizer import FacePrediction
from ui.predict.answers import Answer
from ui.predict.faces import bars_html, faces_of, from_left, heading_html
from ui.webcam.snapshot import use_single_pictures
from ui.webcam.stream import ice_state
from ui.webcam.trouble import INSTEAD, SERVER_LOST, STALLED, STALLED_S, why_no_picture
from ui.words import counted, plain

if TYPE_CHECKING:
    from fer.inference.shown_face import ShownFace
    from ui.webcam.session import Session

EVERY_S = 0.5
PATIENCE_S = 10.0  # a connection stands within 2 s on one machine; a slow network and a TURN server take up to 8
_MOST_FACES = 4
_BESIDE = "display:flex;gap:.5em;align-items:center"
_NUMBER = "display:inline-block;min-width:1.5em;padding:0 .35em;border-radius:.3em;color:#fff;font-weight:600;text-align:center"


def live_panel(session: Session, example: Answer | None) -> None:
    """Poll while the stream runs or connects; otherwise say what to do, with an example of what will stand here."""
    st.fragment(_draw, run_every=EVERY_S if session.since is not None else None)(session, example)


def _draw(session: Session, example: Answer | None) -> None:
    snapshot = session.live.snapshot()
    _figures(session, snapshot)
    with st.container(border=True, key="webcam_faces"):
        if example is not None:
            _ended(session.ended)
            st.markdown("Press **Start**, and allow the camera. What the faces show appears here, like this:")
            _faces(example.predictions)
            st.caption(
                "*Permission denied?* Allow the camera beside the page's address. *Not found?* Connect one, and close other "
                "programs that use it. Then try again."
            )
        elif snapshot.error:
            st.error(plain(snapshot.error), icon=":material/error:")
        elif not _comes(snapshot):
            _waiting(session, was_there=snapshot.frames > 0)
        else:
            if not faces_of(snapshot.faces):
                st.markdown("**No face found.** Face the camera, with light from the front, and come nearer.")
            _people(snapshot.faces)
            _pace(session.follower.pace.step)


def _comes(snapshot: LiveSnapshot) -> bool:
    """Whether there is a picture now."""
    return snapshot.seconds_since_frame is not None and snapshot.seconds_since_frame <= STALLED_S


def _figures(session: Session, snapshot: LiveSnapshot) -> None:
    delay = session.delay.seconds
    comes = _comes(snapshot)
    with st.container(horizontal=True, gap="small"):
        st.metric("Faces", len(faces_of(snapshot.faces)) if comes else "–", border=True)
        st.metric("Frames a second", f"{snapshot.frames_per_second:.0f}" if comes else "–", border=True)
        st.metric(
            "Delay",
            "–" if delay is None or not comes else f"{1000 * delay:.0f} ms",
            border=True,
            help="From the camera's frame to its result, with the time that it waited. The quickest way through the network is "
            f"not seen from here, and left out. Working on a frame takes {snapshot.latency_ms:.0f} ms of it.",
        )


def _pace(step: Step) -> None:
    if step == STEPS[0]:
        return
    smaller = ", and in a smaller picture" if step.longest_side else ""
    st.caption(
        f":material/speed: To keep up with the camera: looking for faces in every {_ordinal(step.every)} frame{smaller}. In "
        "between they are followed."
    )


def _ordinal(number: int) -> str:
    return f"{number}{'nd' if number == 2 else 'th'}"


def _people(people: Sequence[ShownFace]) -> None:
    faces = faces_of(people)
    shown = [people[i] for i in from_left(people)[: min(len(faces), _MOST_FACES)]]
    for person in shown:
        # As on the picture: a number on the person's own colour, where there is more than one.
        number = f'<span style="{_NUMBER};background:{person_colour(person.number)}">{person.number}</span>'
        heading = f'<div style="{_BESIDE}">{number if len(faces) > 1 else ""}{heading_html(person)}</div>'
        st.html(heading + bars_html(person))
    _others(len(faces), len(people) - len(faces))


def _faces(predictions: Sequence[FacePrediction]) -> None:
    faces = faces_of(predictions)
    for i in from_left(faces)[:_MOST_FACES]:
        st.html(heading_html(faces[i]) + bars_html(faces[i]))
    _others(len(faces), len(predictions) - len(faces))


def _others(faces: int, refused: int) -> None:
    if faces > _MOST_FACES:
        st.caption(f"and {counted(faces - _MOST_FACES, 'more face')} in the picture")
    if refused:
        st.caption(f"{counted(refused, 'detection')} {'is' if refused == 1 else 'are'} not a face")


def _ended(why: str) -> None:
    if why:
        st.error(why, icon=":material/videocam_off:")
        if why != SERVER_LOST:
            st.markdown(INSTEAD)


def _waiting(session: Session, *, was_there: bool) -> None:
    session.ice = ice_state() or session.ice
    if was_there:
        st.error(STALLED, icon=":material/videocam_off:")
        return
    if session.since is None or time.monotonic() - session.since < PATIENCE_S:
        st.markdown("Connecting to the camera…")
        return
    if not session.why_not:
        session.why_not = why_no_picture(session.ice)
        use_single_pictures()
    st.error("No picture has arrived: browser and server cannot reach each other.", icon=":material/videocam_off:")
    st.markdown(session.why_not)
    st.markdown(INSTEAD)
