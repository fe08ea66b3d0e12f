"""What happens inside a reading's process: the table is made, and the folder told how far it is."""

from __future__ import annotations

import time

from fer.folders.job import FolderJob
from fer.folders.predict import Progress, predict_folder
from fer.inference.recognizer import Recognizer
from fer.job import StopRequested

_TELL_EVERY_S = 0.5


def run_folder_job(job: FolderJob, *, progress: Progress = lambda what, share: None) -> FolderJob:
    """Read the pictures of a job in this process; a reading that was begun is gone on with.

    Args:
        job: made by `create_folder_job`, and not going elsewhere.
        progress: called with what is being done and the fraction done, 0…1.

    Raises:
        FerError: it is going elsewhere, or cannot be read or written.
        KeyboardInterrupt: it was interrupted by the user or by a signal.
    """
    with job.work():
        job.write_state("running", "Reading pictures")
        if not job.table_path.is_file():  # else killed between the table's last byte and the word that it is there
            settings = job.settings
            predict_folder(
                job.pictures_path,
                Recognizer(settings.model, None if settings.whole_image else settings.detector),
                job.table_path,
                head=settings.head,
                whole_image=settings.whole_image,
                min_size=settings.min_size,
                progress=_reporter(job, progress),
            )
    return job


def _reporter(job: FolderJob, progress: Progress) -> Progress:
    """What tells the folder and the caller how far it is, and hears the request to stop."""
    began: tuple[float, float] | None = None  # when the first picture of this process was done, and the share then
    told = 0.0

    def report(what: str, share: float) -> None:
        nonlocal began, told
        if job.stop_requested:
            raise StopRequested
        now = time.monotonic()
        if began is None and share > 0:
            began = now, share
        if now - told >= _TELL_EVERY_S:
            told = now
            gained = share - began[1] if began else 0.0
            job.tell(share, (now - began[0]) * (1 - share) / gained if began and gained else None)
        progress(what, share)

    return report
