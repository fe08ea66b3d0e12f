"""`ClipSettings`: how a clip is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from fer.detection import MIN_FACE_SIZE
from fer.errors import SettingsError

SLOWEST, FASTEST = 0.1, 120.0
_LONGEST_SMOOTHING_S = 60.0


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """What a timeline depends on beside the clip itself.

    Args:
        rate: frames read a second, 0.1…120; None reads every frame. Ten a second leave no expression out that lasts a fifth of a
            second, and are read several times faster than the clip plays.
        model: name or folder of a bundle; None for the default one.
        head: name of the model's head that answers; None for its default.
        detector: name of the face detector.
        min_size: leave out faces narrower than this many pixels.
        smoothing_s: time constant of the smoothing in seconds, 0…60; 0 smooths nothing. 0.3 hides the flicker of single frames
            and keeps what a face does.

    Raises:
        SettingsError: a value out of range.
    """

    rate: float | None = 10.0
    model: str | None = None
    head: str | None = None
    detector: str = "auto"
    min_size: int = MIN_FACE_SIZE
    smoothing_s: float = 0.3

    def __post_init__(self) -> None:
        if self.rate is not None and not SLOWEST <= self.rate <= FASTEST:
            raise SettingsError(f"A clip is read at {SLOWEST:g} to {FASTEST:g} frames a second. Received: {self.rate}")
        if not 0 <= self.smoothing_s <= _LONGEST_SMOOTHING_S:
            raise SettingsError(f"Smoothing takes 0 to {_LONGEST_SMOOTHING_S:g} seconds. Received: {self.smoothing_s}")
        if self.min_size < 1:
            raise SettingsError(f"A face is at least 1 pixel wide. Received: {self.min_size}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClipSettings:
        """Settings from `as_dict`; what is left out has its default.

        Raises:
            SettingsError: an unknown key, or a value out of range.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise SettingsError(f"Unknown settings of a clip: {', '.join(unknown)}. Known: {', '.join(known)}")
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
