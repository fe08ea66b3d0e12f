"""Every setting there is, with what it means and takes: what a form, or a page of the docs, is drawn from.

The words are those of the dataclasses' own docstrings, so that a setting is explained in one place.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from fer.networks.pretrained import BACKBONES, POOLS
from fer.preprocessing import EQUALISATIONS, SCALES
from fer.quality.balance import METHODS, NO_BALANCE
from fer.recipes.settings import LABELS_FROM, LOSSES, OPTIMIZERS, PLACES, PRECISIONS, SCHEDULES, WEIGHTS, Settings

_CHOICES: Mapping[str, tuple[object, ...]] = {
    "data.labels_from": LABELS_FROM,
    "data.balance": (NO_BALANCE, *METHODS),
    "preprocessing.channels": (1, 3),
    "preprocessing.scale": SCALES,
    "preprocessing.equalise": EQUALISATIONS,
    "network.backbone": tuple(BACKBONES),
    "network.pool": POOLS,
    "training.optimizer": OPTIMIZERS,
    "training.schedule": SCHEDULES,
    "training.loss": LOSSES,
    "training.monitor": ("val_loss", "val_accuracy"),
    "training.precision": PRECISIONS,
    "training.augment_on": PLACES,
    "serving.weights": WEIGHTS,
}


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting of some settings.

    Args:
        section: the section it stands in.
        name: within the section.
        kind: its type: bool, int, float, str, or tuple for values that are separated by commas.
        value: what it is now.
        words: what it means and takes.
        choices: all values that it takes, where they can be told; else none.
    """

    section: str
    name: str
    kind: type
    value: object
    words: str
    choices: tuple[object, ...] = ()

    @property
    def key(self) -> str:
        """As `--set` takes it."""
        return f"{self.section}.{self.name}"

    @property
    def text(self) -> str:
        """The value as `--set` takes it."""
        return setting_text(self.value)


def setting_text(value: object) -> str:
    """A setting's value as `--set` reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(setting_text, value)) if isinstance(value, tuple | list) else str(value)


def setting_fields(settings: Settings) -> list[SettingField]:
    """Every setting, section by section; of the network those of its architecture."""
    return [field for section in fields(settings) for field in _section_fields(section.name, getattr(settings, section.name))]


def _section_fields(section: str, values: object) -> Iterator[SettingField]:
    kind = type(values)
    hints, words = typing.get_type_hints(kind), _words(kind)
    for field in fields(values):  # type: ignore[arg-type]
        hint = typing.get_origin(hints[field.name]) or hints[field.name]
        choices = _CHOICES.get(f"{section}.{field.name}", ())
        yield SettingField(section, field.name, hint, getattr(values, field.name), words.get(field.name, ""), choices)


def _words(kind: type) -> dict[str, str]:
    """What the docstring's `Args:` say of each field."""
    args = (inspect.getdoc(kind) or "").partition("Args:\n")[2].split("\n\n")[0]
    found = re.findall(r"^    (\w+(?:, \w+)*): (.*(?:\n        .*)*)", args, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text) for names, text in found for name in names.split(", ")}
