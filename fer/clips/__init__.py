"""Clips: frames in, a timeline of every person out.

    reading.py (frames from a file) → samples.py (the faces of each) → timeline.py (people, smoothed) → moments.py, affect.py

`read.py` goes this way; `job.py` and `worker.py` do it in the background. `store.py` keeps a timeline; `exports.py` and
`annotated.py` make the files to take home.
"""

from __future__ import annotations

from fer.clips.job import ClipJob, create_clip_job
from fer.clips.moments import Moment, find_moments
from fer.clips.settings import ClipSettings
from fer.clips.timeline import Person, Timeline

__all__ = [
    "ClipJob",
    "ClipSettings",
    "Moment",
    "Person",
    "Timeline",
    "create_clip_job",
    "find_moments",
]
