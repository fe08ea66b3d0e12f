"""A bundle small enough to work out by hand, made without training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fer.bundles import Bundle
from tests.warm import Warm

# Answers depend on the mean m of the input only, in [0, 1]: `labels` gives the logits (4m, 0, -4m), `votes` (0, 2m), and `face`
# (0, 4m): the brighter, the more a face. The order is not the card's, which must not matter.
SLOPES = {"votes": [0.0, 2.0], "face": [0.0, 4.0], "labels": [4.0, 0.0, -4.0]}

_CONVERT = """
import sys
import keras
import numpy as np
import tensorflow as tf
from ast import literal_eval

slopes = literal_eval(sys.argv[1])
inputs = keras.Input((16, 16, 1))
mean = keras.layers.GlobalAveragePooling2D()(inputs)
model = keras.Model(inputs, {name: keras.layers.Dense(len(k), use_bias=False, name=name)(mean) for name, k in slopes.items()})
for name, k in slopes.items():
    model.get_layer(name).set_weights([np.array([k], np.float32)])
model.export(sys.argv[2], verbose=False)
open(sys.argv[3], "wb").write(tf.lite.TFLiteConverter.from_saved_model(sys.argv[2]).convert())
"""


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, warm: Warm) -> Bundle:
    """16×16 grey input scaled to [0, 1], two heads, see SLOPES; its card says nothing of the output `face`."""
    folder = tmp_path_factory.mktemp("tiny")
    # In a process of its own, as in the application: TensorFlow stays out of the one that predicts.
    arguments = (repr(SLOPES), str(folder / "saved"), str(folder / "model.litert"))
    done = warm.run(_CONVERT, *arguments, environment={"CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stderr
    card = {
        "format": 1,
        "heads": [
            {"name": "labels", "labels": ["happy", "neutral", "sad"], "temperature": 2.0},
            {"name": "votes", "labels": ["angry", "fear"], "temperature": 1.0},
        ],
        "default_head": "labels",
        "preprocessing": {"size": 16, "channels": 1, "scale": "unit"},
    }
    return Bundle(folder, card, "0" * 64)


@pytest.fixture(scope="session")
def face_bundle(bundle: Bundle) -> Bundle:
    """The same with a face test: a face where 1 / (1 + e^(-2m)) is at least 0.7, so where m is at least 0.42."""
    return replace(bundle, card={**bundle.card, "face": {"temperature": 2.0, "threshold": 0.7}})
