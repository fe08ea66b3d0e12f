"""The challenge: each expression is asked for in turn; at the end, how sure the model became of each."""

from __future__ import annotations

import streamlit as st

from fer.inference.challenge import READY_S, SHOW_S, Challenge, Turn
from fer.inference.history import Moment
from fer.labels import LabelSet
from ui import bars
from ui.bars import Bar
from ui.webcam.charts import radar_options
from ui.webcam.session import Session
from ui.words import counted, duration, percent


def challenge_view(session: Session) -> None:
    """Draw how it stands now; the caller polls."""
    game = session.game
    if game is None:
        labels = session.label_set
        seconds = len(labels) * (READY_S + SHOW_S)
        st.markdown(
            f"Show {counted(len(labels), 'expression')}, one after the other, and see how sure the model becomes of each: "
            f"{duration(seconds)}. It shows how little a model sees of a face that does not act for it."
        )
        _button(session, "Begin")
        return
    moments = session.live.history()
    turn = game.turn(session.live.now_s)
    if turn is None:
        _result(session, game.results(moments), game.label_set)
    else:
        _turn(turn, game, moments)


def _button(session: Session, label: str) -> None:
    st.button(
        label, icon=":material/play_arrow:", key="webcam_game", on_click=_begin, args=(session,), disabled=session.since is None
    )


def _begin(session: Session) -> None:
    session.game = Challenge(session.label_set, session.live.now_s)


def _turn(turn: Turn, game: Challenge, moments: tuple[Moment, ...]) -> None:
    labels = game.label_set
    words = "Now!" if turn.is_ready else "Get ready"
    st.markdown(f"### {labels.emoji(turn.label)} Show: {turn.label}")
    st.progress(turn.left_s / (SHOW_S if turn.is_ready else READY_S), f"{words} · {turn.position + 1} of {len(labels)}")
    best = game.results(moments)[turn.label]
    st.html(bars.bars_html([Bar("", "how sure", labels.colour(turn.label), best, percent(best, 0), strong=True)]))


def _result(session: Session, results: dict[str, float], label_set: LabelSet) -> None:
    best, worst = max(results, key=results.__getitem__), min(results, key=results.__getitem__)
    mean = sum(results.values()) / len(results)
    st.markdown(
        f"**{percent(mean, 0)} on average.** Surest of {label_set.emoji(best)} {best} ({percent(results[best], 0)}), least of "
        f"{label_set.emoji(worst)} {worst} ({percent(results[worst], 0)})."
    )
    told = ", ".join(f"{label} {percent(share, 0)}" for label, share in results.items())
    st.echarts_chart(radar_options(results, label_set), height=340, key="webcam_radar", alt=f"How sure the model became: {told}")
    st.caption("The highest probability of what was asked for. A low one may be the model's fault.")
    _button(session, "Play again")
