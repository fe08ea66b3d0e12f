"""`ClipJob`: the reading of one clip as a folder, and how to start, watch, stop and resume it.

    clip.json          what was asked for: name, settings, and what the clip says of itself
    clip.mp4           the clip itself, a copy (with the suffix of its own)
    samples.jsonl      what each frame shows, as far as it is read: see `samples`
    timeline.parquet, timeline.json   what came out: see `store`
    annotated.mp4      the clip with its faces marked, once somebody has asked for it
    clip.log           what the process printed
    state.json, worker.json, stop, claim.lock   how far it is, and which process works on it: see `fer/job.py`

Everything the page and the API show is read from here, so it survives a reload, and the reading survives the server.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fer.clips.reading import CLIP_TYPES, ClipInfo, inspect_clip
from fer.clips.settings import ClipSettings
from fer.clips.store import TIMELINE_JSON, load_timeline
from fer.clips.timeline import Timeline
from fer.errors import RunError
from fer.files import read_json_lines
from fer.reading_job import ReadingJob
from fer.workspace import clips_dir

SAMPLES_FILE = "samples.jsonl"
ANNOTATED_FILE = "annotated.mp4"
# More than a line, also of a crowd.
_TAIL_BYTES = 200_000


@dataclass(frozen=True)
class ClipJob(ReadingJob):
    """A clip's folder; its `request` holds `file` and `info` besides.

    Raises:
        RunError: the folder holds no clip.
    """

    kind: ClassVar[str] = "clip"
    request_file: ClassVar[str] = "clip.json"
    log_file: ClassVar[str] = "clip.log"

    @staticmethod
    def home() -> Path:
        return clips_dir()

    def command(self) -> list[str]:
        return ["clip", "--job", str(self.path.resolve())]

    @property
    def settings(self) -> ClipSettings:
        return ClipSettings.from_dict(self.request["settings"])

    @property
    def info(self) -> ClipInfo:
        """What the clip says of itself."""
        return ClipInfo.from_dict(self.request["info"])

    @property
    def clip_path(self) -> Path:
        """The clip itself."""
        return self.path / str(self.request["file"])

    @property
    def progress(self) -> float:
        """How much is read, 0…1; 0 until the end where the clip does not say how long it is."""
        if self.status == "finished":
            return 1.0
        duration_s = self.info.duration_s
        return min(self.seconds_read / duration_s, 1.0) if duration_s else 0.0

    @property
    def seconds_read(self) -> float:
        """Seconds of the clip that are read so far."""
        rows = read_json_lines(self.path / SAMPLES_FILE, tail_bytes=_TAIL_BYTES)
        return float(rows[-1].get("time", 0.0)) if rows else 0.0

    @property
    def has_timeline(self) -> bool:
        """Whether there is something to see: it is finished, or was stopped on its way."""
        return (self.path / TIMELINE_JSON).is_file()

    def timeline(self) -> Timeline:
        """What was read from the clip; up to where it came, where it was stopped.

        Raises:
            RunError: nothing has been read yet, or it is damaged.
        """
        if not self.has_timeline:
            raise RunError(f"The clip {self.name} is not read yet: it is {self.status}. {self.reason}".strip())
        return load_timeline(self.path)


def create_clip_job(path_to_clip: str | Path, settings: ClipSettings | None = None, *, name: str | None = None) -> ClipJob:
    """Make the folder of a job in the workspace, without starting it (`ClipJob.launch`).

    Args:
        path_to_clip: the file, of which the job keeps a copy; its content is checked, its name only shown.
        settings: how to read it.
        name: of the clip, for people; None for the file's.

    Raises:
        ClipError: the file is no clip that can be read.
        RunError: the workspace cannot be written.
    """
    source = Path(path_to_clip)
    info = inspect_clip(source)
    suffix = Path(name or source.name).suffix.lower()
    file = f"clip{suffix if suffix.removeprefix('.') in CLIP_TYPES else '.mp4'}"

    def fill(folder: Path) -> dict[str, Any]:
        shutil.copyfile(source, folder / file)
        return {"file": file, "info": info.as_dict()}

    return ClipJob.make(name or source.name, settings or ClipSettings(), fill)
