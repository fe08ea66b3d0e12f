"""What happens inside a clip's process: frame after frame is read and kept, and the timeline made of them.

Whatever moment this process is killed at, the samples read so far stand on disk, and the same command goes on after them.
"""

from __future__ import annotations

import signal
import types
from contextlib import suppress

from fer.clips.job import SAMPLES_FILE, ClipJob
from fer.clips.read import Progress, read_clip
from fer.clips.store import save_timeline
from fer.errors import FerError, RunError


def run_clip(job: ClipJob, *, progress: Progress = lambda what, share: None) -> ClipJob:
    """Read a clip in this process; one that was begun is gone on with.

    Args:
        job: made by `create_clip_job`, and not going elsewhere.
        progress: called with what is being done and the share done, 0…1.

    Raises:
        RunError: it is going elsewhere, or cannot be read or written.
        KeyboardInterrupt: it was interrupted by the user or by a signal.
    """
    job.claim()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
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
        if timeline.is_whole:
            job.write_state("finished")
        else:
            job.write_state("stopped", "Stopped on request; what was read by then is shown. Resume goes on.")
    except KeyboardInterrupt:
        job.write_state("stopped", "Interrupted. Resume goes on.")
        raise
    except FerError as error:
        raise _failed(job, str(error)) from error
    except OSError as error:
        raise _failed(job, f"Cannot write the clip's folder: {error}. Free some space and resume.") from error
    except Exception as error:
        # A defect of ours, or of FFmpeg: the page must still learn that the reading is over; the log has the traceback.
        _failed(job, f"{type(error).__name__}: {error}. Details stand in {job.path / job.log_file}")
        raise
    return job


def _failed(job: ClipJob, reason: str) -> RunError:
    """Write into the job's state why it failed, where that can be written; returns the same as an error."""
    with suppress(OSError):
        job.write_state("failed", reason)
    return RunError(reason)


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt
