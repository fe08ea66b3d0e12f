"""The look that several pages share: the head of a page, and colours that depend on the theme. The emotions' own stand in
`fer/labels.py`, those of the frame (background, text, accent) in `.streamlit/config.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import streamlit as st

SPLIT_TITLES: Mapping[str, str] = MappingProxyType({"train": "Train", "val": "Validation", "test": "Test", "": "No split"})


@dataclass(frozen=True)
class Palette:
    """Colours that a chart needs to stand on the page's ground."""

    text: str
    muted: str
    grid: str
    ground: str
    low: str  # ends of the scale of one hue, for shares
    high: str
    splits: Mapping[str, str]  # the same on every chart; read as text too, so at least 4.5:1 on the ground


_LIGHT = Palette(
    text="#10131A",
    muted="#5B6472",
    grid="#E8EAF0",
    ground="#FFFFFF",
    low="#F4F5F8",
    high="#4038B8",
    splits=MappingProxyType({"train": "#66707F", "val": "#4F46D1", "test": "#0B7A88", "": "#66707F"}),
)
_DARK = Palette(
    text="#E7E9EE",
    muted="#A3ABBA",
    grid="#2A303B",
    ground="#12151B",
    low="#1C212A",
    high="#A7A1FF",
    splits=MappingProxyType({"train": "#8D96A6", "val": "#8E87FF", "test": "#35AEBD", "": "#8D96A6"}),
)


def palette() -> Palette:
    """The palette of the theme that the browser shows."""
    return _DARK if st.context.theme.type == "dark" else _LIGHT


def coloured(text: str, colour: str) -> str:
    """Markdown of a text in a colour, for headings that take the place of a legend."""
    return f':color[{text}]{{foreground="{colour}"}}'


def page_header(title: str, purpose: str) -> None:
    """The one line a page opens with: its name and what it is for."""
    st.title(title, anchor=False)
    st.caption(purpose)


def plain_metric(name: str, value: str, words: str, explained: str | None = None) -> None:
    """A bordered figure with words below it that say what it must be read with, rather than a change."""
    st.metric(name, value, words, delta_color="off", delta_arrow="off", border=True, help=explained)
