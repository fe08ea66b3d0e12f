"""Exports: what comes out answers as the model does, by the very program that its README prints."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.bundles import EXPORT_FORMATS, FILES, SUMS, file_sha256, load_bundle
from fer.cli import main
from fer.data import read_dataset
from fer.errors import BundleError, SettingsError
from fer.evaluation.calibration import softmax
from fer.exporting import CARD_FILE, FORMATS, export_bundle
from fer.litert import LiteRtNetwork
from tests.fer.foreign.test_keras_files import keras_zip, layer, sequential

pytestmark = [
    pytest.mark.slow,
    # Keras looks up names that NumPy has given up, to lend them to the converter.
    pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning"),
]


@pytest.fixture(scope="module")
def exports(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle in every format, a folder each."""
    folder = tmp_path_factory.mktemp("exports")
    faces = read_dataset("synthetic:40")
    for name in FORMATS:
        export_bundle(load_bundle(tiny_bundle), name, folder / name, faces)
    return folder


def test_formats_are_those_that_the_command_line_offers() -> None:
    assert tuple(FORMATS) == EXPORT_FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_export_bundle_says_how_far_its_answers_are(exports: Path, name: str) -> None:
    card = json.loads((exports / name / CARD_FILE).read_text())
    assert (exports / name / card["file"]).exists()
    assert card["agreement"]["faces"] == 40
    assert card["agreement"]["largest_difference"] <= card["agreement"]["allowed"] == FORMATS[name].tolerance


def test_export_bundle_in_fewer_bits_is_smaller(exports: Path) -> None:
    sizes = {name: (exports / name / "model.tflite").stat().st_size for name in FORMATS if name.startswith("litert")}
    assert sizes["litert-int8"] < sizes["litert-float16"] < sizes["litert"]


@pytest.mark.parametrize("name", ["onnx", "litert-float16", "keras", "savedmodel"])
def test_the_program_of_the_readme_runs_and_answers_as_the_bundle(exports: Path, tiny_bundle: Path, name: str) -> None:
    folder = exports / name
    (program,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    bundle = load_bundle(tiny_bundle)
    size = bundle.preprocessing.size
    face = cv2.resize(read_dataset("synthetic:8").images[3], (size, size), interpolation=cv2.INTER_AREA)
    cv2.imwrite(
        str(folder / "face.png"), cv2.cvtColor(face, cv2.COLOR_RGB2BGR) if face.ndim == 3 and face.shape[2] == 3 else face
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.strip().splitlines()[-1].replace("'", '"'))

    grey = cv2.imread(str(folder / "face.png"), cv2.IMREAD_GRAYSCALE)
    x = bundle.preprocessing.normalise(grey[None, :, :, None])
    head = bundle.default_head
    logits = LiteRtNetwork(bundle.litert_path.read_bytes()).run_batch(x)[head.name]
    expected = dict(zip(head.label_set, softmax(logits / head.temperature)[0].tolist(), strict=True))
    assert list(said) == list(expected)
    assert np.allclose(list(said.values()), list(expected.values()), atol=0.01)


def test_export_bundle_that_answers_otherwise_leaves_nothing(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_name: str, _path: Path, x: np.ndarray) -> dict[str, np.ndarray]:
        bundle = load_bundle(tiny_bundle)
        answers = LiteRtNetwork(bundle.litert_path.read_bytes()).run_batch(x)
        return {name: logits[:, ::-1] for name, logits in answers.items()}  # the classes in another order

    monkeypatch.setattr("fer.exporting._run", wrong)
    with pytest.raises(BundleError, match=r"answers otherwise: a probability differs by .* Nothing was exported"):
        export_bundle(load_bundle(tiny_bundle), "litert", tmp_path / "out", read_dataset("synthetic:20"))
    assert not list(tmp_path.iterdir())


def test_export_bundle_refuses_a_folder_in_use_and_an_unknown_format(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BundleError, match="holds something already"):
        export_bundle(load_bundle(tiny_bundle), "onnx", tmp_path, read_dataset("synthetic:20"))
    with pytest.raises(SettingsError, match=r"Unknown format 'caffe'\. Known: onnx, litert"):
        export_bundle(load_bundle(tiny_bundle), "caffe", tmp_path / "out", read_dataset("synthetic:20"))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_export_bundle_opens_no_keras_file_that_could_run_a_program(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "theirs"
    shutil.copytree(tiny_bundle, bundle)
    keras_zip(bundle / "model.keras", sequential(layer("Lambda")))
    (bundle / SUMS).write_text("".join(f"{file_sha256(bundle / file)}  {file}\n" for file in FILES))
    for name in ("keras", "onnx"):
        with pytest.raises(BundleError, match="holds what is not opened here: Lambda"):
            export_bundle(load_bundle(bundle), name, tmp_path / "out", read_dataset("synthetic:20"))
    assert not (tmp_path / "out").exists()


@pytest.mark.fer2013
def test_shipped_model_exports_and_agrees_on_real_faces(
    shared_data: Path,
    fer2013_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FER_CACHE", str(fer2013_cache))
    data = str(shared_data / "fer2013.zip")
    assert main(["export", "flagship", "--format", "onnx", "--to", str(tmp_path / "onnx"), "--data", data, "--json"]) == 0
    agreement = json.loads(capsys.readouterr().out)["agreement"]
    assert (agreement["dataset"], agreement["faces"], agreement["same_answer"]) == ("fer2013", 64, 1.0)
    assert agreement["largest_difference"] < 1e-4
