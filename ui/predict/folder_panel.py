"""A reading of a folder on the page: how far it is, what can be done with it, and what came out.

Everything is read from the reading's folder each time, so a reload of the browser, or another browser, shows the same.
"""

from __future__ import annotations

import streamlit as st

from fer.folders.job import FolderJob
from ui.predict.folder_view import folder_view
from ui.train.run_panel import BADGES
from ui.words import counted, duration, errors_in_words, plain


def folder_panel(job: FolderJob) -> None:
    """One reading: its progress while it goes on, then its faces."""
    with errors_in_words():
        if job.is_going:
            st.fragment(_progress, run_every=1.0)(job)
            return
        _heading(job)
        status = job.status
        if status == "finished":
            folder_view(job)
        else:
            show = st.error if status == "failed" else st.warning
            show(plain(job.reason), icon=":material/info:")


def _heading(job: FolderJob) -> None:
    status = job.status
    colour, icon = BADGES[status]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(job.name), anchor=False, width="content")
        st.badge(status, color=colour, icon=icon)  # type: ignore[arg-type]
        pictures = counted(job.request["pictures"], "picture")
        st.caption(f"{pictures} · read by {plain(job.settings.model or 'the default model')}", width="content")
        st.space("stretch")
        if job.is_going:
            stopping = status == "stopping"
            st.button("Stop", icon=":material/stop:", on_click=_stop, args=(job,), disabled=stopping, key="folder_stop")
            return
        if status != "finished":
            st.button("Resume", icon=":material/play_arrow:", on_click=_resume, args=(job,), key="folder_resume")
        _delete_button(job)


def _progress(job: FolderJob) -> None:
    with errors_in_words():
        if not job.is_going:
            st.rerun()  # the whole page: it has other buttons now, and polls no longer
        _heading(job)
        share, pictures, left = job.progress, job.request["pictures"], job.seconds_left
        words = f"{round(share * pictures):,} of {counted(pictures, 'picture')}"
        words += f", about {duration(left)} left" if left is not None else ""
        st.progress(share, words if share else "Loading the model and the face detector")
        st.caption("It goes on when this page is closed.")


def _delete_button(job: FolderJob) -> None:
    with st.popover("Delete", icon=":material/delete:", type="tertiary"):
        st.markdown("What was read would be gone for good, and the copy of an uploaded ZIP. A folder of yours stays as it is.")
        if st.button("Delete for good", type="primary", key="folder_delete"):
            with errors_in_words():
                job.delete()
                st.rerun()


def _stop(job: FolderJob) -> None:
    with errors_in_words():
        job.stop()


def _resume(job: FolderJob) -> None:
    with errors_in_words():
        job.resume()
