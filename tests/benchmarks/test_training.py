"""How fast a network learns: ratios within rounds, turns that favour no way, and ways that all train the same images."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import training
from benchmarks.training import FLOORS, main, ratios, some_images, take_turns
from fer.data import read_dataset
from fer.errors import DataError
from fer.recipes import load_recipe


def test_ratios_are_taken_within_a_round() -> None:
    # The machine was twice as fast in the second round: of medians over all rounds, the ratio would be 1.75.
    rates = {"ours float32": [100.0, 210.0, 120.0], "keras": [50.0, 100.0, 80.0]}
    (ratio,) = ratios(rates)
    assert (ratio.of, ratio.over, ratio.floor) == ("ours float32", "keras", 1.3)
    assert (ratio.median, ratio.low, ratio.high) == (2.0, 1.5, 2.1)
    assert ratio.is_reached


@pytest.mark.parametrize(("ours", "is_reached"), [(94.9, False), (95.0, True), (101.0, True)])
def test_ratios_five_percent_less_than_from_memory_is_allowed(ours: float, is_reached: bool) -> None:
    (ratio,) = ratios({"ours bfloat16": [ours], "memory bfloat16": [100.0]})
    assert ratio.is_reached is is_reached


def test_ratios_ask_for_what_was_promised() -> None:
    floors = {(of, over): floor for of, over, floor in FLOORS if floor}
    assert floors == {
        ("ours float32", "memory float32"): 0.95,
        ("ours bfloat16", "memory bfloat16"): 0.95,
        ("ours float32", "keras"): 1.3,
        ("ours bfloat16", "keras"): 1.8,
    }


def test_take_turns_counts_images_a_second_and_begins_each_round_with_another_way() -> None:
    now, order = 0.0, []

    def way(name: str, seconds: float) -> None:
        nonlocal now
        now += seconds
        order.append(name)

    ways = {"a": lambda: way("a", 2.0), "b": lambda: way("b", 4.0), "c": lambda: way("c", 1.0)}
    rates = take_turns(ways, 2, 8, lambda: now)
    assert rates == {"a": [4.0, 4.0], "b": [2.0, 2.0], "c": [8.0, 8.0]}
    assert order == ["a", "b", "c", "b", "c", "a"]


def test_some_images_are_so_many_of_train_and_one_of_val() -> None:
    dataset = some_images(read_dataset("synthetic:160"), 64)
    assert {split: sum(counts.values()) for split, counts in dataset.counts().items()} == {"train": 64, "val": 1}
    assert len(np.unique(dataset.names)) == 65
    with pytest.raises(DataError, match="113 images of train"):
        some_images(read_dataset("synthetic:160"), 113)


def test_directory_iterator_varies_as_the_recipe_says() -> None:
    augmentation = load_recipe(training.RECIPE).settings.augmentation
    assert (augmentation.shear, augmentation.zoom, augmentation.flip) == (0.2, 0.2, True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")  # Keras' own way, as it was
def test_main_measures_all_ways(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    small = ("filters=4", "kernels=3", "dropouts=0", "dense=4", "batch_size=8", "precision=float32")
    file = tmp_path / "figures.json"
    arguments = ["--data", "synthetic:160", "--rounds", "2", "--steps", "2", "--json", str(file)]
    assert main([*arguments, *(part for pair in small for part in ("--set", pair))]) == 0
    figures = json.loads(file.read_text())
    # In float32 alone, as on a processor that does not multiply bfloat16.
    assert set(figures["images_per_second"]) == {"ours float32", "memory float32", "keras", "keras, no XLA"}
    assert all(len(rates) == 2 and min(rates) > 0 for rates in figures["images_per_second"].values())
    assert (figures["images"], figures["batch_size"]) == (16, 8)
    assert [ratio["floor"] for ratio in figures["ratios"]] == [0.95, 1.3, 0.0]
    printed = capfd.readouterr().out
    assert "Found 16 images belonging to" in printed, "all ways train the same images"
    assert "ours float32 / keras" in printed
