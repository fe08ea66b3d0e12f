"""A clip on the page: how far it is read, what can be done with it, and what came out.

Everything is read from the clip's folder each time, so a reload of the browser, or another browser, shows the same.
"""

from __future__ import annotations

import time

import streamlit as st

from fer.clips import ClipJob
from fer.errors import RunError
from ui.predict.clip_view import clip_view
from ui.train.run_panel import BADGES
from ui.words import duration, errors_in_words, plain, show_error


def clip_panel(job: ClipJob) -> None:
    """One clip: progress while it is being read, then its timeline."""
    try:
        _ = job.info
    except RunError as error:
        show_error(error)
        _delete_button(job)
        return
    with errors_in_words():
        if job.is_going:
            st.fragment(_progress, run_every=1.0)(job)
            return
        _heading(job)
        if job.status != "finished":
            st.warning(plain(job.reason), icon=":material/info:")
        if job.has_timeline:
            clip_view(job)


def _heading(job: ClipJob) -> None:
    status, info = job.status, job.info
    colour, icon = BADGES[status]
    width, height = info.resolution_wh
    length = "" if info.duration_s is None else f"{duration(info.duration_s)} · "
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(job.name), anchor=False, width="content")
        st.badge(status, color=colour, icon=icon)  # type: ignore[arg-type]
        st.caption(f"{length}{width} × {height} · read by {plain(job.settings.model or 'the default model')}", width="content")
        st.space("stretch")
        if job.is_going:
            st.button("Stop", icon=":material/stop:", on_click=_stop, args=(job,), disabled=status == "stopping", key="clip_stop")
            return
        if status != "finished":
            st.button("Resume", icon=":material/play_arrow:", on_click=_resume, args=(job,), key="clip_resume")
        _delete_button(job)


def _progress(job: ClipJob) -> None:
    with errors_in_words():
        if not job.is_going:
            st.rerun()  # the whole page: there is a timeline now, and it polls no longer
        _heading(job)
        seconds, length = job.seconds_read, job.info.duration_s
        # The pace since somebody looks: what an interrupted reading did before tells nothing of now.
        began, first = st.session_state.setdefault(f"clip_pace_{job.id}", (time.monotonic(), seconds))
        pace = (seconds - first) / max(time.monotonic() - began, 0.1)
        words = f"{seconds:.0f} s" + (f" of {length:.0f} s read" if length else " read")
        if pace > 0:
            words += f", {pace:.1f} × as fast as it plays"
            words += f", about {duration((length - seconds) / pace)} left" if length else ""
        st.progress(job.progress, words if seconds else "Loading the model and the face detector")


def _delete_button(job: ClipJob) -> None:
    with st.popover("Delete", icon=":material/delete:", type="tertiary"):
        st.markdown("The clip's copy here and what was read from it would be gone for good.")
        if st.button("Delete for good", type="primary", key="clip_delete"):
            with errors_in_words():
                job.delete()
                st.rerun()


def _stop(job: ClipJob) -> None:
    with errors_in_words():
        job.stop()


def _resume(job: ClipJob) -> None:
    with errors_in_words():
        st.session_state.pop(f"clip_pace_{job.id}", None)
        job.resume()
