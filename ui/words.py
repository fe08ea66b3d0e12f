"""Numbers and failures in words: the one place where the pages turn a value into text and a `FerError` into a message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from fer.errors import FerError
from fer.words import percent as percent


def count(n: int) -> str:
    """`32,298`."""
    return f"{n:,}"


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """`1 image`, `32,298 images`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def plus_minus(interval: tuple[float, float]) -> str:
    """Half the width of an interval of shares, in points: `± 1.5`."""
    low, high = interval
    return f"± {50 * (high - low):.1f}"


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 05 min`."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def plain(text: str) -> str:
    """A text that Markdown shows as it stands: paths, names and messages may hold signs that it would read."""
    for sign in "\\`*_[]$<>:#~":
        text = text.replace(sign, "\\" + sign)
    return text


def show_error(error: FerError) -> None:
    """An expected failure, in words, where it happened."""
    st.error(plain(str(error)), icon=":material/error:")


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Show a `FerError` raised inside as a message instead of a traceback, and go on after the block."""
    try:
        yield
    except FerError as error:
        show_error(error)
