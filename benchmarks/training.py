"""How fast a network learns: images a second of our training, beside what its network could take, and beside Keras' own way.

    python -m benchmarks.training [--data fer2013.zip] [--rounds 5] [--steps 24] [--json benchmarks/results/training.json]

The network is that of `cnn4-7class`, in one process, which should have the machine to itself; ten minutes on two cores. In each
round all ways train the same number of full batches, one after the other, each round begins with the next one, and ratios are
taken within a round: so whatever else the machine does meets all alike.

`ours` varies each image on the CPU while the network computes. `memory` is handed finished model input, so nothing is left to do
but the network. `keras` is what the reference system did: `flow_from_directory` with its random transforms, and a model
compiled with Keras' defaults. Where there is no GPU, those leave XLA out since Keras 3.15 at the latest, so that `keras, no XLA`
should come out the same: it tells how far two figures for one thing lie apart here. Without `--data`, faces are drawn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import benchmark_parser, end_in_words
from fer.data import Dataset, read_dataset
from fer.errors import DataError
from fer.files import write_json
from fer.networks import build_network
from fer.quality.export import export_dataset
from fer.recipes import Settings, load_recipe, read_overrides
from fer.terminal import print_table
from fer.training.prepare import LABELS_HEAD, PreparedData, prepare_data
from fer.training.worker import prepare_keras

RECIPE = "cnn4-7class"
ROUNDS, STEPS = 5, 24
PRECISIONS = ("float32", "bfloat16")
# Each is counted against a floor: nothing to wait for beside the network, and the gain over the way it was done.
FLOORS: tuple[tuple[str, str, float], ...] = (
    ("ours float32", "memory float32", 0.95),
    ("ours bfloat16", "memory bfloat16", 0.95),
    ("ours float32", "keras", 1.3),
    ("ours bfloat16", "keras", 1.8),
    ("ours float32", "keras, no XLA", 0.0),
    ("ours bfloat16", "keras, no XLA", 0.0),
)

# Trains one epoch of all images.
Epoch = Callable[[], object]


@dataclass(frozen=True)
class Ratio:
    """By how much one way is faster than another: the median over the rounds, and the range.

    Args:
        of, over: names of the ways.
        median, low, high: images a second of the first, divided by those of the second in the same round.
        floor: what is asked for; 0 where nothing is.
    """

    of: str
    over: str
    median: float
    low: float
    high: float
    floor: float

    @property
    def is_reached(self) -> bool:
        return self.median >= self.floor


def ratios(rates: Mapping[str, Sequence[float]]) -> list[Ratio]:
    """All ratios that were asked for, of ways that were measured.

    Args:
        rates: by way, images a second in each round.
    """
    found = []
    for of, over, floor in FLOORS:
        if of in rates and over in rates:
            values = [a / b for a, b in zip(rates[of], rates[over], strict=True)]
            found.append(Ratio(of, over, statistics.median(values), min(values), max(values), floor))
    return found


def take_turns(ways: Mapping[str, Epoch], rounds: int, images: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Images a second of each way in each round; each round begins with another one, so that none is always the first.

    Args:
        ways: by name, what trains one epoch.
        rounds: how often each trains.
        images: of an epoch.
        clock: seconds.
    """
    names = list(ways)
    rates: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start = clock()
            ways[name]()
            rates[name].append(images / (clock() - start))
            print(f"round {number + 1}: {name}: {rates[name][-1]:.1f} images/s", flush=True)
    return rates


def some_images(dataset: Dataset, images: int) -> Dataset:
    """So many training images, drawn, and one to validate on, which no training goes without.

    Raises:
        DataError: there are too few.
    """
    train, val = (np.flatnonzero(dataset.splits == split) for split in ("train", "val"))
    if len(train) < images or not len(val):
        raise DataError(
            f"{images:,} images of train and one of val are needed. {dataset.name} has {len(train):,} and {len(val):,}."
        )
    return dataset.select(np.concatenate([np.random.default_rng(0).permutation(train)[:images], val[:1]]))


def make_ways(prepared: PreparedData, settings: Settings, folder: Path) -> dict[str, Epoch]:
    """All ways to train, each with a network of its own that has compiled its step.

    Args:
        prepared: the images.
        settings: of the recipe.
        folder: the same images as class folders.
    """
    import keras

    from fer.training.batches import Batches
    from fer.training.compile import build_model, compile_model, computes_in_bfloat16

    ways: dict[str, Epoch] = {}
    train = prepared.train
    model_input = settings.preprocessing.normalise(train.images)

    def add(name: str, fit: Callable[..., Any]) -> None:
        fit(steps_per_epoch=1)  # compiles the step
        ways[name] = fit

    for precision in PRECISIONS:
        if precision == "bfloat16" and not computes_in_bfloat16(settings):
            continue  # the processor does not multiply it, so nobody would train in it
        keras.mixed_precision.set_global_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
        ours, memory = build_model(settings, prepared), build_model(settings, prepared)
        for model in (ours, memory):
            compile_model(model, settings, prepared)

        def fit_ours(model: Any = ours, **options: Any) -> None:
            model.fit(Batches(train, settings, training=True), shuffle=False, verbose=0, **options)

        def fit_memory(model: Any = memory, **options: Any) -> None:
            batch_size = settings.training.batch_size
            model.fit(model_input, train.targets, sample_weight=train.weights, batch_size=batch_size, verbose=0, **options)

        add(f"ours {precision}", fit_ours)
        add(f"memory {precision}", fit_memory)
    keras.mixed_precision.set_global_policy("float32")
    for name, jit_compile in (("keras", "auto"), ("keras, no XLA", False)):
        trained = _as_the_reference_system(settings, prepared, jit_compile)
        iterator = _directory_iterator(settings, folder, prepared.heads[LABELS_HEAD].names)

        def fit_keras(model: Any = trained, iterator: Any = iterator, **options: Any) -> None:
            model.fit(iterator, verbose=0, **options)

        add(name, fit_keras)
    return ways


def _as_the_reference_system(settings: Settings, prepared: PreparedData, jit_compile: str | bool) -> Any:
    """The same network of Keras' own layers under its loss and optimizer, without heads and weights of images."""
    import keras

    model = build_network(settings.network, settings.preprocessing.input_shape, prepared.outputs)
    network = keras.Model(model.input, model.output[LABELS_HEAD])
    network.compile(
        optimizer=keras.optimizers.Adam(settings.training.learning_rate),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=jit_compile,
    )
    return network


def _directory_iterator(settings: Settings, folder: Path, classes: Sequence[str]) -> Any:
    """Keras' iterator over class folders, with the transforms of the reference system."""
    # Gone from Keras 3's own names, and kept under TensorFlow's, where the reference systems import it from.
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    varied = ImageDataGenerator(rescale=1 / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True)
    side, batch_size = settings.preprocessing.size, settings.training.batch_size
    # By name: of few images, a class may have no folder.
    return varied.flow_from_directory(
        folder, target_size=(side, side), color_mode="grayscale", classes=list(classes), batch_size=batch_size
    )


def measure(data: str, rounds: int, steps: int, overrides: Mapping[str, str]) -> dict[str, Any]:
    """Measure all ways: the figures, ready for JSON."""
    settings = load_recipe(RECIPE).settings.with_overrides({"data.remove_leaks": "false", **overrides})
    images = steps * settings.training.batch_size
    dataset = some_images(read_dataset(data), images)
    prepare_keras(Path(os.devnull))
    import keras

    with tempfile.TemporaryDirectory() as place:
        folder = export_dataset(dataset.split("train"), Path(place) / "folders", "folders") / "train"
        ways = make_ways(prepare_data(dataset, settings), settings, folder)
        rates = take_turns(ways, rounds, images, time.perf_counter)
    return {
        "recipe": RECIPE,
        "dataset": dataset.name,
        "images": images,
        "batch_size": settings.training.batch_size,
        "rounds": rounds,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "processors": os.cpu_count(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "images_per_second": rates,
        "ratios": [{**asdict(ratio), "is_reached": ratio.is_reached} for ratio in ratios(rates)],
    }


def print_figures(figures: Mapping[str, Any]) -> None:
    """Print the rates, and how they compare, each with its range over the rounds."""
    print()
    rows = [
        [name, f"{statistics.median(rates):.1f}", f"{min(rates):.1f} to {max(rates):.1f}"]
        for name, rates in figures["images_per_second"].items()
    ]
    print_table(["way", "images/s", "range"], rows)
    print()
    rows = []
    for ratio in figures["ratios"]:
        wanted = f"≥ {ratio['floor']:g}: {'reached' if ratio['is_reached'] else 'missed'}" if ratio["floor"] else ""
        spread = f"{ratio['low']:.2f} to {ratio['high']:.2f}"
        rows.append([f"{ratio['of']} / {ratio['over']}", f"{ratio['median']:.2f}", spread, wanted])
    print_table(["ratio", "median", "range", "wanted"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where it cannot be done."""
    parser = benchmark_parser(__doc__, data="synthetic:2000")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--steps", type=int, default=STEPS, help="batches that each way trains in a round")
    options = parser.parse_args(arguments)
    return end_in_words(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> int:
    figures = measure(options.data, options.rounds, options.steps, read_overrides(options.overrides))
    print_figures(figures)
    if options.json:
        write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
