"""The runs that wait for their turn: what can be done with one of them, and all of them in a popover."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from fer.training import Run, enqueue
from fer.training.queue import take_out
from ui.words import errors_in_words, plain

# By key: what stands on the button, its icon, and what it does.
_ACTIONS: dict[str, tuple[str, str, Callable[[Run], object]]] = {
    "now": ("Start now", ":material/play_arrow:", lambda run: run.resume()),
    "front": ("To the front", ":material/vertical_align_top:", lambda run: enqueue(run, first=True)),
    "out": ("Take out", ":material/close:", take_out),
}


def queue_popover(waiting: Sequence[Run]) -> None:
    """How many runs wait, and behind a click which, the next one first."""
    with st.popover(f"Queue ({len(waiting)})", icon=":material/schedule:", key="queue", width="content"):
        st.caption("They start by themselves, one when the other has ended, also when this page is closed.")
        for number, run in enumerate(waiting, 1):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                st.markdown(f"{number}\\. {plain(run.notes.title or run.id)}", width="stretch")
                queue_buttons(run, number, small=True)


def queue_buttons(run: Run, number: int, *, small: bool = False) -> None:
    """Start it although another is going, move it to the front, or take it out.

    Args:
        run: one that waits.
        number: 1 for the next one.
        small: icons alone.
    """
    for key, (words, icon, act) in _ACTIONS.items():
        if key == "front" and number == 1 and not small:
            continue
        st.button(
            "" if small else words,
            icon=icon,
            help=words if small else None,
            type="tertiary" if small else "secondary",
            disabled=key == "front" and number == 1,
            key=f"queue_{key}_{run.id}_{'list' if small else 'run'}",
            on_click=_act,
            args=(act, run),
        )


def _act(act: Callable[[Run], object], run: Run) -> None:
    with errors_in_words():
        act(run)
