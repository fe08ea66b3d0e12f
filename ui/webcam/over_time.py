"""What a person has shown in this session: over the last minute, by share of the time, in valence and arousal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.clips.affect import derive_affect, has_coordinates
from fer.errors import DataError
from fer.inference.history import Moment, PersonHistory, people_seen, person_history, usual_face
from ui import bars
from ui.bars import Bar
from ui.predict.clip_charts import legend
from ui.webcam.charts import WINDOW_S, affect_options, change_options, probability_options
from ui.webcam.session import Rest, Session
from ui.words import percent, show_error

REST_S = 3.0
_TRAIL_S = 15.0
_PERSON_KEY = "webcam_person"
_HEIGHT = 280


def over_time(session: Session) -> None:
    """Draw what the history holds now; the caller polls."""
    moments = session.live.history()
    people = people_seen(moments)
    if not people:
        st.caption("What a face shows is drawn here once one was in view for a moment.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        number = _choose_person(people)
        usual = _baseline(session, moments, number)
    person = person_history(moments, number)
    end_s = moments[-1].time_s
    lately = person.since(end_s - WINDOW_S)
    over, shares, affect = st.columns([6, 3, 4], gap="medium")
    with over:
        _lines(lately, usual, end_s)
    with shares:
        _shares(person)
    with affect:
        _affect(person.since(end_s - _TRAIL_S), usual)


def _choose_person(people: Sequence[int]) -> int:
    if len(people) == 1:
        return people[0]
    if st.session_state.get(_PERSON_KEY) not in people:
        st.session_state.pop(_PERSON_KEY, None)
    number: int = st.selectbox(
        "Person", people, format_func="Person {}".format, key=_PERSON_KEY, label_visibility="collapsed", width=140
    )
    return number


def _baseline(session: Session, moments: Sequence[Moment], number: int) -> NDArray[np.float64] | None:
    """The buttons, and the face at rest of this person, (K,), where it was taken."""
    rest = session.rest
    if rest is None or rest.number != number:
        st.button(
            "Set a neutral baseline",
            icon=":material/self_improvement:",
            key="webcam_rest_set",
            on_click=_hold,
            args=(session, number),
            disabled=session.since is None,
            help="Faces at rest differ, and some look sad or angry that are neither. Hold a neutral face for three seconds: then "
            "changes are shown against it.",
        )
        return None
    held_s = session.live.now_s - rest.from_s
    if rest.usual is None and held_s < REST_S:
        st.progress(held_s / REST_S, "Hold a neutral face", width=260)
        return None
    if rest.usual is None:
        try:
            rest.usual = usual_face(moments, number, rest.from_s, rest.from_s + REST_S)
        except DataError as error:
            session.rest = None
            show_error(error)
            return None
    st.button("Remove the baseline", icon=":material/close:", key="webcam_rest_remove", on_click=_release, args=(session,))
    return rest.usual


def _hold(session: Session, number: int) -> None:
    session.rest = Rest(number, session.live.now_s)


def _release(session: Session) -> None:
    session.rest = None


def _lines(person: PersonHistory, usual: NDArray[np.float64] | None, end_s: float) -> None:
    if usual is None:
        st.markdown(f"**The last minute**, in percent · {legend(person.label_set)}")
        st.echarts_chart(probability_options(person, end_s), height=_HEIGHT, key="webcam_areas")
        return
    st.markdown(f"**Change from the face at rest**, in points · {legend(person.label_set)}")
    st.echarts_chart(change_options(person, usual, end_s), height=_HEIGHT, key="webcam_changes")
    if len(person.smoothed):
        change = person.smoothed[-1] - usual
        label = person.label_set.names[int(change.argmax())]
        st.caption(f"Most risen now: {person.label_set.emoji(label)} {label}, by {100 * change.max():.0f} points.")


def _shares(person: PersonHistory) -> None:
    labels, shares = person.label_set, person.shares()
    most = max(shares.values())
    st.markdown("**Share of the time** in view")
    st.html(
        bars.bars_html(
            Bar(labels.emoji(label), label, labels.colour(label), share, percent(share, 0), share == most)
            for label, share in shares.items()
        )
    )


def _affect(person: PersonHistory, usual: NDArray[np.float64] | None) -> None:
    if not has_coordinates(person.label_set):
        return
    st.markdown("**Valence and arousal**, derived" + (", from the face at rest" if usual is not None else ""))
    values = person.smoothed if usual is None else person.smoothed - usual
    st.echarts_chart(
        affect_options(derive_affect(values, person.label_set), person.label_set), height=_HEIGHT, key="webcam_affect"
    )
    st.caption("Not measured: the mean of the expressions' own places, weighted by their probabilities.")
