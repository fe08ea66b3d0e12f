"""The charts that pages share, as Plotly figures; those of a training are in `charts.py`. Every function takes plain numbers
and returns the chart; the page draws it.

A chart has no legend: series are named where they are, or in the coloured words of the heading above (`split_word`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

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


def confusion_heatmap(confusion: NDArray[np.integer], label_set: LabelSet, *, shares: bool) -> go.Figure:
    """Confusion matrix, true classes down and answers across; every cell says its number.

    Args:
        confusion: counts (K, K), rows are true.
        label_set: the K classes.
        shares: show the share of the true class's images instead of counts. The shade is the share either way, so that a rare
            class is not pale throughout.
    """
    colours = palette()
    rows = confusion.sum(axis=1, keepdims=True)
    share = confusion / np.maximum(rows, 1)
    names = [named(label, label_set) for label in label_set]
    lines = zip(confusion, share, strict=True)
    text = [[cell_words(int(n), float(s), shares) for n, s in zip(*line, strict=True)] for line in lines]
    figure = go.Figure(
        go.Heatmap(
            z=share,
            x=list(label_set),  # the rows beside it have the emoji too; here there is room for the name alone
            y=names,
            zmin=0,
            zmax=1,
            colorscale=[[0, colours.low], [1, colours.high]],
            showscale=False,
            xgap=2,
            ygap=2,
            customdata=np.dstack([confusion, share]),
            hovertemplate="true %{y}, answered %{x}<br>%{customdata[0]:,} images, %{customdata[1]:.1%} of the class"
            + "<extra></extra>",
        )
    )
    for i, line in enumerate(text):
        for j, words in enumerate(line):
            colour = ink(float(share[i, j]), colours)
            figure.add_annotation(x=j, y=i, text=words, showarrow=False, font={"color": colour, "size": 14 if i == j else 13})
    figure.update_layout(height=60 + 52 * len(names), margin={**NO_MARGIN, "t": 8}, plot_bgcolor="rgba(0,0,0,0)")
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True}
    figure.update_xaxes(title="answered", side="bottom", tickfont={"color": colours.text, "size": 11}, **axis)
    figure.update_yaxes(title="true", autorange="reversed", tickfont={"color": colours.text}, **axis)
    return figure


def cell_words(n: int, share: float, shares: bool) -> str:
    """What a cell of a matrix says: its share in percent, or its count; a dot for none."""
    if n == 0:
        return "·"
    return percent(share, 0).removesuffix(" %") if shares else count(n)


def ink(share: float, colours: Palette) -> str:
    """Black or white, whichever reads better (4.5:1 at least) on a shade of the scale from `low` to `high`."""
    shade = [(1 - share) * low + share * high for low, high in zip(_rgb(colours.low), _rgb(colours.high), strict=True)]
    return max(("#000000", "#FFFFFF"), key=lambda ink: _contrast(_rgb(ink), shade))


def _rgb(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """Contrast ratio 1…21 of two colours, channels 0…1 (WCAG 2.1, relative luminance)."""
    luminances = sorted(
        sum(
            w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
            for w, c in zip((0.2126, 0.7152, 0.0722), rgb, strict=True)
        )
        for rgb in (one, other)
    )
    return (luminances[1] + 0.05) / (luminances[0] + 0.05)


def named(label: str, label_set: LabelSet) -> str:
    """A class as axes name it: `happy 😄`."""
    return f"{label} {label_set.emoji(label)}"


def value_axis(colours: Palette) -> dict[str, Any]:
    """An axis of figures: few thin lines, quiet numbers."""
    return {
        "showgrid": True,
        "gridcolor": colours.grid,
        "zeroline": False,
        "fixedrange": True,
        "nticks": 5,
        "tickfont": {"color": colours.muted},
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
