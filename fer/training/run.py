"""`Run`: one training as a folder, and how to start, watch, stop and resume it.

    settings.json      what was asked for: recipe, data, all settings
    cleaning.csv       the cleaning list that the data is seen through, as it was then, where there is one
    state.json, worker.json, stop, claim.lock   how far it is, and which process works on it: see `job`
    environment.json   what it runs on
    dataset.json       what it learns from: fingerprint, counts, classes
    metrics.jsonl      a line an epoch
    confusion.jsonl    a line an epoch: which class was taken for which in validation
    mistakes.npz       the surest mistakes of the last epoch, with their images
    progress.jsonl     a few lines a second in between
    checkpoint.npz     all that is needed to go on: weights, optimizer, history
    best.npz           the weights of the best epoch
    tensorboard/       the same rows for TensorBoard, see `tensorboard_events`
    train.log          what the process printed
    notes.json         what the user calls it: title, tags, notes

Everything the page shows is read from here, so it survives a reload, and the run survives the page.
"""

from __future__ import annotations

import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fer.errors import RunError
from fer.files import read_json_lines, write_json
from fer.job import Job, read_job_json
from fer.recipes import Settings

CLEANING_FILE = "cleaning.csv"
CONFUSION_FILE = "confusion.jsonl"
EVENTS_FOLDER = "tensorboard"
MISTAKES_FILE = "mistakes.npz"
# A page polls often; this much of progress.jsonl covers more than the running epoch.
_PROGRESS_TAIL_BYTES = 200_000
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
class Run(Job):
    """A run folder. Nothing is kept in memory: every property reads the disk.

    Raises:
        RunError: the folder holds no readable run.
    """

    kind: ClassVar[str] = "run"
    log_file: ClassVar[str] = "train.log"
    resumes: ClassVar[str] = "Resume goes on after the last finished epoch."
    spare: ClassVar[tuple[str, ...]] = ("progress.jsonl", "candidate.npz")

    def __post_init__(self) -> None:
        if not (self.path / "settings.json").is_file():
            raise RunError(f"No run at {self.path}: it has no settings.json. `python -m fer runs` lists the runs there are.")

    def command(self) -> list[str]:
        return ["train", "--resume", str(self.path.resolve())]

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for: `recipe`, `data`, `ferplus`, `cleaning`, `settings`, `created`."""
        return read_job_json(self.path / "settings.json")

    @property
    def notes(self) -> RunNotes:
        """What the user has written about it; empty at first, and where the file is damaged."""
        try:
            return RunNotes(**read_job_json(self.path / _NOTES_FILE))
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
            raise self._cannot_write(error) from error

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
        return read_job_json(path) if path.is_file() else {}

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

    def _require_unfinished(self) -> None:
        if self.status == "finished":
            raise RunError(f"The run {self.id} is finished. Start a new one to train on.")
