"""A network behind its adapter answers what it answers by itself, whatever layout, colours and scale it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.bundles import Head
from fer.errors import BundleError, SettingsError
from fer.evaluation.calibration import softmax
from fer.foreign.adapter import Adapter
from fer.foreign.network import AdaptedNetwork, answer, open_network, to_logits
from fer.labels import FER7, LabelSet
from fer.preprocessing import Preprocessing
from tests.fer.foreign.conftest import SIZE, dense_weights

ONNX = Adapter("onnx", "answers", "logits", layout="NCHW")


def adapted(path: Path, adapter: Adapter, channels: int, label_set: LabelSet = FER7) -> AdaptedNetwork:
    preprocessing = Preprocessing(SIZE, channels, "raw")
    return AdaptedNetwork(path.read_bytes(), adapter, preprocessing, Head("labels", label_set, 1.0))


def pictures(n: int, channels: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (n, SIZE, SIZE, channels)).astype(np.float32)


@pytest.mark.parametrize(("channels", "batch"), [(1, "N"), (3, "N"), (3, 1)])
def test_adapted_network_turns_pictures_as_the_network_takes_them(
    make_onnx: Callable[..., Path], channels: int, batch: object
) -> None:
    x = pictures(5, channels)
    own = x.transpose(0, 3, 1, 2).reshape(5, -1) @ dense_weights(channels, 7)
    logits = adapted(make_onnx(channels, activation="", batch=batch), ONNX, channels).run_batch(x)["labels"]
    assert np.allclose(logits, own, rtol=1e-4, atol=1e-2)


def test_adapted_network_exchanges_colours_and_takes_off_the_mean(make_onnx: Callable[..., Path]) -> None:
    adapter = replace(ONNX, colours="bgr", mean=(103.9, 116.8, 123.7), std=(1.0, 2.0, 4.0))
    x = pictures(3, 3)
    theirs = (x[..., ::-1] - np.array([103.9, 116.8, 123.7])) / np.array([1.0, 2.0, 4.0])
    own = theirs.transpose(0, 3, 1, 2).reshape(3, -1) @ dense_weights(3, 7)
    assert np.allclose(adapted(make_onnx(3, activation=""), adapter, 3).run_batch(x)["labels"], own, rtol=1e-3, atol=1e-2)


def test_to_logits_gives_back_the_probabilities() -> None:
    y_prob = softmax(np.random.default_rng(3).normal(size=(6, 7)).astype(np.float32))
    assert np.allclose(softmax(to_logits(y_prob, "probabilities")), y_prob, atol=1e-6)
    # Sigmoids that do not sum to 1 keep their proportions, and none of them being sure is not an error.
    assert np.allclose(softmax(to_logits(np.array([[0.2, 0.6, 0.0]], np.float32), "probabilities")), [[0.25, 0.75, 0]], atol=1e-6)


@pytest.mark.parametrize(("said", "kind"), [(0.9, "probabilities"), (np.log(9), "logits")])
def test_to_logits_of_one_number_means_the_second_class(said: float, kind: str) -> None:
    assert np.allclose(softmax(to_logits(np.array([[said]], np.float32), kind)), [[0.1, 0.9]], atol=1e-6)


def test_binary_network_with_a_sigmoid_answers_two_classes(make_onnx: Callable[..., Path]) -> None:
    x = pictures(4, 1) / 255
    path = make_onnx(1, classes=1, activation="Sigmoid")
    network = adapted(path, replace(ONNX, answers="probabilities"), 1, LabelSet(("happy", "sad")))
    sums = x.reshape(4, -1) @ dense_weights(1, 1)
    assert np.allclose(softmax(network.run_batch(x)["labels"])[:, 1:], 1 / (1 + np.exp(-sums)), atol=1e-5)


def test_adapted_network_refuses_what_does_not_fit(make_onnx: Callable[..., Path]) -> None:
    path = make_onnx(3)
    with pytest.raises(ValueError, match="3 classes are named"):
        adapted(path, ONNX, 3, LabelSet(("angry", "happy", "sad")))
    with pytest.raises(ValueError, match=r"expected a network that takes NCHW \(1, 8, 8\), found \(3, 8, 8\)"):
        adapted(path, ONNX, 1)
    with pytest.raises(ValueError, match="for 1"):
        adapted(make_onnx(1), replace(ONNX, mean=(1.0, 2.0, 3.0)), 1)


def test_answer_refuses_a_fixed_number_of_pictures(make_onnx: Callable[..., Path]) -> None:
    network = open_network(make_onnx(batch=32).read_bytes(), "onnx")
    with pytest.raises(BundleError, match="takes 32 images at once"):
        answer(network, np.zeros((2, 1, SIZE, SIZE), np.float32), "answers")


def test_open_network_refuses_bytes_that_are_no_network() -> None:
    for kind in ("onnx", "litert"):
        with pytest.raises(ValueError):
            open_network(b"no network at all", kind)


def test_open_network_reads_no_weights_from_files_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnx
    from onnx import TensorProto, helper

    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(bytes(4 * SIZE * SIZE))
    weights = onnx.TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[1, 1, SIZE, SIZE])
    weights.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": "secret", "offset": "0", "length": str(4 * SIZE * SIZE)}.items():
        weights.external_data.add(key=key, value=value)
    shape = ["N", 1, SIZE, SIZE]
    graph = helper.make_graph(
        [helper.make_node("Add", ["pictures", "weights"], ["answers"])],
        "theirs",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("answers", TensorProto.FLOAT, shape)],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    with pytest.raises(ValueError, match="no ONNX network that can be opened"):
        open_network(model.SerializeToString(), "onnx")


def test_adapter_comes_back_from_its_dictionary_and_refuses_nonsense() -> None:
    adapter = replace(ONNX, colours="bgr", mean=(1.0, 2.0, 3.0))
    assert Adapter.from_dict(adapter.as_dict()) == adapter
    with pytest.raises(SettingsError, match="An adapter has"):
        Adapter.from_dict({"kind": "onnx"})
    for changes in ({"kind": "torch"}, {"colours": "grey"}, {"std": (0.0,)}, {"mean": (1.0, 2.0)}):
        with pytest.raises(SettingsError):
            replace(ONNX, **changes)  # type: ignore[arg-type]
