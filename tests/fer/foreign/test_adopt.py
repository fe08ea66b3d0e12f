"""From a stranger's file to a model that answers, is evaluated, packed and renamed like any other."""

from __future__ import annotations

import json
import pickle
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.bundles import list_bundles, load_bundle
from fer.cli import main
from fer.data import read_dataset, synthetic_dataset
from fer.errors import BundleError, LabelError, SettingsError
from fer.evaluation import evaluate
from fer.evaluation.calibration import softmax
from fer.exporting import export_bundle
from fer.foreign.adopt import INPUTS, ORDERS, Reading, adopt_network
from fer.foreign.prepare import prepare_network, read_facts
from fer.inference.classifier import Classifier
from fer.labels import FER7
from fer.model_folder import delete_bundle, import_bundle, pack_bundle, rename_bundle
from fer.preprocessing import SCALES
from fer.training.trained import open_trained
from tests.fer.foreign.conftest import SIZE, dense_weights, seven_classes

MakeOnnx = Callable[..., Path]
FER2013 = Reading(labels=ORDERS["FER2013"])


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FER_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def prepared(make_onnx: MakeOnnx, tmp_path: Path) -> Path:
    """A folder with the prepared network of a grey picture and seven classes."""
    prepare_network(make_onnx(), tmp_path / "prepared")
    return tmp_path / "prepared"


def test_prepare_network_says_what_a_file_takes_and_answers(make_onnx: MakeOnnx, tmp_path: Path) -> None:
    facts = prepare_network(make_onnx(3, classes=8, activation=""), tmp_path / "prepared")
    assert (facts.file, facts.format, facts.kind, facts.layout) == ("theirs.onnx", "ONNX", "onnx", "NCHW")
    assert (facts.size, facts.channels, facts.outputs, facts.answers) == (SIZE, 3, {"answers": 8}, {"answers": "logits"})
    assert read_facts(tmp_path / "prepared") == facts
    assert prepare_network(make_onnx(), tmp_path / "softmax").answers == {"answers": "probabilities"}


def test_prepare_network_refuses_pictures_that_would_fill_the_memory(make_onnx: MakeOnnx, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="Pictures of 8 to 1024 pixels a side are given here"):
        prepare_network(make_onnx(classes=2, size=1025), tmp_path / "prepared")


@pytest.mark.slow
def test_a_file_that_describes_more_than_the_memory_is_refused_by_the_command(
    tmp_path: Path, fer_command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    import keras

    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(7)])
    network.save(tmp_path / "honest.keras")
    with zipfile.ZipFile(tmp_path / "honest.keras") as source, zipfile.ZipFile(tmp_path / "bomb.keras", "w") as target:
        for name in source.namelist():  # 64 times so many weights: 26 GB
            target.writestr(name, source.read(name).replace(b'"units": 7', b'"units": 100000000'))
    done = fer_command("models", "inspect", str(tmp_path / "bomb.keras"))
    assert done.returncode == 1
    assert "bomb.keras describes a network that needs more memory than there is for it here" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("theirs.pkl", pickle.dumps([1, 2]), "is a pickle"),
        ("theirs.pt", b"PK\x03\x04 as PyTorch writes", "is a pickle"),
        ("theirs.h5", pickle.dumps([1, 2]), "is a pickle"),  # whatever its name
        ("theirs.txt", b"happy, sad", "is no model file that is known here"),
        ("theirs.onnx", b"happy, sad", "cannot be used: no ONNX network"),
        ("theirs.tflite", b"\0\0\0\0TFL3 and no more", "cannot be used"),
        ("theirs.keras", b"PK\x03\x04 cut off", "is damaged|is no Keras file"),
    ],
)
def test_prepare_network_refuses_what_is_no_model(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BundleError, match=words):
        prepare_network(tmp_path / name, tmp_path / "prepared")
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


def test_adopt_network_makes_a_model_that_answers_as_the_file_does(prepared: Path) -> None:
    bundle = adopt_network(
        prepared, "theirs", replace(FER2013, labels=("Anger", "disgust", "fear", "joy", "sad", "surprise", "calm"))
    )
    assert bundle.default_head.label_set == FER7
    images = synthetic_dataset(6).images.batch(np.arange(6), SIZE, 1)
    theirs = softmax((images.transpose(0, 3, 1, 2).reshape(6, -1) / 255) @ dense_weights(1, 7))
    assert np.allclose(Classifier(bundle).predict_batch(images), theirs, atol=1e-5)
    readme = (bundle.path / "README.md").read_text()
    assert "the file `theirs.onnx` (ONNX" in readme
    assert "Nothing is known here of what it learned from" in readme


def test_adopted_model_is_evaluated_with_its_checks(prepared: Path) -> None:
    dataset = seven_classes(160)
    bundle = adopt_network(prepared, "theirs", FER2013)
    report = evaluate(bundle, dataset, split="all")
    assert (report.model, report.n, report.bundle_sha256) == ("theirs", 140, bundle.sha256)
    checks = {check.name: check.status for check in report.checks}
    assert checks["LiteRT against Keras"] == checks["calibration on other images"] == "skipped"
    assert checks["scaling and colour"] != "skipped"


def test_adopted_model_is_held_against_the_images_whose_class_it_knows(prepared: Path) -> None:
    bundle = adopt_network(prepared, "theirs", FER2013)
    report = evaluate(bundle, synthetic_dataset(160), split="all")
    assert (report.n, report.labels) == (140, FER7.names)
    assert "The model does not know contempt: 20 images so labelled were left out." in report.notes
    assert (report.y_prob == evaluate(bundle, seven_classes(160), split="all").y_prob).all()
    with pytest.raises(LabelError, match="cannot answer for the classes"):
        evaluate(adopt_network(prepared, "other", replace(FER2013, labels=tuple("abcdefg"))), synthetic_dataset(16), split="all")


def test_adopted_model_is_packed_taken_in_and_renamed(prepared: Path, tmp_path: Path) -> None:
    before = adopt_network(prepared, "theirs", FER2013).sha256
    file = pack_bundle(load_bundle("theirs"), tmp_path / "theirs.zip")
    delete_bundle("theirs")
    assert import_bundle(file).sha256 == before
    assert rename_bundle("theirs", "ours").card["name"] == "ours"
    assert list_bundles() == ["ours"]
    assert Classifier(load_bundle("ours")).predict_batch(np.zeros((1, SIZE, SIZE, 1), np.uint8)).shape == (1, 7)


def test_adopted_model_is_neither_trained_on_with_nor_exported(prepared: Path, tmp_path: Path) -> None:
    bundle = adopt_network(prepared, "theirs", FER2013)
    with pytest.raises(SettingsError, match="was made elsewhere"):
        open_trained("theirs")
    with pytest.raises(BundleError, match="was made elsewhere"):
        export_bundle(bundle, "onnx", tmp_path / "out", read_dataset("synthetic:8"))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"labels": ("happy", "sad")}, LabelError, "answers 7 numbers, and 2 classes are named"),
        ({"labels": ("happy",) * 7}, LabelError, "may stand once"),
        ({"size": 48}, SettingsError, "takes pictures of 8×8 pixels"),
        ({"colours": "bgr"}, SettingsError, "takes grey pictures"),
        ({"mean": (1.0, 2.0, 3.0)}, SettingsError, "takes grey pictures"),
        ({"output": "other"}, SettingsError, "No output 'other'"),
        ({"scale": "dark"}, SettingsError, "Unknown scale"),
    ],
)
def test_adopt_network_refuses_a_reading_that_does_not_fit(
    prepared: Path, models: Path, changes: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        adopt_network(prepared, "theirs", replace(FER2013, **changes))  # type: ignore[arg-type]
    assert not models.exists() or not list(models.iterdir())


def test_adopt_network_keeps_what_stands_under_the_name(prepared: Path) -> None:
    before = adopt_network(prepared, "theirs", FER2013).sha256
    with pytest.raises(BundleError, match="exists already"):
        adopt_network(prepared, "theirs", replace(FER2013, scale="raw"))
    with pytest.raises(SettingsError, match="letters, digits"):
        adopt_network(prepared, "../theirs", FER2013)
    assert load_bundle("theirs").sha256 == before


def test_orders_and_inputs_are_such_that_a_model_can_have_them() -> None:
    assert all(sorted(order) in (sorted(FER7), sorted((*FER7, "contempt"))) for order in ORDERS.values())
    assert all(scale in SCALES for scale, *_ in INPUTS.values())


def test_commands_look_into_a_file_and_take_it_in(make_onnx: MakeOnnx, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(make_onnx(3))
    assert main(["models", "inspect", path]) == 0
    assert "output answers: 7 numbers, which look like probabilities" in capsys.readouterr().out
    labels = ",".join(ORDERS["folders"])
    assert main(["models", "adopt", path, "--labels", labels, "--scale", "caffe", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "theirs"
    adapter = load_bundle("theirs").adapter
    assert adapter is not None
    assert (adapter.colours, adapter.mean, load_bundle("theirs").preprocessing.scale) == ("bgr", INPUTS["caffe"][1], "raw")
    assert main(["models"]) == 0
    assert "made elsewhere" in capsys.readouterr().out
    assert main(["models", "adopt", path, "--labels", labels, "--mean", "a,b", "--name", "other"]) == 2
    assert main(["models", "adopt", path, "--labels", labels, "--channels", "1", "--name", "other"]) == 2
    assert main(["models", "adopt", path, "--labels", labels]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning", "ignore:You are saving your model:UserWarning")
@pytest.mark.parametrize("suffix", [".h5", ".keras", ".tflite"])
def test_files_of_keras_and_litert_answer_as_they_did(suffix: str, tmp_path: Path) -> None:
    import keras

    from fer.bundling import convert_to_litert

    model = keras.Sequential(
        [keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")]
    )
    path = tmp_path / f"theirs{suffix}"
    if suffix == ".tflite":
        path.write_bytes(convert_to_litert(model))
    else:
        model.save(path)
    facts = prepare_network(path, tmp_path / "prepared")
    assert (facts.size, facts.channels, list(facts.outputs.values()), facts.layout) == (SIZE, 3, [1], "NHWC")
    bundle = adopt_network(tmp_path / "prepared", "theirs", Reading(labels=("happy", "sad"), scale="signed", colours="bgr"))
    images = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)
    theirs = np.asarray(model(images[..., ::-1].astype(np.float32) / 127.5 - 1))
    assert np.allclose(Classifier(bundle).predict_batch(images)[:, 1:], theirs, atol=1e-5)
