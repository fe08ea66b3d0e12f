"""Charts of what a dataset holds, for the views of Explore: light by class, shares of two datasets, what balancing would give.

As in `charts.py`, every function takes plain numbers and returns the chart, and no chart has a legend.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fer.labels import LabelSet
from fer.quality.balance import BalancedClass
from ui.charts import NO_MARGIN, name_axis, named, value_axis
from ui.theme import palette
from ui.words import count, percent

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def class_ranges(
    values: NDArray[np.floating], label_ids: NDArray[np.integer], label_set: LabelSet, *, unit: str, digits: int = 0
) -> go.Figure:
    """How a measure is spread in each class: a line for 5–95 % of its images, a bar for the middle half, a dot for the median.

    Args:
        values: (N,).
        label_ids: (N,), indices into `label_set`.
        label_set: the classes, the first on top.
        unit: what the axis says.
        digits: of the figures that are shown at a class.
    """
    colours = palette()
    figure = go.Figure()
    names = [named(label, label_set) for label in label_set]
    ends: list[float] = []
    for label_id, label in enumerate(label_set):
        own = values[label_ids == label_id]
        if not len(own):
            continue
        low, first, middle, third, high = np.quantile(own, _QUANTILES).tolist()
        colour, name = label_set.colour(label), names[label_id]
        ends += [low, high]
        words = (
            f"{name}: median {middle:.{digits}f}<br>half of them {first:.{digits}f} to {third:.{digits}f}, "
            f"90 % {low:.{digits}f} to {high:.{digits}f}<extra></extra>"
        )
        for x, width in (((low, high), 2), ((first, third), 11)):
            figure.add_scatter(
                x=x, y=[name, name], mode="lines", line={"color": colour, "width": width}, hovertemplate=words, showlegend=False
            )
        dot = {"color": colours.ground, "size": 9, "line": {"color": colours.text, "width": 1.5}}
        figure.add_scatter(x=[middle], y=[name], mode="markers", marker=dot, hovertemplate=words, showlegend=False)
    figure.update_layout(height=54 + 30 * len(names), margin={**NO_MARGIN, "t": 4, "b": 40}, hovermode="closest")
    room = 0.04 * (max(ends) - min(ends)) if ends else 0  # lines would end at the very edge
    bounds = {"range": [min(ends) - room, max(ends) + room]} if room else {}
    figure.update_xaxes(title=unit, **value_axis(colours), **bounds)
    figure.update_yaxes(**name_axis(colours) | {"categoryorder": "array", "categoryarray": names[::-1]})
    return figure


def share_bars(
    shares: Sequence[tuple[str, float | None, float | None]], label_set: LabelSet, names: tuple[str, str], inks: tuple[str, str]
) -> go.Figure:
    """Shares of the classes in two datasets, a pair of bars a class.

    Args:
        shares: class, its share of the first and of the second, 0…1; None where a dataset has no such class.
        label_set: the classes.
        names: of the two datasets.
        inks: colours of the two.
    """
    colours = palette()
    figure = go.Figure()
    # Plotly stacks the traces of a group from below, so the first dataset comes last, and the first class, too.
    rows = list(reversed(shares))
    for side in (1, 0):
        values = [row[1] if side == 0 else row[2] for row in rows]
        figure.add_bar(
            y=[named(row[0], label_set) for row in rows],
            x=[value or 0 for value in values],
            text=["no such class" if value is None else percent(value) for value in values],
            name=names[side],
            orientation="h",
            marker={"color": inks[side], "cornerradius": 2},
            textposition="outside",
            textfont={"color": colours.muted},
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra>" + names[side].replace("<", "&lt;") + "</extra>",
        )
    longest = max((value or 0 for _, *pair in rows for value in pair), default=1) or 1
    figure.update_layout(
        barmode="group",
        bargap=0.28,
        bargroupgap=0.06,
        height=12 + 46 * len(rows),
        margin=NO_MARGIN,
        showlegend=False,
        uniformtext={"minsize": 11, "mode": "show"},
    )
    figure.update_xaxes(visible=False, range=[0, longest * 1.25], fixedrange=True)
    figure.update_yaxes(**name_axis(colours))
    return figure


def balance_bars(rows: Sequence[BalancedClass], label_set: LabelSet) -> go.Figure:
    """What each class weighs in an epoch under one method, in its colour, and below in grey what it weighs now.

    Args:
        rows: of one method, a class each.
        label_set: the classes.
    """
    colours = palette()
    rows = list(reversed(rows))
    names = [named(row.label, label_set) for row in rows]
    texts = {"textposition": "outside", "cliponaxis": False, "orientation": "h"}
    figure = go.Figure()
    # Plotly stacks the traces of a group from below.
    figure.add_bar(
        y=names,
        x=[row.before for row in rows],
        text=[f"{count(row.before)} now" for row in rows],
        textfont={"color": colours.muted, "size": 12},
        marker={"color": colours.muted, "opacity": 0.4, "cornerradius": 2},
        hovertemplate="%{y}: %{x:,} images now<extra></extra>",
        **texts,
    )
    figure.add_bar(
        y=names,
        x=[row.share for row in rows],
        text=[_balanced_words(row) for row in rows],
        textfont={"color": colours.text, "size": 13},
        marker={"color": [label_set.colour(row.label) for row in rows], "cornerradius": 2},
        customdata=[[row.after, row.weight] for row in rows],
        hovertemplate="%{y}: %{customdata[0]:,} images an epoch, each counts %{customdata[1]:.2f}<extra></extra>",
        **texts,
    )
    longest = max((max(row.share, row.before) for row in rows), default=1) or 1
    figure.update_layout(
        height=12 + 50 * len(rows), margin=NO_MARGIN, barmode="group", bargap=0.3, bargroupgap=0.06, showlegend=False
    )
    figure.update_xaxes(visible=False, range=[0, longest * 1.4], fixedrange=True)
    figure.update_yaxes(**name_axis(colours))
    return figure


def _balanced_words(row: BalancedClass) -> str:
    if not row.before:
        return "none"
    if row.weight != 1:
        return f"each counts {row.weight:.2f}"
    if row.after < row.before:
        return f"{count(row.after)}, {percent(row.repeats, 0)} of them"
    how = f"each seen {row.repeats:.1f} times" if row.repeats >= 1.05 else "almost as now" if row.repeats > 1 else "as now"
    return f"{count(row.after)}, {how}"
