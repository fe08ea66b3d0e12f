"""`explain`: where in a face each class was seen, by one of three methods that share their answer's form."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer.bundles import Bundle
from fer.errors import BundleError, SettingsError
from fer.explain.occlusion import occlusion_maps
from fer.explain.question import ask, face_crop_of, head_of
from fer.inference.heatmap import Heatmap
from fer.inference.recognizer import CAM, FacePrediction, Recognizer
from fer.workspace import REPOSITORY

OCCLUSION, GRAD_CAM = "occlusion", "grad-cam"
# What each is called, for people; the cheapest first.
METHODS: Mapping[str, str] = {CAM: "Activation map", OCCLUSION: "Occlusion", GRAD_CAM: "Grad-CAM"}

# Odds that fall by less than a tenth are no reason for anything.
_LEAST = {OCCLUSION: 0.1}


def methods_for(recognizer: Recognizer, face: FacePrediction) -> tuple[str, ...]:
    """Those of `METHODS` that a model allows, the cheapest first; `occlusion` is always among them.

    Raises:
        SettingsError: the prediction is another model's.
    """
    bundle = recognizer.bundle
    allowed = {
        CAM: recognizer.classifier.has_maps(head_of(bundle, face)),
        OCCLUSION: True,
        GRAD_CAM: bundle.keras_path.name in bundle.files,
    }
    return tuple(method for method in METHODS if allowed[method])


def explain(
    recognizer: Recognizer, image: NDArray[np.uint8], face: FacePrediction, *, method: str | None = None
) -> dict[str, Heatmap]:
    """What speaks for each class, and where, in one face.

    Args:
        recognizer: of the model that read the face.
        image: uint8 RGB (H, W, 3), the whole picture.
        face: one of its predictions.
        method: of `METHODS`; None for the first that the model allows. `cam` takes one pass of the network, `occlusion` 169 of
            them, `grad-cam` starts Keras, which takes ten seconds.

    Returns:
        A map a class, by its label, each (S, S) as the network's input; all from the same passes.

    Raises:
        SettingsError: there is no such method, or the prediction is another model's.
        BundleError: the model does not allow the method.
        ImageError: the face lies outside the picture.
    """
    allowed = methods_for(recognizer, face)
    method = method or allowed[0]
    if method not in METHODS:
        raise SettingsError(f"A face is explained by {', '.join(METHODS)}. Received: {method!r}")
    if method == GRAD_CAM and method not in allowed:
        raise BundleError(f"The model {recognizer.bundle.name!r} has no Keras file, which {method} needs. Use {OCCLUSION!r}.")
    head, question = head_of(recognizer.bundle, face), ask(recognizer, image, face)
    if method == CAM:
        *_, maps = recognizer.classifier.explain_faces([face_crop_of(image, face)], head)
        evidence = maps[0]
    elif method == OCCLUSION:
        evidence = occlusion_maps(question)
    else:
        evidence = _by_keras(recognizer.bundle, question.image, head)
    size, least = len(question.image), _LEAST.get(method, 0.0)
    return {
        label: Heatmap.of_evidence(evidence[..., label_id], size, label, method, least=least)
        for label_id, label in enumerate(face.label_set)
    }


def _by_keras(bundle: Bundle, image: NDArray[np.uint8], head: str) -> NDArray[np.float32]:
    """`grad_cam` of a bundle's Keras model, in a process of its own: TensorFlow stays out of the one that predicts."""
    with tempfile.TemporaryDirectory() as work:
        given, made = Path(work) / "face.npy", Path(work) / "maps.npy"
        np.save(given, image)
        command = [sys.executable, "-m", "fer.explain.grad_cam", str(bundle.path.resolve()), head, str(given), str(made)]
        done = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BundleError(f"Keras could not explain the model {bundle.name!r}. It said: {done.stderr[-500:].strip()}")
        maps: NDArray[np.float32] = np.load(made)
        return maps
