"""Small networks of strangers, as ONNX files: one layer, so that what they answer can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.data import Dataset, synthetic_dataset
from fer.labels import FER7, ClassMap

SIZE = 8
MakeOnnx = Callable[..., Path]


def dense_weights(channels: int, classes: int, size: int = SIZE) -> NDArray[np.float32]:
    """Weights (channels * size * size, classes) of the layer, for pictures with the channels first."""
    return np.random.default_rng(1).normal(0, 0.1, (channels * size * size, classes)).astype(np.float32)


def seven_classes(n: int) -> Dataset:
    """Synthetic faces without the eighth class, contempt: an eighth less than n."""
    dataset = synthetic_dataset(n)
    return dataset.with_classes(ClassMap.parse(dataset.label_set, FER7.names))


@pytest.fixture
def make_onnx(tmp_path: Path) -> MakeOnnx:
    """`make_onnx(channels, classes, activation, batch)`: a file with one dense layer over a picture, channels first."""

    def make(
        channels: int = 1,
        classes: int = 7,
        activation: str = "Softmax",
        batch: int | str = "N",
        name: str = "theirs",
        size: int = SIZE,
    ) -> Path:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        nodes = [
            helper.make_node("Flatten", ["pictures"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["sums"]),
            helper.make_node(activation or "Identity", ["sums"], ["answers"]),
        ]
        graph = helper.make_graph(
            nodes,
            "theirs",
            [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, [batch, channels, size, size])],
            [helper.make_tensor_value_info("answers", TensorProto.FLOAT, [batch, classes])],
            [numpy_helper.from_array(dense_weights(channels, classes, size), "weights")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        path = tmp_path / f"{name}.onnx"
        onnx.save(model, str(path))
        return path

    return make
