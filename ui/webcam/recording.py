"""The recording: off until asked for, in the server's memory only, and taken home as a table, as JSON or as a clip."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from fer.clips.recorded import recorded_clip, recorded_csv, recorded_json, recorded_timeline
from fer.clips.samples import Reading
from fer.clips.timeline import Timeline
from fer.inference.recorder import MAX_BYTES, MAX_SECONDS, Recording
from ui.webcam.session import Session
from ui.words import counted, duration


def recording_view(session: Session) -> None:
    """Draw how it stands now; the caller polls."""
    recording = session.live.recorder.recording()
    if recording is None:
        _record_button(session, "Record")
        st.caption(
            "Off: no frame is kept. A recording keeps the picture and what is read from it in this server's memory, for "
            f"{duration(MAX_SECONDS)} or {MAX_BYTES // 2**20} MB at most, until you discard it or close this tab. Tell everybody "
            "in view."
        )
    elif recording.is_on:
        _going(session, recording)
    else:
        _taken(session, recording)


def _record_button(session: Session, label: str) -> None:
    st.button(
        label,
        icon=":material/fiber_manual_record:",
        key="webcam_record",
        disabled=session.since is None,
        on_click=session.start_recording,
    )


def _going(session: Session, recording: Recording) -> None:
    recorder = session.live.recorder
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge("Recording", icon=":material/fiber_manual_record:", color="red")
        st.button("Stop recording", icon=":material/stop:", key="webcam_record_stop", on_click=recorder.stop)
        st.button("Mark this moment", icon=":material/flag:", key="webcam_mark", on_click=recorder.mark)
    words = f"{duration(recording.seconds)}, {counted(len(recording.frames), 'frame')}, {counted(len(recording.marks_s), 'mark')}"
    st.progress(min(recording.seconds / MAX_SECONDS, 1.0), words)


def _taken(session: Session, recording: Recording) -> None:
    if recording.is_full:
        st.info("The recording has ended by itself: this is the most that is kept.", icon=":material/info:")
    people = {face.number for frame in recording.frames for face in frame.faces if face.is_face}
    marks = ", ".join(f"{time_s:.1f} s" for time_s in recording.marks_s)
    st.markdown(
        f"**Recorded:** {duration(recording.seconds)}, {counted(len(people), 'person', 'people')}"
        + (f", marked at {marks}" if marks else "")
    )
    if session.recorded_by is not None:
        make = partial(_made, recording, *session.recorded_by)
        with st.container(horizontal=True):
            _button("Table (CSV)", partial(make, recorded_csv), "csv", "text/csv", ":material/table:")
            _button("Everything (JSON)", partial(make, recorded_json), "json", "application/json", ":material/data_object:")
            _button("Annotated clip (MP4)", partial(make, recorded_clip), "mp4", "video/mp4", ":material/movie:")
    with st.container(horizontal=True):
        st.button("Discard", icon=":material/delete:", key="webcam_discard", on_click=session.live.recorder.discard)
        _record_button(session, "Record again")
    st.caption("In this server's memory only; recording again replaces it.")


def _made(
    recording: Recording, reading: Reading, smoothing_s: float, make: Callable[[Timeline, Recording], str | bytes]
) -> str | bytes:
    return make(recorded_timeline(recording, reading, smoothing_s), recording)


def _button(label: str, make: Callable[[], str | bytes], suffix: str, mime: str, icon: str) -> None:
    st.download_button(label, make, f"webcam.{suffix}", mime, icon=icon, on_click="ignore", key=f"webcam_{suffix}")
