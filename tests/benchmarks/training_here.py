"""A benchmark's trainings in the process of its test, which saves each an import of TensorFlow."""

from fer.training import Run
from fer.training.worker import train_run


def train_here(run: Run, _enough: int | None) -> None:
    """Train in this process, which loads TensorFlow for the bundles anyway; and leave it, as one of its own would."""
    train_run(run)
    (run.path / "worker.json").unlink()
