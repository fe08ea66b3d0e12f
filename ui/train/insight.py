"""What a run's curves mean: the diagnosis in words, with what to try next, and what becomes of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from fer.errors import FerError
from fer.labels import LabelSet
from fer.training import Run, vary_run
from fer.training.diagnosis import Curves, Diagnosis, diagnose
from ui.tiles import tile
from ui.train.charts import confusion_options, recall_options
from ui.words import percent, plain, show_error

Rows = Sequence[Mapping[str, Any]]


def diagnosis_panel(run: Run, epochs: Rows) -> Run | None:
    """What stands out in the curves, each with buttons that start the next run with one change.

    Returns:
        The run that has just been started, if any.
    """
    info = run.dataset_info()
    if not epochs or not info:
        return None
    confusions = run.confusions()
    counts = info["counts"]
    curves = Curves(
        epochs,
        run.settings,
        info["labels"],
        list(counts.get("train", {}).values()),
        list(counts.get("val", {}).values()),
        confusions.get(len(epochs)),
        is_over=not run.is_active,
    )
    started = None
    for diagnosis in diagnose(curves):
        started = _finding(run, diagnosis) or started
    return started


def _finding(run: Run, diagnosis: Diagnosis) -> Run | None:
    started = None
    with st.container(border=True, gap="xsmall"):
        icon = ":material/healing:" if diagnosis.is_problem else ":material/info:"
        st.markdown(f"{icon} **{plain(diagnosis.title)}**")
        st.caption(plain(diagnosis.evidence))
        if diagnosis.changes:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.caption("Next run with", width="content")
                for number, change in enumerate(diagnosis.changes):
                    if st.button(
                        plain(change.words),
                        key=f"try_{run.id}_{diagnosis.kind}_{number}",
                        help=plain(", ".join(f"{key}={value}" for key, value in change.overrides.items())),
                        type="tertiary",
                        icon=":material/play_arrow:",
                        disabled=run.is_active,
                    ):
                        try:
                            started = vary_run(run, change.overrides)
                        except FerError as error:
                            show_error(error)
    return started


def classes_panel(run: Run) -> None:
    """Recall by class over the epochs, the confusion matrix as it evolves, and the mistakes the network is surest of."""
    confusions, info = run.confusions(), run.dataset_info()
    if not confusions or not info:
        return
    label_set = LabelSet(tuple(info["labels"]))
    # Only the tab that is looked at is drawn: a run that is going draws itself every second.
    recall, confusion, mistakes = st.tabs(
        ["Recall by class", "Confusion", "Mistakes"], key=f"insight_{run.id}", on_change="rerun"
    )
    if recall.open:
        with recall:
            st.caption("Of the validation images of each class, how many were answered rightly.")
            st.echarts_chart(recall_options(confusions, label_set, epochs=run.epochs_total), height=400, key=f"recall_{run.id}")
    if confusion.open:
        with confusion:
            epochs = list(confusions)
            epoch = epochs[-1]
            if len(epochs) > 1:
                moment = "" if run.is_active else "over"  # while it is going, the slider stays with the newest
                epoch = st.select_slider("After epoch", epochs, epochs[-1], key=f"confusion_epoch_{run.id}_{moment}")
            st.echarts_chart(confusion_options(confusions[epoch], label_set), height=400, key=f"confusion_{run.id}")
    if mistakes.open:
        with mistakes:
            _mistakes(run, label_set)


def _mistakes(run: Run, label_set: LabelSet) -> None:
    mistakes = run.mistakes()
    if not len(mistakes.get("images", ())):
        st.caption("None in the sample of the validation part that is looked at.")
        return
    st.caption("Those it is surest of, in a sample of the validation part, after the last epoch.")
    rows = zip(mistakes["images"], mistakes["label_ids"], mistakes["answers"], mistakes["confidences"], strict=True)
    with st.grid(12, min_column_width=84, gap="xsmall"):
        for image, label_id, answer, confidence in rows:
            said, true = label_set.names[int(answer)], label_set.names[int(label_id)]
            picture = image.repeat(3, axis=2) if image.shape[2] == 1 else image
            st.image(
                tile(picture, 128),
                caption=f"{label_set.emoji(said)} {said} {percent(float(confidence), 0)}, labelled {true}",
                width="stretch",
                output_format="PNG",
                alt=f"A face labelled {true}, taken for {said}",
            )
