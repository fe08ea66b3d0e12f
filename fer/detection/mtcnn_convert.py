"""Worker process: the three networks of the `mtcnn` wheel, from its weights to LiteRT files.

    python -m fer.detection.mtcnn_convert FOLDER

It runs once a machine, started by `fer.detection.mtcnn`, so that TensorFlow (seconds to import, a gigabyte) never enters the
process that serves faces. The weights stand in the files as constants: a network that keeps them as variables converts without
them and answers nonsense.

Layers and shapes: Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016,
https://arxiv.org/abs/1604.02878, figure 2, with the padding that the wheel's weights were made for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Side of one network's input; P-Net takes pictures of any size.
INPUT_SIDES: dict[str, int | None] = {"pnet": None, "rnet": 24, "onet": 48}


class _Layers:
    """Layers whose weights are taken, one after the other, from the wheel's list."""

    def __init__(self, weights: list[NDArray[np.float32]]) -> None:
        self._weights: Iterator[NDArray[np.float32]] = iter(weights)

    def conv(self, x: Any) -> Any:
        import tensorflow as tf

        return tf.nn.conv2d(x, tf.constant(next(self._weights)), strides=1, padding="VALID") + tf.constant(next(self._weights))

    def dense(self, x: Any) -> Any:
        import tensorflow as tf

        return tf.linalg.matmul(x, tf.constant(next(self._weights))) + tf.constant(next(self._weights))

    def prelu(self, x: Any) -> Any:
        import tensorflow as tf

        return tf.nn.relu(x) - tf.constant(next(self._weights)) * tf.nn.relu(-x)

    def flatten(self, x: Any) -> Any:
        """Columns before rows, as the original (Caffe) weights of the dense layers expect."""
        import tensorflow as tf

        return tf.reshape(tf.transpose(x, (0, 2, 1, 3)), (-1, int(np.prod(x.shape[1:]))))


def _pnet(layers: _Layers, x: Any) -> tuple[Any, ...]:
    import tensorflow as tf

    x = layers.prelu(layers.conv(x))
    x = tf.nn.max_pool2d(x, 2, 2, "SAME")
    x = layers.prelu(layers.conv(x))
    x = layers.prelu(layers.conv(x))
    offsets, scores = layers.conv(x), layers.conv(x)
    return offsets, tf.nn.softmax(scores)


def _rnet(layers: _Layers, x: Any) -> tuple[Any, ...]:
    import tensorflow as tf

    x = tf.nn.max_pool2d(layers.prelu(layers.conv(x)), 3, 2, "SAME")
    x = tf.nn.max_pool2d(layers.prelu(layers.conv(x)), 3, 2, "VALID")
    x = layers.flatten(layers.prelu(layers.conv(x)))
    x = layers.prelu(layers.dense(x))
    offsets, scores = layers.dense(x), layers.dense(x)
    return offsets, tf.nn.softmax(scores)


def _onet(layers: _Layers, x: Any) -> tuple[Any, ...]:
    import tensorflow as tf

    x = tf.nn.max_pool2d(layers.prelu(layers.conv(x)), 3, 2, "SAME")
    x = tf.nn.max_pool2d(layers.prelu(layers.conv(x)), 3, 2, "VALID")
    x = tf.nn.max_pool2d(layers.prelu(layers.conv(x)), 2, 2, "SAME")
    x = layers.flatten(layers.prelu(layers.conv(x)))
    x = layers.prelu(layers.dense(x))
    offsets, landmarks, scores = layers.dense(x), layers.dense(x), layers.dense(x)
    return offsets, landmarks, tf.nn.softmax(scores)


_NETWORKS: dict[str, Callable[[_Layers, Any], tuple[Any, ...]]] = {"pnet": _pnet, "rnet": _rnet, "onet": _onet}


def convert(name: str, weights: list[NDArray[np.float32]]) -> bytes:
    """One network as a LiteRT file.

    Args:
        name: `pnet`, `rnet` or `onet`.
        weights: in the order of the layers, as the wheel stores them.

    Returns:
        A file with one input, float32 (N, side, side, 3) of pixels scaled by (x - 127.5) / 128, and the outputs box offsets
        (…, 4), scores (…, 2) and, of O-Net, landmarks (…, 10): first all x, then all y. Their widths tell them apart.
    """
    import tensorflow as tf

    side = INPUT_SIDES[name]

    @tf.function(input_signature=[tf.TensorSpec((None, side, side, 3), tf.float32)])  # type: ignore[untyped-decorator]
    def network(x: Any) -> tuple[Any, ...]:
        return _NETWORKS[name](_Layers(weights), x)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()], network)
    return bytes(converter.convert())


def main(folder: Path) -> None:
    """Write `pnet.tflite`, `rnet.tflite` and `onet.tflite` into an existing folder."""
    import importlib.util

    import joblib

    if hasattr(os, "nice"):
        os.nice(10)  # a server answers meanwhile
    # Found without importing `mtcnn`, whose own layers are not wanted. The files are pickles, as trustworthy as the wheel's code.
    spec = importlib.util.find_spec("mtcnn")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    weights = Path(spec.submodule_search_locations[0]) / "assets" / "weights"
    for name in _NETWORKS:
        (folder / f"{name}.tflite").write_bytes(convert(name, joblib.load(weights / f"{name}.lz4")))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
