"""`FolderJob`: the reading of many pictures as a folder of the workspace, and how to start, watch, stop and resume it.

reading.json       what was asked for: name, where the pictures are, settings
pictures.zip       the pictures, where they were uploaded
progress.json      how far it is
faces.parquet      the table, once it is whole: see `fer.folders.table`; until then its parts, see `parts`
reading.log        what the process printed
state.json, worker.json, stop, claim.lock   which process works on it: see `fer/job.py`
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fer.detection import MIN_FACE_SIZE
from fer.errors import RunError, SettingsError
from fer.files import replacing_folder, write_json
from fer.folders.pictures import open_pictures
from fer.job import Job, cannot_write, read_job_json
from fer.workspace import readings_dir

if TYPE_CHECKING:
    import pyarrow as pa

_REQUEST_FILE, _UPLOAD_FILE, _PROGRESS_FILE = "reading.json", "pictures.zip", "progress.json"
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """How pictures are read.

    Args:
        model: name or folder of a bundle; None for the default one.
        head: name of the model's head that answers; None for its default.
        detector: name of the face detector.
        min_size: leave out faces narrower than this many pixels.
        whole_image: take every picture for one face crop.

    Raises:
        SettingsError: a value out of range.
    """

    model: str | None = None
    head: str | None = None
    detector: str = "auto"
    min_size: int = MIN_FACE_SIZE
    whole_image: bool = False

    def __post_init__(self) -> None:
        if self.min_size < 1:
            raise SettingsError(f"A face is at least 1 pixel wide. Received: {self.min_size}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FolderSettings:
        """Settings from what `dataclasses.asdict` gave; what is left out has its default.

        Raises:
            SettingsError: an unknown key, or a value out of range.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise SettingsError(f"Unknown settings of a reading: {', '.join(unknown)}. Known: {', '.join(known)}")
        return cls(**values)


@dataclass(frozen=True)
class FolderJob(Job):
    """A reading's folder. Nothing is kept in memory: every property reads the disk.

    Raises:
        RunError: the folder holds no reading.
    """

    kind: ClassVar[str] = "reading"
    log_file: ClassVar[str] = "reading.log"
    interrupted: ClassVar[str] = "Its process ended without a word (killed, or a power cut). Resume goes on where it was."

    def __post_init__(self) -> None:
        if not (self.path / _REQUEST_FILE).is_file():
            raise RunError(f"There is no reading {self.path.name}: it was deleted, or never begun here.")

    def command(self) -> list[str]:
        return ["predict", "--job", str(self.path.resolve())]

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for: `name`, `place` (None: an upload), `pictures` (how many), `settings`, `created` (ISO 8601)."""
        return read_job_json(self.path / _REQUEST_FILE)

    @property
    def name(self) -> str:
        """Of the folder or archive, for people."""
        return str(self.request["name"])

    @property
    def settings(self) -> FolderSettings:
        return FolderSettings.from_dict(self.request["settings"])

    @property
    def pictures_path(self) -> Path:
        """The folder or archive that is read."""
        place = self.request["place"]
        return Path(place) if place else self.path / _UPLOAD_FILE

    @property
    def table_path(self) -> Path:
        """The table; it is there once the reading is finished."""
        return self.path / "faces.parquet"

    @property
    def progress(self) -> float:
        """How much is read, 0…1."""
        return 1.0 if self.table_path.is_file() else float(self._told().get("share", 0.0))

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None where it is too early to tell."""
        left = self._told().get("seconds_left")
        return None if left is None else float(left)

    def table(self) -> pa.Table:
        """All rows.

        Raises:
            RunError: it is not finished, or the table is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet

        try:
            return pyarrow.parquet.read_table(self.table_path)
        except (OSError, pa.ArrowException) as error:
            raise RunError(f"There is no table of {self.name}: {self.status}. {self.reason}".strip()) from error

    def resume(self) -> FolderJob:
        """Go on where the reading ended, in a process of its own.

        Raises:
            RunError: it is going or finished.
        """
        self._require_unfinished()
        self.launch()
        return self

    def tell(self, share: float, seconds_left: float | None) -> None:
        """Record how far it is."""
        write_json(self.path / _PROGRESS_FILE, {"share": share, "seconds_left": seconds_left})

    def _told(self) -> dict[str, Any]:
        path = self.path / _PROGRESS_FILE
        return read_job_json(path) if path.is_file() else {}


def create_folder_job(
    place: str | Path, settings: FolderSettings | None = None, *, upload: bytes | memoryview | None = None
) -> FolderJob:
    """Make the folder of a reading in the workspace, without starting it (`FolderJob.launch`).

    Args:
        place: a folder, a ZIP or a tar on this machine; of an upload its name.
        settings: how to read the pictures.
        upload: the bytes of a ZIP, of which the reading keeps a copy.

    Raises:
        DataError: there are no pictures.
        RunError: the workspace cannot be written.
    """
    place = Path(place).expanduser()
    now = datetime.now().astimezone()
    path = readings_dir() / f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(6)}"
    request: dict[str, Any] = {
        "name": place.name or str(place),
        "place": str(place.absolute()) if upload is None else None,
        "settings": asdict(settings or FolderSettings()),
        "created": now.isoformat(timespec="seconds"),
    }
    if upload is None:
        request["pictures"] = _count_pictures(place)
    try:
        with replacing_folder(path, overwrite=False) as building:
            if upload is not None:
                (building / _UPLOAD_FILE).write_bytes(upload)
                request["pictures"] = _count_pictures(building / _UPLOAD_FILE, title=place.name)
            write_json(building / _REQUEST_FILE, request)
    except OSError as error:
        raise cannot_write(path, error, kind="reading") from error
    return FolderJob(path)


def _count_pictures(place: Path, title: str | None = None) -> int:
    found = open_pictures(place, title=title)
    with closing(found.source):
        return len(found.names)


def folder_jobs() -> list[FolderJob]:
    """The readings of the workspace, newest first."""
    paths = (path.parent for path in readings_dir().glob(f"[!.]*/{_REQUEST_FILE}"))  # hidden ones are being made or deleted
    return [FolderJob(path) for path in sorted(paths, key=lambda path: path.name, reverse=True)]


def find_folder_job(job_id: str) -> FolderJob:
    """A reading of the workspace by its id.

    Raises:
        RunError: there is no such reading.
    """
    if not _ID.fullmatch(job_id):
        raise RunError(f"There is no reading {job_id[:80]!r}. An id looks like 20260131-120000-0123456789ab.")
    return FolderJob(readings_dir() / job_id)
