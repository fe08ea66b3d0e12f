"""Everything that can be set about a training, as frozen dataclasses that check themselves."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from fer.augmentation import Augmentation
from fer.errors import SettingsError
from fer.networks.pretrained import Pretrained
from fer.networks.registry import ARCHITECTURES, NetworkSettings
from fer.networks.se_resnet import SeResNet
from fer.preprocessing import Preprocessing
from fer.quality.balance import METHODS, NO_BALANCE

OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("auto", "float32", "bfloat16")
WEIGHTS = ("float32", "int8")
PLACES = ("auto", "cpu", "device")
LOSSES = ("cross_entropy", "focal")
LABELS_FROM = ("dataset", "votes")


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What is learned from.

    Args:
        labels_from: whose labels are learned: `dataset`, or `votes`, FER+'s eight classes of the images with a strict majority.
        classes: picked or merged classes in order (see `fer.labels.ClassMap.parse`); empty keeps all.
        fractions: shares of train and val (and test), used where the data has no split.
        votes: learn from FER+ votes with a second head where the dataset has them.
        remove_leaks: leave out training images that stand in val or test as well.
        balance: `none`, or one of `fer.quality.balance.METHODS`: how rare classes are made up for.
        overfeed: classes that are shown more often than they are there, `happy=5` for five times: to see what comes of it.
        rejects: pictures without a face that join each training batch, as a share of it (see `fer.data.rejects`); above 0, the
            network learns to answer "not a face", too.
    """

    labels_from: str = "dataset"
    classes: tuple[str, ...] = ()
    fractions: tuple[float, ...] = (0.8, 0.2)
    votes: bool = False
    remove_leaks: bool = True
    balance: str = NO_BALANCE
    overfeed: tuple[str, ...] = ()
    rejects: float = 0.0

    def __post_init__(self) -> None:
        for name, known in (("labels_from", LABELS_FROM), ("balance", (NO_BALANCE, *METHODS))):
            if getattr(self, name) not in known:
                raise SettingsError(f"data.{name} is one of {', '.join(known)}. Received: {getattr(self, name)!r}")
        self.times_fed  # noqa: B018 (refuses what cannot be read)
        if not 0 <= self.rejects <= 1:
            raise SettingsError(f"data.rejects lies in 0…1. Received: {self.rejects}")

    @property
    def times_fed(self) -> dict[str, int]:
        """By class, how often more than others its images are shown."""
        times = {}
        for entry in self.overfeed:
            name, _, factor = entry.partition("=")
            if not name.strip() or not factor.strip().isdigit() or not 1 <= int(factor) <= 100:
                raise SettingsError(f"data.overfeed takes class=times with times in 1…100, e.g. happy=5. Received: {entry!r}")
            times[name.strip()] = int(factor)
        return times


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How it is learned.

    Args:
        epochs: passes over the training images, at most.
        batch_size: images a step.
        optimizer: `adam`, or `sgd` (Nesterov momentum 0.9).
        learning_rate: at the start, or the peak after the warm-up.
        schedule: `constant`, or `cosine` down to zero at the last epoch.
        warmup_epochs: epochs of linear rise to the learning rate, at most half of all (cosine only).
        weight_decay: decoupled, on kernels only.
        loss: of the labels: `cross_entropy`, or `focal`, in which what is answered well counts less (arXiv:1708.02002).
        focal_gamma: how much less; 0 is cross-entropy.
        label_smoothing: share of the label that is spread over all classes.
        labels_weight: weight of the labels' loss; 0 where only the votes are to be learned.
        votes_weight: weight of the votes' loss beside it.
        start_from: bundle or run whose weights the training begins with: another stretch for the same network, or a transfer
            where classes differ, whose heads begin anew; "" for none.
        frozen: share of the trunk's layers, counted from the image, that stay as they are; 1 trains the dense layers alone.
        mixup: two images and their targets are blended in a share drawn from Beta(mixup, mixup) (arXiv:1710.09412); 0 never.
        teachers: bundles or runs whose mean answer to the same augmented images is learned beside the targets (arXiv:2106.05237).
        distil_weight: share of the teachers in the loss; the targets have the rest.
        distil_temperature: logits of both sides are divided by it, so that small probabilities count, too.
        ema: momentum of the weights' moving average that is evaluated and kept, less in a short training; 0 keeps the weights.
        small_size: side of the images in the first epochs, 0 for full size throughout.
        small_share: share of the epochs at `small_size`.
        early_stopping: epochs without a better val_loss after which training ends; 0 never.
        plateau_patience: epochs without a better val_loss after which the learning rate falls; 0 never.
        plateau_factor: by which it falls.
        plateau_min_delta: what counts as better.
        monitor: what chooses the epoch that is kept: `val_loss` or `val_accuracy`.
        precision: `bfloat16` computes in half the bytes (weights stay float32); `auto` takes it where the processor has it.
        augment_on: where images are varied: `cpu`, or `device`, where the network computes and all images are kept; `auto`
            takes the device where that is no CPU.
        seed: of everything that is random.
    """

    epochs: int = 20
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warmup_epochs: float = 0.0
    weight_decay: float = 0.0
    loss: str = "cross_entropy"
    focal_gamma: float = 2.0
    label_smoothing: float = 0.0
    labels_weight: float = 1.0
    votes_weight: float = 1.0
    start_from: str = ""
    frozen: float = 0.0
    mixup: float = 0.0
    teachers: tuple[str, ...] = ()
    distil_weight: float = 0.5
    distil_temperature: float = 2.0
    ema: float = 0.0
    small_size: int = 0
    small_share: float = 0.4
    early_stopping: int = 0
    plateau_patience: int = 0
    plateau_factor: float = 0.2
    plateau_min_delta: float = 1e-4
    monitor: str = "val_loss"
    precision: str = "auto"
    augment_on: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        choices = {
            "optimizer": OPTIMIZERS,
            "schedule": SCHEDULES,
            "precision": PRECISIONS,
            "augment_on": PLACES,
            "loss": LOSSES,
            "monitor": ("val_loss", "val_accuracy"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise SettingsError(f"training.{name} is one of {', '.join(known)}. Received: {getattr(self, name)!r}")
        for name, low, high in (
            ("epochs", 1, 100_000),
            ("batch_size", 1, 65_536),
            ("learning_rate", 1e-9, 100),
            ("warmup_epochs", 0, 1_000),
            ("weight_decay", 0, 1),
            ("focal_gamma", 0, 10),
            ("label_smoothing", 0, 0.99),
            ("frozen", 0, 1),
            ("labels_weight", 0, 100),
            ("votes_weight", 0, 100),
            ("mixup", 0, 10),
            ("distil_weight", 0, 1),
            ("distil_temperature", 0.5, 20),
            ("ema", 0, 0.99999),
            ("small_share", 0, 1),
            ("early_stopping", 0, 100_000),
            ("plateau_patience", 0, 100_000),
            ("plateau_factor", 0.001, 0.999),
            ("seed", 0, 2**31 - 1),
        ):
            if not low <= getattr(self, name) <= high:
                raise SettingsError(f"training.{name} lies in {low:g}…{high:g}. Received: {getattr(self, name)}")
        if self.plateau_patience and self.schedule != "constant":
            raise SettingsError(
                "training.plateau_patience lowers a constant rate; set training.schedule to constant, or the patience to 0."
            )


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """What a bundle's LiteRT network does beyond the trained one.

    Args:
        mirror: answer with the mean of the logits of a face and of its mirror image, at twice the time.
        weights: `float32`, or `int8`: a quarter of the size, and multiplied as integers, which takes a third of the time.
    """

    mirror: bool = False
    weights: str = "float32"

    def __post_init__(self) -> None:
        if self.weights not in WEIGHTS:
            raise SettingsError(f"serving.weights is one of {', '.join(WEIGHTS)}. Received: {self.weights!r}")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run, one section a room of the house."""

    data: DataSettings = field(default_factory=DataSettings)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    network: NetworkSettings = field(default_factory=SeResNet)
    augmentation: Augmentation = field(default_factory=Augmentation)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    serving: ServingSettings = field(default_factory=ServingSettings)

    def __post_init__(self) -> None:
        if self.training.small_size and not self.network.any_input_size:
            raise SettingsError(
                "training.small_size needs an architecture that takes any input size; this one does not. Set it to 0."
            )
        if self.training.augment_on == "device" and self.preprocessing.equalise != "none":
            raise SettingsError("Histograms are equalised on the CPU alone: set training.augment_on to cpu or auto.")
        if isinstance(self.network, Pretrained) and (self.preprocessing.channels, self.preprocessing.scale) != (3, "unit"):
            raise SettingsError(
                "A pretrained backbone takes RGB in 0…1 and scales it itself: set preprocessing.channels=3 and "
                f"preprocessing.scale=unit. Received: {self.preprocessing.channels} and {self.preprocessing.scale}"
            )
        size = self.preprocessing.size
        if self.training.small_size and not 8 <= self.training.small_size <= size:
            raise SettingsError(
                f"training.small_size is 0, or lies in 8…{size} (preprocessing.size). Received: {self.training.small_size}"
            )

    @classmethod
    def from_dict(cls, sections: Mapping[str, Any]) -> Settings:
        """Read settings from nested dictionaries (TOML, JSON); missing keys take their defaults.

        Raises:
            SettingsError: a section or key is unknown, or a value has the wrong type or range.
        """
        _refuse_unknown(sections, [f.name for f in fields(cls)], "section")
        given = sections.get("network", {"architecture": "se_resnet"})
        _refuse_no_section("network", given)
        network = dict(given)
        architecture = network.pop("architecture", None)
        if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
            raise SettingsError(f"Unknown network.architecture {architecture!r}. Known: {', '.join(ARCHITECTURES)}")
        return cls(
            data=_section(DataSettings, "data", sections.get("data", {})),
            preprocessing=_section(Preprocessing, "preprocessing", sections.get("preprocessing", {})),
            network=_section(ARCHITECTURES[architecture], "network", network),
            augmentation=_section(Augmentation, "augmentation", sections.get("augmentation", {})),
            training=_section(TrainingSettings, "training", sections.get("training", {})),
            serving=_section(ServingSettings, "serving", sections.get("serving", {})),
        )

    def as_dict(self) -> dict[str, Any]:
        """Nested dictionaries that `from_dict` reads back."""
        sections = {f.name: asdict(getattr(self, f.name)) for f in fields(self)}
        sections["network"] = {"architecture": self.architecture, **sections["network"]}
        return sections

    @property
    def architecture(self) -> str:
        """Name of the network's architecture in the registry."""
        return next(name for name, kind in ARCHITECTURES.items() if isinstance(self.network, kind))

    def with_overrides(self, overrides: Mapping[str, Any]) -> Settings:
        """Change single settings.

        Args:
            overrides: values by key; a key is `section.name`, or just the name where only one section has it. A string is
                read as the setting's type (`"0.1"`, `"true"`, `"64,128"`).

        Raises:
            SettingsError: a key is unknown or stands in several sections, or a value does not fit.
        """
        changes: dict[str, dict[str, Any]] = {}
        for key, value in overrides.items():
            section, name = self._locate(key)
            kind = typing.get_type_hints(type(getattr(self, section)))[name]
            changes.setdefault(section, {})[name] = _convert(value, kind, f"{section}.{name}")
        # All of a section at once: settings that only fit together must not be refused one by one.
        return replace(self, **{section: replace(getattr(self, section), **values) for section, values in changes.items()})

    def _locate(self, key: str) -> tuple[str, str]:
        known = [(s.name, f.name) for s in fields(self) for f in fields(getattr(self, s.name))]
        matches = [(section, name) for section, name in known if key in (name, f"{section}.{name}")]
        if not matches:
            listing = ", ".join(f"{section}.{name}" for section, name in known)
            raise SettingsError(f"Unknown setting {key!r}. Known: {listing}")
        if len(matches) > 1:
            raise SettingsError(
                f"The setting {key!r} stands in several sections; write one of: {', '.join('.'.join(m) for m in matches)}"
            )
        return matches[0]


def read_overrides(pairs: Iterable[str]) -> dict[str, str]:
    """Single settings as a command line gives them, `KEY=VALUE` each, for `Settings.with_overrides`.

    Raises:
        SettingsError: one has no `=`.
    """
    overrides = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise SettingsError(f"--set takes KEY=VALUE. Received: {pair!r}")
        overrides[key.strip()] = value
    return overrides


def _refuse_unknown(given: Mapping[str, Any], known: list[str], kind: str) -> None:
    unknown = [key for key in given if key not in known]
    if unknown:
        raise SettingsError(f"Unknown {kind}: {', '.join(map(repr, unknown))}. Known: {', '.join(known)}")


def _refuse_no_section(name: str, values: object) -> None:
    if not isinstance(values, Mapping):
        raise SettingsError(f"Section {name!r} holds settings by name. Received: {values!r}")


def _section(kind: type[Any], name: str, values: Mapping[str, Any]) -> Any:
    _refuse_no_section(name, values)
    hints = typing.get_type_hints(kind)
    _refuse_unknown(values, [f.name for f in fields(kind)], f"setting in [{name}]")
    return kind(**{key: _convert(value, hints[key], f"{name}.{key}") for key, value in values.items()})


def _convert(value: Any, kind: Any, name: str) -> Any:
    """A value from TOML, JSON or a command line as the type that a setting has."""
    try:
        if isinstance(kind, types.GenericAlias):  # tuple[X, ...]
            items = value.split(",") if isinstance(value, str) else value
            return tuple(_convert(item, kind.__args__[0], name) for item in items if item != "")
        if kind is bool:
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).strip().lower()]
        if kind is int and float(value) != int(float(value)):
            raise ValueError
        if kind in (int, float) and not isinstance(value, bool):
            return kind(float(value))
        if kind is str and isinstance(value, str):
            return value.strip()
    except (ValueError, TypeError, KeyError, OverflowError):
        pass
    raise SettingsError(f"{name} takes a value of type {getattr(kind, '__name__', kind)}. Received: {value!r}")
