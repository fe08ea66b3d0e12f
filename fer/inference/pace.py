"""`Pace`: how much is done for each frame of a camera, so that the picture never falls behind it.

Between detections, faces are followed by the movement of the picture, which costs a tenth. When frames take too long, faces are
looked for less often, then in a smaller picture; when there is time again, more is done again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from fer.errors import SettingsError

TARGET_S = 1 / 30
# Time over which frames are averaged; every step of the pace is given as long to show what it brings.
_WINDOW_S = 1.0
# With less than this share of the time used, the next better step should fit: it costs at most about twice as much.
_SPARE = 0.45
# A better step that did not hold is tried again after twice the time, and so on up to this.
_LONGEST_WAIT_S = 32.0


@dataclass(frozen=True, slots=True)
class Step:
    """How much is done.

    Args:
        every: faces are looked for in one frame of so many.
        longest_side: of the picture that they are looked for in, in pixels; None for the detector's own.
    """

    every: int
    longest_side: int | None


STEPS = (Step(1, None), Step(2, None), Step(4, None), Step(6, 320), Step(12, 320))


class Pace:
    """Chooses a step of `STEPS` from the time that frames took; for one camera, and one thread.

    Args:
        target_s: seconds that a frame may take on average.

    Raises:
        SettingsError: the target is not above 0.
    """

    def __init__(self, target_s: float = TARGET_S) -> None:
        if target_s <= 0:
            raise SettingsError(f"A frame takes more than 0 seconds. Received: {target_s}")
        self._target_s = target_s
        self._level = 0
        self._since: float | None = None  # when this step began
        self._risen_s: float | None = None  # when the step last became a better one
        self._wait_s = _WINDOW_S
        self._took: deque[tuple[float, float]] = deque()

    @property
    def step(self) -> Step:
        """What is to be done for the next frame."""
        return STEPS[self._level]

    def took(self, time_s: float, seconds: float) -> None:
        """Take note of a frame.

        Args:
            time_s: when it was done, on any clock that never goes back.
            seconds: that it took.
        """
        self._since = time_s if self._since is None else self._since
        self._took.append((time_s, seconds))
        while self._took[0][0] < time_s - _WINDOW_S:
            self._took.popleft()
        if time_s - self._since < _WINDOW_S:
            return
        mean_s = sum(seconds for _, seconds in self._took) / len(self._took)
        if mean_s > self._target_s and self._level < len(STEPS) - 1:
            did_not_hold = self._risen_s is not None and time_s - self._risen_s < 2 * _WINDOW_S
            self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S) if did_not_hold else _WINDOW_S
            self._risen_s = None
            self._go_to(self._level + 1, time_s)
        elif mean_s < _SPARE * self._target_s and self._level > 0 and time_s - self._since >= self._wait_s:
            self._risen_s = time_s
            self._go_to(self._level - 1, time_s)

    def _go_to(self, level: int, time_s: float) -> None:
        self._level, self._since = level, time_s
        self._took.clear()
