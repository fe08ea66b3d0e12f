"""Small sets: drawn from validation alone, the same judges for all, equal care for those who begin from scratch."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from benchmarks import runs, small_sets
from benchmarks.small_sets import CONTENDERS, MOOD, THREE, TRANSFER, TRIALS, USUAL, SmallSets, Trial, main, merged
from fer.data import read_dataset
from fer.labels import FER7, ClassMap
from fer.recipes import load_recipe
from fer.training.suggest import SMALL_SET
from tests.benchmarks.training_here import train_here
from tests.conftest import TINY

FEW = Trial("few", ("happy", "bad=sad+angry"), 12)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_sets, "VAL", 8)
    monkeypatch.setattr(small_sets, "JUDGING", 20)


def steps_of() -> SmallSets:
    return SmallSets("synthetic:1200:7", 2)


def names_of(steps: SmallSets, seed: int, split: str) -> set[str]:
    return set(steps.draw(FEW, seed).split(split).names.tolist())


def test_draw_takes_nothing_but_validation_and_keeps_the_parts_apart() -> None:
    steps = steps_of()
    dataset = steps.dataset
    of_val = set(dataset.split("val").names.tolist())
    parts = [names_of(steps, 0, split) for split in ("train", "val", "test")]
    assert [len(part) for part in parts] == [12, 8, 20]
    assert set.union(*parts) <= of_val
    assert len(set.union(*parts)) == 40
    assert set(np.unique(steps.draw(FEW, 0).label_ids)) <= {
        dataset.label_set.label_id(name) for name in ("happy", "sad", "angry")
    }


def test_draw_another_seed_is_another_set_with_the_same_judges() -> None:
    steps = steps_of()
    assert names_of(steps, 0, "test") == names_of(steps, 1, "test")
    assert names_of(steps, 0, "train") != names_of(steps, 1, "train")
    assert names_of(steps, 0, "train") == names_of(steps_of(), 0, "train")


def test_draw_is_stratified() -> None:
    counts = steps_of().draw(FEW, 3)
    class_map = ClassMap.parse(counts.label_set, FEW.classes)
    shares = [np.bincount(class_map.apply(counts.split(split).label_ids), minlength=2) for split in ("train", "val", "test")]
    share = shares[2][0] / shares[2].sum()
    assert all(abs(n[0] / n.sum() - share) < 0.1 for n in shares)


def test_drawn_from_has_each_picture_once() -> None:
    steps = steps_of()
    val = steps.dataset.split("val")
    steps.dataset = val.select(np.r_[np.arange(len(val)), np.arange(5)])
    assert len(steps.drawn_from) == len(val)


def test_judges_have_the_trials_classes() -> None:
    judges = steps_of().judges(FEW)
    assert judges.label_set.names == ("happy", "bad")
    assert len(judges) == 20


def test_recipe_from_scratch_has_no_less_time_than_transfer() -> None:
    steps, transfer = steps_of(), load_recipe(TRANSFER).settings.training
    for name in USUAL:
        training = steps.recipe(FEW, name, 1).settings.training
        assert (training.epochs, training.early_stopping, training.seed) == (transfer.epochs, 0, 1)
        assert training.batch_size <= transfer.batch_size
    changes = steps.recipe(FEW, TRANSFER, 0).settings.as_dict()
    plain = load_recipe(TRANSFER).settings.as_dict()
    plain["data"]["classes"] = FEW.classes
    assert changes == plain, "transfer is taken as it ships"


def test_trials_try_what_is_there_up_to_the_size_that_counts_as_small() -> None:
    for trial in TRIALS:
        assert set(trial.recipes) <= set(CONTENDERS)
        assert TRANSFER in trial.recipes
    assert max(trial.images for trial in TRIALS) == SMALL_SET


def test_merged_adds_up_what_is_merged_and_drops_the_rest() -> None:
    y_prob = np.array([[0.1, 0.1, 0.2, 0.05, 0.15, 0.3, 0.1], [0, 0, 0, 0.6, 0, 0.4, 0]])
    assert np.allclose(merged(y_prob, ClassMap.parse(FER7, MOOD)), [[0.05, 0.55, 0.1], [0.6, 0, 0]])
    assert np.allclose(merged(y_prob, ClassMap.parse(FER7, THREE)), [[0.1, 0.05, 0.15], [0, 0.6, 0]])


@pytest.mark.slow
def test_main_trains_and_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    contenders: Mapping[str, Mapping[str, str]] = {
        TRANSFER: {"training.epochs": "2"},
        "compact": {**dict(pair.split("=") for pair in TINY), "training.epochs": "1", "data.votes": "false"},
    }
    monkeypatch.setattr(small_sets, "CONTENDERS", contenders)
    monkeypatch.setattr(small_sets, "TRIALS", (Trial("few", THREE, 12, (TRANSFER, "compact"), 1),))
    monkeypatch.setattr(runs, "_train", train_here)
    file = tmp_path / "figures.json"
    assert main(["--data", "synthetic:1200:7", "--json", str(file), "--set", "precision=float32"]) == 0
    figures = json.loads(file.read_text())
    (trial,) = figures["trials"]
    assert (trial["images"], trial["judged_on"]) == (12, 20)
    transfer, compact, flagship = trial["rows"]
    assert [transfer["name"], compact["name"], flagship["name"]] == [TRANSFER, "compact", "flagship"]
    assert compact["transfer_gains"]["mean"] == pytest.approx(transfer["mean"] - compact["mean"])
    assert (transfer["epochs"], compact["epochs"]) == ([2], [1])
    assert "epochs" not in flagship, "it is not trained"
    printed = capfd.readouterr().out
    assert "small-few-compact-0: training" in printed
    assert "never learned from it, but its epoch was chosen on it" in printed
    assert read_dataset("synthetic:1200:7").fingerprint == figures["fingerprint"]
