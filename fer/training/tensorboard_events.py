"""`EventFiles`: the curves of a run once more, as TensorBoard reads them; the pages never do.

    tensorboard/train/        loss, accuracy, learning rate and images a second by epoch; what was asked for, as text
    tensorboard/validation/   loss and accuracy under the same names, so that TensorBoard draws both into one chart

They follow from the rows of the finished epochs. A process that goes on with a run writes them anew, so no epoch stands there
twice or with two values; while it trains it appends. They are not worth a training: a disk that refuses ends them, not the run.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tensorboardX import RecordWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.summary import scalar, text

from fer.recipes.describe import setting_fields
from fer.training.run import EVENTS_FOLDER, Run

_VALIDATION = "val_"
_NO_CURVES = ("epoch", "seconds")


class EventFiles:
    """Writes a run's event files, at once and in order: no thread of its own, which a full disk would end unnoticed.

    Args:
        run: whose rows they follow.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._writers: dict[str, RecordWriter] = {}
        self._start = 0.0
        self._seconds = 0.0

    def begin(self) -> None:
        """Write all finished epochs, in the place of what another process has left."""
        rows = self.run.epoch_rows()
        # Finished epochs are dated back, as if the training had never paused.
        self._start, self._seconds = time.time() - sum(row["seconds"] for row in rows), 0.0
        with self._unless_the_disk_refuses():
            self._open(self.run.path / EVENTS_FOLDER)
            self._write("train", summary=text("settings", _settings_table(self.run)))
            for row in rows:
                self._write_row(row)
            self._flush()

    def add_newest(self) -> None:
        """Append the epoch that has just been finished, the last of the run's rows; nothing once the disk has refused."""
        if not self._writers:
            return
        with self._unless_the_disk_refuses():
            self._write_row(self.run.epoch_rows()[-1])
            self._flush()

    def close(self) -> None:
        """Let go of the files; what was added is in them already."""
        for writer in self._writers.values():
            with suppress(OSError):
                writer.close()
        self._writers = {}

    def _open(self, folder: Path) -> None:
        if folder.exists():
            shutil.rmtree(folder)
        for part in ("train", "validation"):
            (folder / part).mkdir(parents=True)
            # TensorBoard goes by the middle of the name, and takes a later time for what comes after.
            self._writers[part] = RecordWriter(str(folder / part / f"events.out.tfevents.{time.time():.0f}"))
            self._write(part, file_version="brain.Event:2")
            # Tells a TensorBoard that is open to forget what it has read from the file before this.
            self._write(part, session_log=SessionLog(status=SessionLog.START))

    def _write_row(self, row: Mapping[str, Any]) -> None:
        self._seconds += row["seconds"]
        for name, value in row.items():
            if name.startswith(_VALIDATION):
                self._write("validation", row["epoch"], summary=scalar(name.removeprefix(_VALIDATION), value))
            elif name not in _NO_CURVES:
                self._write("train", row["epoch"], summary=scalar(name, value))

    def _write(self, part: str, step: int = 0, **what: Any) -> None:
        event = Event(wall_time=self._start + self._seconds, step=step, **what)
        self._writers[part].write(event.SerializeToString())

    def _flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()

    @contextmanager
    def _unless_the_disk_refuses(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.close()
            with suppress(OSError):
                sys.stdout.write(f"No files for TensorBoard from here on: {error}\n")


def _settings_table(run: Run) -> str:
    """Recipe, data and every setting, as a table in Markdown."""
    rows = [("recipe", run.recipe_name), ("data", str(run.request["data"]))]
    rows += [(field.key, field.text) for field in setting_fields(run.settings)]
    return "\n".join(["| setting | value |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows)])
