"""`Recorder`: the callback that writes a run's folder while Keras trains, and obeys a request to stop.

Whenever its process is killed, a run goes on from its checkpoint as if nothing had happened: chance comes from (seed, epoch,
batch), and the rest is in the checkpoint. It ends with the very bits of an undisturbed run where the backend adds in a fixed
order, as TensorFlow does on one thread (`TF_NUM_INTRAOP_THREADS=1`); elsewhere as close as two undisturbed runs are.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any

import keras

from fer.errors import RunError
from fer.files import append_json_line, remove_leftovers, replacing
from fer.job import StopRequested
from fer.training.checkpoint import Checkpoint, load_checkpoint, read_history, save_weights
from fer.training.history import describe_epoch, is_better
from fer.training.prepare import FACE_HEAD, LABELS_HEAD, VOTES_HEAD
from fer.training.run import CONFUSION_FILE, MISTAKES_FILE, Run
from fer.training.watch import Mistakes, Sample, confusion_of

SECONDS_BETWEEN_ROWS = 0.4
# Of a large network on an accelerator, writing a checkpoint takes half as long as an epoch.
SECONDS_BETWEEN_CHECKPOINTS = 10.0


class EndedEarly(Exception):
    """Early stopping had ended the run already, before the process died that would have written so."""


class Recorder(keras.callbacks.Callback):  # type: ignore[misc]
    """Rows, checkpoints and the best weights of a run.

    Must stand before `SwapEMAWeights` in the list of callbacks: at the end of a validation it saves the weights that were
    validated, before the averaged weights are swapped out again.

    Args:
        run: where to write.
        images: training images an epoch.
        policies: callbacks that decide from the history of epochs (early stopping, plateau); on a resume they are shown the
            finished epochs again, so that they decide as if nothing had happened.
        sample: images to look for mistakes in after every epoch.
        progress: called a few times a second with the epoch in words and the share of it that is done, 0…1.
    """

    def __init__(
        self,
        run: Run,
        images: int,
        policies: list[keras.callbacks.Callback],
        sample: Sample,
        progress: Callable[[str, float], None] | None = None,
    ) -> None:
        super().__init__()
        self.run = run
        self.images = images
        self.policies = policies
        self.sample = sample
        self.progress = progress
        self._checkpoint = run.path / "checkpoint.npz"
        self.history = read_history(self._checkpoint) if self._checkpoint.is_file() else []
        self._candidate = run.path / "candidate.npz"
        self._confusion: list[list[int]] = []
        self._mistakes: Mistakes | None = None
        self._unwritten: Checkpoint | None = None
        self._last_written = -math.inf
        self._epoch = 0
        self._epoch_start = self._last_row = 0.0
        self._tidy()

    @property
    def epochs_done(self) -> int:
        """Epochs that need not be run again."""
        return len(self.history)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self.history:
            return
        load_checkpoint(self._checkpoint, self.model)
        for row in self.history:
            for policy in self.policies:
                policy.on_epoch_end(row["epoch"] - 1, {key: value for key, value in row.items() if isinstance(value, float)})
        if self.model.stop_training:
            raise EndedEarly
        # The replayed plateaus have lowered the rate a second time; the checkpoint's is the right one.
        load_checkpoint(self._checkpoint, self.model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch + 1
        self._epoch_start = time.monotonic()
        reseed(self.model, self.run.settings.training.seed, epoch)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.monotonic()
        if now - self._last_row < SECONDS_BETWEEN_ROWS:
            return
        self._last_row = now
        figures = _named(logs or {})
        _require_finite(figures)
        if self.run.stop_requested:
            raise StopRequested
        seconds = now - self._epoch_start
        rate = (batch + 1) * self.params["images_per_batch"] / seconds
        row = {"epoch": self._epoch, "batch": batch + 1, "batches": self.params["steps"], **figures}
        append_json_line(
            self.run.path / "progress.jsonl",
            {**row, "images_per_second": rate, "seconds": seconds, "time": time.time()},
        )
        if self.progress and batch + 1 < self.params["steps"]:
            self.progress(f"epoch {self._epoch}/{self.run.epochs_total}", (batch + 1) / self.params["steps"])

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params({**params, "images_per_batch": self.run.settings.training.batch_size})

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        figures = {f"val_{name}": value for name, value in _named(logs or {}).items()}
        if is_better(figures, self.history, self.run.settings.training.monitor):
            save_weights(self._candidate, self.model)
        self._confusion = confusion_of(self.model)
        self._mistakes = self.sample.worst_mistakes(self.model)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = time.monotonic() - self._epoch_start
        if self.progress:
            self.progress(f"epoch {self._epoch}/{self.run.epochs_total}", 1.0)
        row = {
            "epoch": epoch + 1,
            **_named(logs or {}),
            "learning_rate": float(self.model.optimizer.learning_rate),
            "seconds": seconds,
            "images_per_second": self.images / seconds,
        }
        _require_finite(row)
        self.history.append(row)
        # The checkpoint goes last: an epoch that it holds is never run again, so all that belongs to that epoch must be there. A
        # kill before it is written repeats the epoch, which writes the same weights and rows again.
        if self._candidate.exists():
            self._candidate.replace(self.run.path / "best.npz")
        append_json_line(self.run.path / "metrics.jsonl", row)
        append_json_line(self.run.path / CONFUSION_FILE, {"epoch": epoch + 1, "confusion": self._confusion})
        if self._mistakes:
            self._mistakes.save(self.run.path / MISTAKES_FILE)
        self._unwritten = Checkpoint.of(self.model, self.history)
        if time.monotonic() - self._last_written >= SECONDS_BETWEEN_CHECKPOINTS:
            self.write_checkpoint()
        sys.stdout.write(f"{describe_epoch(row, self.run.epochs_total)}\n")
        sys.stdout.flush()

    def write_checkpoint(self) -> None:
        """Write the state after the last finished epoch, where that has not been done; to be called when training ends."""
        if self._unwritten:
            self._unwritten.save(self._checkpoint)
            self._unwritten, self._last_written = None, time.monotonic()

    def _tidy(self) -> None:
        """Bring the rows to what the checkpoint holds, and forget what is left of epochs that begin anew."""
        remove_leftovers(self.run.path)
        self._candidate.unlink(missing_ok=True)
        with replacing(self.run.path / "metrics.jsonl") as beside:
            beside.touch()
            for row in self.history:
                append_json_line(beside, row)
        with replacing(self.run.path / CONFUSION_FILE) as beside:
            beside.touch()
            for epoch, confusion in self.run.confusions().items():
                if epoch <= len(self.history):
                    append_json_line(beside, {"epoch": epoch, "confusion": confusion.tolist()})
        (self.run.path / "progress.jsonl").unlink(missing_ok=True)


def _require_finite(figures: dict[str, Any]) -> None:
    """Refuse to go on with a loss, of training or validation, that is no number: nothing is better or worse than it."""
    if not all(math.isfinite(figures[name]) for name in ("loss", "val_loss") if name in figures):
        raise RunError("The loss is no number any more: the training diverged. Start again with a lower learning rate.")


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Give every random layer the state that belongs to this epoch, whatever came before."""
    for position, variable in enumerate(v for v in model.variables if "seed_generator_state" in v.path):
        variable.assign([seed * 1000 + position, epoch])


def _named(logs: dict[str, Any]) -> dict[str, float]:
    """Keras' names (`labels_accuracy`, or `accuracy` alone with one head) as the run's: `accuracy`, `votes_accuracy`, `loss`."""
    names = {
        "loss": "loss",
        "accuracy": "accuracy",
        f"{LABELS_HEAD}_accuracy": "accuracy",
        f"{VOTES_HEAD}_accuracy": "votes_accuracy",
        f"{FACE_HEAD}_accuracy": "face_accuracy",
    }
    both = {f"val_{key}": f"val_{name}" for key, name in names.items()}
    return {new: float(logs[old]) for old, new in {**names, **both}.items() if old in logs}
