"""What happens inside a clip's process: frame after frame is read and kept, and the timeline made of them.

Whatever moment this process is killed at, the samples read so far stand on disk, and the same command goes on after them.
"""

from __future__ import annotations

from fer.clips.job import SAMPLES_FILE, ClipJob
from fer.clips.read import Progress, read_clip
from fer.clips.store import save_timeline
from fer.job import StopRequested


def run_clip(job: ClipJob, *, progress: Progress = lambda what, share: None) -> ClipJob:
    """Read a clip in this process; one that was begun is gone on with.

    Args:
        job: made by `create_clip_job`, and not going elsewhere.
        progress: called with what is being done and the share done, 0…1.

    Raises:
        FerError: it is going elsewhere, or cannot be read or written.
        KeyboardInterrupt: it was interrupted by the user or by a signal.
    """
    with job.work():
        job.write_state("running", "Reading the clip")
        timeline = read_clip(
            job.clip_path,
            job.settings,
            name=job.name,
            keep_in=job.path / SAMPLES_FILE,
            progress=progress,
            is_to_stop=lambda: job.stop_requested,
        )
        save_timeline(timeline, job.path)
        if not timeline.is_whole:
            raise StopRequested
    return job
