"""Training is Keras 3 alone: it goes on JAX, with its images on the device, where nothing of TensorFlow is installed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer.training import Run
from fer.workspace import REPOSITORY

# What the child does, in one process because JAX takes seconds to start: a training, the same one interrupted and gone on with,
# and a student of it. That something is not installed means that no finder finds it.
CHILD = """
import sys
from importlib.machinery import PathFinder
from pathlib import Path

MISSING = {"tensorflow", "ai_edge_litert", "mtcnn", "streamlit"}

class WithoutThem(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in MISSING else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutThem

from fer.recipes import load_recipe
from fer.training import create_run
from fer.training.worker import prepare_keras, train_run

folder = Path(sys.argv[1])
prepare_keras(folder / "log")
from fer.training import device_batches
from fer.training.checkpoint import read_history

device_batches.REJECTS_IN_STOCK = 50

def interrupt(what, share):
    if what == "epoch 3/4" and share == 1:
        raise KeyboardInterrupt

def new_run(name, **settings):
    return create_run(load_recipe(folder / "tiny.toml"), "synthetic:300:3", overrides=settings, run_dir=folder / name)

train_run(new_run("undisturbed"))
interrupted = new_run("interrupted")
try:
    train_run(interrupted, progress=interrupt)
except KeyboardInterrupt:
    print("epochs kept:", len(read_history(interrupted.path / "checkpoint.npz")))
train_run(interrupted)
train_run(new_run("student", teachers=str(folder / "undisturbed"), epochs=1))
print("loaded:", sorted(MISSING & {name.split(".")[0] for name in sys.modules}))
"""

TINY = """
[data]
votes = true
rejects = 0.1

[network]
architecture = "plain_cnn"
filters = [8]
kernels = [3]
dropouts = [0.1]
dense = [16]

[augmentation]
flip = true
rotation = 10
brightness = 0.2
degrade = 0.1
erasing = 0.2

[training]
epochs = 4
batch_size = 35
optimizer = "sgd"
learning_rate = 0.05
schedule = "cosine"
ema = 0.9
mixup = 0.2
precision = "float32"
augment_on = "device"
"""


@pytest.fixture(scope="module")
def trained_on_jax(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder with the child's runs, and what it printed."""
    folder = tmp_path_factory.mktemp("jax")
    (folder / "tiny.toml").write_text(TINY)
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)],
        cwd=REPOSITORY,
        env=environment
        | {
            "FER_CACHE": str(folder / "cache"),
            # What is compiled runs for a second, and is needed three times.
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
            "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def _arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files if name != "history"}


@pytest.mark.slow
def test_train_run_learns_on_jax_without_tensorflow(trained_on_jax: tuple[Path, str]) -> None:
    folder, printed = trained_on_jax
    assert printed.endswith("loaded: []\n")
    run = Run(folder / "undisturbed")
    assert run.status == "finished"
    environment = json.loads((run.path / "environment.json").read_text())
    assert (environment["backend"], environment["device"]) == ("jax", "cpu")
    rows = run.epoch_rows()
    assert rows[-1]["loss"] < rows[0]["loss"] - 0.1
    assert all({"votes_accuracy", "face_accuracy", "val_loss", "learning_rate"} <= row.keys() for row in rows)


def test_train_run_on_jax_interrupted_ends_with_the_weights_of_an_undisturbed_run(trained_on_jax: tuple[Path, str]) -> None:
    folder, printed = trained_on_jax
    # The second epoch's checkpoint was not yet due: it was written because of the interruption.
    assert "epochs kept: 2\n" in printed
    for file in ("checkpoint.npz", "best.npz"):
        expected, resumed = _arrays(folder / "undisturbed" / file), _arrays(folder / "interrupted" / file)
        assert all(np.array_equal(value, resumed[name]) for name, value in expected.items()), file


def test_train_run_on_jax_learns_from_a_teacher(trained_on_jax: tuple[Path, str]) -> None:
    folder, _ = trained_on_jax
    assert Run(folder / "student").status == "finished"
    shapes = [[value.shape for value in _arrays(folder / run / "best.npz").values()] for run in ("student", "undisturbed")]
    assert shapes[0] == shapes[1], "a teacher's weights are none of the student's"
