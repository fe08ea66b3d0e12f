"""What came out of a clip: who shows what and when, the frame under the cursor, moments, and files to take home."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.clips import ClipJob, Moment, Person, Timeline, find_moments
from fer.clips.affect import derive_affect
from fer.clips.annotated import annotated_frame
from fer.clips.moments import above_baseline, baseline
from fer.clips.reading import open_clip
from fer.errors import ClipError
from ui import bars
from ui.bars import Bar
from ui.charts import PLOTLY_CONFIG
from ui.predict.clip_charts import affect_path, areas_over_time, differences_over_time, legend, moment_words
from ui.predict.clip_downloads import clip_downloads, timeline_stamp
from ui.predict.faces import bars_html, heading_html
from ui.words import count, duration, errors_in_words, percent, plain, show_error

_NO_BASELINE, _OWN_MEAN, _REST = "Nothing", "Their mean", "A stretch at rest"
_FRAME_SIDE = 960
_LIST_HEIGHT = 360


def clip_view(job: ClipJob) -> None:
    """The timeline of a clip; what is chosen in it draws it anew, and not the page."""
    timeline, moments = _read(job.id, timeline_stamp(job), job)
    if timeline.cut_short:
        st.warning(
            f"The file says that it is {timeline.info.duration_s:.0f} s long, and ends after {timeline.duration_s:.1f} s: "
            "it is cut short.",
            icon=":material/content_cut:",
        )
    if not timeline.people:
        _nobody()
        return
    st.fragment(_draw)(job, timeline, moments)


@st.cache_resource(show_spinner="Reading the timeline…", max_entries=4)
def _read(job_id: str, stamp: int, _job: ClipJob) -> tuple[Timeline, list[Moment]]:
    timeline = _job.timeline()
    return timeline, find_moments(timeline)


def _nobody() -> None:
    st.info("No face found in this clip.", icon=":material/face_retouching_off:")
    st.markdown(
        "What helps:\n\n"
        "- a clip in which faces are larger (24 pixels wide at least), upright and not covered;\n"
        "- another face detector, under *Options*, and the clip once more;\n"
        "- more frames a second, under *How it is read*."
    )


def _draw(job: ClipJob, timeline: Timeline, moments: Sequence[Moment]) -> None:
    with errors_in_words():
        _figures(timeline, moments)
        person, kind, values = _choose_values(job, timeline)
        mine = [moment for moment in moments if moment.person == person.number]
        chart, picture = st.columns([3, 2], gap="medium")
        with chart:
            cursor_s = _chart(job, timeline, person, kind, values, mine)
        with picture:
            _frame(job, timeline, person, cursor_s)
        listed, path, shares = st.columns([5, 5, 4], gap="medium")
        with listed:
            _moments_list(job, mine)
        with path:
            _affect(timeline, person, kind, values, cursor_s)
        with shares:
            _shares(timeline, person)
        clip_downloads(job, timeline)


def _figures(timeline: Timeline, moments: Sequence[Moment]) -> None:
    shown: Counter[str] = Counter()
    for person in timeline.people:
        seen_s = timeline.seen_s(person)
        shown.update({label: share * seen_s for label, share in timeline.shares(person).items()})
    label = shown.most_common(1)[0][0]
    with st.grid(4, min_column_width=130):
        st.metric("People", count(len(timeline.people)), border=True)
        st.metric("Length", duration(timeline.duration_s), border=True)
        st.metric("Frames read", count(len(timeline.times_s)), border=True)
        st.metric("Shown most", f"{timeline.label_set.emoji(label)} {label}", border=True, help="Of all people's time in view.")


def _choose_values(job: ClipJob, timeline: Timeline) -> tuple[Person, str, NDArray[np.float64]]:
    """Whom the charts are of, what is subtracted, and the values (N, K) that they show."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        numbers = [person.number for person in timeline.people]
        number = numbers[0]
        if len(numbers) > 1:
            number = st.selectbox("Person", numbers, format_func=lambda n: f"Person {n}", key=f"clip_person_{job.id}", width=140)
        person = timeline.person(number)
        raw = (
            st.segmented_control(
                "Probabilities",
                ["Smoothed", "Raw"],
                default="Smoothed",
                required=True,
                key="clip_raw",
                help=f"Smoothed: averaged over {timeline.smoothing_s:g} s back and ahead. Raw: what each frame says by itself.",
            )
            == "Raw"
        )
        kind = st.selectbox(
            "Subtract",
            [_NO_BASELINE, _OWN_MEAN, _REST],
            key="clip_baseline",
            width=190,
            help="Faces at rest differ, and some look sad or angry that are neither. Subtracting what a person usually shows "
            "leaves what they do.",
        )
        rest = None
        if kind == _REST:
            rest = _choose_rest(job, timeline, person)
    if kind == _NO_BASELINE:
        return person, kind, (person.raw if raw else person.smoothed).astype(np.float64)
    return person, kind, above_baseline(person, baseline(person, rest), raw=raw)


def _choose_rest(job: ClipJob, timeline: Timeline, person: Person) -> tuple[float, float]:
    """From and to, in seconds; the first second in which the person is seen, to begin with."""
    first = float(person.times_s[0])
    default = (first, min(first + 1.0, timeline.duration_s))
    key = f"clip_rest_{job.id}_{person.number}"  # of its own: another clip has another length
    chosen: tuple[float, float] = st.slider(
        "The face is at rest", 0.0, timeline.duration_s, default, step=0.1, format="%.1f s", key=key
    )
    return chosen


def _chart(
    job: ClipJob, timeline: Timeline, person: Person, kind: str, values: NDArray[np.float64], moments: Sequence[Moment]
) -> float:
    """The chart over time, and below it the cursor; returns the moment that is looked at, in seconds."""
    cursor_key, chart_key = f"clip_cursor_{job.id}", f"clip_chart_{job.id}_{person.number}_{kind}"
    last_s = max(float(timeline.times_s[-1]), timeline.interval_s)
    cursor_s = min(float(st.session_state.get(cursor_key, _first_look(person, moments))), last_s)
    st.session_state[cursor_key] = cursor_s
    what = "Probability of each expression" if kind == _NO_BASELINE else "Above and below the person's usual face"
    st.markdown(f"**{what}** · {legend(timeline.label_set)}")
    draw = areas_over_time if kind == _NO_BASELINE else differences_over_time
    st.plotly_chart(
        draw(timeline, person, values, cursor_s=cursor_s, moments=moments),
        config=PLOTLY_CONFIG,
        key=chart_key,
        on_select=lambda: _jump_to_click(chart_key, cursor_key),
        selection_mode="points",
    )
    st.slider(
        "Moment",
        0.0,
        last_s,
        step=0.01,
        format="%.2f s",
        key=cursor_key,
        label_visibility="collapsed",
        help="Or click on the chart.",
    )
    return cursor_s


def _first_look(person: Person, moments: Sequence[Moment]) -> float:
    """Where the cursor stands at first: at the strongest moment."""
    strongest = max(moments, key=lambda moment: moment.probability, default=None)
    return strongest.time_s if strongest else float(person.times_s[0])


def _jump_to_click(chart_key: str, cursor_key: str) -> None:
    event: Any = st.session_state[chart_key]
    points = event["selection"]["points"]
    if points:
        st.session_state[cursor_key] = float(points[0]["x"])


def _frame(job: ClipJob, timeline: Timeline, person: Person, cursor_s: float) -> None:
    """The frame under the cursor with its faces, and what this person shows there."""
    try:
        picture = _annotated_jpeg(job.id, timeline_stamp(job), cursor_s, job, timeline)
    except ClipError as error:
        show_error(error)
        return
    faces = timeline.faces_at(cursor_s)
    told = ", ".join(f"person {face.number} {face.label} {percent(face.confidence, 0)}" for face in faces)
    st.image(picture, alt=f"At {cursor_s:.2f} s: {told or 'no face'}")
    mine = next((face for face in faces if face.number == person.number), None)
    if mine is None:
        st.caption(f"Person {person.number} is not seen at {cursor_s:.2f} s.")
    else:
        st.html(heading_html(mine) + (bars_html(mine) if mine.is_face else ""))


@st.cache_data(show_spinner=False, max_entries=64)
def _annotated_jpeg(job_id: str, stamp: int, time_s: float, _job: ClipJob, _timeline: Timeline) -> bytes:
    """A frame with its faces marked, as JPEG; kept, as finding it can mean to decode many."""
    with open_clip(_job.clip_path) as clip:
        image = annotated_frame(clip.frame_at(time_s).image, _timeline, time_s)
    factor = _FRAME_SIDE / max(image.shape[:2])
    if factor < 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def _moments_list(job: ClipJob, moments: Sequence[Moment]) -> None:
    st.markdown("**Moments**")
    if not moments:
        st.caption("None: the expression neither changes nor comes to a peak.")
        return
    table_key = f"clip_moments_{job.id}_{moments[0].person}"
    st.dataframe(
        [{"time": moment.time_s, "what": moment_words(moment), "probability": 100 * moment.probability} for moment in moments],
        hide_index=True,
        height=_LIST_HEIGHT,
        key=table_key,
        on_select=lambda: _jump_to_row(table_key, f"clip_cursor_{job.id}", moments),
        selection_mode="single-row",
        column_config={
            "time": st.column_config.NumberColumn(format="%.2f s", width="small"),
            "probability": st.column_config.NumberColumn(format="%.0f %%", width="small"),
        },
    )


def _jump_to_row(table_key: str, cursor_key: str, moments: Sequence[Moment]) -> None:
    selection: Any = st.session_state[table_key]
    rows = selection["selection"]["rows"]
    if rows and rows[0] < len(moments):
        st.session_state[cursor_key] = moments[rows[0]].time_s


def _affect(timeline: Timeline, person: Person, kind: str, values: NDArray[np.float64], cursor_s: float) -> None:
    st.markdown(
        "**Valence and arousal**, derived" if kind == _NO_BASELINE else "**Valence and arousal**, derived, from the usual face"
    )
    if not timeline.has_affect:
        st.caption("The classes of this model have no place in that plane.")
        return
    at = int(np.abs(person.times_s - cursor_s).argmin())
    figure = affect_path(timeline, derive_affect(values, timeline.label_set), person.times_s, at=at)
    st.plotly_chart(figure, config=PLOTLY_CONFIG, key="clip_affect")
    st.caption(
        "Not measured: each expression has a fixed place (Russell and Mehrabian, 1977), and the face stands at their mean, "
        "weighted by the probabilities. The later, the stronger the dot."
    )


def _shares(timeline: Timeline, person: Person) -> None:
    labels, shares = timeline.label_set, timeline.shares(person)
    most = max(shares.values())
    st.markdown(f"**Share of the time**, of {plain(duration(timeline.seen_s(person)))} in view")
    st.html(
        bars.bars_html(
            Bar(labels.emoji(label), label, labels.colour(label), share, percent(share, 0), share == most)
            for label, share in shares.items()
        )
    )
