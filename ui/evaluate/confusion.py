"""Evaluate: what is taken for what, and the very faces; those that the model was surest of come first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.evaluation import Report
from fer.evaluation.scores import ConfusedPair
from ui.gallery import paged_grid
from ui.matrix import Matrix, clickable_matrix
from ui.state import active_choice, dataset_shelf
from ui.words import percent, plain

_KINDS = {"rows": "% of true class", "columns": "% of answers", "counts": "Counts"}
_PER_PAGE = 12


def draw(report: Report) -> None:
    """The matrix, and the faces of the cell that was clicked last."""
    st.subheader(_finding(report), anchor=False)
    matrix, faces = st.columns([5, 4], gap="large")
    with matrix:
        cells = Matrix(report.confusion, report.label_set, report.label_set, ("true", "answered"), _KINDS)
        true, answered = clickable_matrix(cells, _first_cell(report), "confusion")
    with faces:
        _faces(report, true, answered)


def _finding(report: Report) -> str:
    pair = _worst(report)
    if pair is None:
        return "No image is mistaken"
    return f"{pair['true'].capitalize()} is answered {pair['predicted']} in {percent(pair['share'], 0)} of its images"


def _worst(report: Report) -> ConfusedPair | None:
    """The mistake that most of a class's images suffer."""
    return max(report.most_confused, key=lambda pair: (pair["share"], pair["count"]), default=None)


def _first_cell(report: Report) -> tuple[str, str]:
    """The mistake that the heading tells of; without one, the largest class."""
    pair = _worst(report)
    return (pair["true"], pair["predicted"]) if pair else (report.majority_label, report.majority_label)


def answered_so(report: Report, true: str, answered: str) -> NDArray[np.intp]:
    """Rows of the report in one cell of its matrix, the surest answers first."""
    ids = report.label_set.label_id(true), report.label_set.label_id(answered)
    rows = np.flatnonzero((report.y_true == ids[0]) & (report.y_pred == ids[1]))
    return rows[np.argsort(-report.y_prob[rows, ids[1]], kind="stable")]


def _faces(report: Report, true: str, answered: str) -> None:
    rows = answered_so(report, true, answered)
    emoji = report.label_set.emoji
    verb = "found" if true == answered else f"taken for {emoji(answered)} {plain(answered)}"
    st.markdown(f"**{emoji(true)} {plain(true)}, {verb}**")
    if not len(rows):
        st.caption("No image.")
        return
    confidence = report.y_prob[rows].max(axis=1)
    share = len(rows) / int((report.y_true == report.label_set.label_id(true)).sum())
    st.caption(
        f"{percent(share, 0 if share >= 0.1 else 1)} of the class. Surest first: answered with {percent(confidence[0], 0)} "
        f"confidence, the last with {percent(confidence[-1], 0)}."
    )
    dataset = dataset_shelf().peek(active_choice())
    places = None if dataset is None else images_of(report, dataset)
    if dataset is None or places is None:
        st.info(
            f"The faces are shown while **{plain(report.dataset)}** is the active dataset: choose it in the sidebar.",
            icon=":material/database:",
        )
        return
    paged_grid(
        dataset, places[rows], "confusion", of=f"{report.id} {true} {answered}", per_page=_PER_PAGE,
        told={place: percent(share, 0) for place, share in zip(places[rows].tolist(), confidence.tolist(), strict=True)},
        telling="each with its confidence",
    )  # fmt: skip


def images_of(report: Report, dataset: Dataset) -> NDArray[np.intp] | None:
    """Where a report's images stand in a dataset, rows (N,); None where the dataset is another one.

    A cleaned dataset has another fingerprint than the same as it came; its images still stand in the same place, by their names.
    """
    is_of_same_files = report.source == dataset.source and Path(dataset.source).exists()
    if report.fingerprint != dataset.fingerprint and not is_of_same_files:
        return None
    order = np.argsort(dataset.names, kind="stable")
    at = np.searchsorted(dataset.names, report.names, sorter=order)
    places = order[np.minimum(at, len(dataset) - 1)]
    return places if bool((dataset.names[places] == report.names).all()) else None
