"""Explore's first view: classes, splits, the pictures themselves, light and sharpness, the mean face of each class, sizes."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath

import numpy as np
import streamlit as st

from fer.data.dataset import Dataset
from fer.errors import FerError
from fer.quality.images import ImageMeasures
from ui.charts import PLOTLY_CONFIG, class_count_bars, split_word
from ui.explore.headlines import imbalance, imbalance_finding, totals
from ui.explore.light import draw_light, draw_mean_faces
from ui.gallery import class_gallery
from ui.measures import image_measures
from ui.tables import csv_text
from ui.theme import SPLIT_TITLES
from ui.words import count, counted, plain, show_error

_MOST_ROWS = 2000


def draw(dataset: Dataset) -> None:
    """The view. What needs no look at the pixels stands first, so that it can be read while they are measured."""
    distribution(dataset)
    st.subheader("Pictures", anchor=False)
    class_gallery(dataset, "explore")
    measures = None
    if len(dataset):
        try:
            measures = image_measures(dataset)
            draw_light(dataset, measures)
            draw_mean_faces(dataset)
        except FerError as error:
            show_error(error)
    details(dataset, measures)


def metrics(dataset: Dataset) -> None:
    ratio, grey = imbalance(totals(dataset)), int(dataset.is_grey.sum())
    splits = " · ".join(f"{count(int((dataset.splits == s).sum()))} {SPLIT_TITLES[s].lower()}" for s in dataset.split_names)
    with st.grid(5, min_column_width=150):
        st.metric("Images", count(len(dataset)), border=True, help=splits)
        st.metric("Classes", len(dataset.label_set), border=True, help=", ".join(dataset.label_set))
        st.metric("Imbalance", f"{ratio:.1f} : 1" if ratio else "–", border=True, help="The largest class beside the smallest.")
        colours = f"{count(grey)} / {count(len(dataset) - grey)}"
        st.metric("Grey / colour", colours, border=True, help="Grey: one channel, or three equal ones.")
        st.metric("Left out", count(len(dataset.problems)), border=True, help="Files that could not be read or have no place.")


@st.fragment
def distribution(dataset: Dataset) -> None:
    st.subheader(imbalance_finding(totals(dataset)), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        kinds = {"images": "Images", "shares": "Shares of the split"}
        kind = st.segmented_control(
            "Bars", list(kinds), default="images", required=True, format_func=kinds.__getitem__, key="class_bars",
            label_visibility="collapsed",
        )  # fmt: skip
        st.markdown(" · ".join(map(split_word, dataset.split_names)), width="content")
    figure = class_count_bars(dataset.counts(), dataset.label_set, shares=kind == "shares")
    st.plotly_chart(figure, config=PLOTLY_CONFIG, key="class_counts")


def count_rows(dataset: Dataset) -> list[dict[str, object]]:
    counts, n = dataset.counts(), max(len(dataset), 1)
    return [
        {
            "class": label,
            **{SPLIT_TITLES[split].lower(): counts[split][label] for split in counts},
            "total": total,
            "share %": round(100 * total / n, 2),
        }
        for label, total in totals(dataset).items()
    ]


def colour_rows(dataset: Dataset) -> list[dict[str, object]]:
    parts = {split: dataset.is_grey[dataset.splits == split] for split in dataset.split_names}
    return [
        {"split": SPLIT_TITLES[split].lower(), "grey": int(np.sum(grey)), "RGB": int(np.sum(~grey)), "images": len(grey)}
        for split, grey in parts.items()
    ]


def size_rows(measures: ImageMeasures) -> list[dict[str, object]]:
    """Width and height of the pictures, the most frequent first."""
    sizes = Counter(map(tuple, measures.sides.tolist()))
    return [
        {"width": width, "height": height, "images": n, "share %": round(100 * n / len(measures), 2)}
        for (height, width), n in sizes.most_common(_MOST_ROWS)
    ]


def format_rows(dataset: Dataset) -> list[dict[str, object]]:
    """What kind of file the pictures come from, by the ends of their names; rows of a table have none."""
    formats = Counter(PurePosixPath(name).suffix.lower().removeprefix(".").upper() for name in dataset.names.tolist())
    jpegs = formats.pop("JPG", 0)
    if jpegs:
        formats["JPEG"] += jpegs
    return [{"format": name or "none: rows of a table", "images": n} for name, n in formats.most_common()]


def details(dataset: Dataset, measures: ImageMeasures | None) -> None:
    """Everything once more in tables, to look up and to take away."""
    st.subheader("In figures", anchor=False)
    counts, sizes, colours, left_out = st.tabs(
        ["Counts", "Sizes and formats", "Grey and colour", f"Left out ({count(len(dataset.problems))})"]
    )
    with counts:
        st.dataframe(count_rows(dataset), hide_index=True)
        name = f"{dataset.name}-counts.csv".replace("/", "-")
        st.download_button("Download counts (CSV)", csv_text(count_rows(dataset)), name, "text/csv", icon=":material/download:")
    with sizes:
        _sizes(dataset, measures)
    with colours:
        st.dataframe(colour_rows(dataset), hide_index=True)
        st.caption("Grey: one channel, or three equal ones. Networks with one input channel read luma of either kind.")
    with left_out:
        if dataset.problems:
            st.dataframe([{"file": p.name, "why": p.reason} for p in dataset.problems[:_MOST_ROWS]], hide_index=True)
        else:
            st.markdown(f"Every file was used: {counted(len(dataset), 'image')}.")


def _sizes(dataset: Dataset, measures: ImageMeasures | None) -> None:
    if measures is not None:
        sizes = size_rows(measures)
        if len(sizes) == 1:
            st.markdown(f"All pictures are {sizes[0]['width']} × {sizes[0]['height']} pixels.")
        else:
            width, height = np.median(measures.sides[:, ::-1], axis=0)
            st.markdown(f"Pictures of {counted(len(sizes), 'size')}; the median is {width:.0f} × {height:.0f} pixels.")
            st.dataframe(sizes, hide_index=True)
    if dataset.source.startswith("drawn"):
        st.markdown(f"Format: none, they were {plain(dataset.source)}.")
    else:
        st.dataframe(format_rows(dataset), hide_index=True)
