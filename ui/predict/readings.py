"""What Predict's clips and folders share: the list of those that were begun, and one of them with its progress and buttons.

Everything is read from a reading's folder each time, so a reload of the browser, or another browser, shows the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import streamlit as st

from fer.errors import RunError
from fer.reading_job import ReadingJob
from ui.train.run_panel import BADGES
from ui.words import errors_in_words, plain, show_error

J = TypeVar("J", bound=ReadingJob)


@dataclass(frozen=True)
class Readings(Generic[J]):
    """How the readings of one kind are shown.

    Args:
        key: begins the keys of their widgets.
        title: of the list, where there are several.
        facts: what stands beside the name of one.
        pace: how far one is, in words; empty before anything is read.
        loss: what deleting one costs.
        show: draws what came out of one that does not go on.
    """

    key: str
    title: str
    facts: Callable[[J], str]
    pace: Callable[[J], str]
    loss: str
    show: Callable[[J], None]

    @property
    def upload_key(self) -> str:
        """Of the uploader: another one after each upload that was taken, so that Streamlit lets go of the file."""
        return f"{self.key}_file_{st.session_state.get(self._taken_key, 0)}"

    def begin(self, job: J) -> None:
        """Start one, look at it, and draw the page anew.

        Raises:
            RunError: it cannot be started.
        """
        st.session_state[self._chosen_key] = job.id
        job.launch()
        st.session_state[self._taken_key] = st.session_state.get(self._taken_key, 0) + 1
        st.rerun()

    def draw(self, jobs: Sequence[J]) -> None:
        """The one of these that is looked at: that begun last, until another is chosen."""
        by_id = {job.id: job for job in jobs}
        if st.session_state.get(self._chosen_key) not in by_id:
            st.session_state[self._chosen_key] = jobs[0].id
        chosen = jobs[0].id
        if len(jobs) > 1:
            titles = _titles(jobs)
            chosen = st.selectbox(self.title, list(by_id), format_func=titles.__getitem__, key=self._chosen_key)
        self._panel(by_id[chosen])

    def _panel(self, job: J) -> None:
        """Progress while it is being read, then what came out."""
        try:
            self.facts(job)
        except RunError as error:
            show_error(error)
            self._delete_button(job)
            return
        with errors_in_words():
            if job.is_going:
                st.fragment(self._progress, run_every=1.0)(job)
                return
            self._heading(job)
            if (status := job.status) != "finished":
                say = st.error if status == "failed" else st.warning
                say(plain(job.reason), icon=":material/info:")
            self.show(job)

    def _heading(self, job: J) -> None:
        status = job.status
        colour, icon = BADGES[status]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(plain(job.name), anchor=False, width="content")
            st.badge(status, color=colour, icon=icon)  # type: ignore[arg-type]
            st.caption(f"{self.facts(job)} · read by {plain(job.settings.model or 'the default model')}", width="content")
            st.space("stretch")
            if job.is_going:
                stopping = status == "stopping"
                self._button("Stop", "stop", job.stop, disabled=stopping)
                return
            if status != "finished":
                self._button("Resume", "play_arrow", job.resume)
            self._delete_button(job)

    def _progress(self, job: J) -> None:
        with errors_in_words():
            if not job.is_going:
                st.rerun()  # the whole page: there is something to see now, and it polls no longer
            self._heading(job)
            st.progress(job.progress, self.pace(job) or "Loading the model and the face detector")
            st.caption("It goes on when this page is closed.")

    def _button(self, words: str, icon: str, do: Callable[[], object], *, disabled: bool = False) -> None:
        key = f"{self.key}_{words.lower()}"
        st.button(words, icon=f":material/{icon}:", on_click=_do, args=(do,), disabled=disabled, key=key)

    def _delete_button(self, job: J) -> None:
        with st.popover("Delete", icon=":material/delete:", type="tertiary"):
            st.markdown(self.loss)
            if st.button("Delete for good", type="primary", key=f"{self.key}_delete"):
                with errors_in_words():
                    job.delete()
                    st.rerun()

    @property
    def _chosen_key(self) -> str:
        return f"{self.key}_chosen"

    @property
    def _taken_key(self) -> str:
        return f"{self.key}_taken"


def _do(action: Callable[[], object]) -> None:
    with errors_in_words():
        action()


def _titles(jobs: Sequence[ReadingJob]) -> dict[str, str]:
    """By id, `holiday.mp4, 20 Nov 12:15`; Streamlit tells entries by these words, so no two are alike."""
    titles = {}
    for job in jobs:
        try:
            titles[job.id] = f"{job.name}, {datetime.fromisoformat(job.request['created']):%d %b %H:%M}"
        except (RunError, KeyError, ValueError):
            titles[job.id] = f"{job.id}, damaged"
    alike = Counter(titles.values())
    return {job_id: title if alike[title] == 1 else f"{title}, {job_id[-6:]}" for job_id, title in titles.items()}
