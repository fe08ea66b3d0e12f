"""`Bundle`: a trained model as a folder that carries everything prediction needs, and proves that nothing in it has changed.

    card.json       label sets in order, preprocessing, crop, calibration, figures, data, settings, licence, limits
    model.litert    what predicts: float32 (N, S, S, C) → logits, one output a head, and `face` where the card has a face test;
                    `features`, from which heads take their answers, where the network averages them over positions
    model.keras     the same network for Keras: to train on, to look into
    README.md       the card for people
    SHA256SUMS      hashes of all of these (`sha256sum -c` reads it)

A model from elsewhere (`fer/foreign/`) has no Keras file, and `model.onnx` in place of `model.litert` where it is in that format.
Reading a bundle needs neither Keras nor TensorFlow; making one (`fer/bundling.py`) does.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fer.errors import BundleError, FerError, SettingsError
from fer.foreign.adapter import Adapter
from fer.labels import LabelSet
from fer.preprocessing import Preprocessing
from fer.workspace import models_dir, workspace_dir

FORMAT = 1
DEFAULT_MODEL = "flagship"
SUMS = "SHA256SUMS"
EXPORT_FORMATS = ("onnx", "litert", "litert-float16", "litert-int8", "keras", "savedmodel")  # see `exporting.py`
FILES = ("card.json", "model.litert", "model.keras", "README.md")
# All that a bundle may consist of: ours, and those from elsewhere.
FILE_SETS = (FILES, ("card.json", "model.litert", "README.md"), ("card.json", "model.onnx", "README.md"))
# How far a probability may differ between Keras and LiteRT. In float32 both compute the same in another order of additions;
# rounded to 8 bits, single faces may move by some points. More than this is another network.
AGREEMENT = {"float32": 1e-4, "int8": 0.15}


@dataclass(frozen=True)
class Head:
    """One answer of a network.

    Args:
        name: `labels`, or `votes` for a head that learned from FER+ votes; also the name of the LiteRT file's output.
        label_set: its classes, in the order of its logits.
        temperature: logits are divided by it before the softmax, so that probabilities are calibrated.
        abstain_threshold: answers of less confidence are "unsure"; None where none was chosen (`fer.evaluation.calibrate`).

    Raises:
        SettingsError: the threshold is none.
    """

    name: str
    label_set: LabelSet
    temperature: float
    abstain_threshold: float | None = None

    def __post_init__(self) -> None:
        if self.abstain_threshold is not None and not 0 <= self.abstain_threshold < 1:
            raise SettingsError(f"A head abstains below a confidence of 0 to 1. Received: {self.abstain_threshold}")


@dataclass(frozen=True)
class FaceTest:
    """How a network's output `face` (logits of "not a face" and "face") decides whether a face crop shows a face at all.

    Args:
        temperature: the logits are divided by it before the softmax.
        threshold: a crop is a face where the probability of "face" is at least this.

    Raises:
        SettingsError: a value is out of range.
    """

    temperature: float
    threshold: float

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf or not 0 < self.threshold < 1:
            raise SettingsError(
                "A face test takes a temperature above 0 and a threshold between 0 and 1. "
                f"Received: temperature {self.temperature}, threshold {self.threshold}."
            )


@dataclass(frozen=True)
class Bundle:
    """A verified bundle; make one with `load_bundle`."""

    path: Path
    card: dict[str, Any]
    sha256: str

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        thresholds = {name: float(chosen["threshold"]) for name, chosen in abstentions(self.card).items()}
        return tuple(
            Head(head["name"], LabelSet(tuple(head["labels"])), float(head["temperature"]), thresholds.get(head["name"]))
            for head in self.card["heads"]
        )

    @property
    def default_head(self) -> Head:
        """The head that answers when none is asked for."""
        return self.head(self.card["default_head"])

    @property
    def abstain_threshold(self) -> float | None:
        """Below which confidence the default head is unsure; None where no threshold was chosen for it."""
        return self.default_head.abstain_threshold

    def head(self, name: str | None = None) -> Head:
        """A head by its name; None for the default.

        Raises:
            BundleError: there is no such head.
        """
        wanted = self.card["default_head"] if name is None else name
        for head in self.heads:
            if head.name == wanted:
                return head
        raise BundleError(
            f"The model {self.name!r} has no head {wanted!r}. It has: {', '.join(head.name for head in self.heads)}"
        )

    @cached_property
    def face(self) -> FaceTest | None:
        """How a crop that shows no face is refused; None where the network was not trained to tell."""
        test = self.card.get("face")
        return None if test is None else FaceTest(float(test["temperature"]), float(test["threshold"]))

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes it was trained to pick or merge (see `fer.labels.ClassMap.parse`); empty where it took the data's own."""
        return () if self.is_foreign else tuple(self.card["settings"]["data"]["classes"])

    @property
    def is_foreign(self) -> bool:
        """Whether it was made elsewhere, so that nothing is known of its training (see `fer/foreign/`)."""
        return "origin" in self.card

    @cached_property
    def adapter(self) -> Adapter | None:
        """What stands between our input and answers and those of a network from elsewhere; None of our own."""
        return Adapter.from_dict(self.card["adapter"]) if self.is_foreign else None

    @cached_property
    def preprocessing(self) -> Preprocessing:
        return Preprocessing.from_dict(self.card["preprocessing"])

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that its SHA256SUMS lists."""
        return next(files for files in FILE_SETS if all((self.path / file).is_file() for file in files))

    @property
    def litert_path(self) -> Path:
        return self.path / "model.litert"

    @property
    def network_path(self) -> Path:
        """The file that answers: `model.litert`, or that of a network from elsewhere."""
        return self.path / (self.adapter.file if self.adapter else "model.litert")

    @property
    def keras_path(self) -> Path:
        return self.path / "model.keras"


def load_bundle(name_or_path: str | Path) -> Bundle:
    """Open a bundle and check every file against its hash.

    Args:
        name_or_path: a name in the models folder, or the folder of a bundle.

    Raises:
        BundleError: there is no such bundle, a file is missing or was changed, or the card does not make sense.
    """
    path = Path(name_or_path)
    if not (path / SUMS).is_file():
        path = models_dir() / str(name_or_path)
    if not path.is_dir():
        names = ", ".join(list_bundles()) or "none yet"
        raise BundleError(
            f"No model {str(name_or_path)!r}. There are: {names}. `python -m fer bundle RUN NAME` makes one of a finished run."
        )
    if not (path / SUMS).is_file():
        raise BundleError(f"{path} is no bundle: it has no {SUMS}.")
    identity = _verify(path)
    try:
        card = json.loads((path / "card.json").read_text(encoding="utf-8"))
        if card["format"] != FORMAT:
            raise BundleError(f"The model {path.name!r} has card format {card['format']}; this version reads format {FORMAT}.")
        bundle = Bundle(path, card, identity)
        # A card that makes no sense is refused here, not at the first face.
        bundle.default_head, bundle.face, bundle.classes, bundle.preprocessing, bundle.adapter  # noqa: B018
    except BundleError:
        raise
    except (ValueError, KeyError, TypeError, FerError) as error:
        raise BundleError(
            f"The card of the model {path.name!r} does not make sense: {error!r}. Make the bundle again."
        ) from error
    return bundle


def abstentions(card: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Below which confidence each head is unsure, and what came of it, by the head's name.

    A threshold was chosen on the answers of one head, and says nothing about those of another. Cards of before kept one alone,
    beside the heads.
    """
    of_before = card.get("abstain")
    own = {head["name"]: head["abstain"] for head in card["heads"] if "abstain" in head}
    return ({} if of_before is None else {of_before["head"]: of_before}) | own


def list_bundles() -> list[str]:
    """Names of the bundles in the models folder, the default first; none is opened."""
    names = sorted(path.parent.name for path in models_dir().glob(f"[!.]*/{SUMS}"))  # hidden ones are being made, or deleted
    first = default_model()
    return sorted(names, key=lambda name: name != first)


def default_model() -> str:
    """Name of the model that answers where none is named: the one that the user has chosen, else the one that ships."""
    try:
        chosen = default_model_file().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return DEFAULT_MODEL
    return chosen if chosen and (models_dir() / chosen / SUMS).is_file() else DEFAULT_MODEL


def default_model_file() -> Path:
    """Where that choice is kept."""
    return workspace_dir() / "default-model.txt"


def require_model_name(name: str) -> str:
    """The name, if it can be a model's.

    Raises:
        SettingsError: it cannot be a folder's on every system.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise SettingsError(f"A model's name is made of letters, digits, '.', '_' and '-'. Received: {name!r}")
    return name


def file_sha256(path: Path) -> str:
    """Hash of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parse_sums(listing: str) -> dict[str, str]:
    """Hashes by file name of a SHA256SUMS; empty where it does not list what a bundle consists of."""
    sums = {name: digest for digest, mark, name in (line.partition("  ") for line in listing.split("\n")) if mark}
    is_whole = any(set(sums) == set(files) and listing.count("\n") == len(files) for files in FILE_SETS)
    return sums if is_whole else {}


def _verify(path: Path) -> str:
    """Check the files of a bundle against SHA256SUMS; returns the hash of that list, which is the bundle's identity."""
    listing = (path / SUMS).read_text(encoding="utf-8", errors="replace")  # a changed byte may be no UTF-8 any more
    sums = parse_sums(listing)
    if not sums:
        raise BundleError(f"The model {path.name!r} was changed: {SUMS} should list {', '.join(FILES)}. Make the bundle again.")
    for name, expected in sums.items():
        file = path / name
        if not file.is_file():
            raise BundleError(f"The model {path.name!r} lacks its file {name}. Copy or make the bundle again.")
        if file_sha256(file) != expected:
            raise BundleError(
                f"The model {path.name!r} was changed: {name} does not match {SUMS}. Copy or make the bundle again."
            )
    return hashlib.sha256(listing.encode()).hexdigest()
