"""Fused batch normalisation: what Keras' own layer computes, forwards, backwards and in what it remembers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fer.networks import build_network
from fer.recipes import load_recipe
from fer.training.worker import prepare_keras
from tests.conftest import TINY


@pytest.fixture(autouse=True)
def _float32(tmp_path: Path) -> Iterator[None]:
    """What another test has trained may have left the whole process in bfloat16."""
    prepare_keras(tmp_path / "keras.log")
    import keras

    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    yield
    keras.mixed_precision.set_global_policy(before)


def tiny_network() -> object:
    settings = load_recipe("compact").settings.with_overrides(dict(pair.split("=") for pair in TINY))
    return build_network(settings.network, settings.preprocessing.input_shape, {"labels": 7})


def test_with_fused_norm_keeps_names_weights_and_answers() -> None:
    from fer.training.fused_norm import FusedBatchNormalization, with_fused_norm

    model = tiny_network()
    fused = with_fused_norm(model)
    assert [layer.name for layer in fused.layers] == [layer.name for layer in model.layers]
    assert sum(isinstance(layer, FusedBatchNormalization) for layer in fused.layers) >= 3
    assert all((a == b).all() for a, b in zip(fused.get_weights(), model.get_weights(), strict=True))
    x = np.random.default_rng(0).random((4, *model.input_shape[1:]), np.float32)
    assert np.allclose(fused(x)["labels"], model(x)["labels"], atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_training_step_is_that_of_keras_own_layer(policy: str) -> None:
    import keras
    import tensorflow as tf

    from fer.training.fused_norm import FusedBatchNormalization

    x = np.random.default_rng(1).normal(2, 3, (8, 6, 6, 5)).astype(np.float32)
    weight = np.random.default_rng(2).normal(size=x.shape).astype(np.float32)
    found = []
    for kind in (keras.layers.BatchNormalization, FusedBatchNormalization):
        layer = kind(momentum=0.8, dtype=keras.DTypePolicy(policy))
        layer.build(x.shape)
        layer.gamma.assign(np.linspace(0.5, 1.5, 5))
        inputs = tf.Variable(x)
        with tf.GradientTape() as tape:
            outputs = layer(inputs, training=True)
            loss = tf.reduce_sum(tf.cast(outputs, "float32") * weight)
        slopes = tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value])
        found.append([np.asarray(tf.cast(outputs, "float32")), *layer.get_weights(), *map(np.asarray, slopes)])
    # bfloat16 has 8 bits of its own; the sums behind are float32 in both.
    tolerance = 2e-5 if policy == "float32" else 4e-2
    for own, fused in zip(*found, strict=True):
        assert np.abs(own - fused).max() <= tolerance * max(1.0, np.abs(own).max())


@pytest.mark.parametrize("frozen", [False, True])
def test_a_step_behind_a_convolution_with_a_bias_is_that_of_keras_own_layers(frozen: bool) -> None:
    import keras
    import tensorflow as tf

    from fer.training.fused_norm import with_fused_norm

    inputs = keras.Input((6, 6, 2))
    found = keras.layers.Conv2D(5, 3, name="before")(inputs)
    found = keras.layers.BatchNormalization(momentum=0.8, name="norm")(found)
    shared = keras.layers.Conv2D(5, 3, name="shared")(found)
    joined = keras.layers.BatchNormalization()(shared) + shared  # its bias is read elsewhere, too
    model = keras.Model(inputs, joined)
    rng = np.random.default_rng(4)
    model.set_weights([rng.normal(1, 0.3, w.shape).astype(np.float32) for w in model.get_weights()])
    fused = with_fused_norm(model)
    x, weight = rng.normal(size=(8, 6, 6, 2)).astype(np.float32), rng.normal(size=(8, 2, 2, 5)).astype(np.float32)
    steps = []
    for network in (model, fused):
        network.get_layer("norm").trainable = not frozen
        before = np.asarray(network(x))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network(x, training=True) * weight)
        slopes = tape.gradient(loss, [v.value for v in network.trainable_variables])
        assert all(slope is not None for slope in slopes)
        steps.append([before, np.asarray(loss), *map(np.asarray, slopes), *network.get_weights()])
    for own, ours in zip(*steps, strict=True):
        assert np.abs(own - ours).max() <= 1e-4 * max(1.0, np.abs(own).max())


def test_a_frozen_layer_stays_as_it_is() -> None:
    from fer.training.fused_norm import FusedBatchNormalization

    layer = FusedBatchNormalization()
    x = np.random.default_rng(3).normal(2, 3, (4, 6, 6, 5)).astype(np.float32)
    layer.build(x.shape)
    layer.trainable = False
    outputs = np.asarray(layer(x, training=True))
    assert np.allclose(outputs, x / np.sqrt(1 + layer.epsilon), atol=1e-5)  # mean 0 and variance 1, as at the beginning
    assert (np.asarray(layer.moving_mean) == 0).all()
