"""The charts that pages share, as Plotly figures; those of a training are in `charts.py`. Every function takes plain numbers
and returns the chart; the page draws it.

A chart has no legend: series are named where they are, or in the coloured words of the heading above (`split_word`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from fer.evaluation.scores import ClassRow
from fer.labels import LabelSet
from ui.theme import SPLIT_TITLES, Palette, coloured, palette
from ui.words import count, percent

# Plotly's own buttons hide what they stand on; zooming a bar chart of seven bars helps nobody.
PLOTLY_CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}
_BAR_HEIGHT = 17
NO_MARGIN = {"l": 0, "r": 0, "t": 0, "b": 0}


def split_word(split: str) -> str:
    """The name of a split in its colour, as Markdown: the words above a chart are its legend."""
    return coloured(f"**{SPLIT_TITLES[split].lower()}**", palette().splits[split])


def class_count_bars(counts: Mapping[str, Mapping[str, int]], label_set: LabelSet, *, shares: bool = False) -> go.Figure:
    """Images a class, a group of bars for each and a bar a split in it, the largest class on top.

    Args:
        counts: images by split and label, as `Dataset.counts`.
        label_set: the classes.
        shares: show shares of the split instead, so that splits of different sizes compare.
    """
    colours = palette()
    of_split = {split: max(sum(by_label.values()), 1) if shares else 1 for split, by_label in counts.items()}
    lengths = {split: {label: n / of_split[split] for label, n in by_label.items()} for split, by_label in counts.items()}
    totals = {label: sum(by_label[label] for by_label in counts.values()) for label in label_set}
    labels = sorted(label_set, key=lambda label: (totals[label], -label_set.label_id(label)))
    figure = go.Figure()
    # Plotly stacks the traces of a group from below, so the first split comes last.
    for split in reversed(list(counts)):
        figure.add_bar(
            y=[named(label, label_set) for label in labels],
            x=[lengths[split][label] for label in labels],
            text=[percent(lengths[split][label]) if shares else count(counts[split][label]) for label in labels],
            customdata=[[counts[split][label]] for label in labels],
            name=SPLIT_TITLES[split],
            orientation="h",
            marker={"color": colours.splits[split], "cornerradius": 2},
            textposition="outside",
            textfont={"color": colours.muted},
            cliponaxis=False,
            hovertemplate="%{y}: %{customdata[0]:,} images<extra>" + SPLIT_TITLES[split] + "</extra>",
        )
    longest = max((length for by_label in lengths.values() for length in by_label.values()), default=1)
    figure.update_layout(
        barmode="group",
        bargap=0.28,
        bargroupgap=0.06,
        height=12 + len(labels) * (len(counts) * _BAR_HEIGHT + 12),
        margin=NO_MARGIN,
        showlegend=False,
        uniformtext={"minsize": 11, "mode": "show"},
    )
    # Every bar says its number, so the axis need not; the range leaves room for it beside the longest bar.
    figure.update_xaxes(visible=False, range=[0, longest * 1.12], fixedrange=True)
    figure.update_yaxes(**name_axis(colours))
    return figure


def recall_bars(per_class: Sequence[ClassRow], label_set: LabelSet) -> go.Figure:
    """Recall a class in the colours of the emotions, with 95 % intervals, the best on top."""
    colours = palette()
    rows = sorted((row for row in per_class if row["support"]), key=lambda row: row["recall"])
    recall = [row["recall"] for row in rows]
    figure = go.Figure(
        go.Bar(
            y=[named(row["label"], label_set) for row in rows],
            x=recall,
            orientation="h",
            marker={"color": [label_set.colour(row["label"]) for row in rows], "cornerradius": 2},
            error_x={
                "array": [row["recall_ci95"][1] - row["recall"] for row in rows],
                "arrayminus": [row["recall"] - row["recall_ci95"][0] for row in rows],
                "color": colours.text,
                "thickness": 1,
                "width": 3,
            },
            customdata=[[row["support"]] for row in rows],
            hovertemplate="%{y}: %{x:.1%} of %{customdata[0]:,} images<extra></extra>",
        )
    )
    # The figure stands beyond the interval, where the whisker does not cross it.
    for row in rows:
        figure.add_annotation(
            y=named(row["label"], label_set),
            x=max(row["recall_ci95"][1], row["recall"]),
            text=percent(row["recall"], 0),
            showarrow=False,
            xanchor="left",
            xshift=5,
            font={"color": colours.text, "size": 13},
        )
    figure.update_layout(height=44 + 30 * len(rows), margin={**NO_MARGIN, "b": 34}, bargap=0.35, showlegend=False)
    figure.update_xaxes(
        title="recall", range=[0, 1.12], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%", **value_axis(colours)
    )
    figure.update_yaxes(**name_axis(colours))
    return figure


def named(label: str, label_set: LabelSet) -> str:
    """A class as axes name it: `happy 😄`."""
    return f"{label} {label_set.emoji(label)}"


# Plotly's formats know `25%` only.
_PERCENT = {f"{sign}{n}%": f"{sign}{n} %" for n in range(101) for sign in ("", "+", "−")}


def value_axis(colours: Palette) -> dict[str, Any]:
    """An axis of figures: few thin lines, quiet numbers."""
    return {
        "showgrid": True,
        "gridcolor": colours.grid,
        "zeroline": False,
        "fixedrange": True,
        "nticks": 5,
        "tickfont": {"color": colours.muted},
        "labelalias": _PERCENT,
    }


def name_axis(colours: Palette) -> dict[str, Any]:
    """An axis of classes."""
    return {
        "showgrid": False,
        "fixedrange": True,
        "ticksuffix": "  ",
        "tickfont": {"color": colours.text, "size": 14},
        "automargin": True,
    }
