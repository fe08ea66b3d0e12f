"""Predict's view of clips: one is given, read in the background, and looked at over time; earlier ones stay until deleted."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from fer.clips import ClipJob, ClipSettings, create_clip_job
from fer.clips.example import EXAMPLE_NAME, write_example
from fer.clips.reading import CLIP_TYPES
from fer.errors import RunError
from fer.workspace import clips_dir
from ui.predict.clip_view import clip_view
from ui.predict.options import Options
from ui.predict.readings import Readings
from ui.words import duration, errors_in_words

if TYPE_CHECKING:
    from fer.bundles import Bundle

_RATES = (2.0, 5.0, 10.0, 15.0, 30.0)
_SMOOTHINGS = (0.0, 0.15, 0.3, 0.6, 1.2)


def draw(bundle: Bundle, options: Options) -> None:
    """What takes a clip, the list of those there are, and the one that is looked at."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        file = st.file_uploader(
            "A clip: its faces are read as soon as it is here", type=list(CLIP_TYPES), key=_READINGS.upload_key
        )
        settings = _choose_settings(bundle, options)
    if file is not None:
        with errors_in_words(), _working_folder() as work:
            (work / "clip").write_bytes(file.getbuffer())
            _READINGS.begin(create_clip_job(work / "clip", settings, name=file.name))
    if jobs := ClipJob.all():
        _READINGS.draw(jobs)
    else:
        _empty(settings)
    st.caption(
        "The model reads the *apparent* expression, not what a person feels. Clips and what was read from them stay on this "
        "machine, in the workspace, until you delete them."
    )


def _choose_settings(bundle: Bundle, options: Options) -> ClipSettings:
    with st.popover("How it is read", icon=":material/speed:"):
        rate = st.select_slider(
            "Frames a second",
            _RATES,
            value=ClipSettings().rate,
            format_func=lambda rate: f"{rate:g}",
            key="clip_rate",
            persist_state="session",
            help="More of them show quicker expressions, and take longer. Clips of fewer frames are read whole.",
        )
        smoothing_s = st.select_slider(
            "Smoothing",
            _SMOOTHINGS,
            value=ClipSettings().smoothing_s,
            format_func=lambda seconds: f"{seconds:g} s" if seconds else "none",
            key="clip_smoothing",
            persist_state="session",
            help="How far back and ahead a moment is averaged. What each frame says by itself is kept, too.",
        )
        st.caption(f"With the model **{bundle.name}**; face detector and classes as chosen under *Options*.")
    return ClipSettings(bundle.name, options.head, options.detector, options.min_size, rate, smoothing_s)


def _facts(job: ClipJob) -> str:
    """`12 s · 640 × 480`."""
    info = job.info
    width, height = info.resolution_wh
    return f"{'' if info.duration_s is None else f'{duration(info.duration_s)} · '}{width} × {height}"


def _pace(job: ClipJob) -> str:
    seconds, length = job.seconds_read, job.info.duration_s
    # Since somebody looks: what an interrupted reading did before tells nothing of now.
    began, first = st.session_state.setdefault(_pace_key(job), (time.monotonic(), seconds))
    pace = (seconds - first) / max(time.monotonic() - began, 0.1)
    words = f"{seconds:.0f} s" + (f" of {length:.0f} s read" if length else " read")
    if pace > 0:
        words += f", {pace:.1f} × as fast as it plays"
        words += f", about {duration((length - seconds) / pace)} left" if length else ""
    return words if seconds else ""


def _pace_key(job: ClipJob) -> str:
    return f"clip_pace_{job.id}"


def _show(job: ClipJob) -> None:
    st.session_state.pop(_pace_key(job), None)
    if job.has_timeline:
        clip_view(job)


_READINGS = Readings(
    key="clip",
    title="Clip",
    facts=_facts,
    pace=_pace,
    loss="The clip's copy here and what was read from it would be gone for good.",
    show=_show,
)


def _empty(settings: ClipSettings) -> None:
    with st.container(border=True):
        st.markdown(
            "**No clip yet.** Drop one above: everybody in it gets a timeline of expressions. Or look at an example first: "
            "two drawn faces, six seconds."
        )
        if st.button("Draw an example", icon=":material/draw:", key="clip_example"):
            with errors_in_words(), _working_folder() as work:
                with st.spinner("Drawing two people, frame by frame", show_time=True):
                    write_example(work / "example.mp4")
                _READINGS.begin(create_clip_job(work / "example.mp4", settings, name=EXAMPLE_NAME))


@contextmanager
def _working_folder() -> Iterator[Path]:
    """A hidden folder beside the clips, gone when they have what was put there.

    Raises:
        RunError: it cannot be written.
    """
    try:
        clips_dir().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".upload-", dir=clips_dir()) as work:
            yield Path(work)
    except OSError as error:
        raise RunError(f"Cannot write the workspace {clips_dir()}: {error.strerror or error}. Free some space.") from error
