"""Evaluate: is the model as good on dark, blurred or tilted pictures, and on any group that the user's own table names?"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from fer.data.dataset import Dataset
from fer.detection import available_detectors, get_detector
from fer.evaluation import Column, Report, SlicedColumn, picture_columns, read_csv_columns, roll_column, slice_report
from fer.evaluation.slices import FEWEST, Slice
from ui.charts import PLOTLY_CONFIG
from ui.evaluate.charts import Whisker, whiskers
from ui.evaluate.images import evaluated_images
from ui.going import measured
from ui.measures import with_bar
from ui.tables import csv_text
from ui.words import counted, errors_in_words, percent, plain

# Haar finds no eyes.
_WITH_EYES = ("yunet", "mtcnn")
_SAMPLES = {500: "500 images", 10**9: "All"}
_UPLOAD_KEY, _TABLE_KEY = "slices_table", "slices_table_kept"


def draw(report: Report) -> None:
    """A chart a column, with what it says in words; below, what else the images can be cut by."""
    images = evaluated_images(report, needed_for="Light, sharpness, size and tilt are measured", key="slices_open")
    columns: list[Column] = []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        fewest = st.number_input(
            "Images a slice, at least", 5, 1000, FEWEST, 5, key="slices_fewest", persist_state="session", width=180,
            help="Slices of fewer images are put together and not judged: chance alone moves their accuracy far.",
        )  # fmt: skip
        download = st.empty()
    charts = st.container()
    if images is not None:
        with errors_in_words():  # a file may have gone since it was read
            columns += _picture_columns(images)
        with errors_in_words():
            columns += _roll(images)
    columns += _table(report)
    if not columns:
        return
    cuts = slice_report(report, columns, fewest=int(fewest))
    with charts:
        _finding(cuts)
        with st.grid(2, min_column_width=380, gap="medium"):
            for cut in cuts:
                _slices(report, cut, _ends(cuts))
    download.download_button(
        "Slices (CSV)", csv_text(slice_rows(cuts)), f"{report.id}-slices.csv", "text/csv", icon=":material/download:"
    )


def _picture_columns(images: Dataset) -> list[Column]:
    return with_bar("Measuring the light and sharpness of the images", lambda report: picture_columns(images, report))


def _roll(images: Dataset) -> list[Column]:
    """How far faces are tilted: measured when asked for, as it takes long."""
    st.subheader("Tilt of the head", anchor=False)
    ready = {info.name: info.title for info in available_detectors() if info.available and info.name in _WITH_EYES}
    if not ready:
        st.caption("No detector that finds eyes is at hand. Predict offers to fetch YuNet, once.")
        return []
    best = next(iter(ready))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.segmented_control(
            "Detector", list(ready), default=best, required=True, format_func=ready.__getitem__,
            key="slices_detector", persist_state="session",
        ) or best  # fmt: skip
        most = st.segmented_control(
            "Sample", list(_SAMPLES), default=500, required=True, format_func=_SAMPLES.__getitem__,
            key="slices_sample", persist_state="session",
            help="Looking for eyes takes 8 to 30 ms a picture: half a minute to two minutes for FER2013's validation part.",
        ) or 500  # fmt: skip

    def work(progress: Callable[[float], None]) -> Column:
        return roll_column(images, get_detector(name), progress, most=most)

    column = measured(
        ("roll", images.fingerprint, name, most), work, title="Measure the tilt", words="Looking for eyes", name="slices_roll"
    )
    return [] if column is None else [column]


def _table(report: Report) -> list[Column]:
    """The columns of a table that the user brings."""
    st.subheader("Groups of your own", anchor=False)
    st.file_uploader("A table of the images (CSV)", type="csv", key=_UPLOAD_KEY, max_upload_size=50, on_change=_keep_table)
    table: tuple[str, bytes] | None = st.session_state.get(_TABLE_KEY)
    if table and st.session_state[_UPLOAD_KEY] is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/table: **{plain(table[0])}**, from before", width="content")
            st.button("Put away", icon=":material/close:", type="tertiary", key="slices_forget", on_click=_keep_table)
    st.caption(
        f"A row an image, with its file name (such as *{plain(str(report.names[0]))}*) and any columns: age group, gender, skin "
        "tone, camera. It is kept for this session and nowhere else."
    )
    columns: list[Column] = []
    if table:
        with errors_in_words():
            columns = read_csv_columns(table[0], report.names, content=table[1])
    return columns


def _keep_table() -> None:
    """Keep what was uploaded, or nothing any more: the uploader itself forgets it as soon as another view is looked at."""
    file = st.session_state[_UPLOAD_KEY]
    st.session_state[_TABLE_KEY] = None if file is None else (file.name, file.getvalue())


def _finding(cuts: list[SlicedColumn]) -> None:
    real = [cut.column for cut in cuts if cut.is_more_than_noise]
    heading = f"Accuracy differs by {', '.join(real)}" if real else "No difference between slices is more than noise"
    st.subheader(plain(heading), anchor=False)
    st.caption(
        "Numbers are cut into four parts of about as many images. Where chance would make slices differ as much in one of twenty "
        "cases or more, all columns taken into account, the difference counts as noise."
    )


def _parts(cut: SlicedColumn) -> list[Slice]:
    return [*cut.slices, *([cut.too_few] if cut.too_few else [])]


def _ends(cuts: list[SlicedColumn]) -> tuple[float, float] | None:
    """Of the axis that all charts share, so that they compare; None where there is no slice."""
    ends = [end for cut in cuts for part in _parts(cut) for end in part.accuracy_ci95]
    return (min(ends), max(ends)) if ends else None


def _slices(report: Report, cut: SlicedColumn, ends: tuple[float, float] | None) -> None:
    parts = _parts(cut)
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(cut.column[:1].upper() + cut.column[1:])}**", width="content")
            if cut.is_more_than_noise:
                st.badge("more than noise", icon=":material/priority_high:", color="orange")
            elif cut.p_adjusted is not None:
                st.badge("no more than noise", icon=":material/drag_handle:", color="gray")
        st.markdown(plain(cut.words))
        if parts:
            st.plotly_chart(
                whiskers(
                    [Whisker(part.name, part.accuracy, part.accuracy_ci95, part.n, part is cut.too_few) for part in parts],
                    reference=report.accuracy,
                    told=f"all: {percent(report.accuracy)}",
                    ends=ends,
                ),
                config=PLOTLY_CONFIG,
                key=f"slices_{cut.column}",
            )
        notes = [counted(cut.too_few.n, "image") + " in slices of too few"] if cut.too_few else []
        notes += [counted(cut.without, "image") + " without a value"] if cut.without else []
        if notes:
            st.caption(f"{', '.join(notes)}.")


def slice_rows(cuts: list[SlicedColumn]) -> list[dict[str, object]]:
    """The slices of all columns as rows of one table."""
    return [
        {
            "column": cut.column,
            "slice": part.name,
            "images": part.n,
            "accuracy": round(part.accuracy, 5),
            "from": round(part.accuracy_ci95[0], 5),
            "to": round(part.accuracy_ci95[1], 5),
            "p": cut.p_adjusted,
        }
        for cut in cuts
        for part in _parts(cut)
    ]
