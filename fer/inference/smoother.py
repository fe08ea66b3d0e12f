"""Probabilities of one person over time: `Smoother` and `smooth` average them, `SteadyLabel` names them without flicker.

Like the tracker they know no clock: who calls them says when each frame was, and frames may come at any distance from each other.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer.errors import SettingsError

# By so much another class must be more probable before the label changes.
LABEL_MARGIN = 0.1


class Smoother:
    """Exponential average over the past, for a stream: what is a time constant ago counts 1/e of what is now.

    Between two frames the probabilities are taken to go in a straight line from one to the other, so the answer does not depend
    on how many frames there were on that line: EMA_lin of Eckner, "Algorithms for Unevenly Spaced Time Series: Moving Averages
    and Other Rolling Operators" (2012), which is exact for every distance between frames.

    Args:
        time_constant_s: in seconds; 0 averages nothing.

    Raises:
        SettingsError: the time constant is negative.
    """

    def __init__(self, time_constant_s: float) -> None:
        if time_constant_s < 0:
            raise SettingsError(f"A time constant is 0 seconds or more. Received: {time_constant_s}")
        self._time_constant_s = time_constant_s
        self._last: tuple[float, NDArray[np.float64]] | None = None
        self._average = np.zeros(0)

    def update(self, time_s: float, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Take the probabilities (K,) of the next frame, later than the one before; returns the average (K,) up to it.

        Raises:
            SettingsError: the time is not later than the one before.
        """
        now = np.asarray(probabilities, np.float64)
        if self._last is None or self._time_constant_s == 0:
            self._average = now
        else:
            before_s, before = self._last
            if not time_s > before_s:
                raise SettingsError(f"Frames come in the order of time: after {before_s} s came {time_s} s.")
            passed = (time_s - before_s) / self._time_constant_s
            kept = math.exp(-passed)
            bend = -math.expm1(-passed) / passed
            self._average = kept * self._average + (bend - kept) * before + (1 - bend) * now
        self._last = (time_s, now)
        return self._average


class SteadyLabel:
    """The label to show: it changes only when another class is clearly ahead, so that two that are level do not alternate.

    Args:
        margin: by how much the other must be more probable, 0…1.
    """

    def __init__(self, margin: float = LABEL_MARGIN) -> None:
        self._margin = margin
        self._label_id: int | None = None

    def update(self, probabilities: ArrayLike) -> int:
        """Take the probabilities (K,) of the next frame; returns the label id to show."""
        values = np.asarray(probabilities)
        top = int(values.argmax())
        if self._label_id is None or values[top] > values[self._label_id] + self._margin:
            self._label_id = top
        return self._label_id


def smooth(times_s: ArrayLike, probabilities: ArrayLike, time_constant_s: float) -> NDArray[np.float64]:
    """Average probabilities over past and future alike, where the future is known: a peak stays where it was.

    Args:
        times_s: (N,), rising.
        probabilities: (N, K), rows sum to 1.
        time_constant_s: as of `Smoother`.

    Returns:
        float64 (N, K), rows sum to 1: the mean of `Smoother` run forwards and backwards.
    """
    times, rows = np.asarray(times_s, np.float64), np.asarray(probabilities, np.float64)
    forwards, backwards = Smoother(time_constant_s), Smoother(time_constant_s)
    past = [forwards.update(time_s, row) for time_s, row in zip(times, rows, strict=True)]
    future = [backwards.update(-time_s, row) for time_s, row in zip(times[::-1], rows[::-1], strict=True)]
    return (np.array(past).reshape(rows.shape) + np.array(future[::-1]).reshape(rows.shape)) / 2


def steady_labels(probabilities: ArrayLike, margin: float = LABEL_MARGIN) -> NDArray[np.int16]:
    """`SteadyLabel` over the rows of (N, K): int16 (N,)."""
    steady = SteadyLabel(margin)
    return np.array([steady.update(row) for row in np.asarray(probabilities)], np.int16)
