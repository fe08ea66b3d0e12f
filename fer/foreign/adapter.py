"""`Adapter`: what stands between our faces and labels and a network from elsewhere. It travels in the card of its bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from fer.errors import SettingsError

KINDS = ("litert", "onnx")
LAYOUTS = ("NHWC", "NCHW")
COLOURS = ("rgb", "bgr")
ANSWERS = ("logits", "probabilities")
PACKAGES = ("fer", "deepface")  # that `packages.py` asks; here, where the command line reads it without loading more


@dataclass(frozen=True)
class Adapter:
    """How a network from elsewhere is asked, and how its answer is read.

    Args:
        kind: `litert` or `onnx`, the format of its file.
        output: name of the output that answers.
        answers: `logits`, or `probabilities`: one a class, also where they do not sum to 1. Of two classes one may be left out:
            then it answers for the second alone, as a sigmoid does.
        layout: `NHWC`, or `NCHW` with the channels first.
        colours: `rgb`, or `bgr` as OpenCV reads pictures.
        mean: is subtracted from what `Preprocessing` gives: a number a channel, in the order of `colours`, or one for all.
        std: what is left is divided by it.

    Raises:
        SettingsError: a value is none of these.
    """

    kind: str
    output: str
    answers: str
    layout: str = "NHWC"
    colours: str = "rgb"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        choices = (("kind", KINDS), ("layout", LAYOUTS), ("colours", COLOURS), ("answers", ANSWERS))
        for name, known in choices:
            if getattr(self, name) not in known:
                raise SettingsError(f"{name} is one of {', '.join(known)}. Received: {getattr(self, name)!r}")
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) not in (1, 3) or not all(isinstance(value, int | float) for value in values):
                raise SettingsError(f"{name} takes one number, or one for each of three channels. Received: {values!r}")
        if not all(value > 0 for value in self.std):
            raise SettingsError(f"std takes numbers above 0. Received: {', '.join(map(str, self.std))}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Adapter:
        """Read back what `as_dict` gave.

        Raises:
            SettingsError: a key is unknown or missing, or a value none of those that it may have.
        """
        known = {field.name for field in fields(cls)}
        if set(values) != known:
            raise SettingsError(f"An adapter has {', '.join(sorted(known))}. Received: {', '.join(sorted(values))}")
        return cls(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @property
    def file(self) -> str:
        """What the network is called in its bundle."""
        return f"model.{self.kind}"
