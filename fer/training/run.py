"""`Run`: one training as a folder, and how to start, watch, stop and resume it.

    settings.json      what was asked for: recipe, data, all settings
    cleaning.csv       the cleaning list that the data is seen through, as it was then, where there is one
    state.json         how far it is: status, reason, phase
    worker.json        which process works on it
    environment.json   what it runs on
    dataset.json       what it learns from: fingerprint, counts, classes
    metrics.jsonl      a line an epoch
    confusion.jsonl    a line an epoch: which class was taken for which in validation
    mistakes.npz       the surest mistakes of the last epoch, with their images
    progress.jsonl     a few lines a second in between
    checkpoint.npz     all that is needed to go on: weights, optimizer, history
    best.npz           the weights of the best epoch
    train.log          what the process printed
    notes.json         what the user calls it: title, tags, notes

Everything the page shows is read from here, so it survives a reload, and the run survives the page.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from fer.errors import RunError
from fer.files import read_json_lines, write_json
from fer.recipes import Settings
from fer.workspace import REPOSITORY

CLEANING_FILE = "cleaning.csv"
CONFUSION_FILE = "confusion.jsonl"
MISTAKES_FILE = "mistakes.npz"
# A page polls often; this much of progress.jsonl covers more than the running epoch.
_PROGRESS_TAIL_BYTES = 200_000
_LOCK_S = 30
_NOTES_FILE = "notes.json"


@dataclass(frozen=True, slots=True)
class RunNotes:
    """What the user calls a run.

    Args:
        title: stands in lists in the place of its recipe's name.
        tags: words to find it by, separated by commas.
        notes: anything.
    """

    title: str = ""
    tags: str = ""
    notes: str = ""


@dataclass(frozen=True)
class Run:
    """A run folder. Nothing is kept in memory: every property reads the disk.

    Raises:
        RunError: the folder holds no readable run.
    """

    path: Path

    def __post_init__(self) -> None:
        if not (self.path / "settings.json").is_file():
            raise RunError(f"No run at {self.path}: it has no settings.json. `python -m fer runs` lists the runs there are.")

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for: `recipe`, `data`, `ferplus`, `cleaning`, `settings`, `created`."""
        return _read_json(self.path / "settings.json")

    @property
    def notes(self) -> RunNotes:
        """What the user has written about it; empty at first, and where the file is damaged."""
        try:
            return RunNotes(**_read_json(self.path / _NOTES_FILE))
        except (RunError, TypeError):
            return RunNotes()

    def annotate(self, notes: RunNotes) -> None:
        """Keep what the user has written about it.

        Raises:
            RunError: the folder cannot be written.
        """
        try:
            write_json(self.path / _NOTES_FILE, asdict(notes))
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def delete(self) -> None:
        """Remove the run for good: weights, curves, notes. Bundles that were made of it stay.

        Raises:
            RunError: it is going, or cannot be removed.
        """
        with self._alone():
            self._require_idle()
        # Renamed first: a folder that is half gone is no run any more.
        doomed = self.path.with_name(f".deleted-{self.id}")
        try:
            self.path.rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            raise RunError(f"The run {self.id} cannot be deleted: {error.strerror or error}.") from error

    @property
    def recipe_name(self) -> str:
        return str(self.request["recipe"])

    @property
    def settings(self) -> Settings:
        return Settings.from_dict(self.request["settings"])

    @property
    def cleaning(self) -> Path | None:
        """The run's own copy of the cleaning list that its data is seen through: the user's may grow on. None without one."""
        return self.path / CLEANING_FILE if self.request.get("cleaning") else None

    @property
    def epochs_total(self) -> int:
        return self.settings.training.epochs

    @property
    def is_active(self) -> bool:
        """Whether a living process works on it."""
        return _is_alive(self._worker())

    @property
    def status(self) -> str:
        """`starting`, `running`, `stopping`, `finished`, `stopped`, `failed`, or `interrupted` where the process died."""
        status = str(self._state().get("status", "starting"))
        if status in ("starting", "running"):
            if not self.is_active:
                return "interrupted"
            if self._stop_file.exists():
                return "stopping"
        return status

    @property
    def reason(self) -> str:
        """Why it ended, or what it is doing, in words."""
        if self.status == "interrupted":
            return "The training process ended without a word (killed, or a power cut). Resume goes on after the last epoch."
        return str(self._state().get("reason", ""))

    def epoch_rows(self) -> list[dict[str, Any]]:
        """One row a finished epoch.

        Keys: epoch (from 1), loss, accuracy, val_loss, val_accuracy, learning_rate, seconds, images_per_second; with a votes
        head also votes_accuracy and val_votes_accuracy.
        """
        return read_json_lines(self.path / "metrics.jsonl")

    def confusions(self) -> dict[int, NDArray[np.int64]]:
        """By finished epoch, from 1: the confusion matrix of the labels in validation, (K, K), rows are true.

        Runs of before it was kept have none.
        """
        rows = read_json_lines(self.path / CONFUSION_FILE)
        return {int(row["epoch"]): np.array(row["confusion"], np.int64) for row in rows}

    def mistakes(self) -> dict[str, NDArray[Any]]:
        """The surest mistakes in a sample of the validation part after the last finished epoch; empty where there are none yet.

        Keys: images uint8 (M, S, S, C), label_ids and answers int16 (M,), confidences float32 (M,).
        """
        path = self.path / MISTAKES_FILE
        try:
            # Opened here, because np.load leaves its own file open when the archive is damaged.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as columns:
                return dict(columns)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return {}

    def progress_rows(self) -> list[dict[str, Any]]:
        """The latest rows between epochs: epoch, batch, batches, loss, accuracy, images_per_second, time (seconds since 1970)."""
        return read_json_lines(self.path / "progress.jsonl", tail_bytes=_PROGRESS_TAIL_BYTES)

    def dataset_info(self) -> dict[str, Any]:
        """What it learns from: name, fingerprint, labels, counts, leaks_removed, and `cleaning` where a cleaning list is given.

        Empty before the data was read.
        """
        path = self.path / "dataset.json"
        return _read_json(path) if path.is_file() else {}

    def seconds_left(self) -> float | None:
        """Estimated seconds to the last epoch; None while nothing can be said."""
        progress, epochs = self.progress_rows(), self.epoch_rows()
        if not self.is_active or not (progress or epochs):
            return None
        latest = progress[-1] if progress else {"epoch": len(epochs) + 1, "batch": 0, "batches": 1}
        done_in_epoch = latest["batch"] / latest["batches"] if latest["epoch"] > len(epochs) else 0.0
        if epochs:
            seconds_per_epoch = float(epochs[-1]["seconds"])
        elif done_in_epoch > 0:
            seconds_per_epoch = float(latest["seconds"]) / done_in_epoch
        else:
            return None
        return max(0.0, (self.epochs_total - len(epochs) - done_in_epoch) * seconds_per_epoch)

    def stop(self) -> None:
        """Ask the process to end after the batch it is at; finished epochs are kept, and the run can be resumed.

        Raises:
            RunError: the run is not going, or its folder cannot be written.
        """
        if not self.is_active:
            raise RunError(f"The run {self.id} is not going (it is {self.status}), so there is nothing to stop.")
        try:
            self._stop_file.touch()
        except OSError as error:
            raise cannot_write(self.path, error) from error

    @property
    def stop_requested(self) -> bool:
        return self._stop_file.exists()

    def resume(self) -> Run:
        """Go on from the last finished epoch, in a process of its own.

        Raises:
            RunError: the run is going or is finished.
        """
        self._require_unfinished()
        self.launch()
        return self

    def claim(self) -> None:
        """Enter this process as the one that works on the run; only one can.

        Raises:
            RunError: it is finished, another living process works on it, or the folder cannot be written.
        """
        self._require_unfinished()
        with self._alone():
            worker = self._worker()
            is_ours = worker.get("pid") == os.getpid()
            if not is_ours:
                self._require_idle()
            # Where `launch` has entered us, a request to stop is newer than the launch, and holds.
            if not (is_ours and self._state().get("status") == "starting"):
                self._enter_worker(os.getpid())
                self._stop_file.unlink(missing_ok=True)

    def write_state(self, status: str, reason: str = "") -> None:
        """Record how far the run is."""
        write_json(self.path / "state.json", {"status": status, "reason": reason, "updated": time.time()})

    def launch(self) -> None:
        """Start a process that trains this run to its end.

        Raises:
            RunError: the folder cannot be written, or the process ended at once.
        """
        try:
            with self._alone():  # until the process is entered: it waits for that, and so does another server
                self._require_idle()
                self._stop_file.unlink(missing_ok=True)
                self.write_state("starting", "Starting a training process")
                with (self.path / "train.log").open("ab") as log:
                    worker = subprocess.Popen(
                        [sys.executable, "-m", "fer", "train", "--resume", str(self.path.resolve())],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        # Of its own session, so that it outlives a server that is stopped or killed.
                        start_new_session=True,
                        cwd=REPOSITORY,
                    )
                self._enter_worker(worker.pid)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _require_unfinished(self) -> None:
        if self.status == "finished":
            raise RunError(f"The run {self.id} is finished. Start a new one to train on.")

    def _require_idle(self) -> None:
        worker = self._worker()
        if _is_alive(worker):
            raise RunError(
                f"The run {self.id} is going already, in process {worker['pid']}. Stop it first, or choose another folder."
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process enters a worker meanwhile: of two that resume a run in the same instant, one trains it."""
        try:
            with FileLock(self.path / "claim.lock", timeout=_LOCK_S):
                yield
        except Timeout as error:
            raise RunError(f"Another process has been starting the run {self.id} for {_LOCK_S} s. Try again.") from error
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _enter_worker(self, pid: int) -> None:
        try:
            write_json(self.path / "worker.json", {"pid": pid, "started": psutil.Process(pid).create_time()})
        except psutil.Error as error:
            raise RunError(f"The training process ended at once. Its last words stand in {self.path / 'train.log'}") from error
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _worker(self) -> dict[str, Any]:
        path = self.path / "worker.json"
        return _read_json(path) if path.is_file() else {}

    def _state(self) -> dict[str, Any]:
        path = self.path / "state.json"
        return _read_json(path) if path.is_file() else {}

    @property
    def _stop_file(self) -> Path:
        return self.path / "stop"


def _is_alive(worker: Mapping[str, Any]) -> bool:
    """Whether the very process that was entered still lives: its number alone may have gone to another."""
    try:
        process = psutil.Process(int(worker["pid"]))
        return abs(process.create_time() - float(worker["started"])) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, ValueError):
        return False


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"Cannot read {path}: {error}. The run folder is damaged.") from error
    if not isinstance(value, dict):
        raise RunError(f"{path} should hold a JSON object. The run folder is damaged.")
    return value


def cannot_write(path: Path, error: OSError) -> RunError:
    """The words for a run folder that cannot be written."""
    return RunError(f"Cannot write the run folder {path}: {error.strerror or error}. Free some space, or choose another folder.")
