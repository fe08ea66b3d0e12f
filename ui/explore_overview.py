"""Explore's first view: classes, splits, sizes, light and sharpness, the mean face of each class, and the pictures themselves."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fer.data.dataset import Dataset
from ui.charts import PLOTLY_CONFIG, class_count_bars, split_word
from ui.findings import imbalance, imbalance_finding, totals
from ui.gallery import class_gallery
from ui.tables import csv_text
from ui.theme import SPLIT_TITLES
from ui.words import count, counted


def draw(dataset: Dataset) -> None:
    """The view."""
    distribution(dataset)
    st.subheader("Pictures", anchor=False)
    class_gallery(dataset, "explore")
    details(dataset)


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


def distribution(dataset: Dataset) -> None:
    st.subheader(imbalance_finding(totals(dataset)), anchor=False)
    st.markdown(f"Images a class: {' · '.join(map(split_word, dataset.split_names))}")
    st.plotly_chart(class_count_bars(dataset.counts(), dataset.label_set), config=PLOTLY_CONFIG, key="class_counts")


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


def details(dataset: Dataset) -> None:
    counts, colours, left_out = st.tabs(["Counts", "Grey and colour", f"Left out ({count(len(dataset.problems))})"])
    with counts:
        st.dataframe(count_rows(dataset), hide_index=True)
        name = f"{dataset.name}-counts.csv".replace("/", "-")
        st.download_button("Download counts (CSV)", csv_text(count_rows(dataset)), name, "text/csv", icon=":material/download:")
    with colours:
        st.dataframe(colour_rows(dataset), hide_index=True)
        st.caption("Grey: one channel, or three equal ones. Networks with one input channel read luma of either kind.")
    with left_out:
        if dataset.problems:
            st.dataframe([{"file": p.name, "why": p.reason} for p in dataset.problems[:2000]], hide_index=True)
        else:
            st.markdown(f"Every file was used: {counted(len(dataset), 'image')}.")
