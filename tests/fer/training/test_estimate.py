"""What a training will take, told before it is started: checked against the training itself."""

import json
from collections.abc import Callable
from dataclasses import replace
from subprocess import CompletedProcess

import pytest

from fer.data import read_dataset
from fer.recipes import load_recipe
from fer.training.estimate import Estimate, estimate_training
from fer.training.prepare import prepare_data


@pytest.mark.parametrize("change", [{}, {"balance": "undersample"}, {"classes": "happy,sad", "overfeed": "sad=3"}])
@pytest.mark.slow
def test_estimate_training_counts_what_the_training_would_see(change: dict[str, str], tiny_settings: dict[str, str]) -> None:
    settings = load_recipe("compact").settings.with_overrides({**tiny_settings, "batch_size": "16", **change})
    dataset = read_dataset("synthetic:240:5")
    found = estimate_training(dataset, settings)
    train = prepare_data(dataset, settings).train
    assert (found.images, found.steps) == (train.images_an_epoch, -(-train.images_an_epoch // 16))
    assert found.epochs == settings.training.epochs
    assert 1_000 < found.parameters < 30_000
    assert 0 < found.seconds_an_epoch < 120
    assert found.memory_bytes > 100 * 2**20, "TensorFlow alone takes that"
    assert not found.warning


def test_estimate_warns_in_words_before_it_would_not_fit() -> None:
    fits = Estimate(1, 1, 1, 1, 1, 1.0, 8 * 2**30, 20 * 2**30)
    assert fits.warning == ""
    assert replace(fits, memory_bytes=19 * 2**30).warning.startswith("It would take about 19.0 GiB, and 20.0 GiB are free.")


@pytest.mark.slow
def test_train_command_estimates_and_leaves_nothing_behind(fer_command: Callable[..., CompletedProcess[str]]) -> None:
    done = fer_command("train", "--recipe", "compact", "--data", "synthetic:160", "--set", "batch_size=8", "--estimate", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"] > 690_000
    assert json.loads(fer_command("runs", "--json").stdout) == []
