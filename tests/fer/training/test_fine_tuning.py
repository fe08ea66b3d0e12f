"""Fine-tuning: a run whose trunk was frozen goes on with the top blocks set free, and the rest stays as it is to the last bit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from fer.data import read_dataset
from fer.errors import SettingsError
from fer.networks import build_network
from fer.networks.pretrained import Pretrained
from fer.recipes import load_recipe
from fer.training import Run, create_run, fine_tuning
from fer.training.compile import build_model, freeze
from fer.training.prepare import prepare_data
from fer.training.runs import STAYS_FROZEN
from fer.training.trained import open_trained
from fer.training.worker import train_run

DATA = "synthetic:60:3"
# The smallest backbone with batch normalisation, under the recipe that freezes its backbone.
TINY = {
    "network.backbone": "mobilenet_v3",
    "network.weights": "random",
    "network.pool": "average",
    "network.dense": "8",
    "preprocessing.size": "32",
    "data.classes": "happy,sad",
    "training.batch_size": "8",
    "training.epochs": "1",
    "training.precision": "float32",
}


def trained(run: Run) -> Run:
    train_run(run)
    (run.path / "worker.json").unlink()  # a process of its own would be gone
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Run]]:
    """A run with a frozen trunk, and the one that fine-tunes it."""
    folder = tmp_path_factory.mktemp("fine-tuning")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_CACHE", str(folder / "cache"))
        first = trained(create_run("vgg16-3class", DATA, overrides=TINY, run_dir=folder / "first"))
        recipe = load_recipe("vgg16-3class").with_overrides(TINY)
        yield first, trained(create_run(recipe, DATA, overrides=fine_tuning(first), run_dir=folder / "tuned"))


def weights_of(run: Run) -> dict[str, list[np.ndarray[Any, Any]]]:
    """By position and kind of layer, the weights that the run has kept."""
    layers = [layer for layer in open_trained(str(run.path)).build().layers if layer.weights]
    return {f"{number} {type(layer).__name__}": layer.get_weights() for number, layer in enumerate(layers)}


@pytest.mark.slow
def test_fine_tuning_leaves_the_frozen_blocks_as_they_are_and_moves_those_above(runs: tuple[Run, Run]) -> None:
    first, tuned = (weights_of(run) for run in runs)
    assert [run.status for run in runs] == ["finished", "finished"]
    same = [all(np.array_equal(a, b) for a, b in zip(first[key], tuned[key], strict=True)) for key in first]
    trunk = len(same) - 2  # a dense layer and the head stand on it
    kept = round(STAYS_FROZEN * trunk)
    assert all(same[:kept]), "also what batch normalisation has averaged: it is not in training"
    assert any("BatchNormalization" in key for key in list(first)[:kept])
    assert not any(same[kept:])


@pytest.mark.slow
def test_fine_tuning_begins_with_the_weights_of_the_run_at_a_tenth_of_its_rate(runs: tuple[Run, Run]) -> None:
    first, tuned = runs
    settings = tuned.settings
    assert settings.training.learning_rate == pytest.approx(first.settings.training.learning_rate / 10)
    assert (settings.training.frozen, settings.training.start_from) == (0.75, str(first.path.resolve()))
    keras.utils.set_random_seed(7)  # what is random is not what it begins with
    model = build_model(settings, prepare_data(read_dataset(DATA), settings))
    expected = [array for arrays in weights_of(first).values() for array in arrays]
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(model.get_weights(), expected, strict=True))


@pytest.mark.slow
def test_open_trained_run_without_weights_says_so(runs: tuple[Run, Run]) -> None:
    early = create_run("vgg16-3class", DATA, overrides=TINY | fine_tuning(runs[0]))
    with pytest.raises(SettingsError, match="has no weights yet"):
        open_trained(str(early.path))


@pytest.mark.parametrize(
    ("backbone", "share", "free"),
    [
        # Attention that pools within its blocks must not be taken for the end of the trunk.
        ("efficientnet_v2_b0", 1.0, ["labels"]),
        ("mobilenet_v3", 1.0, ["labels"]),
        ("vgg16", STAYS_FROZEN, ["block5_conv1", "block5_conv2", "block5_conv3", "labels"]),
    ],
)
def test_freeze_counts_the_layers_of_a_backbone(backbone: str, share: float, free: list[str]) -> None:
    model = build_network(Pretrained(backbone), (32, 32, 3), {"labels": 3})
    freeze(model, share)
    assert [layer.name for layer in model.layers if layer.weights and layer.trainable] == free


def test_fine_tuning_again_sets_more_free(tmp_path: Path) -> None:
    run = create_run("transfer", "synthetic:160", overrides={"frozen": "0.75"}, run_dir=tmp_path / "run")
    assert fine_tuning(run) == {
        "training.start_from": str(tmp_path / "run"),
        "training.frozen": "0.5625",
        "training.learning_rate": "0.0003",
    }
