"""`Seats`: how many live views a server shows at once, so that one more viewer does not spoil the picture of all."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable

from fer.errors import SettingsError
from fer.inference.live import LiveView

# A viewer at 640×480 costs 0.3 of a core for WebRTC, and 0.1 for the frame logic at its quickest pace
# (`python -m benchmarks.live --viewers 1 2 4 8`).
_A_CORE = 2
# Who has no frame for so long has left: a closed tab says nothing. A connection may take so long until its first one.
_GONE_S, _COMING_S = 5.0, 15.0


def most_viewers() -> int:
    """How many there may be: `FER_LIVE_VIEWERS`, else two for each core.

    Raises:
        SettingsError: the setting is no number from 1.
    """
    setting = os.environ.get("FER_LIVE_VIEWERS") or str(_A_CORE * (os.cpu_count() or 1))
    if not setting.isdigit() or int(setting) < 1:
        raise SettingsError(f"FER_LIVE_VIEWERS is a number from 1. Received: {setting}")
    return int(setting)


class Seats:
    """Who is being shown; every method may be called from any thread.

    Args:
        count: how many there are.
        clock: seconds, monotonic; for tests.
    """

    def __init__(self, count: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: weakref.WeakKeyDictionary[LiveView, float] = weakref.WeakKeyDictionary()

    def take(self, live: LiveView) -> bool:
        """Take a seat, or keep the one that was taken; False where there is none."""
        with self._lock:
            if live in self._taken and self._is_there(live):
                return True
            if self._others(live) >= self.count:
                return False
            self._taken[live] = self._clock()
            return True

    def leave(self, live: LiveView) -> None:
        """Give the seat back."""
        with self._lock:
            self._taken.pop(live, None)

    def has_room(self, live: LiveView) -> bool:
        """Whether `take` would be granted now."""
        with self._lock:
            return (live in self._taken and self._is_there(live)) or self._others(live) < self.count

    def _others(self, live: LiveView) -> int:
        return sum(other is not live and self._is_there(other) for other in list(self._taken))

    def _is_there(self, live: LiveView) -> bool:
        age_s = live.snapshot().seconds_since_frame
        return self._clock() - self._taken[live] < _COMING_S or (age_s is not None and age_s < _GONE_S)
