"""Figures in words, the same on pages, in cards and on the command line."""

from __future__ import annotations


def percent(share: float, digits: int = 1) -> str:
    """A share in [0, 1] as `67.5 %`."""
    return f"{100 * share:.{digits}f} %"


def percent_range(interval: tuple[float, float] | list[float]) -> str:
    """An interval of shares as `66.0 % to 69.0 %`."""
    low, high = interval
    return f"{percent(low)} to {percent(high)}"
