"""Charts of Evaluate, as Plotly figures: every function takes plain values and returns the chart; the page draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from fer.evaluation.abstain import RiskCoverage
from fer.evaluation.calibration import ReliabilityBin
from fer.evaluation.curves import ClassCurves
from fer.evaluation.robustness import Answered, SeverityCurve
from fer.evaluation.taggers import AgreementRow, HumanLine
from fer.labels import LabelSet
from ui.charts import NO_MARGIN, name_axis, named, value_axis
from ui.theme import palette
from ui.words import percent

_SHARES = [0, 0.25, 0.5, 0.75, 1]


@dataclass(frozen=True)
class Whisker:
    """Some images: what they are called, their accuracy with its 95 % interval, their number, and whether they count less."""

    name: str
    accuracy: float
    interval: tuple[float, float]
    n: int
    pale: bool = False


def reliability_diagram(bins: Sequence[ReliabilityBin]) -> go.Figure:
    """Accuracy against confidence with 95 % intervals; on the diagonal the model is as sure as it should be.

    The area of a dot is the number of images behind it.
    """
    colours = palette()
    total = sum(bin_.n for bin_ in bins)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": colours.muted, "width": 1, "dash": "dot"}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=[bin_.confidence for bin_ in bins],
        y=[bin_.accuracy for bin_ in bins],
        mode="markers",
        marker={
            "color": colours.high,
            "size": [bin_.n for bin_ in bins],
            "sizemode": "area",
            "sizeref": 2 * max(bin_.n for bin_ in bins) / 26**2,
            "sizemin": 4,
        },
        error_y={
            "array": [bin_.accuracy_ci95[1] - bin_.accuracy for bin_ in bins],
            "arrayminus": [bin_.accuracy - bin_.accuracy_ci95[0] for bin_ in bins],
            "color": colours.muted,
            "thickness": 1,
            "width": 3,
        },
        customdata=[[bin_.n, bin_.n / total] for bin_ in bins],
        hovertemplate="answered with %{x:.0%} on average, right in %{y:.1%}<br>"
        "%{customdata[0]:,} images, %{customdata[1]:.1%} of all<extra></extra>",
    )
    figure.add_annotation(
        x=0.14, y=0.5, text="too modest", showarrow=False, font={"color": colours.muted, "size": 12}, textangle=0
    )
    figure.add_annotation(x=0.8, y=0.56, text="too sure", showarrow=False, font={"color": colours.muted, "size": 12})
    figure.update_layout(height=380, margin={**NO_MARGIN, "t": 8, "b": 44, "l": 52, "r": 18}, showlegend=False)
    axis = {"range": [0, 1.02], "tickvals": _SHARES, "tickformat": ".0%", **value_axis(colours)}
    figure.update_xaxes(title="confidence", **axis)
    figure.update_yaxes(title="right answers", **axis)
    return figure


def coverage_curve(curve: RiskCoverage, *, threshold: float | None, point: tuple[float, float] | None) -> go.Figure:
    """Accuracy of the answers that are given against the share of images that are answered.

    Args:
        curve: all thresholds.
        threshold: the one that is chosen; None where none is.
        point: its coverage and accuracy, as they were measured on images that had no say in it.
    """
    colours = palette()
    figure = go.Figure(
        go.Scatter(
            x=curve.coverage,
            y=curve.accuracy,
            mode="lines",
            line={"color": colours.high, "width": 2},
            customdata=curve.threshold,
            hovertemplate="of %{x:.0%} of the images, %{y:.1%} are right<br>"
            "unsure below %{customdata:.0%} confidence<extra></extra>",
        )
    )
    if point and threshold is not None:
        figure.add_scatter(
            x=[point[0]],
            y=[point[1]],
            mode="markers+text",
            marker={"color": colours.ground, "size": 11, "line": {"color": colours.high, "width": 3}},
            text=[f"unsure below {percent(threshold, 0)}"],
            textposition="top right" if point[0] < 0.75 else "bottom left",
            textfont={"color": colours.text},
            hovertemplate="of %{x:.1%} of the images, %{y:.1%} are right<extra></extra>",
        )
    figure.update_layout(height=340, margin={**NO_MARGIN, "t": 8, "b": 44, "l": 52, "r": 18}, showlegend=False)
    figure.update_xaxes(title="images answered", range=[0, 1.02], tickvals=_SHARES, tickformat=".0%", **value_axis(colours))
    low = min(0.98, float(curve.accuracy.min()))
    figure.update_yaxes(title="right answers", range=[low - 0.05 * (1 - low), 1.005], tickformat=".0%", **value_axis(colours))
    return figure


def class_curves_chart(curves: Sequence[ClassCurves], label_set: LabelSet, *, kind: str) -> go.Figure:
    """Precision against recall, or the two rates of ROC, a line a class in its own colour, named at its end.

    Args:
        curves: of the classes.
        label_set: the classes.
        kind: `precision_recall` or `roc`.
    """
    colours = palette()
    figure = go.Figure()
    words = {"precision_recall": ("recall", "precision"), "roc": ("false alarms", "found")}[kind]
    if kind == "roc":
        figure.add_scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"color": colours.muted, "width": 1, "dash": "dot"}, hoverinfo="skip"
        )
    for of_class in curves:
        curve = of_class.roc if kind == "roc" else of_class.precision_recall
        if curve is None:
            continue
        name = f"{named(of_class.label, label_set)} {curve.area:.3f}"
        figure.add_scatter(
            x=curve.x,
            y=curve.y,
            mode="lines",
            name=name,
            line={
                "color": label_set.colour(of_class.label),
                "width": 2,
                "shape": "hv" if kind == "precision_recall" else "linear",
            },
            customdata=curve.threshold,
            hovertemplate=f"{words[0]} %{{x:.0%}}, {words[1]} %{{y:.0%}}<br>from a probability of %{{customdata:.0%}} on"
            f"<extra>{of_class.label}</extra>",
        )
    # Below: beside it, names would take the room of the curves on a narrow screen.
    legend = {
        "font": {"color": colours.text},
        "orientation": "h",
        "x": 0,
        "y": -0.2,
        "yanchor": "top",
        "itemclick": "toggleothers",
    }
    figure.update_layout(height=460, margin={**NO_MARGIN, "t": 8, "b": 44, "l": 52, "r": 18}, legend=legend)
    axis = {"range": [0, 1.02], "tickvals": _SHARES, "tickformat": ".0%", **value_axis(colours)}
    figure.update_xaxes(title=words[0], **axis)
    figure.update_yaxes(title=words[1], **axis)
    return figure


def agreement_bars(rows: Sequence[AgreementRow], human: HumanLine | None) -> go.Figure:
    """Accuracy by how many of ten taggers agree, with 95 % intervals; the dotted line is one tagger."""
    colours = palette()
    figure = go.Figure(
        go.Bar(
            x=[row.words for row in rows],
            y=[row.accuracy for row in rows],
            # Half as strong, so that the interval shows within it, light and dark.
            marker={"color": _faint(colours.high, 0.5), "cornerradius": 2},
            text=[percent(row.accuracy, 0) for row in rows],
            textposition="inside",
            insidetextanchor="start",
            textfont={"color": colours.text},
            error_y={
                "array": [row.accuracy_ci95[1] - row.accuracy for row in rows],
                "arrayminus": [row.accuracy - row.accuracy_ci95[0] for row in rows],
                "color": colours.text,
                "thickness": 1,
                "width": 3,
            },
            customdata=[[row.n] for row in rows],
            hovertemplate="%{x} of 10 agree: %{y:.1%} of %{customdata[0]:,} images<extra></extra>",
        )
    )
    if human:
        figure.add_hline(
            human.tagger,
            line={"color": colours.text, "dash": "dot", "width": 1},
            annotation_text=f"one tagger, on all: {percent(human.tagger)}",
            annotation_position="top left",
            annotation_font_color=colours.text,
        )
    figure.update_layout(height=320, margin={**NO_MARGIN, "t": 8, "b": 44, "l": 52}, bargap=0.3, showlegend=False)
    figure.update_xaxes(title="taggers who agree, of ten", type="category", fixedrange=True, tickfont={"color": colours.text})
    figure.update_yaxes(title="right answers", range=[0, 1.05], tickvals=_SHARES, tickformat=".0%", **value_axis(colours))
    return figure


def whiskers(rows: Sequence[Whisker], *, reference: float, told: str, ends: tuple[float, float] | None = None) -> go.Figure:
    """Accuracies as dots with 95 % intervals, the first on top; the dotted line is what they are held against.

    Args:
        rows: at least one.
        reference: a share, 0…1.
        told: what it is, in words.
        ends: of the axis, where several charts share it; None for what these rows need.
    """
    colours = palette()
    shown = list(reversed(rows))  # Plotly begins below
    inks = [colours.muted if row.pale else colours.high for row in shown]
    figure = go.Figure(
        go.Scatter(
            x=[row.accuracy for row in shown],
            y=[row.name for row in shown],
            mode="markers",
            marker={"color": inks, "size": 9, "symbol": ["circle-open" if row.pale else "circle" for row in shown]},
            error_x={
                "array": [row.interval[1] - row.accuracy for row in shown],
                "arrayminus": [row.accuracy - row.interval[0] for row in shown],
                "color": colours.muted,
                "thickness": 1.5,
                "width": 4,
            },
            customdata=[[row.n, *row.interval] for row in shown],
            hovertemplate="%{y}: %{x:.1%} of %{customdata[0]:,} images<br>95 %: %{customdata[1]:.1%} to %{customdata[2]:.1%}"
            "<extra></extra>",
        )
    )
    low, high = ends or (min(row.interval[0] for row in rows), max(row.interval[1] for row in rows))
    room = 0.04 * (high - low)
    at = (reference - low) / (high - low) if high > low else 0.5
    figure.add_vline(
        reference,
        line={"color": colours.text, "dash": "dot", "width": 1},
        annotation_text=told,
        annotation_position="top",
        annotation_xanchor="left" if at < 0.3 else "right" if at > 0.7 else "center",  # so that it is not cut off
        annotation_font_color=colours.text,
    )
    figure.update_layout(height=76 + 28 * len(rows), margin={**NO_MARGIN, "t": 26, "b": 44}, showlegend=False)
    figure.update_xaxes(title="right answers", range=[low - room, high + room], tickformat=".0%", **value_axis(colours))
    figure.update_yaxes(**{**name_axis(colours), "tickfont": {"color": colours.text, "size": 13}}, type="category")
    return figure


def severity_curve(clean: Answered, curve: SeverityCurve, ends: tuple[float, float]) -> go.Figure:
    """Accuracy over the severity of one corruption, from none on, with its 95 % band; small, to stand among its like.

    Args:
        clean: the images as they are.
        curve: the images corrupted.
        ends: of the axis of accuracy, which all of them share.
    """
    colours = palette()
    answered, x = [clean, *curve.answered], [0.0, *curve.severities]
    low, high = zip(*(each.accuracy_ci95 for each in answered), strict=True)
    figure = go.Figure()
    for edge, fill in ((high, None), (low, "tonexty")):
        figure.add_scatter(
            x=x, y=edge, mode="lines", line={"width": 0}, fill=fill, fillcolor=_faint(colours.high, 0.18), hoverinfo="skip"
        )
    figure.add_scatter(
        x=x,
        y=[each.accuracy for each in answered],
        mode="lines+markers",
        line={"color": colours.high, "width": 2},
        marker={"size": 5},
        customdata=list(zip(low, high, strict=True)),
        hovertemplate="%{x:.3g}: %{y:.1%} right<br>95 %: %{customdata[0]:.1%} to %{customdata[1]:.1%}<extra></extra>",
    )
    figure.add_vline(curve.corruption.severity, line={"color": colours.muted, "dash": "dot", "width": 1})
    figure.update_layout(height=170, margin={**NO_MARGIN, "t": 6, "b": 40, "l": 40, "r": 8}, showlegend=False)
    figure.update_xaxes(
        title={"text": curve.corruption.unit.partition(",")[0], "font": {"size": 11, "color": colours.muted}},
        range=[0, curve.corruption.limit * 1.03],
        **value_axis(colours),
    )
    room = 0.04 * (ends[1] - ends[0])
    figure.update_yaxes(range=[ends[0] - room, ends[1] + room], tickformat=".0%", **value_axis(colours))
    return figure


def _faint(colour: str, opacity: float) -> str:
    """A hex colour as one that lets the ground through."""
    return f"rgba({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))}, {opacity})"
