"""The live charts, as ECharts options, which update in place without a flicker."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.clips.affect import COORDINATES
from fer.inference.history import PersonHistory
from fer.labels import LabelSet
from ui.theme import palette

WINDOW_S = 60.0
# Five points a second show all that a face does; ten would double what is sent to the browser.
_EVERY_S = 0.19
# A line is broken where the person was not seen for so long; a slow machine has a frame a second.
_GAP_S = 1.5
# These would cover each other.
_POSITIONS = {"fear": "left", "angry": "right"}


def probability_options(person: PersonHistory, end_s: float) -> dict[str, Any]:
    """What a person showed over the last minute, as areas that add up to 100 %.

    Args:
        person: what they showed.
        end_s: right end of the axis, by the clock of the live view.
    """
    return _over_time(
        person.label_set,
        _rows(person.times_s - end_s, person.smoothed),
        {"min": 0, "max": 100, "interval": 50},
        {"stack": "all", "areaStyle": {"opacity": 0.9}, "lineStyle": {"width": 0}},
        "%.0f %%",
    )


def change_options(person: PersonHistory, usual: NDArray[np.float64], end_s: float) -> dict[str, Any]:
    """By how many points each probability was above or below the person's face at rest; arguments as of `probability_options`.

    Args:
        usual: (K,), the face at rest.
    """
    rows = _rows(person.times_s - end_s, person.smoothed - usual)
    return _over_time(person.label_set, rows, {"min": -100, "max": 100, "interval": 50}, {"lineStyle": {"width": 2}}, "%+.0f")


def _rows(times_s: NDArray[np.float64], values: NDArray[np.float64]) -> list[list[float | None]]:
    """Rows of a time and K values in percent; where the person was away, one without values."""
    rows: list[list[float | None]] = []
    last_s = -math.inf
    for time_s, row in zip(times_s.tolist(), (100 * values).round(1).tolist(), strict=True):
        if time_s < last_s + _EVERY_S:
            continue
        if rows and time_s - last_s > _GAP_S:
            rows.append([round(time_s - 0.01, 2), *[None] * len(row)])
        rows.append([round(time_s, 2), *row])
        last_s = time_s
    return rows


def _over_time(
    label_set: LabelSet, rows: list[list[float | None]], values: Mapping[str, float], line: Mapping[str, Any], figure: str
) -> dict[str, Any]:
    colours = palette()
    series = [
        {
            "name": label,
            "type": "line",
            "encode": {"x": 0, "y": position},
            "color": label_set.colour(label),
            "symbol": "none",
            **line,
        }
        for position, label in enumerate(label_set, start=1)
    ]
    return {
        "animation": False,
        "grid": {"left": 2, "right": 12, "top": 8, "bottom": 20},
        "tooltip": {"trigger": "axis", "valueFormatter": figure},
        "dataset": {"source": rows, "sourceHeader": False},
        "xAxis": {
            "type": "value",
            "min": -WINDOW_S,
            "max": 0,
            "interval": 15,
            "axisLabel": {"formatter": "{value} s", "color": colours.muted},
            "splitLine": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "axisLabel": {"color": colours.muted},
            "splitLine": {"lineStyle": {"color": colours.grid}},
            **values,
        },
        "series": series,
    }


def affect_options(path: NDArray[np.float64], label_set: LabelSet) -> dict[str, Any]:
    """The way through valence and arousal, its end as a dot; the expressions' own places as landmarks.

    Args:
        path: (N, 2), derived; N may be 0.
        label_set: classes that all have a place.
    """
    colours = palette()
    points = path.round(3).tolist()
    landmarks = [
        {
            "value": list(COORDINATES[label]),
            "label": {"formatter": f"{label_set.emoji(label)} {label}", "position": _POSITIONS.get(label, "inside")},
        }
        for label in label_set
    ]
    words = {"show": True, "color": colours.muted, "fontSize": 11}
    axis: dict[str, Any] = {
        "type": "value",
        "min": -1,
        "max": 1,
        "interval": 0.5,
        "nameLocation": "middle",
        "axisLabel": {"color": colours.muted},
        "splitLine": {"lineStyle": {"color": colours.grid}},
        "nameTextStyle": {"color": colours.muted},
    }
    quiet = {"silent": True, "tooltip": {"show": False}}
    return {
        "animation": False,
        "grid": {"left": 8, "right": 12, "top": 8, "bottom": 24},
        "xAxis": {**axis, "name": "valence (derived)", "nameGap": 22},
        "yAxis": {**axis, "name": "arousal (derived)", "nameGap": 30},
        "series": [
            {"type": "scatter", "data": landmarks, "symbolSize": 1, "label": words, **quiet},
            {
                "type": "line",
                "data": points,
                "symbol": "none",
                "color": colours.high,
                "lineStyle": {"width": 1.5, "opacity": 0.6},
                **quiet,
            },
            {"type": "scatter", "data": points[-1:], "symbolSize": 14, "color": colours.high, **quiet},
        ],
    }


def radar_options(results: Mapping[str, float], label_set: LabelSet) -> dict[str, Any]:
    """How sure the model became of each expression, 0…1, around a circle."""
    colours = palette()
    return {
        "animation": False,
        "radar": {
            "indicator": [{"name": f"{label_set.emoji(label)} {label}", "max": 100} for label in results],
            "radius": "68%",
            "axisName": {"color": colours.text, "fontSize": 13},
            "splitNumber": 4,
            "splitArea": {"show": False},
            "splitLine": {"lineStyle": {"color": colours.grid}},
            "axisLine": {"lineStyle": {"color": colours.grid}},
        },
        "series": [
            {
                "type": "radar",
                "data": [{"value": [round(100 * share) for share in results.values()], "name": "how sure (%)"}],
                "color": colours.high,
                "areaStyle": {"opacity": 0.25},
                "symbolSize": 6,
            }
        ],
        "tooltip": {},
    }
