"""Bundles: made by the real command, verified to the last byte, and saying the same as the network they came from."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer.bundles import list_bundles, load_bundle
from fer.errors import BundleError
from fer.inference.classifier import Classifier


@pytest.fixture
def models(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder of one's own, with a copy of the tiny bundle."""
    shutil.copytree(tiny_bundle, tmp_path / "models" / "tiny")
    monkeypatch.setenv("FER_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_load_bundle_carries_all_that_prediction_needs(models: Path) -> None:
    bundle = load_bundle("tiny")
    assert [head.name for head in bundle.heads] == ["labels", "votes"]
    assert bundle.default_head.name == "votes"
    assert bundle.head("labels").label_set.names[-1] == "contempt"
    assert 0.05 < bundle.head("labels").temperature < 20
    assert bundle.preprocessing.input_shape == (48, 48, 1)
    assert bundle.card["litert_disagreement"] < 1e-4
    assert "apparent expression" in bundle.card["intended_use"]
    assert bundle.card["limits"]
    assert bundle.card["heads"][0]["validation"]["n"] == bundle.card["heads"][1]["validation"]["n"] == 180
    assert "/" not in " ".join(bundle.card["reproduce"]), "no path of the machine where it was made"
    assert list_bundles() == ["tiny"]


def test_create_bundle_readme_states_figures_and_limits(models: Path) -> None:
    text = (models / "tiny" / "README.md").read_text()
    for part in (
        "# tiny",
        "Figures on the validation part",
        "95 % interval",
        "Art. 5(1)(f)",
        "python -m fer train --recipe compact",
    ):
        assert part in text


@pytest.mark.parametrize("bit", [1, 128])  # the high bit makes a text that is no UTF-8
@pytest.mark.parametrize("name", ["card.json", "model.litert", "model.keras", "README.md", "SHA256SUMS"])
def test_load_bundle_one_changed_byte_is_refused(models: Path, name: str, bit: int) -> None:
    path = models / "tiny" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= bit
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"changed|lacks|incomplete|no bundle"):
        load_bundle("tiny")


@pytest.mark.parametrize("name", ["card.json", "model.litert"])
def test_load_bundle_missing_file_is_refused(models: Path, name: str) -> None:
    (models / "tiny" / name).unlink()
    with pytest.raises(BundleError, match=name):
        load_bundle("tiny")


def test_load_bundle_unknown_name_lists_what_there_is(models: Path) -> None:
    with pytest.raises(BundleError, match=r"No model 'great'. There are: tiny"):
        load_bundle("great")


def test_load_bundle_unknown_head_lists_the_heads(models: Path) -> None:
    with pytest.raises(BundleError, match="It has: labels, votes"):
        load_bundle("tiny").head("valence")


def test_classifier_answers_as_keras_does_on_the_validation_images(models: Path, tiny_run: Path) -> None:
    bundle = load_bundle("tiny")
    with np.load(tiny_run / "validation.npz") as stored:
        samples, logits = stored["samples"], stored["logits_votes"]
    rows = np.linspace(0, len(logits) - 1, len(samples)).astype(int)
    scaled = logits[rows] / bundle.default_head.temperature
    expected = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    # The run answered in bfloat16 (where the processor has it), the bundle in float32: eight bits of mantissa apart.
    assert np.abs(Classifier(bundle).predict_batch(samples) - expected).max() < 0.05


def test_bundle_command_replaces_whole_or_not_at_all(
    models: Path, tiny_run: Path, fer_command: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_bundle("tiny").sha256
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    (run / "best.npz").write_bytes(b"damaged")
    done = fer_command("bundle", str(run), "tiny")
    assert done.returncode == 1  # type: ignore[attr-defined]
    assert "best.npz" in done.stderr  # type: ignore[attr-defined]
    assert load_bundle("tiny").sha256 == before
    assert [path.name for path in models.iterdir()] == ["tiny"]


def test_bundle_command_refuses_a_name_that_is_a_path(tiny_run: Path, fer_command: Callable[..., object]) -> None:
    done = fer_command("bundle", str(tiny_run), "../tiny")
    assert done.returncode == 2  # type: ignore[attr-defined]
    assert "letters, digits" in done.stderr  # type: ignore[attr-defined]


def test_card_holds_the_curve_that_led_to_it(models: Path) -> None:
    card = json.loads((models / "tiny" / "card.json").read_text())
    assert [row["epoch"] for row in card["training"]["history"]] == [1, 2, 3, 4]
    assert card["training"]["chosen_by"] == "val_accuracy"


def test_bundle_of_chosen_classes_and_a_recipe_of_ones_own(tmp_path: Path, fer_command: Callable[..., object]) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        "[data]\nvotes = true\nclasses = ['good=happy+surprise', 'bad=angry+sad']\n"
        "[network]\narchitecture = 'se_resnet'\nstem = [4, 4]\nwidths = [4]\ndepths = [1]\n[training]\nepochs = 1\n"
    )
    run = tmp_path / "run"
    trained = fer_command("train", "--recipe", str(recipe), "--data", "synthetic:200", "--run", str(run), "--json")
    assert json.loads(trained.stdout)["status"] == "finished"  # type: ignore[attr-defined]
    made = fer_command("bundle", str(run), "mine", folder=tmp_path)
    assert made.returncode == 0, made.stderr  # type: ignore[attr-defined]
    bundle = load_bundle(tmp_path / "models" / "mine")
    assert bundle.default_head.label_set.names == ("good", "bad")
    assert bundle.classes == ("good=happy+surprise", "bad=angry+sad")
    assert bundle.card["reproduce"][0].startswith("python -m fer train --recipe mine.toml --data synthetic:200")
