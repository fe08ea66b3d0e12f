"""The charts of a clip, as Plotly figures: what a person shows over time, and their way through valence and arousal.

The coloured words above a chart are its legend (`legend`). A click on a chart over time gives the moment: its lines carry unseen
markers, as Plotly selects nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fer.clips import Moment, Person, Timeline
from fer.clips.affect import COORDINATES
from fer.clips.moments import PEAK
from fer.labels import LabelSet
from ui.charts import NO_MARGIN, value_axis
from ui.theme import coloured, palette

_HEIGHT = 380
_AFFECT_SIDE = 360
# These two would cover each other.
_ANCHORS = {"fear": "right", "angry": "left"}
_MOST_POINTS = 2000  # more of them than a screen is wide


def legend(label_set: LabelSet) -> str:
    """The classes with their colours, as Markdown; the words themselves in the page's ink, as yellow ones could not be read."""
    return " ".join(f"{coloured('■', label_set.colour(label))}\u00a0{label_set.emoji(label)}\u00a0{label}" for label in label_set)


def areas_over_time(
    timeline: Timeline, person: Person, values: NDArray[np.float64], *, cursor_s: float, moments: Sequence[Moment]
) -> go.Figure:
    """Probabilities as stacked areas; where the person is not seen there is a gap.

    Args:
        timeline: gives the stretches in which the person is seen.
        person: one of it.
        values: (N, K), probabilities.
        cursor_s: the moment that is looked at.
        moments: those of the person, marked above.
    """
    figure = go.Figure()
    for number, part in enumerate(timeline.stretches(person)):
        times, rows = _thinned(person.times_s[part], values[part])
        for label_id, label in enumerate(timeline.label_set):
            figure.add_scatter(
                x=times,
                y=rows[:, label_id],
                stackgroup=f"stretch {number}",
                name=label,
                mode="lines+markers",
                line={"width": 0.5, "color": timeline.label_set.colour(label)},
                marker={"size": 12, "opacity": 0},
                fillcolor=timeline.label_set.colour(label),
                hovertemplate="%{y:.0%}<extra>" + label + "</extra>",
            )
    _mark_moments(figure, moments, 1.05)
    _finish(figure, timeline, cursor_s)
    figure.update_yaxes(range=[0, 1.1], tickvals=[0, 0.5, 1], tickformat=".0%", **value_axis(palette()))
    return figure


def differences_over_time(
    timeline: Timeline, person: Person, values: NDArray[np.float64], *, cursor_s: float, moments: Sequence[Moment]
) -> go.Figure:
    """Probabilities above and below a baseline, a line a class; arguments as of `areas_over_time`."""
    figure = go.Figure()
    for part in timeline.stretches(person):
        times, rows = _thinned(person.times_s[part], values[part])
        for label_id, label in enumerate(timeline.label_set):
            figure.add_scatter(
                x=times,
                y=rows[:, label_id],
                name=label,
                mode="lines+markers",
                line={"width": 2, "color": timeline.label_set.colour(label)},
                marker={"size": 12, "opacity": 0},
                hovertemplate="%{y:+.0%}<extra>" + label + "</extra>",
            )
    furthest = float(np.abs(values).max()) * 1.15 or 1.0
    _mark_moments(figure, moments, furthest * 0.97)
    _finish(figure, timeline, cursor_s)
    figure.add_hline(y=0, line={"color": palette().muted, "width": 1})
    figure.update_yaxes(range=[-furthest, furthest], tickformat="+.0%", **value_axis(palette()))
    return figure


def affect_path(timeline: Timeline, affect: NDArray[np.float64], times_s: NDArray[np.float64], *, at: int | None) -> go.Figure:
    """The way through valence and arousal, the later the stronger; the expressions' own places as landmarks.

    Args:
        timeline: says which classes there are.
        affect: (N, 2), valence and arousal, derived.
        times_s: (N,), in seconds.
        at: which of the N is looked at; None for none of them.
    """
    colours = palette()
    figure = go.Figure()
    times, path = _thinned(times_s, affect)
    figure.add_scatter(
        x=path[:, 0],
        y=path[:, 1],
        mode="lines+markers",
        line={"color": colours.grid, "width": 1.5},
        marker={"size": 5, "color": times, "colorscale": [[0, colours.low], [1, colours.high]]},
        customdata=times,
        hovertemplate="%{customdata:.1f} s: valence %{x:.2f}, arousal %{y:.2f}<extra></extra>",
    )
    if at is not None:
        marker = {"size": 13, "color": "rgba(0,0,0,0)", "line": {"color": colours.text, "width": 2}}
        figure.add_scatter(x=affect[at : at + 1, 0], y=affect[at : at + 1, 1], mode="markers", marker=marker, hoverinfo="skip")
    labels = timeline.label_set
    for label in labels:
        valence, arousal = COORDINATES[label]
        words = f"{labels.emoji(label)} {label}"
        font = {"color": colours.muted, "size": 12}
        anchor = _ANCHORS.get(label, "center")
        figure.add_annotation(x=valence, y=arousal, text=words, showarrow=False, xanchor=anchor, font=font)
    figure.update_layout(height=_AFFECT_SIDE, margin={**NO_MARGIN, "b": 36, "l": 36}, showlegend=False)
    axis = {**value_axis(colours), "range": [-1, 1], "zeroline": True, "zerolinecolor": colours.muted, "zerolinewidth": 1}
    figure.update_xaxes(title="valence (derived)", **axis)
    figure.update_yaxes(title="arousal (derived)", **axis)
    return figure


def _mark_moments(figure: go.Figure, moments: Sequence[Moment], height: float) -> None:
    """Peaks as triangles, changes as lines, on top; a click on one leads there, too."""
    figure.add_scatter(
        x=[moment.time_s for moment in moments],
        y=[height] * len(moments),
        mode="markers",
        marker={
            "symbol": ["triangle-down" if moment.kind == PEAK else "line-ns-open" for moment in moments],
            "size": 9,
            "color": palette().muted,
        },
        cliponaxis=False,
        text=[moment_words(moment) for moment in moments],
        hovertemplate="%{text}<extra></extra>",
    )


def moment_words(moment: Moment) -> str:
    """`most happy`, or `neutral → happy`."""
    return f"most {moment.label}" if moment.kind == PEAK else f"{moment.before} → {moment.label}"


def _thinned(times_s: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    step = -(-len(times_s) // _MOST_POINTS)
    return times_s[::step], values[::step]


def _finish(figure: go.Figure, timeline: Timeline, cursor_s: float) -> None:
    colours = palette()
    figure.add_vline(x=cursor_s, line={"color": colours.text, "width": 1.5})
    figure.update_layout(
        height=_HEIGHT, margin={**NO_MARGIN, "b": 36}, showlegend=False, hovermode="x unified", clickmode="event+select"
    )
    axis = {**value_axis(colours), "nticks": 8, "showgrid": False}
    figure.update_xaxes(title="time (s)", range=[0, timeline.duration_s], unifiedhovertitle={"text": "%{x:.2f} s"}, **axis)
