"""A bar for each of a few things, with name and figure, as plain HTML: drawn at once, steady when it changes, read aloud."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

_GRID = "display:grid;grid-template-columns:max-content 1fr 3.2em;gap:.3em .7em;align-items:center;font-size:.85rem"
_TRACK = "height:.6em;border-radius:.3em;background:color-mix(in srgb,currentColor 10%,transparent);overflow:hidden"
# The hairline keeps yellow visible on white.
_BAR = "display:block;height:100%;border-radius:.3em;box-shadow:inset 0 0 0 1px rgb(0 0 0 / .16)"


@dataclass(frozen=True)
class Bar:
    """One of them.

    Args:
        emoji: before the name; may be empty.
        name: what it is.
        colour: of the bar, hex.
        share: its length, 0…1.
        figure: at its end.
        strong: whether it is the one that matters.
    """

    emoji: str
    name: str
    colour: str
    share: float
    figure: str
    strong: bool = False


def bars_html(bars: Iterable[Bar]) -> str:
    """The bars, one below the other, as HTML."""
    rows = []
    for bar in bars:
        weight = "font-weight:600" if bar.strong else ""
        rows.append(
            f'<span style="white-space:nowrap;{weight}"><span aria-hidden="true">{bar.emoji}</span> {escape(bar.name)}</span>'
            f'<span style="{_TRACK}"><span style="{_BAR};width:{100 * bar.share:.1f}%;background:{bar.colour}"></span></span>'
            f'<span style="text-align:right;{weight}">{bar.figure}</span>'
        )
    return f'<div style="{_GRID};margin-top:.4em">{"".join(rows)}</div>'
