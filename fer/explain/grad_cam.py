"""Grad-CAM for any Keras model (Selvaraju et al. 2017, arXiv:1610.02391); needs TensorFlow, so it is a process of its own.

`explain` starts it as `python -m fer.explain.grad_cam BUNDLE HEAD FACE.npy MAPS.npy`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.errors import SettingsError


def grad_cam(
    model: Any, model_input: NDArray[np.float32], *, head: str | None = None, layer: str | None = None, temperature: float = 1.0
) -> NDArray[np.float32]:
    """What each position of a layer does for each class: features, weighted by the gradient of the class's log-odds.

    For a network that ends in global average pooling it is the class activation map, but for a factor.

    Args:
        model: of any kind: functional, nested, sequential or a class of its own. It answers logits.
        model_input: float32 (N, H, W, C).
        head: which output, of a model that answers a dictionary.
        layer: name of the layer that is looked at; None for the last one with spatial extent.
        temperature: the logits are divided by it.

    Returns:
        float32 (N, h, w, K), in the resolution of the layer.

    Raises:
        SettingsError: there is no such layer, or none with spatial extent.
    """
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        with _seen(model, layer, tape.watch) as seen:
            answer = model(tf.constant(model_input), training=False)
        if not seen:
            names = ", ".join(each.name for each in _leaves(model))
            wanted = "one with more than one position" if layer is None else f"{layer!r} with more than one position"
            raise SettingsError(f"The network needs a layer, {wanted}, for Grad-CAM. It has: {names}")
        logits = tf.cast(answer if head is None else answer[head], tf.float32) / temperature
        others = tf.linalg.set_diag(tf.repeat(logits[:, None], logits.shape[1], axis=1), tf.fill(logits.shape, -np.inf))
        log_odds = logits - tf.reduce_logsumexp(others, axis=2)
        by_class = tf.unstack(log_odds, axis=1)
    features = seen[-1]
    maps = []
    for score in by_class:
        weights = tf.reduce_mean(tape.gradient(score, features), axis=(1, 2), keepdims=True)
        maps.append(tf.reduce_sum(features * weights, axis=3))
    return np.asarray(tf.cast(tf.stack(maps, axis=3), tf.float32))


@contextmanager
def _seen(model: Any, name: str | None, watch: Callable[[Any], None]) -> Iterator[list[Any]]:
    """What layers with spatial extent answer while the model runs, in the order in which they do.

    Layers are listened to rather than cut out of the graph: that works for nested models and for those without a graph, too.
    """
    seen: list[Any] = []
    listened = [layer for layer in _leaves(model) if name is None or layer.name == name]

    def listening(call: Callable[..., Any]) -> Callable[..., Any]:
        def answer(*inputs: Any, **options: Any) -> Any:
            output = call(*inputs, **options)
            if getattr(output, "ndim", 0) == 4 and output.shape[1] * output.shape[2] > 1:
                watch(output)
                seen.append(output)
            return output

        return answer

    for layer in listened:
        layer.call = listening(layer.call)
    try:
        yield seen
    finally:
        for layer in listened:
            del layer.call


def _leaves(model: Any) -> Iterator[Any]:
    """The layers of a model, those of models within it among them."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


def main(path: str, head_name: str, face_path: str, maps_path: str) -> None:
    """Explain one face, uint8 (S, S, C), by a bundle's Keras model; writes float32 (h, w, K)."""
    from fer.bundles import load_bundle
    from fer.foreign.keras_files import load_keras_file
    from fer.training.worker import prepare_keras

    bundle = load_bundle(path)
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whose tape is asked for gradients
    prepare_keras(Path(os.devnull))
    head = bundle.head(head_name)
    model_input = bundle.preprocessing.normalise(np.load(face_path)[None])
    mirror = bool(bundle.card["settings"]["serving"]["mirror"])
    if mirror:  # as it answers: for the face and its mirror image
        model_input = np.concatenate([model_input, model_input[:, :, ::-1]])
    maps = grad_cam(load_keras_file(bundle.keras_path), model_input, head=head.name, temperature=head.temperature)
    np.save(maps_path, (maps[0] + maps[1][:, ::-1]) / 2 if mirror else maps[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
