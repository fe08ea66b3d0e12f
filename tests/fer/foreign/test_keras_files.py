"""Keras files of strangers: what holds a program is refused before Keras opens it, and an honest one is opened."""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fer.errors import BundleError
from fer.foreign import keras_files
from fer.foreign.keras_files import CONFIG, METADATA, WEIGHTS, load_keras_file, require_safe


def layer(class_name: str, module: str | None = "keras.layers", registered: str | None = None, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}


DENSE = layer("Dense", units=7, activation="softmax", kernel_initializer=layer("GlorotUniform", "keras.initializers", seed=None))


def sequential(*layers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {**layer("Sequential", "keras", name="theirs", layers=list(layers)), **more}


def weights() -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=np.zeros((4, 7), np.float32))
    return buffer.getvalue()


def keras_zip(path: Path, config: object, members: Mapping[str, bytes] | None = None, **without: bool) -> Path:
    """A `.keras` file with this description of its layers."""
    files = {CONFIG: json.dumps(config).encode(), METADATA: b"{}", WEIGHTS: weights(), **(members or {})}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            if name not in without:
                archive.writestr(name, content)
    return path


def old_hdf5(path: Path, config: object) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.create_dataset("model_weights/dense/kernel:0", data=np.zeros((4, 7), np.float32))
    return path


class Payload:
    """Unpickled, it would have run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this ran",)


def lambda_code() -> str:
    return base64.b64encode(marshal.dumps((lambda x: x).__code__)).decode()


@pytest.mark.parametrize(
    ("node", "named"),
    [
        # Byte code, as Keras 3 and as Keras 2 keep it.
        (layer("Lambda", function={"class_name": "__lambda__", "config": {"value": lambda_code()}}), "Lambda, __lambda__"),
        (layer("Lambda", None, function=[lambda_code(), None, None], function_type="lambda"), "Lambda"),
        # Byte code in an honest layer.
        (layer("Activation", activation={"class_name": "__lambda__", "config": {"value": lambda_code()}}), "__lambda__"),
        # A name to import, from anywhere or from Keras itself.
        (layer("Dense", "os", units=7), r"os\.Dense"),
        (layer("system", "os", command="id"), r"os\.system, system"),
        (layer("get_file", "keras.utils", origin="http://example.org"), "get_file"),
        (layer("Dense", "keras_evil.layers", units=7), r"keras_evil\.layers\.Dense"),
        (layer("Dense", "keras.layers", "Theirs>Dense", units=7), "Theirs>Dense"),
        ({"class_name": "function", "config": "relu", "module": "builtins"}, r"builtins\.function, function"),
        # Layers that read files, or hold another program's graph.
        (layer("StringLookup", vocabulary="/etc/passwd"), "StringLookup"),
        (layer("TFSMLayer", filepath="/tmp/theirs"), "TFSMLayer"),
        (layer("Theirs", None), "Theirs"),
        # Deep down, where a layer is wrapped in others.
        (layer("Dense", kernel_regularizer=[{"a": layer("Lambda")}]), "Lambda"),
    ],
)
def test_require_safe_refuses_what_could_run(tmp_path: Path, node: dict[str, Any], named: str) -> None:
    for make, name in ((keras_zip, "theirs.keras"), (old_hdf5, "theirs.h5")):
        with pytest.raises(BundleError, match=rf"{name} holds what is not opened here: {named}\. Lambda layers"):
            require_safe(make(tmp_path / name, sequential(DENSE, node)))


def test_require_safe_passes_honest_files(tmp_path: Path) -> None:
    compiled = {"optimizer": layer("Adam", "keras.optimizers"), "loss": {"class_name": "__lambda__", "config": {}}}
    # How it was trained is not read: who opens it does not compile it.
    require_safe(keras_zip(tmp_path / "theirs.keras", sequential(DENSE, compile_config=compiled)))
    require_safe(old_hdf5(tmp_path / "theirs.h5", {"class_name": "Sequential", "config": {"layers": [DENSE]}}))


def test_require_safe_refuses_a_pickle_in_the_archive(tmp_path: Path) -> None:
    payload = pickle.dumps(Payload())
    for member in ("payload.pkl", "assets/payload.pkl", "model.weights.npz"):
        with pytest.raises(BundleError, match=f"holds also {member}"):
            require_safe(keras_zip(tmp_path / "theirs.keras", sequential(DENSE), {member: payload}))
    with pytest.raises(BundleError, match="is no Keras file, or is damaged"):
        require_safe(keras_zip(tmp_path / "theirs.keras", sequential(DENSE), {WEIGHTS: payload}))


def test_require_safe_refuses_archives_that_unpack_to_more_than_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = keras_zip(tmp_path / "bomb.keras", sequential(DENSE), {WEIGHTS: weights() + bytes(50_000_000)})
    assert bomb.stat().st_size < 100_000
    monkeypatch.setattr(keras_files, "MAX_WEIGHTS_BYTES", 10_000_000)
    with pytest.raises(BundleError, match=r"bomb\.keras unpacks to 0\.0 GB"):
        require_safe(bomb)
    long = keras_zip(tmp_path / "long.keras", sequential(DENSE), {CONFIG: b" " * 20_000_000})
    with pytest.raises(BundleError, match=r"long\.keras unpacks to"):
        require_safe(long)


def test_require_safe_refuses_weights_that_declare_too_much(tmp_path: Path) -> None:
    path = old_hdf5(tmp_path / "theirs.h5", sequential(DENSE))
    with h5py.File(path, "a") as file:  # nothing of it is on the disk
        file.create_dataset("model_weights/huge", shape=(2**20, 2**12), dtype="f4", chunks=(1024, 1024), compression="gzip")
    assert path.stat().st_size < 1_000_000
    with pytest.raises(BundleError, match=r"theirs\.h5 unpacks to 16\.0 GB"):
        require_safe(path)


def test_require_safe_refuses_weights_in_other_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(400))
    linked, external = (old_hdf5(tmp_path / f"{name}.h5", sequential(DENSE)) for name in ("linked", "external"))
    with h5py.File(linked, "a") as file:
        file["model_weights/link"] = h5py.ExternalLink("other.h5", "/")
    with h5py.File(external, "a") as file:
        file.create_dataset("model_weights/read", (100,), "f4", external=[(str(tmp_path / "secret"), 0, 400)])
    with pytest.raises(BundleError, match=r"points to other places \(link\)"):
        require_safe(linked)
    with pytest.raises(BundleError, match=r"keeps weights in other files \(read\)"):
        require_safe(external)


def test_require_safe_looks_into_what_keras_would_open_of_a_file_that_is_two(tmp_path: Path) -> None:
    sly = old_hdf5(tmp_path / "sly.h5", sequential(DENSE, layer("Lambda")))
    honest = keras_zip(tmp_path / "honest.keras", sequential(DENSE))
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(sly, "a") as appended:
        for name in source.namelist():
            appended.writestr(name, source.read(name))
    assert zipfile.is_zipfile(sly)
    assert h5py.is_hdf5(sly)
    with pytest.raises(BundleError, match="holds what is not opened here: Lambda"):
        require_safe(sly)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"class_name": "Theirs", "config": {}}, "Expected a model made of Keras' own layers"),
        ([1, 2], "holds 'list'"),
        ("text", "holds 'str'"),
    ],
)
def test_require_safe_refuses_descriptions_of_no_model(tmp_path: Path, config: object, words: str) -> None:
    with pytest.raises(BundleError, match=words):
        require_safe(keras_zip(tmp_path / "theirs.keras", config))


def test_require_safe_refuses_halves_of_models(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="holds only"):
        require_safe(keras_zip(tmp_path / "theirs.keras", sequential(DENSE), **{WEIGHTS: True}))
    weights_alone = tmp_path / "weights.h5"
    weights_alone.write_bytes(weights())
    with pytest.raises(BundleError, match="holds weights alone"):
        require_safe(weights_alone)
    (tmp_path / "no.h5").write_bytes(b"\x89HDF\r\n\x1a\n and no more")
    with pytest.raises(BundleError, match="is damaged"):
        require_safe(tmp_path / "no.h5")


@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning", "ignore:You are saving your model:UserWarning")
def test_load_keras_file_with_files_that_keras_has_written(tmp_path: Path) -> None:
    import keras

    pictures = keras.Input((8, 8, 1))
    hidden = keras.layers.Conv2D(4, 3, kernel_regularizer="l2", kernel_constraint="max_norm")(pictures)
    hidden = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(keras.layers.PReLU()(hidden)))
    answers = keras.layers.Dense(7, "softmax")(keras.layers.GlobalAveragePooling2D()(hidden))
    honest = keras.Model(pictures, answers)
    honest.compile("adam", "categorical_crossentropy")
    sly = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Flatten()])
    x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    for suffix in (".keras", ".h5"):
        honest.save(tmp_path / f"honest{suffix}")
        sly.save(tmp_path / f"sly{suffix}")
        assert np.allclose(load_keras_file(tmp_path / f"honest{suffix}")(x), honest(x), atol=1e-6)
        with pytest.raises(BundleError, match="holds what is not opened here: Lambda"):
            load_keras_file(tmp_path / f"sly{suffix}")
    # Arithmetic in the graph, as those write it who scale pictures there; Keras keeps it in this format alone.
    scaling = keras.Model(pictures, keras.layers.Flatten()(keras.ops.flip(pictures / 255.0, -1)[..., :1] - 0.5))
    scaling.save(tmp_path / "scaling.keras")
    assert np.allclose(load_keras_file(tmp_path / "scaling.keras")(x), scaling(x))
