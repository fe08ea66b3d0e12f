"""`Varied`: a setting that a search varies, and its range; which are worth it for a recipe, and how a user writes their own.

learning_rate=1e-4..1e-2:log      between two numbers, here evenly over the orders of magnitude
batch_size=32,64,128              one of these
widths=16,32|32,64                one of these, where a choice has commas itself
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer.errors import SettingsError
from fer.recipes import Settings
from fer.recipes.describe import SettingField, setting_fields

if TYPE_CHECKING:
    from optuna.trial import Trial

# So many dimensions can be told apart within the twenty trials or so that somebody waits for.
_DEFAULT_NUMBER = 6
# Other classes or other images to validate on, and the figures of two trials could not be compared.
_CHANGES_THE_MEASURE = ("data.classes", "data.labels_from", "data.fractions")
_FORMS = "KEY=LOW..HIGH, KEY=LOW..HIGH:log or KEY=A,B,C"


@dataclass(frozen=True, slots=True)
class Varied:
    """A setting and what a trial may set it to: a number between two others, or one of some choices.

    Args:
        key: `section.name`.
        low, high: ends of the range, both included; without choices.
        log: evenly over the orders of magnitude rather than over the numbers.
        whole: whole numbers only.
        choices: values as `--set` takes them; empty for a range.
    """

    key: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As `--vary` takes it."""
        if self.choices:
            return f"{self.key}={('|' if any(',' in choice for choice in self.choices) else ',').join(self.choices)}"
        return f"{self.key}={self.low:g}..{self.high:g}{':log' if self.log else ''}"

    def suggest(self, trial: Trial) -> str:
        """The trial's value as `--set` takes it; asked again, a trial says the same."""
        if self.choices:
            return str(trial.suggest_categorical(self.key, self.choices))
        if self.whole:
            return str(trial.suggest_int(self.key, int(self.low), int(self.high), log=self.log))
        return f"{trial.suggest_float(self.key, self.low, self.high, log=self.log):.4g}"

    def own_value(self, settings: Settings) -> Any:
        """What the settings themselves have, as a trial keeps it; None where that lies outside."""
        field = setting_named(self.key, settings)
        if self.choices:
            return field.text if field.text in self.choices else None
        value: Any = field.value
        return value if self.low <= value <= self.high else None


def read_space(texts: Iterable[str], settings: Settings) -> tuple[Varied, ...]:
    """What a user wishes to vary, one text a setting.

    Args:
        texts: each as the module's head shows it; a key is `section.name`, or the name alone where one section has it.
        settings: of the recipe.

    Raises:
        SettingsError: a text cannot be read, a setting is unknown, stands there twice or cannot be compared, or a value does not
            fit.
    """
    space = tuple(_read(text, settings) for text in texts)
    keys = [varied.key for varied in space]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise SettingsError(f"Each setting is varied in one way. Received more than once: {', '.join(twice)}")
    return space


def offered_space(settings: Settings) -> tuple[Varied, ...]:
    """Settings that are worth a search of this recipe, around its own values; what usually matters most comes first."""
    training, augmentation = settings.training, settings.augmentation
    rate, batch = training.learning_rate, training.batch_size
    space = [
        Varied("training.learning_rate", _round(rate / 10), _round(rate * 10), log=True),
        Varied("training.batch_size", choices=tuple(str(size) for size in (batch // 2, batch, batch * 2) if size)),
    ]
    if training.weight_decay:
        decay = training.weight_decay
        space.append(Varied("training.weight_decay", _round(decay / 10), min(_round(decay * 10), 1.0), log=True))
    rates: Mapping[str, tuple[float, float]] = {
        "training.label_smoothing": (training.label_smoothing, 0.2),
        **{
            f"network.{name}": (getattr(settings.network, name), 0.6)
            for name in ("dropout", "dense_dropout")
            if hasattr(settings.network, name)
        },
        "augmentation.rotation": (augmentation.rotation, 30),
        "augmentation.zoom": (augmentation.zoom, 0.3),
        "augmentation.erasing": (augmentation.erasing, 0.6),
        "augmentation.shift": (augmentation.shift, 0.2),
        "augmentation.contrast": (augmentation.contrast, 0.5),
        "augmentation.brightness": (augmentation.brightness, 0.5),
        "training.mixup": (training.mixup, 0.5),
    }
    return (*space, *(Varied(key, 0.0, max(usual, value)) for key, (value, usual) in rates.items()))


def default_space(settings: Settings) -> tuple[Varied, ...]:
    """What is varied where nobody says."""
    return offered_space(settings)[:_DEFAULT_NUMBER]


def _read(text: str, settings: Settings) -> Varied:
    name, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not name or not values:
        raise SettingsError(f"What varies is written {_FORMS}. Received: {text!r}")
    field = setting_named(name, settings)
    if field.key in _CHANGES_THE_MEASURE:
        raise SettingsError(f"{field.key} changes what is measured, so that trials could not be compared. Set it with --set.")
    if field.section == "serving":
        raise SettingsError(f"{field.key} is used after training only: trials that differ in it would be the same.")
    if ".." in values and field.kind in (int, float):
        return _read_range(field, values, settings)
    if field.kind is tuple and "|" not in values:
        raise SettingsError(f"{field.key} is a list itself, so its choices are separated by |. Received: {text!r}")
    parts = values.split("|" if "|" in values else ",")
    choices = tuple(dict.fromkeys(_checked(field, part, settings) for part in parts))
    if len(choices) < 2:
        raise SettingsError(f"What varies is written {_FORMS}, with two choices or more. Received: {text!r}")
    return Varied(field.key, choices=choices)


def _read_range(field: SettingField, values: str, settings: Settings) -> Varied:
    ends, _, scale = values.partition(":")
    match = re.fullmatch(r"\s*(\S+?)\s*\.\.\s*(\S+?)\s*", ends)
    if not match or scale.strip() not in ("", "log"):
        raise SettingsError(f"What varies is written {_FORMS}. Received: {field.key}={values}")
    low, high = (float(_checked(field, end, settings)) for end in match.groups())
    log = scale.strip() == "log"
    if low >= high:
        raise SettingsError(f"A range goes from the lower to the higher value. Received: {field.key}={values}")
    if log and low <= 0:
        raise SettingsError(f"A range with :log begins above 0, as its orders of magnitude would have no end. Received: {low:g}")
    return Varied(field.key, low, high, log, whole=field.kind is int)


def _checked(field: SettingField, text: str, settings: Settings) -> str:
    """A value as `--set` writes it, after the settings have taken it."""
    return setting_named(field.key, settings.with_overrides({field.key: text.strip()})).text


def setting_named(name: str, settings: Settings) -> SettingField:
    """The setting that a key means: `section.name`, or the name alone where one section has it.

    Raises:
        SettingsError: it is unknown, or stands in several sections.
    """
    found = [field for field in setting_fields(settings) if name in (field.key, field.name)]
    if len(found) != 1:
        settings.with_overrides({name: ""})  # which says what is unknown, or stands in several sections
    return found[0]


def _round(value: float) -> float:
    return float(f"{value:.3g}")
