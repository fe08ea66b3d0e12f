"""Charts of a training: ECharts options, which update in place without a flicker while it is going."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.labels import LabelSet
from ui.theme import SPLIT_TITLES, palette

# Of runs that are laid over each other: the palette of Okabe and Ito, of which the emotions' colours are, too.
RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
# Series and legend entry of what the original of a recipe reported, in training and in validation.
_REPORTED = "reported"


def curve_options(
    name: str,
    train: Sequence[tuple[float, float]],
    val: Sequence[tuple[float, float]],
    *,
    epochs: int,
    shares: bool,
    reported: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> dict[str, Any]:
    """ECharts option of one measure over the epochs, train beside validation.

    Args:
        name: of the measure, e.g. `loss`.
        train: points (epoch, value); fractional epochs are the batches in between.
        val: points (epoch, value), one a finished epoch.
        epochs: right end of the axis.
        shares: the values are shares 0…1, shown as percent.
        reported: what the original reported of `train` and `val`, dashed behind ours.
    """
    colours = palette()
    scale = 100.0 if shares else 1.0
    reported = reported or {}

    def data(points: Sequence[tuple[float, float]]) -> list[list[float]]:
        return [[round(x, 3), round(y * scale, 4)] for x, y in points]

    def line(split: str, points: Sequence[tuple[float, float]], width: float) -> dict[str, Any]:
        return {
            "name": SPLIT_TITLES[split].lower(),
            "type": "line",
            "data": data(points),
            "color": colours.splits[split],
            "lineStyle": {"width": width},
            "symbol": "circle",
            "symbolSize": 5,
            "showSymbol": len(points) <= 40,
        }

    theirs = [
        {
            "name": _REPORTED,
            "type": "line",
            "data": data(points),
            "color": colours.splits[split],
            "lineStyle": {"width": 1.5, "type": "dashed", "opacity": 0.6},
            "symbol": "none",
            "z": 1,  # behind ours, which ECharts draws at 2
        }
        for split, points in reported.items()
    ]
    legend = {
        "data": [_REPORTED],
        "right": 12,
        "top": 0,
        "itemWidth": 22,
        "selectedMode": False,
        "itemStyle": {"opacity": 0},
        "lineStyle": {"color": colours.muted},
        "textStyle": {"color": colours.muted},
    }
    return {
        "animation": False,
        "grid": {"left": 2, "right": 12, "top": 24 if theirs else 12, "bottom": 20},
        **({"legend": legend} if theirs else {}),
        "tooltip": {"trigger": "axis", "valueFormatter": "%.1f %%" if shares else "%.3f"},
        "xAxis": _epoch_axis(max([epochs, *(len(points) for points in reported.values())])),
        "yAxis": _value_axis(shares=shares),
        "series": [line("train", train, 2), line("val", val, 2.5), *theirs],
        "aria": {"enabled": True, "label": {"description": f"{name} by epoch, train and validation"}},
    }


def compared_options(name: str, curves: Mapping[str, Sequence[tuple[float, float]]], *, shares: bool) -> dict[str, Any]:
    """One measure of several runs over the epochs.

    Args:
        name: of the measure.
        curves: by run, points (epoch, value).
        shares: the values are shares 0…1, shown as percent.
    """
    palette()
    scale = 100.0 if shares else 1.0
    return {
        "animation": False,
        "grid": {"left": 2, "right": 12, "top": 12, "bottom": 20},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.1f %%" if shares else "%.3f"},
        "xAxis": _epoch_axis(),
        "yAxis": _value_axis(shares=shares),
        "series": [
            {
                "name": run,
                "type": "line",
                "data": [[x, round(y * scale, 4)] for x, y in points],
                "color": colour,
                "lineStyle": {"width": 2},
                "symbol": "circle",
                "symbolSize": 4,
                "showSymbol": len(points) <= 40,
            }
            for (run, points), colour in zip(curves.items(), RUN_COLOURS, strict=False)
        ],
        "aria": {"enabled": True, "label": {"description": f"{name} by epoch of {len(curves)} runs"}},
    }


def recall_options(confusions: Mapping[int, NDArray[np.integer]], label_set: LabelSet, *, epochs: int) -> dict[str, Any]:
    """Recall of each class in validation over the epochs, in the emotions' colours, each line named at its end.

    Args:
        confusions: by epoch, (K, K), rows are true.
        label_set: the K classes.
        epochs: right end of the axis.
    """
    colours = palette()
    series = []
    for label_id, label in enumerate(label_set):
        points = [
            [epoch, round(100 * float(counts[label_id, label_id]) / float(counts[label_id].sum()), 1)]
            for epoch, counts in confusions.items()
            if counts[label_id].sum()
        ]
        series.append(
            {
                "name": label,
                "type": "line",
                "data": points,
                "color": label_set.colour(label),
                "lineStyle": {"width": 2},
                "symbol": "circle",
                "symbolSize": 5,
                "showSymbol": len(points) <= 40,
                "endLabel": {"show": bool(points), "formatter": f"{label_set.emoji(label)} {label}", "color": colours.text},
                "labelLayout": {"moveOverlap": "shiftY"},
            }
        )
    return {
        "animation": False,
        "grid": {"left": 2, "right": 96, "top": 12, "bottom": 20},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.1f %%", "order": "valueDesc"},
        "xAxis": _epoch_axis(epochs),
        "yAxis": {**_value_axis(shares=True), "scale": False, "min": 0, "max": 100, "interval": 25},
        "series": series,
        "aria": {"enabled": True, "label": {"description": "Recall of each class in validation by epoch"}},
    }


def confusion_options(confusion: NDArray[np.integer], label_set: LabelSet) -> dict[str, Any]:
    """A confusion matrix, true classes down, answers across; shade and number are the share of the true class, in percent."""
    colours = palette()
    shares = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axis_text = {"color": colours.text}
    bare = {"axisTick": {"show": False}, "axisLine": {"show": False}, "splitLine": {"show": False}}
    return {
        "animation": False,
        "grid": {"left": 4, "right": 8, "top": 8, "bottom": 24, "containLabel": True},
        "tooltip": {},
        "xAxis": {
            "type": "category",
            "data": list(label_set),
            "name": "answered",
            "nameLocation": "middle",
            "nameGap": 62,
            "nameTextStyle": {"color": colours.muted},
            "axisLabel": {**axis_text, "interval": 0, "rotate": 40},
            **bare,
        },
        "yAxis": {
            "type": "category",
            "data": [f"{label_set.emoji(label)} {label}" for label in label_set],
            "inverse": True,
            "axisLabel": axis_text,
            **bare,
        },
        "visualMap": {"show": False, "min": 0, "max": 100, "inRange": {"color": [colours.low, colours.high]}},
        "series": [
            {
                "name": "% of the true class",
                "type": "heatmap",
                "data": [
                    [column, row, round(float(shares[row, column]))]
                    for row in range(len(label_set))
                    for column in range(len(label_set))
                ],
                "label": {"show": True},
                "itemStyle": {"borderWidth": 2, "borderColor": colours.ground},
            }
        ],
        "aria": {"enabled": True, "label": {"description": "Confusion matrix of the validation part, rows are true"}},
    }


def _epoch_axis(epochs: int | None = None) -> dict[str, Any]:
    """The axis of epochs, to the last one where that is known."""
    colours = palette()
    axis_text = {"color": colours.muted}
    return {
        "type": "value",
        "name": "epoch",
        "nameLocation": "middle",
        "nameGap": 24,
        "nameTextStyle": axis_text,
        "min": 0,
        **({} if epochs is None else {"max": epochs}),
        "minInterval": 1,
        "axisLabel": axis_text,
        "splitLine": {"show": False},
        "axisLine": {"lineStyle": {"color": colours.grid}},
    }


def _value_axis(*, shares: bool) -> dict[str, Any]:
    """The axis of a measure, in percent where it is a share."""
    colours = palette()
    return {
        "type": "value",
        "scale": True,
        "splitNumber": 4,
        "axisLabel": {"color": colours.muted, "formatter": "{value} %" if shares else "{value}"},
        "splitLine": {"lineStyle": {"color": colours.grid}},
    }
