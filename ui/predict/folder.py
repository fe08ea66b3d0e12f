"""Predict's view of folders: thousands of pictures, read in the background; earlier readings stay until deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from fer.errors import RunError, SettingsError
from fer.folders.job import FolderJob, FolderSettings, create_folder_job, folder_jobs
from ui.predict.folder_panel import folder_panel
from ui.predict.options import Options
from ui.words import count, errors_in_words

if TYPE_CHECKING:
    from fer.bundles import Bundle

_CHOSEN_KEY = "folder_chosen"
_UPLOADS_KEY = "folder_uploads"  # how many were taken: the widget gets a new key, and lets go of the last one


def draw(bundle: Bundle, options: Options) -> None:
    """What takes a folder or an archive, the list of those that were read, and the one that is looked at."""
    _take(bundle, options)
    jobs = folder_jobs()
    if jobs:
        folder_panel(_choose(jobs))
    st.caption(
        "The model reads the *apparent* expression, not what a person feels. Pictures are only read: the folder stays as it is. "
        "An uploaded ZIP, and what was read from it, stay on this machine, in the workspace, until you delete them."
    )


def _take(bundle: Bundle, options: Options) -> None:
    place, upload = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with place:
        path = st.text_input(
            "A folder, ZIP or tar on this machine, with all that is in it", placeholder="~/Pictures/party", key="folder_path"
        ).strip()
    with upload:
        taken = st.session_state.get(_UPLOADS_KEY, 0)
        file = st.file_uploader("Or a ZIP to upload", type=["zip"], key=f"folder_upload_{taken}")
    pressed = st.button(
        "Read the faces",
        type="primary",
        icon=":material/play_arrow:",
        key="folder_start",
        disabled=not path and file is None,
        help=f"With the model {bundle.name}; face detector, classes and smallest face as chosen under Options.",
    )
    if not pressed:
        return
    with errors_in_words():
        if path and file is not None:
            raise SettingsError("Name a folder, or upload a ZIP: one of the two.")
        settings = FolderSettings(bundle.name, options.head, options.detector, options.min_size, options.whole_image)
        with st.spinner("Looking at the files", show_time=True):
            if file is None:
                job = create_folder_job(path, settings)
            else:
                job = create_folder_job(file.name, settings, upload=file.getbuffer())
        job.launch()
        st.session_state[_CHOSEN_KEY] = job.id
        st.session_state[_UPLOADS_KEY] = taken + 1
        st.rerun()


def _choose(jobs: Sequence[FolderJob]) -> FolderJob:
    """The reading that is looked at: the one begun last, until another is chosen."""
    by_id = {job.id: job for job in jobs}
    if st.session_state.get(_CHOSEN_KEY) not in by_id:
        st.session_state[_CHOSEN_KEY] = jobs[0].id
    if len(jobs) == 1:
        return jobs[0]
    titles = _titles(jobs)
    chosen = st.selectbox("Reading", list(by_id), format_func=titles.__getitem__, key=_CHOSEN_KEY)
    return by_id[chosen]


def _titles(jobs: Sequence[FolderJob]) -> dict[str, str]:
    """By id, `party, 5,120 pictures, 20 Nov 12:15`; Streamlit tells entries by these words, so no two are alike."""
    titles = {}
    for job in jobs:
        try:
            begun = datetime.fromisoformat(job.request["created"])
            titles[job.id] = f"{job.name}, {count(job.request['pictures'])} pictures, {begun:%d %b %H:%M}"
        except (RunError, KeyError, ValueError):
            titles[job.id] = f"{job.id}, damaged"
    alike = Counter(titles.values())
    return {job_id: title if alike[title] == 1 else f"{title}, {job_id[-6:]}" for job_id, title in titles.items()}
