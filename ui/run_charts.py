"""Charts of a running training beside its two curves: ECharts options, which update in place without a flicker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.labels import LabelSet
from ui.theme import palette

# Of runs that are laid over each other: the palette of Okabe and Ito, of which the emotions' colours are, too.
RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")


def compared_options(name: str, curves: Mapping[str, Sequence[tuple[float, float]]], *, shares: bool) -> dict[str, Any]:
    """One measure of several runs over the epochs.

    Args:
        name: of the measure.
        curves: by run, points (epoch, value).
        shares: the values are shares 0…1, shown as percent.
    """
    colours = palette()
    scale = 100.0 if shares else 1.0
    axis_text = {"color": colours.muted}
    return {
        "animation": False,
        "grid": {"left": 2, "right": 12, "top": 12, "bottom": 20},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.1f %%" if shares else "%.3f"},
        "xAxis": {
            "type": "value",
            "name": "epoch",
            "nameLocation": "middle",
            "nameGap": 24,
            "nameTextStyle": axis_text,
            "min": 0,
            "minInterval": 1,
            "axisLabel": axis_text,
            "splitLine": {"show": False},
            "axisLine": {"lineStyle": {"color": colours.grid}},
        },
        "yAxis": {
            "type": "value",
            "scale": True,
            "splitNumber": 4,
            "axisLabel": {**axis_text, "formatter": "{value} %" if shares else "{value}"},
            "splitLine": {"lineStyle": {"color": colours.grid}},
        },
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
    axis_text = {"color": colours.muted}
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
        "xAxis": {
            "type": "value",
            "name": "epoch",
            "nameLocation": "middle",
            "nameGap": 24,
            "nameTextStyle": axis_text,
            "min": 0,
            "max": epochs,
            "minInterval": 1,
            "axisLabel": axis_text,
            "splitLine": {"show": False},
            "axisLine": {"lineStyle": {"color": colours.grid}},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "max": 100,
            "interval": 25,
            "axisLabel": {**axis_text, "formatter": "{value} %"},
            "splitLine": {"lineStyle": {"color": colours.grid}},
        },
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
