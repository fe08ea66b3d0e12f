"""The reference systems' benchmark: which images a system gets, and one small training from subset to figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import reference_systems, runs
from benchmarks.reference_systems import SYSTEMS, System, draw_subset, main
from fer.data import read_dataset
from fer.data.dataset import UNSPLIT
from fer.errors import DataError
from fer.recipes import load_recipe
from tests.benchmarks.training_here import train_here


def test_draw_subset_takes_so_many_different_images_of_train_alone() -> None:
    dataset = read_dataset("synthetic:400")
    subset = draw_subset(dataset, {"happy": 12, "sad": 9})
    assert {label: n for label, n in subset.counts()[UNSPLIT].items() if n} == {"happy": 12, "sad": 9}
    train = set(dataset.split("train").names.tolist())
    assert set(subset.names.tolist()) <= train
    assert len(np.unique(subset.content_ids)) == 21
    assert draw_subset(dataset, {"happy": 12, "sad": 9}).names.tolist() == subset.names.tolist()


def test_draw_subset_of_more_images_than_there_are_is_refused() -> None:
    with pytest.raises(DataError, match=r"at least 5000 different images of happy in train"):
        draw_subset(read_dataset("synthetic:60"), {"happy": 5000})


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_systems_are_recipes_with_settings_that_fit(system: System) -> None:
    recipe = load_recipe(system.recipe)
    changed = recipe.with_overrides(system.overrides)
    assert recipe.origin
    assert system.differs
    assert (changed.settings != recipe.settings) == bool(system.overrides)


@pytest.mark.slow
def test_main_trains_a_subset_and_keeps_figures_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = {"preprocessing.size": "16", "network.filters": "4", "network.kernels": "3", "network.dropouts": "0"}
    system = System("cnn4-binary", {"happy": 30, "sad": 30}, {**tiny, "training.epochs": "2"}, differs=("Tiny.",))
    monkeypatch.setattr(reference_systems, "SYSTEMS", (system, System("cnn4-7class", differs=("Not trained.",))))
    monkeypatch.setattr(runs, "_train", train_here)
    file = tmp_path / "figures.json"
    arguments = ["--data", "synthetic:500", "--json", str(file), "--only", "cnn4-binary"]
    assert main(arguments) == 0
    (row,) = json.loads(file.read_text())["systems"]
    assert row["images"] == {"train": 42, "val": 12, "test": 6}
    assert [len(row["curve"]), row["scores"]["test"]["n"], row["reported"]["accuracy"]] == [2, 6, 0.9]
    assert sum(map(sum, row["scores"]["val"]["confusion"])) == 12

    figures = json.loads(file.read_text())
    file.write_text(json.dumps({**figures, "systems": [{**row, "name": "cnn4-7class", "title": "from before"}]}))
    assert main(arguments) == 0  # its run is finished, and is taken as it is
    names = [system["name"] for system in json.loads(file.read_text())["systems"]]
    assert sorted(names) == ["cnn4-7class", "cnn4-binary"]
