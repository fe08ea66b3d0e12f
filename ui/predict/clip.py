"""Predict's view of clips: one is given, read in the background, and looked at over time; earlier ones stay until deleted."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fer.clips import ClipJob, ClipSettings, clip_jobs, create_clip_job
from fer.clips.example import EXAMPLE_NAME, write_example
from fer.clips.reading import CLIP_TYPES
from fer.errors import RunError
from fer.workspace import clips_dir
from ui.predict.clip_panel import clip_panel
from ui.predict.options import Options
from ui.words import errors_in_words

if TYPE_CHECKING:
    from fer.bundles import Bundle

_CHOSEN_KEY = "clip_chosen"
_UPLOADS_KEY = "clip_uploads"  # how many were taken: the widget gets a new key, and lets go of the last one
_RATES = (2.0, 5.0, 10.0, 15.0, 30.0)
_SMOOTHINGS = (0.0, 0.15, 0.3, 0.6, 1.2)


def draw(bundle: Bundle, options: Options) -> None:
    """What takes a clip, the list of those there are, and the one that is looked at."""
    settings = _take_clip(bundle, options)
    jobs = clip_jobs()
    if jobs:
        clip_panel(_choose(jobs))
    else:
        _empty(settings)
    st.caption(
        "The model reads the *apparent* expression, not what a person feels. Clips and what was read from them stay on this "
        "machine, in the workspace, until you delete them."
    )


def _take_clip(bundle: Bundle, options: Options) -> ClipSettings:
    """The uploader, and how clips are to be read; a clip that was dropped is begun at once."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        file = st.file_uploader(
            "A clip: its faces are read as soon as it is here",
            type=list(CLIP_TYPES),
            key=f"clip_file_{st.session_state.get(_UPLOADS_KEY, 0)}",
        )
        settings = _choose_settings(bundle, options)
    if file is not None:
        with errors_in_words():
            _take(file, settings)
    return settings


def _take(file: UploadedFile, settings: ClipSettings) -> None:
    """Begin to read an upload, and let go of it: it would stay in the server's memory for as long as its widget has it."""
    with _working_folder() as work:
        (work / "clip").write_bytes(file.getbuffer())
        _start(work / "clip", settings, file.name)
    st.session_state[_UPLOADS_KEY] = st.session_state.get(_UPLOADS_KEY, 0) + 1
    st.rerun()


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
    return ClipSettings(rate, bundle.name, options.head, options.detector, options.min_size, smoothing_s)


def _start(path: Path, settings: ClipSettings, name: str) -> None:
    job = create_clip_job(path, settings, name=name)
    st.session_state[_CHOSEN_KEY] = job.id
    job.launch()


def _choose(jobs: Sequence[ClipJob]) -> ClipJob:
    """The clip that is looked at: the one begun last, until another is chosen."""
    by_id = {job.id: job for job in jobs}
    if st.session_state.get(_CHOSEN_KEY) not in by_id:
        st.session_state[_CHOSEN_KEY] = jobs[0].id
    if len(jobs) == 1:
        return jobs[0]
    titles = _titles(jobs)
    chosen = st.selectbox("Clip", list(by_id), format_func=titles.__getitem__, key=_CHOSEN_KEY)
    return by_id[chosen]


def _titles(jobs: Sequence[ClipJob]) -> dict[str, str]:
    """By id, `holiday.mp4, 20 Nov 12:15`; Streamlit tells entries by these words, so no two are alike."""
    titles = {}
    for job in jobs:
        try:
            titles[job.id] = f"{job.name}, {datetime.fromisoformat(job.request['created']):%d %b %H:%M}"
        except (RunError, KeyError, ValueError):
            titles[job.id] = f"{job.id}, damaged"
    alike = Counter(titles.values())
    return {job_id: title if alike[title] == 1 else f"{title}, {job_id[-6:]}" for job_id, title in titles.items()}


def _empty(settings: ClipSettings) -> None:
    with st.container(border=True):
        st.markdown(
            "**No clip yet.** Drop one above: everybody in it gets a timeline of expressions. Or look at an example first: "
            "two drawn faces, six seconds."
        )
        if st.button("Draw an example", icon=":material/draw:", key="clip_example"):
            with errors_in_words():
                with st.spinner("Drawing two people, frame by frame", show_time=True), _working_folder() as work:
                    write_example(work / "example.mp4")
                    _start(work / "example.mp4", settings, EXAMPLE_NAME)
                st.rerun()


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
