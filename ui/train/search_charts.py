"""Optuna's own charts of a search, in the colours of the house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ui.charts import NO_MARGIN, name_axis, value_axis
from ui.theme import palette
from ui.words import percent

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from optuna.study import Study

# Finished trials; fewer say nothing of which setting matters.
ENOUGH = 5
_ACCURACY = "right in validation"


def search_history(study: Study) -> go.Figure:
    """Accuracy of each finished trial, and the best one so far as a line."""
    from optuna.visualization import plot_optimization_history

    colours = palette()
    figure = plot_optimization_history(study, target_name=_ACCURACY)
    points, best = figure.data[0], figure.data[1]
    points.update(
        marker={"color": colours.splits["val"], "size": 9}, hovertemplate="trial %{x}: %{y:.1%}<extra></extra>", cliponaxis=False
    )
    best.update(line={"color": colours.muted, "width": 2, "shape": "hv"}, hovertemplate="best so far %{y:.1%}<extra></extra>")
    figure.data = (best, points)
    figure.update_xaxes(title="trial", rangemode="tozero", **{**value_axis(colours), "showgrid": False}, tickformat="d")
    return _framed(figure, height=300)


def importances(study: Study) -> dict[str, float]:
    """By setting, how much of the differences between trials it explains (PED-ANOVA, arXiv:2304.10255); they add up to 1.

    Empty where too few trials are finished, or all came out alike.
    """
    from optuna.importance import get_param_importances  # loads scikit-learn, so only where it is looked at
    from optuna.trial import TrialState

    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(finished) < ENOUGH or len({trial.value for trial in finished}) == 1:
        return {}
    return get_param_importances(study)


def search_importance(study: Study, names: Mapping[str, str]) -> go.Figure:
    """What `importances` says, the largest on top.

    Args:
        study: of which it says something.
        names: of the settings, by key.
    """
    from optuna.visualization import plot_param_importances

    colours = palette()
    figure = plot_param_importances(study)
    (bars,) = figure.data
    bars.update(
        y=[names.get(key, key) for key in bars.y],
        text=[percent(share, 0) if share >= 0.01 else "< 1 %" for share in bars.x],
        textfont={"color": colours.text},
        marker={"color": colours.splits["val"], "cornerradius": 2},
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    figure.update_xaxes(title=None, visible=False, range=[0, max(bars.x) * 1.15], fixedrange=True)
    figure.update_yaxes(title=None, **name_axis(colours))
    figure.update_layout(title=None, height=12 + 36 * len(bars.y), margin=NO_MARGIN, bargap=0.4, showlegend=False)
    return figure


def search_slice(study: Study, key: str) -> go.Figure:
    """Accuracy of the finished trials over one setting; the later the trial, the stronger its colour."""
    from optuna.visualization import plot_slice

    colours = palette()
    figure = plot_slice(study, [key], target_name=_ACCURACY)
    points = figure.data[0]
    points.update(
        marker={
            "colorscale": [[0, colours.grid], [1, colours.high]],
            "showscale": False,
            "size": 9,
            "line": {"color": colours.muted, "width": 0.5},
        },
        hovertemplate="%{x}: %{y:.1%}<extra></extra>",
        cliponaxis=False,
    )
    figure.update_xaxes(title=None, exponentformat="none", **{**value_axis(colours), "showgrid": False})
    if figure.layout.xaxis.type == "category":  # Optuna writes choices as Python does
        points.x = [choice.strip("'") for choice in points.x]
        figure.update_xaxes(categoryarray=[choice.strip("'") for choice in figure.layout.xaxis.categoryarray])
    return _framed(figure, height=220)


def _framed(figure: go.Figure, *, height: int) -> go.Figure:
    figure.update_yaxes(title=None, tickformat=".0%", **value_axis(palette()))
    figure.update_layout(title=None, height=height, margin={**NO_MARGIN, "t": 8, "r": 12}, showlegend=False)
    return figure
