"""What Predict hands out of a clip: table, subtitles, everything, and the clip with its faces marked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

import streamlit as st

from fer.clips import ClipJob, Timeline
from fer.clips.annotated import write_annotated
from fer.clips.exports import timeline_csv, timeline_json, timeline_vtt
from fer.clips.job import ANNOTATED_FILE
from fer.clips.store import TIMELINE_JSON
from ui.going import measured
from ui.words import errors_in_words

# A player in the page has the file in the server's memory, and so has a download.
_PLAYED_BYTES = 200 * 2**20


def clip_downloads(job: ClipJob, timeline: Timeline) -> None:
    """A button a file, each made when it is pressed; the annotated clip is made once, and kept."""
    stem = PurePath(job.name).stem
    with st.container(horizontal=True):
        _button("Table (CSV)", lambda: timeline_csv(timeline), f"{stem}.csv", "text/csv", ":material/table:")
        _button("Subtitles (WebVTT)", lambda: timeline_vtt(timeline), f"{stem}.vtt", "text/vtt", ":material/subtitles:")
        _button(
            "Everything (JSON)", lambda: timeline_json(timeline), f"{stem}.json", "application/json", ":material/data_object:"
        )
        made = _annotated(job)
        if made:
            _button("Annotated clip (MP4)", made.read_bytes, f"{stem}-annotated.mp4", "video/mp4", ":material/movie:")
    if made is None:
        with errors_in_words():
            written = measured(
                ("clip", job.id, timeline_stamp(job)),
                lambda report: _make(job, timeline, report),
                title="Make the annotated clip",
                words="Writing the annotated clip",
                name="clip_annotate",
            )
            if written and written.is_file():
                st.rerun()
    elif made.stat().st_size <= _PLAYED_BYTES:
        with st.expander("Play the annotated clip", icon=":material/play_circle:", key="clip_play", on_change="rerun") as player:
            if player.open:
                st.video(str(made), width=720)


def _make(job: ClipJob, timeline: Timeline, report: Callable[[float], None]) -> Path:
    target = job.path / ANNOTATED_FILE
    write_annotated(job.clip_path, timeline, target, progress=report)
    return target


def _annotated(job: ClipJob) -> Path | None:
    """The annotated clip, unless more was read since it was made."""
    path = job.path / ANNOTATED_FILE
    return path if path.is_file() and path.stat().st_mtime_ns > timeline_stamp(job) else None


def timeline_stamp(job: ClipJob) -> int:
    """Tells one timeline of a clip from another, which it gets when the reading goes on."""
    return (job.path / TIMELINE_JSON).stat().st_mtime_ns


def _button(label: str, make: Callable[[], str | bytes], name: str, mime: str, icon: str) -> None:
    st.download_button(label, make, name, mime, icon=icon, on_click="ignore")
