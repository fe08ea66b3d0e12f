"""`Job`: a folder that one process at a time works on, and how that process is started, watched and asked to stop.

    state.json         how far it is: status, reason, and its place where it waits in the queue
    worker.json        which process works on it
    stop               is there where somebody has asked that process to end
    claim.lock         held while a process is being entered

A run is one, a search over many of them, and the reading of a clip or a folder. What each does stands in its `worker` module.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import psutil
from filelock import FileLock, Timeout

from fer.errors import FerError, RunError
from fer.files import write_json
from fer.workspace import REPOSITORY

_LOCK_S = 30


class StopRequested(Exception):
    """Somebody has asked the work to stop: raised by the work itself, where it can be left."""


@dataclass(frozen=True)
class Job:
    """A folder that is worked on. Nothing is kept in memory: every property reads the disk."""

    path: Path

    # What it is called in messages, and what each kind of it says and does.
    kind: ClassVar[str]
    log_file: ClassVar[str]
    resumes: ClassVar[str] = "Resume goes on where it was."
    interrupted: ClassVar[str] = "Its process ended without a word: killed (as systems do when memory runs out), or a power cut."
    # Files of which only one that is going has a use: they make room for its last words on a full disk.
    spare: ClassVar[tuple[str, ...]] = ()

    def command(self) -> list[str]:
        """What `python -m fer` is given to work on this to its end."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def is_active(self) -> bool:
        """Whether a living process works on it."""
        return _is_alive(self._worker())

    @property
    def status(self) -> str:
        """`queued`, `starting`, `running`, `stopping`, `finished`, `stopped`, `failed`, or `interrupted`: the process died."""
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
            return f"{self.interrupted} {self.resumes}"
        return str(self._state().get("reason", ""))

    @property
    def is_going(self) -> bool:
        """Whether a living process works on it that has not come to its end yet: one that has may still be closing down."""
        return self.is_active and self.status in ("starting", "running", "stopping")

    @property
    def place(self) -> int | None:
        """Where it waits in the queue: what has a lower number goes first. None where it does not wait."""
        state = self._state()
        return int(state["place"]) if state.get("status") == "queued" else None

    def stop(self) -> None:
        """Ask the process to end soon; what is done is kept, and can be gone on from.

        Raises:
            RunError: it is not going, or its folder cannot be written.
        """
        if not self.is_active:
            raise RunError(f"The {self.kind} {self.id} is not going (it is {self.status}), so there is nothing to stop.")
        try:
            self._stop_file.touch()
        except OSError as error:
            raise self._cannot_write(error) from error

    @property
    def stop_requested(self) -> bool:
        return self._stop_file.exists()

    def claim(self) -> None:
        """Enter this process as the one that works on it; only one can.

        Raises:
            RunError: it is finished, another living process works on it, or the folder cannot be written.
        """
        self._require_unfinished()
        with self._alone():
            worker = self._worker()
            is_ours = worker.get("pid") == os.getpid() and _is_alive(worker)
            if not is_ours:
                self._require_idle()
            # Where `launch` has entered us, a request to stop is newer than the launch, and holds.
            if not (is_ours and self._state().get("status") == "starting"):
                self._enter_worker(os.getpid())
                self._stop_file.unlink(missing_ok=True)
            if self.place is not None:
                self.write_state("starting", "Starting")  # it waits no longer

    @contextmanager
    def work(self) -> Iterator[None]:
        """Claim it for this process; how the block ends is written into its state, in words.

        A block that comes to its end has finished, and one that raises `StopRequested` was stopped; what else it raises is raised
        on.

        Raises:
            RunError: see `claim`; or the folder cannot be written any more.
            KeyboardInterrupt: it was interrupted by the user or by a signal.
        """
        self.claim()
        signal.signal(signal.SIGTERM, self._interrupt)
        try:
            yield
            self.write_state("finished")
        except StopRequested:
            self._write_end("stopped", f"Stopped on request. {self.resumes}")
        except KeyboardInterrupt:
            self._write_end("stopped", f"Interrupted. {self.resumes}")
            raise
        except FerError as error:
            self._write_end("failed", str(error))
            raise
        except OSError as error:
            reason = f"Cannot write the {self.kind}'s folder: {error}. Free some space and resume."
            self._write_end("failed", reason)
            raise RunError(reason) from error
        except Exception as error:
            # A defect of ours, or of a library: the page must still learn that it is over; the log has the traceback.
            self._write_end("failed", f"{type(error).__name__}: {error}. Details stand in {self.path / self.log_file}")
            raise

    def resume(self) -> Self:
        """Go on where it ended, in a process of its own.

        Raises:
            RunError: it is going or finished.
        """
        self._require_unfinished()
        self.launch()
        return self

    def wait(self, place: int) -> None:
        """Let it wait in the queue, see `fer.training.queue`.

        Args:
            place: what has a lower number goes first.

        Raises:
            RunError: it is going or is finished, or the folder cannot be written.
        """
        self._require_unfinished()
        with self._alone():
            self._require_idle()
            self.write_state("queued", "Waits in the queue.", place=place)

    def wait_no_longer(self) -> None:
        """Take it out of the queue.

        Raises:
            RunError: it does not wait, or the folder cannot be written.
        """
        with self._alone():
            if self.place is None:
                raise RunError(f"The {self.kind} {self.id} does not wait in the queue: it is {self.status}.")
            self.write_state("stopped", "Taken out of the queue. Resume starts it.")

    def write_state(self, status: str, reason: str = "", *, place: int | None = None) -> None:
        """Record how far it is; `place` is for what is queued."""
        waiting = {} if place is None else {"place": place}
        write_json(self.path / "state.json", {"status": status, "reason": reason, "updated": time.time(), **waiting})

    def launch(self) -> None:
        """Start a process that works on this to its end.

        Raises:
            RunError: the folder cannot be written, or the process ended at once.
        """
        try:
            with self._alone():  # until the process is entered: it waits for that, and so does another server
                self._require_idle()
                self._stop_file.unlink(missing_ok=True)
                self.write_state("starting", f"Starting the {self.kind}")
                with (self.path / self.log_file).open("ab") as log:
                    worker = subprocess.Popen(
                        [sys.executable, "-m", "fer", *self.command()],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        # Of its own session, so that it outlives a server that is stopped or killed.
                        start_new_session=True,
                        cwd=REPOSITORY,
                    )
                self._enter_worker(worker.pid)
        except OSError as error:
            raise self._cannot_write(error) from error

    def delete(self) -> None:
        """Remove the folder for good, with all that is in it.

        Raises:
            RunError: it is going, or cannot be removed.
        """
        with self._alone():
            self._require_idle()
        # Renamed first: a folder that is half gone is no job any more.
        doomed = self.path.with_name(f".deleted-{self.id}")
        try:
            self.path.rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            raise RunError(f"The {self.kind} {self.id} cannot be deleted: {error.strerror or error}.") from error

    def _interrupt(self, number: int, frame: types.FrameType | None) -> None:
        """End at once, or, where the exception is lost in a call from C (it has been), where the work looks for a request."""
        with suppress(RunError):
            self.stop()
        raise KeyboardInterrupt

    def _write_end(self, status: str, reason: str) -> None:
        """Write how it ended, on a full disk too."""
        try:
            self.write_state(status, reason)
        except OSError:
            for name in self.spare:
                with suppress(OSError):
                    (self.path / name).unlink()
            try:
                self.write_state(status, reason)
            except OSError:
                sys.stderr.write(f"{reason}\n")  # the terminal, or a log on another disk, is the only place left

    def _require_unfinished(self) -> None:
        if self.status == "finished":
            raise RunError(f"The {self.kind} {self.id} is finished.")

    def _require_idle(self) -> None:
        worker = self._worker()
        if _is_alive(worker):
            raise RunError(
                f"The {self.kind} {self.id} is going already, in process {worker['pid']}. Stop it first, or choose another."
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process enters a worker meanwhile: of two that begin in the same instant, one does the work."""
        try:
            with FileLock(self.path / "claim.lock", timeout=_LOCK_S):
                yield
        except Timeout as error:
            raise RunError(f"Another process has been starting the {self.kind} {self.id} for {_LOCK_S} s. Try again.") from error
        except OSError as error:
            raise self._cannot_write(error) from error

    def _enter_worker(self, pid: int) -> None:
        try:
            write_json(self.path / "worker.json", {"pid": pid, "started": _started(psutil.Process(pid))})
        except psutil.Error as error:
            raise RunError(f"The process ended at once. Its last words stand in {self.path / self.log_file}") from error
        except OSError as error:
            raise self._cannot_write(error) from error

    def _worker(self) -> dict[str, Any]:
        path = self.path / "worker.json"
        return read_job_json(path) if path.is_file() else {}

    def _state(self) -> dict[str, Any]:
        path = self.path / "state.json"
        return read_job_json(path) if path.is_file() else {}

    def _cannot_write(self, error: OSError) -> RunError:
        return cannot_write(self.path, error, kind=self.kind)

    @property
    def _stop_file(self) -> Path:
        return self.path / "stop"


def _is_alive(worker: Mapping[str, Any]) -> bool:
    """Whether the very process that was entered still lives: its number alone may have gone to another."""
    try:
        process = psutil.Process(int(worker["pid"]))
        return abs(_started(process) - float(worker["started"])) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, ValueError):
        return False


def _started(process: psutil.Process) -> float:
    """When a process began, by a clock that setting the time does not move."""
    # Linux counts from its boot; psutil adds the time of day of the boot, which moves when the clock is set.
    return process.create_time() - psutil.boot_time() if psutil.LINUX else process.create_time()


def read_job_json(path: Path) -> dict[str, Any]:
    """A JSON object of a job's folder.

    Raises:
        RunError: it cannot be read, or is no object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"Cannot read {path}: {error}. Its folder is damaged.") from error
    if not isinstance(value, dict):
        raise RunError(f"{path} should hold a JSON object. Its folder is damaged.")
    return value


def cannot_write(path: Path, error: OSError, *, kind: str) -> RunError:
    """The words for a folder of this kind that cannot be written."""
    why = error.strerror or error
    return RunError(f"Cannot write the {kind} folder {path}: {why}. Free some space, or choose another folder.")
