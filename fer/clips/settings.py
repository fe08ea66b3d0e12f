"""`ClipSettings`: how a clip is read."""

from __future__ import annotations

from dataclasses import dataclass

from fer.errors import SettingsError
from fer.reading_job import ReadingSettings

SLOWEST, FASTEST = 0.1, 120.0
_LONGEST_SMOOTHING_S = 60.0


@dataclass(frozen=True)
class ClipSettings(ReadingSettings):
    """What a timeline depends on beside the clip itself.

    Args:
        rate: frames read a second, 0.1…120; None reads every frame. Ten a second leave no expression out that lasts a fifth of a
            second, and are read several times faster than the clip plays.
        smoothing_s: time constant of the smoothing in seconds, 0…60; 0 smooths nothing. 0.3 hides the flicker of single frames
            and keeps what a face does.

    Raises:
        SettingsError: a value out of range.
    """

    rate: float | None = 10.0
    smoothing_s: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rate is not None and not SLOWEST <= self.rate <= FASTEST:
            raise SettingsError(f"A clip is read at {SLOWEST:g} to {FASTEST:g} frames a second. Received: {self.rate}")
        if not 0 <= self.smoothing_s <= _LONGEST_SMOOTHING_S:
            raise SettingsError(f"Smoothing takes 0 to {_LONGEST_SMOOTHING_S:g} seconds. Received: {self.smoothing_s}")
