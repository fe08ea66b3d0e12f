"""Plots of a report as inline SVG, drawn by hand: no script, no font and no host, and the page's own colours by its style sheet.

Classes that the style sheet colours: `axis` for words, `grid` and `ref` for thin lines, `line` for curves, `dot` and `whisker`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from fer.evaluation.abstain import RiskCoverage
from fer.evaluation.calibration import ReliabilityBin
from fer.words import percent

_WIDTH, _HEIGHT = 440, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 20, 14, 46
_LARGEST_DOT = 11
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)

_To = Callable[[float], float]


def reliability_svg(bins: Sequence[ReliabilityBin], told: str) -> str:
    """Accuracy against confidence with 95 % intervals; on the diagonal the model is as sure as it should be.

    Args:
        bins: at least one; the area of a dot is the number of images behind it.
        told: what it shows, for who cannot see it.
    """
    x, y = _scale_x(0, 1), _scale_y(0, 1)
    most = max(bin_.n for bin_ in bins)
    marks = [f'<line class="ref" x1="{x(0):.1f}" y1="{y(0):.1f}" x2="{x(1):.1f}" y2="{y(1):.1f}"/>']
    marks += [_words(x(0.08), y(0.62), "too modest", "start"), _words(x(0.96), y(0.4), "too sure", "end")]
    for bin_ in bins:
        low, high = bin_.accuracy_ci95
        at, radius = x(bin_.confidence), max(3.0, _LARGEST_DOT * (bin_.n / most) ** 0.5)
        marks.append(f'<line class="whisker" x1="{at:.1f}" y1="{y(low):.1f}" x2="{at:.1f}" y2="{y(high):.1f}"/>')
        hover = f"answered with {percent(bin_.confidence, 0)} on average, right in {percent(bin_.accuracy)} of {bin_.n:,}"
        marks.append(
            f'<circle class="dot" cx="{at:.1f}" cy="{y(bin_.accuracy):.1f}" r="{radius:.1f}"><title>{hover}</title></circle>'
        )
    return _plot(told, "confidence", "right answers", (x, _TICKS), (y, _TICKS), marks)


def coverage_svg(curve: RiskCoverage, told: str) -> str:
    """Accuracy of the answers that are given against the share of images that are answered.

    Args:
        curve: all thresholds.
        told: what it shows, for who cannot see it.
    """
    lowest = min(0.9, float(curve.accuracy.min()))
    bottom = int(lowest * 10) / 10
    step = 0.1 if bottom >= 0.5 else 0.25
    ticks = [tick for tick in (1 - step * i for i in range(11)) if tick >= bottom - 1e-9]
    x, y = _scale_x(0, 1), _scale_y(bottom, 1)
    points = " ".join(f"{x(share):.1f},{y(right):.1f}" for share, right in zip(curve.coverage, curve.accuracy, strict=True))
    return _plot(
        told,
        "images answered, the surest first",
        "right answers",
        (x, _TICKS),
        (y, ticks),
        [f'<polyline class="line" points="{points}"/>'],
    )


def _plot(
    told: str,
    x_title: str,
    y_title: str,
    x_axis: tuple[_To, Iterable[float]],
    y_axis: tuple[_To, Iterable[float]],
    marks: Iterable[str],
) -> str:
    (x, x_ticks), (y, y_ticks) = x_axis, y_axis
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = []
    for tick in y_ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y(tick):.1f}" x2="{right}" y2="{y(tick):.1f}"/>')
        parts.append(_words(_LEFT - 8, y(tick) + 4, percent(tick, 0), "end"))
    for tick in x_ticks:
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" y1="{_TOP}" x2="{x(tick):.1f}" y2="{bottom}"/>')
        parts.append(_words(x(tick), bottom + 18, percent(tick, 0), "middle"))
    parts.append(_words((_LEFT + right) / 2, _HEIGHT - 6, x_title, "middle"))
    parts.append(f'<g transform="translate(13 {(_TOP + bottom) / 2}) rotate(-90)">{_words(0, 0, y_title, "middle")}</g>')
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(told)}">{"".join(parts)}{"".join(marks)}</svg>'


def _words(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="axis" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _scale_x(low: float, high: float) -> _To:
    return lambda value: _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)


def _scale_y(low: float, high: float) -> _To:
    return lambda value: _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
