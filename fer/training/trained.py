"""`Trained`: a network that was trained before, as a teacher of another one or as where its training begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer.bundles import load_bundle
from fer.errors import SettingsError
from fer.foreign.keras_files import load_keras_file
from fer.networks import build_network, log_odds_heads
from fer.recipes import Settings
from fer.training.checkpoint import load_weights
from fer.training.prepare import FACE_HEAD
from fer.training.runs import open_run


@dataclass(frozen=True)
class Trained:
    """The network of a bundle, or the best one of a run; make it with `open_trained`.

    Args:
        reference: name or folder of a bundle, or folder of a run.
        settings: all settings that it was trained with.
        labels: names of the classes of each head, in order.
        weights: file with its weights.
    """

    reference: str
    settings: Settings
    labels: dict[str, list[str]]
    weights: Path

    @property
    def outputs(self) -> dict[str, int]:
        """Width of each output of the network."""
        widths = {head: len(names) for head, names in self.labels.items()}
        return widths | ({FACE_HEAD: 2} if self.settings.data.rejects else {})

    def build(self) -> Any:
        """The network, at its own input size. Built anew rather than loaded whole: so it computes in the precision of the
        training that asks for it, not in the one that it was stored with."""
        preprocessing = self.settings.preprocessing
        model = build_network(
            self.settings.network, preprocessing.input_shape, self.outputs, log_odds=log_odds_heads(self.labels)
        )
        self.load_into(model)
        return model

    def load_into(self, model: Any) -> None:
        """Give its weights to a network of the same architecture and outputs.

        Raises:
            RunError: the file is damaged.
            BundleError: the bundle's Keras file could run a program, or does not open.
        """
        if self.weights.suffix == ".keras":
            model.set_weights(load_keras_file(self.weights).get_weights())
        else:
            load_weights(self.weights, model)

    def begin(self, model: Any, settings: Settings, labels: dict[str, list[str]]) -> None:
        """Let a run's network begin with these weights; heads that answer other classes here keep the ones that they have.

        Args:
            model: the run's network, as `build_network` made it.
            settings: of the run.
            labels: names of the classes of each of its heads, in order.

        Raises:
            SettingsError: the run's network or preprocessing is another.
            RunError: the file with the weights is damaged.
        """
        ours, theirs = _input_and_trunk(settings), _input_and_trunk(self.settings)
        if ours != theirs:
            raise SettingsError(
                f"A training can begin with the weights of {self.reference!r} only with its network and preprocessing. "
                f"Expected {theirs}. Received: {ours}"
            )
        if labels == self.labels and bool(settings.data.rejects) == bool(self.settings.data.rejects):
            self.load_into(model)
            return
        outputs = {*self.outputs, *model.output}
        same = [head for head, names in labels.items() if self.labels.get(head) == names]
        same += [FACE_HEAD] if settings.data.rejects and self.settings.data.rejects else []
        theirs_built = self.build()
        trunks = ([layer for layer in network.layers if layer.name not in outputs] for network in (model, theirs_built))
        for layer, source in zip(*trunks, strict=True):
            layer.set_weights(source.get_weights())
        for head in same:
            model.get_layer(head).set_weights(theirs_built.get_layer(head).get_weights())


def _input_and_trunk(settings: Settings) -> dict[str, Any]:
    """What two trainings must share for the weights of one to serve the other."""
    sections = settings.as_dict()
    sections["network"].pop("weights", None)  # what a backbone began with is no matter any more
    return {section: sections[section] for section in ("preprocessing", "network")}


def open_trained(reference: str) -> Trained:
    """Find a bundle or a run.

    Raises:
        FerError: there is none, it has no weights yet, or it is damaged.
    """
    if (Path(reference) / "settings.json").is_file():
        run, weights = open_run(reference), Path(reference) / "best.npz"
        if not weights.is_file():
            raise SettingsError(f"The run {reference} has no weights yet: it is {run.status}. Wait for its first epoch.")
        return Trained(reference, run.settings, run.dataset_info()["heads"], weights)
    bundle = load_bundle(reference)
    if bundle.is_foreign:
        raise SettingsError(f"The model {bundle.name} was made elsewhere: it answers here, but cannot be trained on with.")
    labels = {head.name: list(head.label_set) for head in bundle.heads}
    return Trained(reference, Settings.from_dict(bundle.card["settings"]), labels, bundle.keras_path)
