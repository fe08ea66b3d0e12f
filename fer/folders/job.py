"""`FolderJob`: the reading of many pictures as a folder of the workspace, and how to start, watch, stop and resume it.

reading.json       what was asked for: name, where the pictures are, settings
pictures.zip       the pictures, where they were uploaded
progress.json      how far it is
faces.parquet      the table, once it is whole: see `fer.folders.table`; until then its parts, see `parts`
reading.log        what the process printed
state.json, worker.json, stop, claim.lock   which process works on it: see `fer/job.py`
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fer.errors import RunError
from fer.files import write_json
from fer.folders.pictures import open_pictures
from fer.job import read_job_json
from fer.reading_job import ReadingJob, ReadingSettings
from fer.workspace import readings_dir

if TYPE_CHECKING:
    import pyarrow as pa

_UPLOAD_FILE, _PROGRESS_FILE = "pictures.zip", "progress.json"


@dataclass(frozen=True)
class FolderSettings(ReadingSettings):
    """How pictures are read.

    Args:
        whole_image: take every picture for one face crop.
    """

    whole_image: bool = False


@dataclass(frozen=True)
class FolderJob(ReadingJob):
    """A reading's folder; its `request` holds `place` (None: an upload) and `pictures` (how many) besides.

    Raises:
        RunError: the folder holds no reading.
    """

    kind: ClassVar[str] = "reading"
    request_file: ClassVar[str] = "reading.json"
    log_file: ClassVar[str] = "reading.log"

    @staticmethod
    def home() -> Path:
        return readings_dir()

    def command(self) -> list[str]:
        return ["predict", "--job", str(self.path.resolve())]

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

    def fill(folder: Path) -> dict[str, Any]:
        if upload is None:
            return {"place": str(place.absolute()), "pictures": _count_pictures(place)}
        (folder / _UPLOAD_FILE).write_bytes(upload)
        return {"place": None, "pictures": _count_pictures(folder / _UPLOAD_FILE, title=place.name)}

    return FolderJob.make(place.name or str(place), settings or FolderSettings(), fill)


def _count_pictures(place: Path, title: str | None = None) -> int:
    found = open_pictures(place, title=title)
    with closing(found.source):
        return len(found.names)
