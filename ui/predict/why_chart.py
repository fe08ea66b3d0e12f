"""The chart of a deletion and insertion test, as a Plotly figure."""

from __future__ import annotations

import plotly.graph_objects as go

from fer.explain import Belief
from ui.charts import NO_MARGIN, value_axis
from ui.theme import palette


def belief_chart(belief: Belief) -> go.Figure:
    """Probability of a class while its face is hidden, and while it is shown, in the order of a map and of random ones."""
    colours = palette()
    figure = go.Figure()
    ways = (
        ("shown, brightest first", belief.insertion, belief.random_insertion, colours.splits["val"]),
        ("hidden, brightest first", belief.deletion, belief.random_deletion, colours.splits["test"]),
    )
    for _, _, random, _ in ways:
        for curve in random:
            figure.add_scatter(
                x=belief.shares, y=curve, mode="lines", line={"color": colours.muted, "width": 1}, opacity=0.25, hoverinfo="skip"
            )
    for name, curve, _, colour in ways:
        figure.add_scatter(
            x=belief.shares,
            y=curve,
            mode="lines",
            line={"color": colour, "width": 3},
            hovertemplate=f"%{{x:.0%}} {name.split(',')[0]}: %{{y:.0%}}<extra></extra>",
        )
    # Each is named where the two are furthest apart.
    at = int((belief.insertion - belief.deletion)[1:-1].argmax()) + 1
    for name, curve, _, colour in ways:
        figure.add_annotation(
            x=belief.shares[at],
            y=float(curve[at]),
            text=name,
            showarrow=False,
            xanchor="left" if at <= len(curve) // 2 else "right",
            yshift=12,
            font={"color": colour, "size": 13},
            bgcolor=colours.ground,
        )
    figure.update_layout(height=250, margin={**NO_MARGIN, "t": 14, "b": 40, "l": 48, "r": 8}, showlegend=False)
    axis = {"tickvals": [0, 0.25, 0.5, 0.75, 1], "tickformat": ".0%", **value_axis(colours)}
    figure.update_xaxes(title="share of the face", range=[0, 1], **axis)
    figure.update_yaxes(title=f"probability of {belief.label}", range=[0, 1.06], **axis)
    return figure
