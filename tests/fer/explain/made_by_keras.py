"""Run as a process of its own, `made_by_keras.py FOLDER`: what explanations are checked against, made with Keras."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from fer.bundles import load_bundle
from fer.bundling import convert_to_litert, write_card
from fer.errors import FerError
from fer.explain.grad_cam import grad_cam
from fer.renewing import renew_bundle
from fer.training.worker import prepare_keras
from fer.workspace import REPOSITORY

SIDE, CORNER, CLASSES = 16, 8, 3


def corner_network() -> Any:
    """A network that sees the lower right quarter alone: features 4×4×5 of it, averaged, to two heads; `votes` has one unit."""
    import keras

    mask = np.zeros((1, SIDE, SIDE, 1), np.float32)
    mask[:, CORNER:, CORNER:] = 1
    seen = keras.Input((SIDE, SIDE, 1), name="model_input")
    x = keras.layers.Conv2D(5, 4, strides=4, activation="relu", use_bias=False, name="seen")(seen * mask)
    pooled = keras.layers.GlobalAveragePooling2D()(x)
    votes = keras.ops.pad(keras.layers.Dense(1, name="votes")(pooled), ((0, 0), (1, 0)))
    model = keras.Model(seen, {"labels": keras.layers.Dense(CLASSES, name="labels")(pooled), "votes": votes})
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(size=weights.shape).astype(np.float32) for weights in model.get_weights()])
    return model


def make_corner(folder: Path, batch: np.ndarray) -> None:
    """The network as it is served, what its features and weights are, and Grad-CAM of it in three guises."""
    import keras

    from fer.networks import served_network

    model = corner_network()
    folder.mkdir()
    (folder / "model.litert").write_bytes(convert_to_litert(served_network(model, mirror=True)))
    trunk = keras.Model(model.input, model.get_layer("seen").output)
    nested = keras.Sequential([trunk, keras.layers.GlobalAveragePooling2D(), model.get_layer("labels")])

    class Own(keras.Model):  # type: ignore[misc]  # Keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.pool, self.answer = trunk, keras.layers.GlobalAveragePooling2D(), model.get_layer("labels")

        def call(self, inputs: Any) -> Any:
            return self.answer(self.pool(self.trunk(inputs)))

    flat = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    try:
        grad_cam(flat, batch)
        refused = ""
    except FerError as error:
        refused = str(error)
    np.savez(
        folder / "facts.npz",
        features=trunk(batch),
        turned=trunk(batch[:, :, ::-1]),
        kernel=model.get_layer("labels").kernel,
        logits=model(batch)["labels"],
        grad_cam=grad_cam(model, batch, head="labels"),
        nested=grad_cam(nested, batch),
        own=grad_cam(Own(), batch, layer="seen"),
        refused=refused,
    )


def make_renewed(models: Path) -> None:
    """Two copies of the model `compact`: `old`, whose file gave no features, renewed; and one whose file is another's."""
    import keras

    for name in ("old", "other"):
        shutil.copytree(REPOSITORY / "models" / "compact", models / name)
    model = keras.models.load_model(models / "old" / "model.keras", compile=False)
    (models / "old" / "model.litert").write_bytes(convert_to_litert(model))
    shutil.copy(REPOSITORY / "models" / "flagship" / "model.litert", models / "other")
    for name in ("old", "other"):
        write_card(models / name, load_bundle(REPOSITORY / "models" / "compact").card)
    shutil.copytree(models / "old", models / "before")
    renew_bundle(load_bundle(models / "old"))
    try:
        renew_bundle(load_bundle(models / "other"))
    except FerError as error:
        (models / "refused.txt").write_text(str(error), encoding="utf-8")


if __name__ == "__main__":
    out = Path(sys.argv[1])
    prepare_keras(Path(os.devnull))
    make_corner(out / "corner", np.load(out / "batch.npy").astype(np.float32) / 255)
    make_renewed(out / "models")
