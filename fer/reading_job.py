"""`ReadingJob`: a job of the workspace that reads something of the user's (a clip, many pictures), and what it is asked with.

Its folder is named after the time at which it was asked for, and what was asked for stands in one file of it: see
`fer/clips/job.py` and `fer/folders/job.py`, which say what else there is.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self

from fer.detection import MIN_FACE_SIZE
from fer.errors import RunError, SettingsError
from fer.files import replacing_folder, write_json
from fer.job import Job, cannot_write, read_job_json

_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}")


@dataclass(frozen=True)
class ReadingSettings:
    """How faces are found and read.

    Args:
        model: name or folder of a bundle; None for the default one.
        head: name of the model's head that answers; None for its default.
        detector: name of the face detector.
        min_size: leave out faces narrower than this many pixels.

    Raises:
        SettingsError: a value out of range.
    """

    model: str | None = None
    head: str | None = None
    detector: str = "auto"
    min_size: int = MIN_FACE_SIZE

    def __post_init__(self) -> None:
        if self.min_size < 1:
            raise SettingsError(f"A face is at least 1 pixel wide. Received: {self.min_size}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Settings from what `dataclasses.asdict` gave; what is left out has its default.

        Raises:
            SettingsError: an unknown key, or a value out of range.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise SettingsError(f"Unknown settings of a reading: {', '.join(unknown)}. Known: {', '.join(known)}")
        return cls(**values)


@dataclass(frozen=True)
class ReadingJob(Job):
    """A reading's folder. Nothing is kept in memory: every property reads the disk.

    Raises:
        RunError: the folder holds none of this kind.
    """

    request_file: ClassVar[str]

    def __post_init__(self) -> None:
        if not (self.path / self.request_file).is_file():
            raise RunError(f"There is no {self.kind} {self.path.name}: it was deleted, or never begun here.")

    @staticmethod
    def home() -> Path:
        """Where the folders of its kind lie."""
        raise NotImplementedError

    @classmethod
    def all(cls) -> list[Self]:
        """Those of the workspace, newest first."""
        paths = (path.parent for path in cls.home().glob(f"[!.]*/{cls.request_file}"))  # hidden ones are being made or deleted
        return [cls(path) for path in sorted(paths, key=lambda path: path.name, reverse=True)]

    @classmethod
    def find(cls, job_id: str) -> Self:
        """One of the workspace by its id.

        Raises:
            RunError: there is none.
        """
        if not _ID.fullmatch(job_id):
            raise RunError(f"There is no {cls.kind} {job_id[:80]!r}. An id looks like 20260131-120000-0123456789ab.")
        return cls(cls.home() / job_id)

    @classmethod
    def make(cls, name: str, settings: ReadingSettings, fill: Callable[[Path], Mapping[str, Any]]) -> Self:
        """Make a folder in the workspace, whole or not at all, without starting to read (`launch`).

        Args:
            name: of what is read, for people.
            settings: how to read it.
            fill: puts into the folder what belongs there, and gives what else the request holds.

        Raises:
            RunError: the workspace cannot be written.
        """
        now = datetime.now().astimezone()
        path = cls.home() / f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(6)}"
        request = {"name": name, "settings": asdict(settings), "created": now.isoformat(timespec="seconds")}
        try:
            with replacing_folder(path, overwrite=False) as building:
                write_json(building / cls.request_file, {**request, **fill(building)})
        except OSError as error:
            raise cannot_write(path, error, kind=cls.kind) from error
        return cls(path)

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for: `name`, `settings`, `created` (ISO 8601), and what its kind adds."""
        return read_job_json(self.path / self.request_file)

    @property
    def name(self) -> str:
        """Of what is read, for people."""
        return str(self.request["name"])

    @property
    def settings(self) -> ReadingSettings:
        """How it is read."""
        raise NotImplementedError

    @property
    def progress(self) -> float:
        """How much is read, 0…1."""
        raise NotImplementedError
