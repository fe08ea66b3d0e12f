"""Run → bundle: export the best weights, calibrate each head, check LiteRT against Keras, write the card.

Runs where Keras and TensorFlow may be imported: the command line (`python -m fer bundle RUN NAME`), never the server.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.bundles import FILES, FORMAT, SUMS, Bundle, file_sha256, load_bundle
from fer.errors import BundleError, RunError, SettingsError
from fer.evaluation.calibration import fit_temperature, softmax
from fer.evaluation.intervals import wilson_interval
from fer.evaluation.metrics import ece, nll
from fer.files import write_json
from fer.litert import LiteRtNetwork
from fer.training.history import best_row
from fer.training.run import Run
from fer.training.worker import prepare_keras
from fer.workspace import models_dir

# LiteRT and Keras compute the same network in another order of additions; more than this apart is another network.
AGREEMENT = 1e-4
INTENDED_USE = (
    "Reads the apparent expression of faces in pictures and video: what a face shows, not what a person feels. For study, "
    "research, art and tools whose users are told about it and agree."
)
LIMITS = (
    "It does not know what a person feels, thinks or intends; people show the same feeling in different ways.",
    "Learned from FER2013-like pictures found on the web; their labels are noisy, and ages, skin tones and cultures are not "
    "represented evenly. Nobody has measured how accuracy differs between groups of people.",
    "Weak on disgust, fear and contempt, of which there are few examples; on small, blurred, dark, covered or turned faces.",
    "EU AI Act, Art. 5(1)(f): inferring emotions at work and in education is forbidden, except for medical or safety reasons; "
    "other emotion recognition is high-risk (Annex III 1(c)), and those exposed must be told (Art. 50(3)).",
)


def create_bundle(run: Run, name: str, *, models: Path | None = None) -> Bundle:
    """Make a bundle of a run's best weights.

    Args:
        run: a run that has finished, or was stopped after its first epoch.
        name: name of the bundle, also of its folder; an existing one of that name is replaced only when all has succeeded.
        models: folder of bundles; None for the project's.

    Raises:
        RunError: the run is going, has no finished epoch, or was killed before it answered its validation part.
        SettingsError: the name cannot be a folder's.
        BundleError: LiteRT does not agree with Keras, or the folder cannot be written.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise SettingsError(f"A model's name is made of letters, digits, '.', '_' and '-'. Received: {name!r}")
    if run.is_active:
        raise RunError(f"The run {run.id} is going. Wait for its end, or stop it first.")
    if not (run.path / "validation.npz").is_file():
        raise RunError(f"The run {run.id} has no answers on its validation part yet (it is {run.status}). Resume it to its end.")
    models = models or models_dir()
    target = models / name
    try:
        models.mkdir(parents=True, exist_ok=True)
        # Built beside its place: a bundle is there whole or not at all.
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=models) as folder:
            built = Path(folder) / name
            built.mkdir()
            _build(run, name, built)
            if target.exists():
                target.rename(Path(folder) / "replaced")  # and gone with the folder; a kill in between leaves it there
            built.rename(target)
    except OSError as error:
        raise BundleError(f"Cannot write the model to {target}: {error.strerror or error}.") from error
    return load_bundle(target)


def _build(run: Run, name: str, folder: Path) -> None:
    prepare_keras(Path(os.devnull))
    import keras

    from fer.networks import build_network, count_multiply_adds
    from fer.training.checkpoint import load_weights

    settings, data = run.settings, run.dataset_info()
    # Rebuilt in float32: a model built under bfloat16 does not convert.
    keras.mixed_precision.set_global_policy("float32")
    heads = {head: len(labels) for head, labels in data["heads"].items()}
    model = build_network(settings.network, settings.preprocessing.input_shape, heads)
    load_weights(run.path / "best.npz", model)
    model.save(folder / "model.keras")
    litert = convert_to_litert(model)
    (folder / "model.litert").write_bytes(litert)

    with np.load(run.path / "validation.npz") as stored:
        validation = {key: stored[key] for key in stored.files}
    samples = settings.preprocessing.normalise(validation["samples"])
    gap = disagreement(model, litert, samples)
    if gap > AGREEMENT:
        raise BundleError(f"LiteRT and Keras differ by {gap:.1e} on real images, more than {AGREEMENT:.0e}. No bundle was made.")

    card: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "recipe": run.recipe_name,
        "heads": [_head_card(head, data["heads"][head], validation) for head in heads],
        # FER+ votes are the better labels, and know contempt; but who chose the classes wants those. The other waits to be asked.
        "default_head": "votes" if "votes" in heads and not settings.data.classes else "labels",
        "preprocessing": settings.preprocessing.as_dict(),
        "crop": "As FER2013 was cropped: upright square, eyes at (0.31, 0.39) and (0.68, 0.38) of its side; borders replicated.",
        "parameters": int(model.count_params()),
        "multiply_adds": count_multiply_adds(model),
        "litert_disagreement": gap,
        "data": data,
        "training": _training_card(run),
        "settings": settings.as_dict(),
        "environment": json.loads((run.path / "environment.json").read_text(encoding="utf-8")),
        "reproduce": _reproduce(run, name),
        "licence": "The weights are published under the project's licence; the pictures they were learned from keep their own.",
        "intended_use": INTENDED_USE,
        "limits": list(LIMITS),
    }
    write_json(folder / "card.json", card)
    (folder / "README.md").write_text(describe_card(card), encoding="utf-8")
    (folder / SUMS).write_text("".join(f"{file_sha256(folder / file)}  {file}\n" for file in FILES), encoding="utf-8")


def convert_to_litert(model: Any) -> bytes:
    """A Keras model (float32) as a LiteRT file, batch size left open."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        return bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


def disagreement(model: Any, litert: bytes, model_input: NDArray[np.float32]) -> float:
    """The largest difference of a probability between a Keras model and its LiteRT file, over all heads and images."""
    answers = LiteRtNetwork(litert).run_batch(model_input)
    expected = model.predict(model_input, verbose=0)
    return max(float(np.abs(softmax(answers[head]) - softmax(np.asarray(expected[head]))).max()) for head in expected)


def _head_card(head: str, labels: list[str], validation: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Calibration and figures of one head on the validation part (of the votes head: where the votes name an emotion)."""
    used = validation[f"weights_{head}"] > 0
    logits, targets = validation[f"logits_{head}"][used], validation[f"targets_{head}"][used]
    y_true = targets.argmax(axis=1)
    temperature = fit_temperature(logits, targets)
    y_prob = softmax(logits / temperature)
    correct = int((y_prob.argmax(axis=1) == y_true).sum())
    return {
        "name": head,
        "labels": labels,
        "temperature": temperature,
        "validation": {
            "n": len(y_true),
            "accuracy": correct / len(y_true),
            "accuracy_ci95": list(wilson_interval(correct, len(y_true))),
            "nll": nll(y_true, y_prob),
            "ece": ece(y_true, y_prob),
            "ece_uncalibrated": ece(y_true, softmax(logits)),
        },
    }


def _training_card(run: Run) -> dict[str, Any]:
    rows = run.epoch_rows()
    chosen = best_row(rows, run.settings.training.monitor)
    return {
        "epochs": len(rows),
        "chosen_epoch": chosen["epoch"],
        "chosen_by": run.settings.training.monitor,
        "hours": round(sum(row["seconds"] for row in rows) / 3600, 2),
        "history": [{key: round(value, 5) for key, value in row.items()} for row in rows],
    }


def _reproduce(run: Run, name: str) -> list[str]:
    """The commands that made it, without the paths of the machine where it was made."""
    from fer.recipes import list_recipes

    request = run.request
    shipped = {recipe.name: recipe.settings.as_dict() for recipe in list_recipes()}.get(run.recipe_name)
    data = request["data"] if ":" in request["data"] or request["data"] == "synthetic" else Path(request["data"]).name
    # A recipe of the user's own is a file that only they have; the card's `settings` say all that stood in it.
    recipe = f"{run.recipe_name}.toml" if shipped is None else run.recipe_name
    command = f"python -m fer train --recipe {recipe} --data {data}"
    if request["ferplus"]:
        command += f" --ferplus {Path(request['ferplus']).name}"
    for section, values in run.settings.as_dict().items():
        for key, value in values.items():
            if shipped is not None and _setting_text(value) != _setting_text(shipped[section].get(key)):
                command += f" --set {section}.{key}={_setting_text(value)}"
    return [f"{command} --run RUN", f"python -m fer bundle RUN {name}"]


def _setting_text(value: Any) -> str:
    """A setting's value as `--set` reads it."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def describe_card(card: dict[str, Any]) -> str:
    """The card for people, Markdown."""
    data, training, environment, size = card["data"], card["training"], card["environment"], card["preprocessing"]["size"]
    counts = ", ".join(f"{sum(by_label.values()):,} {split or 'unsplit'}" for split, by_label in data["counts"].items())
    lines = [
        f"# {card['name']}",
        "",
        card["intended_use"],
        "",
        f"- Recipe `{card['recipe']}`: {card['parameters'] / 1e6:.2f} M parameters, "
        f"{card['multiply_adds'] / 1e6:.0f} M multiply-adds a face.",
        f"- Input: {size}×{size}, {'grey' if card['preprocessing']['channels'] == 1 else 'RGB'}. {card['crop']}",
        f"- Learned from {data['name']} ({counts} images, after {data['leaks_removed']} training images that stand in "
        "validation or test as well were left out).",
        f"- {training['epochs']} epochs, {training['hours']} hours on {environment['processors']} processors "
        f"({environment['precision']}); epoch {training['chosen_epoch']} chosen by {training['chosen_by']}.",
        "",
        "## Figures on the validation part",
        "",
        "The epoch and the calibration were chosen on these same images, so expect a little less on new ones.",
        "",
        "| head | classes | n | accuracy (95 % interval) | NLL | ECE |",
        "|---|---|---|---|---|---|",
    ]
    for head in card["heads"]:
        figures = head["validation"]
        low, high = figures["accuracy_ci95"]
        lines.append(
            f"| {head['name']} | {', '.join(head['labels'])} | {figures['n']:,} "
            f"| {figures['accuracy']:.1%} ({low:.1%} to {high:.1%}) | {figures['nll']:.3f} | {figures['ece']:.3f} |"
        )
    lines += ["", "## Limits", "", *(f"- {limit}" for limit in card["limits"])]
    lines += ["", "## Made with", "", "```", *card["reproduce"], "```", "", card["licence"], ""]
    return "\n".join(lines)
