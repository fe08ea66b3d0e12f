"""Predict's view of folders: thousands of pictures, read in the background; earlier readings stay until deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from fer.errors import SettingsError
from fer.folders.example import EXAMPLE_NAME, example_zip
from fer.folders.job import FolderJob, FolderSettings, create_folder_job
from ui.predict.folder_view import folder_view
from ui.predict.options import Options
from ui.predict.readings import Readings
from ui.words import counted, duration, errors_in_words

if TYPE_CHECKING:
    from fer.bundles import Bundle


def draw(bundle: Bundle, options: Options) -> None:
    """What takes a folder or an archive, the list of those that were read, and the one that is looked at."""
    settings = FolderSettings(bundle.name, options.head, options.detector, options.min_size, options.whole_image)
    _take(settings)
    if jobs := FolderJob.all():
        _READINGS.draw(jobs)
    else:
        _empty(settings)
    st.caption(
        "The model reads the *apparent* expression, not what a person feels. Pictures are only read: the folder stays as it is. "
        "An uploaded ZIP, and what was read from it, stay on this machine, in the workspace, until you delete them."
    )


def _take(settings: FolderSettings) -> None:
    place, upload = st.columns([3, 2], gap="medium", vertical_alignment="bottom")
    with place:
        path = st.text_input(
            "A folder, ZIP or tar on this machine, with all that is in it", placeholder="~/Pictures/party", key="folder_path"
        ).strip()
    with upload:
        file = st.file_uploader("Or a ZIP to upload", type=["zip"], key=_READINGS.upload_key)
    pressed = st.button(
        "Read the faces",
        type="primary",
        icon=":material/play_arrow:",
        key="folder_start",
        disabled=not path and file is None,
        help=f"With the model {settings.model}; face detector, classes and smallest face as chosen under Options.",
    )
    if not pressed:
        return
    with errors_in_words():
        if path and file is not None:
            raise SettingsError("Name a folder, or upload a ZIP: one of the two.")
        with st.spinner("Looking at the files", show_time=True):
            if file is None:
                job = create_folder_job(path, settings)
            else:
                job = create_folder_job(file.name, settings, upload=file.getbuffer())
        _READINGS.begin(job)


def _empty(settings: FolderSettings) -> None:
    with st.container(border=True):
        st.markdown(
            "**Nothing read yet.** Name a folder or upload a ZIP above: every face in it gets an expression, in a table to "
            "filter and take home. Or look at an example first: a dozen drawn pictures."
        )
        if st.button("Draw an example", icon=":material/draw:", key="folder_example"):
            with errors_in_words():
                with st.spinner("Drawing a dozen pictures", show_time=True):
                    job = create_folder_job(EXAMPLE_NAME, settings, upload=example_zip())
                _READINGS.begin(job)


def _facts(job: FolderJob) -> str:
    return counted(job.request["pictures"], "picture")


def _pace(job: FolderJob) -> str:
    share, pictures, left = job.progress, job.request["pictures"], job.seconds_left
    words = f"{round(share * pictures):,} of {counted(pictures, 'picture')}"
    words += f", about {duration(left)} left" if left is not None else ""
    return words if share else ""


def _show(job: FolderJob) -> None:
    if job.status == "finished":
        folder_view(job)


_READINGS = Readings(
    key="folder",
    title="Reading",
    facts=_facts,
    pace=_pace,
    loss="What was read would be gone for good, and the copy of an uploaded ZIP. A folder of yours stays as it is.",
    show=_show,
)
