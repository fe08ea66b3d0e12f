"""Weights and checkpoints as single files that are whole or not there.

Kept as NumPy archives rather than Keras' HDF5 files: HDF5 brings the process down when the disk is full while it writes.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer.errors import RunError
from fer.files import replacing


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to go on, as it stood at the end of an epoch: copies, which later steps do not change.

    Args:
        state: weights and optimizer (momenta, averages, step).
        history: the rows of the finished epochs.
    """

    state: list[NDArray[Any]]
    history: list[dict[str, Any]]

    @classmethod
    def of(cls, model: keras.Model, history: list[dict[str, Any]]) -> Checkpoint:
        """The state of a compiled, built model."""
        return cls(_copies(_state(model)), list(history))

    def save(self, path: Path) -> None:
        _write(path, self.state, self.history)


def load_checkpoint(path: Path, model: keras.Model) -> list[dict[str, Any]]:
    """Bring a compiled, built model into the state that a `Checkpoint` saved; returns the rows of the finished epochs.

    Raises:
        RunError: the file is damaged, or belongs to another network.
    """
    return _restore(path, _state(model))


def read_history(path: Path) -> list[dict[str, Any]]:
    """The rows of the finished epochs in a checkpoint.

    Raises:
        RunError: the file is damaged.
    """
    return _read(path)[0]


def save_weights(path: Path, model: keras.Model) -> None:
    """Write a network's weights alone."""
    _write(path, _copies(model.variables), [])


def load_weights(path: Path, model: keras.Model) -> None:
    """Read back what `save_weights` wrote, into a network of the same settings.

    Raises:
        RunError: the file is damaged, or belongs to another network.
    """
    _restore(path, model.variables)


def _copies(variables: list[Any]) -> list[NDArray[Any]]:
    # NumPy may be shown the very memory that the next training step writes to.
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in variables]


def _write(path: Path, values: list[NDArray[Any]], history: list[dict[str, Any]]) -> None:
    arrays: dict[str, Any] = {f"v{position}": value for position, value in enumerate(values)}
    with replacing(path) as beside:
        np.savez(beside, history=np.array(json.dumps(history)), **arrays)


def _restore(path: Path, variables: list[Any]) -> list[dict[str, Any]]:
    history, arrays = _read(path)
    if [tuple(array.shape) for array in arrays] != [tuple(variable.shape) for variable in variables]:
        raise RunError(f"The weights in {path} belong to another network than the run's settings describe.")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return history


def _read(path: Path) -> tuple[list[dict[str, Any]], list[NDArray[Any]]]:
    try:
        with np.load(path) as stored:
            arrays = [stored[f"v{position}"] for position in range(len(stored.files) - 1)]
            return json.loads(str(stored["history"])), arrays
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(f"Cannot read the checkpoint {path}: {error}. Start the run again.") from error


def _state(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]
