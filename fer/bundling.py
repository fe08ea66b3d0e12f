"""Run → bundle: export the best weights, calibrate each head, check LiteRT against Keras, write the card.

Runs where Keras and TensorFlow may be imported: the command line (`python -m fer bundle RUN NAME`), never the server.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.bundles import AGREEMENT, FILE_SETS, FORMAT, SUMS, Bundle, file_sha256, load_bundle, require_model_name
from fer.data.votes import LEFT_OUT, strict_labels
from fer.errors import BundleError, RunError
from fer.evaluation.calibration import fit_temperature, softmax
from fer.evaluation.intervals import wilson_interval
from fer.evaluation.metrics import ece, kl_divergence, nll
from fer.evaluation.robustness import measure_robustness
from fer.files import replacing_folder, write_json
from fer.litert import LiteRtNetwork
from fer.model_card import INTENDED_USE, LIMITS, describe_card, reproduce_commands, settings_card, training_card
from fer.networks import FEATURES
from fer.preprocessing import Preprocessing
from fer.quality.cleaning import read_cleaned
from fer.training.prepare import FACE_HEAD, LABELS_HEAD, VOTES_HEAD, PreparedData, prepare_data
from fer.training.run import Run
from fer.training.worker import prepare_keras
from fer.workspace import models_dir

# On how many validation images LiteRT is held against Keras.
SAMPLES = 64
# Share of the validation faces that may be refused as "not a face".
FACES_REFUSED = 0.01
# Faces elsewhere are more blurred and covered: the flagship refuses 0.1 % of its faces at 0.8, and 2 % of strongly blurred ones.
HIGHEST_THRESHOLD = 0.8


def create_bundle(
    run: Run,
    name: str,
    *,
    models: Path | None = None,
    data: str | Path | None = None,
    ferplus: str | Path | None = None,
    robustness: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> Bundle:
    """Make a bundle of a run's best weights.

    Args:
        run: a run with at least one finished epoch, at rest.
        name: name of the bundle, also of its folder; an existing one of that name is replaced only when all has succeeded.
        models: folder of bundles; None for the project's.
        data: where the run's data is now; None for where it was. Calibration and figures are taken on its validation part.
        ferplus: where its FER+ votes are now; None for where they were.
        robustness: measure it on corrupted validation images, too, at twelve times the time.
        progress: called with what is being done and the share of it that is, 0…1.

    Raises:
        RunError: the run is going, or has no finished epoch.
        SettingsError: the name cannot be a folder's.
        DataError: the data is not there any more.
        BundleError: the data has changed since, LiteRT does not agree with Keras, or the folder cannot be written.
    """
    require_model_name(name)
    if run.is_active:
        raise RunError(f"The run {run.id} is going. Wait for its end, or stop it first.")
    if not (run.path / "best.npz").is_file():
        raise RunError(f"The run {run.id} has no finished epoch yet (it is {run.status}). Resume it.")
    prepared = _prepared(run, data, ferplus)
    target = (models or models_dir()) / name
    with _replacing(target) as built:
        _build(run, name, prepared, built)
        if robustness:
            _add_robustness(load_bundle(built), prepared, progress)
    return load_bundle(target)


def amend_card(bundle: Bundle, changes: Mapping[str, Any]) -> Bundle:
    """The bundle with sections of its card added or replaced; its README and SHA256SUMS are written anew with them.

    Args:
        bundle: stays as it is until all has succeeded.
        changes: by the card's keys, ready for JSON.

    Raises:
        BundleError: the folder cannot be written.
    """
    with _replacing(bundle.path) as built:
        shutil.copytree(bundle.path, built, dirs_exist_ok=True)
        write_card(built, {**bundle.card, **changes})
    return load_bundle(bundle.path)


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A new folder, which takes the place of `target` when the block ends well: a bundle is there whole or not at all."""
    try:
        with replacing_folder(target, overwrite=True) as built:
            yield built
    except OSError as error:
        raise BundleError(f"Cannot write the model to {target}: {error.strerror or error}.") from error


def _prepared(run: Run, data: str | Path | None, ferplus: str | Path | None) -> PreparedData:
    """The run's data, read again; refused where it is not what the run learned from."""
    dataset, _ = read_cleaned(data or run.request["data"], run.cleaning, ferplus=ferplus or run.request["ferplus"])
    prepared = prepare_data(dataset, run.settings)
    learned = run.dataset_info()
    if (
        prepared.dataset.fingerprint != learned["fingerprint"]
        or {head: list(labels) for head, labels in prepared.heads.items()} != learned["heads"]
    ):
        raise BundleError(
            f"The data at {data or run.request['data']} is not what the run {run.id} learned from. "
            "Give the same images and votes with --data and --ferplus."
        )
    return prepared


def _build(run: Run, name: str, prepared: PreparedData, folder: Path) -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever it was trained with: LiteRT's converter takes no other's networks
    prepare_keras(Path(os.devnull))
    import keras

    from fer.networks import build_network, count_multiply_adds, log_odds_heads, served_network
    from fer.training.checkpoint import load_weights

    settings, data = run.settings, run.dataset_info()
    # Rebuilt in float32: a model built under bfloat16 does not convert.
    keras.mixed_precision.set_global_policy("float32")
    shape = settings.preprocessing.input_shape
    model = build_network(settings.network, shape, prepared.outputs, log_odds=log_odds_heads(prepared.heads))
    load_weights(run.path / "best.npz", model)
    model.save(folder / "model.keras")
    served = served_network(model, mirror=settings.serving.mirror)
    litert = convert_to_litert(served, weights=settings.serving.weights)
    (folder / "model.litert").write_bytes(litert)

    images = prepared.val.images
    samples = images[np.linspace(0, len(images) - 1, min(SAMPLES, len(images))).astype(int)]
    gap = disagreement(served, litert, settings.preprocessing.normalise(samples))
    allowed = AGREEMENT[settings.serving.weights]
    if gap > allowed:
        raise BundleError(f"LiteRT and Keras differ by {gap:.1e} on real images, more than {allowed:.0e}. No bundle was made.")

    # Calibrated and measured on the answers of the very file that is served.
    logits = _answers(litert, settings.preprocessing, images)
    card: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "recipe": run.recipe_name,
        "heads": [_head_card(head, list(labels), logits[head], prepared) for head, labels in prepared.heads.items()],
        # FER+ votes are the better labels, and know contempt; but who chose the classes wants those. The other waits to be asked.
        "default_head": VOTES_HEAD if VOTES_HEAD in prepared.heads and not settings.data.classes else LABELS_HEAD,
        "preprocessing": settings.preprocessing.as_dict(),
        "crop": "As FER2013 was cropped: upright square, eyes at (0.31, 0.39) and (0.68, 0.38) of its side; borders replicated.",
        "parameters": int(model.count_params()),
        "multiply_adds": count_multiply_adds(model) * (2 if settings.serving.mirror else 1),
        "litert_disagreement": gap,
        "data": data,
        "training": training_card(run),
        "settings": settings_card(settings),
        "environment": json.loads((run.path / "environment.json").read_text(encoding="utf-8")),
        "reproduce": reproduce_commands(run, name),
        "licence": "The weights are published under the project's licence; the pictures they were learned from keep their own.",
        "intended_use": INTENDED_USE,
        "limits": list(LIMITS),
    }
    if FACE_HEAD in logits:
        card["face"] = _face_card(logits[FACE_HEAD], prepared)
    write_card(folder, card)


def _add_robustness(bundle: Bundle, prepared: PreparedData, progress: Callable[[str, float], None] | None) -> None:
    """Measure a bundle on the validation part under each corruption, and write that into its card."""
    say = progress or (lambda what, share: None)
    measured = measure_robustness(bundle, prepared.dataset, split="val", progress=lambda share: say("Corrupting", share))
    figures = measured.as_dict()
    del figures["bundle_sha256"]  # that of the bundle without these figures
    amend_card(bundle, {"robustness": figures})


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write a bundle's card, its README and the hashes of all its files into its folder."""
    write_json(folder / "card.json", card)
    (folder / "README.md").write_text(describe_card(card), encoding="utf-8")
    files = next(files for files in FILE_SETS if all((folder / file).is_file() for file in files))
    (folder / SUMS).write_text("".join(f"{file_sha256(folder / file)}  {file}\n" for file in files), encoding="utf-8")


def convert_to_litert(model: Any, *, weights: str = "float32") -> bytes:
    """A Keras model (float32) as a LiteRT file, batch size left open.

    Args:
        weights: `float32`; `float16`, which halves the file and computes as before; or `int8`: weights a channel and activations
            an image are rounded to 8 bits, sums stay whole.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if weights != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if weights == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return bytes(converter.convert())


def served_model(bundle: Bundle) -> Any:
    """The Keras model that a bundle's LiteRT file was made of, in float32.

    Raises:
        BundleError: its Keras file could run a program: who packs a bundle can put any file in it.
    """
    from fer.foreign.keras_files import load_keras_file

    prepare_keras(Path(os.devnull))
    import keras

    from fer.networks import served_network

    keras.mixed_precision.set_global_policy("float32")
    model = load_keras_file(bundle.keras_path)
    return served_network(model, mirror=bool(bundle.card["settings"]["serving"]["mirror"]))


def disagreement(model: Any, litert: bytes, model_input: NDArray[np.float32]) -> float:
    """The largest difference of a probability between a Keras model and its LiteRT file, over all heads and images."""
    answers = LiteRtNetwork(litert).run_batch(model_input)
    expected = {name: np.asarray(answer) for name, answer in model.predict(model_input, verbose=0).items() if name != FEATURES}
    return max(float(np.abs(softmax(answers[head]) - softmax(logits)).max()) for head, logits in expected.items())


def _answers(litert: bytes, preprocessing: Preprocessing, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Logits of every output for images (N, S, S, C), a block at a time."""
    network = LiteRtNetwork(litert, threads=os.cpu_count() or 1)
    blocks = [network.run_batch(preprocessing.normalise(images[start : start + 256])) for start in range(0, len(images), 256)]
    return {output: np.concatenate([block[output] for block in blocks]) for output in blocks[0]}


def _head_card(head: str, labels: list[str], logits: NDArray[np.float32], prepared: PreparedData) -> dict[str, Any]:
    """Calibration and figures of one head on the validation part."""
    val = prepared.val
    used = val.weights[head] > 0
    y_true, protocol = val.targets[head].argmax(axis=1), "labels"
    if head == VOTES_HEAD:
        # Fitted to what most taggers say, not to how they divide: of the answers given with 80 %, 80 % should be what a
        # majority says. Faces alone have votes; the rejects stand behind them.
        strict = strict_labels(_votes(prepared))
        if (strict != LEFT_OUT).any():
            used = np.zeros(len(val), bool)
            used[: len(strict)], y_true[: len(strict)], protocol = strict != LEFT_OUT, strict, "FER+ strict"
    temperature = fit_temperature(logits[used], np.eye(len(labels))[y_true[used]])
    y_prob, y_true = softmax(logits[used] / temperature), y_true[used]
    correct = int((y_prob.argmax(axis=1) == y_true).sum())
    figures = {
        "protocol": protocol,
        "n": len(y_true),
        "accuracy": correct / len(y_true),
        "accuracy_ci95": list(wilson_interval(correct, len(y_true))),
        "nll": nll(y_true, y_prob),
        "ece": ece(y_true, y_prob),
        "ece_uncalibrated": ece(y_true, softmax(logits[used])),
    }
    if head == VOTES_HEAD:
        named = val.weights[head] > 0
        figures["kl_to_votes"] = kl_divergence(val.targets[head][named], softmax(logits[named] / temperature))
    return {"name": head, "labels": labels, "temperature": temperature, "validation": figures}


def _votes(prepared: PreparedData) -> NDArray[np.integer]:
    votes = prepared.dataset.split("val").votes
    if votes is None:
        raise BundleError("The run learned from votes, but the data has none now. Give the same data, and --ferplus.")
    return votes


def _face_card(logits: NDArray[np.float32], prepared: PreparedData) -> dict[str, Any]:
    """When a crop is refused as "not a face": the threshold lets all but a hundredth of the validation faces pass."""
    targets = prepared.val.targets[FACE_HEAD]
    temperature = fit_temperature(logits, targets)
    face_probability = softmax(logits / temperature)[:, 1]
    is_face = targets[:, 1] > 0
    threshold = float(np.clip(np.quantile(face_probability[is_face], FACES_REFUSED), 0.01, HIGHEST_THRESHOLD))
    refused = face_probability < threshold
    return {
        "temperature": temperature,
        "threshold": threshold,
        "validation": {
            "faces": int(is_face.sum()),
            "faces_refused": float(refused[is_face].mean()),
            "rejects": int((~is_face).sum()),
            "rejects_refused": float(refused[~is_face].mean()),
        },
    }
