"""`read_clip`: a clip in, its timeline out; the background job and the command line read through it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from fer.clips.reading import open_clip
from fer.clips.samples import Reading, Sample, keeping_samples, read_samples
from fer.clips.settings import ClipSettings
from fer.clips.timeline import Timeline, build_timeline
from fer.inference.recognizer import Recognizer

Progress = Callable[[str, float], None]


def read_clip(
    path: str | Path,
    settings: ClipSettings | None = None,
    *,
    name: str | None = None,
    keep_in: Path | None = None,
    progress: Progress = lambda what, share: None,
    is_to_stop: Callable[[], bool] = lambda: False,
) -> Timeline:
    """Read the expressions of everybody in a clip.

    Args:
        path: the clip.
        settings: how to read it.
        name: of the clip, for people; None for the file's.
        keep_in: a file in which the samples are kept on the way; one that is there already is gone on with.
        progress: called with what is being done and the share done, 0…1.
        is_to_stop: asked after each frame; the timeline then ends there.

    Raises:
        ClipError: it is no clip that can be read.
        BundleError, DetectionError: the model or the detector is missing or damaged.
        RunError: a clip was kept there that cannot be read.
        OSError: the samples cannot be kept.
    """
    settings = settings or ClipSettings()
    with open_clip(path) as clip:  # before the model: what is no clip is refused at once
        recognizer = Recognizer(settings.model, settings.detector)
        reading = Reading.of(recognizer, settings)
        nowhere: AbstractContextManager[tuple[list[Sample], Callable[[Sample], None]]] = nullcontext(([], lambda sample: None))
        stopped = False
        with keeping_samples(keep_in, reading) if keep_in else nowhere as (known, keep):
            samples = list(known)
            for sample in read_samples(clip, recognizer, settings, after_s=samples[-1].time_s if samples else None):
                keep(sample)
                samples.append(sample)
                progress("Reading the clip", min(sample.time_s / (clip.info.duration_s or math.inf), 0.999))
                if is_to_stop():
                    stopped = True
                    break
        progress("Reading the clip", 1.0)
        return build_timeline(
            samples,
            name=name or Path(path).name,
            info=clip.info,
            reading=reading,
            smoothing_s=settings.smoothing_s,
            is_whole=not stopped,
        )
