"""Numbers and failures in words: the one place where the pages turn a value into text and a `FerError` into a message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from fer.errors import FerError


def count(n: int) -> str:
    """`32,298`."""
    return f"{n:,}"


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """`1 image`, `32,298 images`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def percent(share: float, digits: int = 1) -> str:
    """A share in [0, 1] as `67.5 %`."""
    return f"{100 * share:.{digits}f} %"


def plus_minus(interval: tuple[float, float]) -> str:
    """Half the width of an interval of shares, in points: `± 1.5`."""
    low, high = interval
    return f"± {50 * (high - low):.1f}"


def spaced(text: str) -> str:
    """A text of the library, which writes `69.7%`, as pages write it: `69.7 %`."""
    return re.sub(r"(?<=\d)%", " %", text)


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
