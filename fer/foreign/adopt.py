"""A prepared network, its labels and its preprocessing → a bundle, which answers wherever ours do."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fer.bundles import FORMAT, Bundle, load_bundle, require_model_name
from fer.bundling import write_card
from fer.errors import BundleError, LabelError, SettingsError
from fer.files import replacing_folder
from fer.foreign.adapter import Adapter
from fer.foreign.prepare import NetworkFacts, read_facts
from fer.inference.classifier import Classifier
from fer.labels import LabelSet, canonical_label, is_known_label
from fer.model_card import FOREIGN_LIMITS, INTENDED_USE
from fer.preprocessing import Preprocessing
from fer.training.prepare import LABELS_HEAD
from fer.workspace import models_dir

# Orders of classes that are met with: of FER2013's table, of folders read in the order of the alphabet, of FER+'s and AffectNet's
# own models. By how they are called in the app.
ORDERS = {
    "FER2013": ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
    "folders": ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"),
    "FER+": ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"),
    "AffectNet": ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt"),
}
# What networks of keras.applications and of PyTorch take: scale, then mean and standard deviation a channel, and the colours.
INPUTS: dict[str, tuple[str, tuple[float, ...], tuple[float, ...], str]] = {
    "unit": ("unit", (0.0,), (1.0,), "rgb"),
    "signed": ("signed", (0.0,), (1.0,), "rgb"),
    "raw": ("raw", (0.0,), (1.0,), "rgb"),
    "torch": ("unit", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "rgb"),
    "caffe": ("raw", (103.939, 116.779, 123.68), (1.0,), "bgr"),
}


@dataclass(frozen=True)
class Reading:
    """How a stranger's network is asked and read, as far as the file does not say.

    Args:
        labels: a name for each number that it answers, in their order; any known spelling.
        scale: see `Preprocessing`.
        size: side of its pictures; None for what the file says.
        equalise: see `Preprocessing`.
        colours, mean, std: see `Adapter`.
        output: the one that answers; None for the one whose width fits the labels.
        answers: `logits` or `probabilities`; None for what they look like.
    """

    labels: Sequence[str]
    scale: str = "unit"
    size: int | None = None
    equalise: str = "none"
    colours: str = "rgb"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    output: str | None = None
    answers: str | None = None


def adopt_network(prepared: Path, name: str, reading: Reading, *, models: Path | None = None, overwrite: bool = False) -> Bundle:
    """Make a bundle of a network that `prepare_network` has left in a folder.

    Args:
        prepared: that folder; it stays.
        name: of the model.
        reading: how it is asked and read.
        models: folder of bundles; None for the project's.
        overwrite: replace a model of that name.

    Raises:
        SettingsError: the name cannot be a folder's, or the reading does not fit the network.
        LabelError: the labels do not.
        BundleError: a model of that name exists, or it cannot be written.
    """
    target = (models or models_dir()) / require_model_name(name)
    if target.exists() and not overwrite:
        raise BundleError(f"A model {name!r} exists already. Take this one in under another name.")
    facts = read_facts(prepared)
    label_set = LabelSet(tuple(canonical_label(label) if is_known_label(label) else label.strip() for label in reading.labels))
    adapter, preprocessing = _adapter(facts, reading, len(label_set)), _preprocessing(facts, reading)
    try:
        with replacing_folder(target, overwrite=overwrite) as building:
            shutil.copyfile(prepared / adapter.file, building / adapter.file)
            write_card(building, _card(name, facts, label_set, adapter, preprocessing))
            Classifier(load_bundle(building))  # whether all of it fits together
    except OSError as error:
        raise BundleError(f"Cannot write the model to {target}: {error.strerror or error}.") from error
    return load_bundle(target)


def fitting_outputs(facts: NetworkFacts, classes: int) -> list[str]:
    """Outputs that can answer for so many classes: a number each, or one for the second of two."""
    return [name for name, width in facts.outputs.items() if width == classes or (width, classes) == (1, 2)]


def _adapter(facts: NetworkFacts, reading: Reading, classes: int) -> Adapter:
    fitting = fitting_outputs(facts, classes)
    if not fitting:
        widths = ", ".join(map(str, facts.outputs.values()))
        raise LabelError(
            f"{facts.file} answers {widths} numbers, and {classes} classes are named. Name one for each, in their order "
            "(two where it answers one: the second is the one that it says yes to)."
        )
    output = reading.output or fitting[0]
    if output not in fitting:
        raise SettingsError(f"No output {output!r} answers for {classes} classes. There are: {', '.join(fitting)}")
    widest = max(len(reading.mean), len(reading.std))
    if facts.channels == 1 and (widest > 1 or reading.colours != "rgb"):
        raise SettingsError(f"{facts.file} takes grey pictures: one mean and one standard deviation, and no order of colours.")
    return Adapter(
        kind=facts.kind,
        output=output,
        answers=reading.answers or facts.answers[output],
        layout=facts.layout,
        colours=reading.colours,
        mean=tuple(reading.mean),
        std=tuple(reading.std),
    )


def _preprocessing(facts: NetworkFacts, reading: Reading) -> Preprocessing:
    if facts.size and reading.size not in (None, facts.size):
        raise SettingsError(f"{facts.file} takes pictures of {facts.size}×{facts.size} pixels. Received: {reading.size}")
    size = facts.size or reading.size
    if size is None:
        raise SettingsError(f"{facts.file} takes pictures of any size. Name the one that it was trained with.")
    return Preprocessing(size, facts.channels, reading.scale, reading.equalise)


def _card(name: str, facts: NetworkFacts, label_set: LabelSet, adapter: Adapter, preprocessing: Preprocessing) -> dict[str, Any]:
    gap = {} if facts.keras_gap is None else {"litert_disagreement": facts.keras_gap}
    return {
        "format": FORMAT,
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "origin": {"file": facts.file, "sha256": facts.sha256, "format": facts.format},
        "adapter": adapter.as_dict(),
        # Not calibrated: what its confidence is worth, an evaluation shows.
        "heads": [{"name": LABELS_HEAD, "labels": list(label_set), "temperature": 1.0}],
        "default_head": LABELS_HEAD,
        "preprocessing": preprocessing.as_dict(),
        "crop": "Which crop it learned from is not known; it is given faces cut as for the models made here.",
        "parameters": facts.parameters,
        **gap,
        "licence": "Not known here: ask who made it.",
        "intended_use": INTENDED_USE,
        "limits": list(FOREIGN_LIMITS),
    }
