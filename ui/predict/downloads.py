"""What Predict hands out: annotated pictures (PNG, several as a ZIP), a row a face (CSV), everything in one list (JSON)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

import streamlit as st

from fer.folders.table import answer_rows, error_row, rows_table, table_bytes
from ui.predict.answers import Answer, annotated_png


def download_buttons(answers: Sequence[Answer]) -> None:
    """Three buttons; the files are made when one is pressed."""
    readable = [answer for answer in answers if answer.error is None]
    with st.container(horizontal=True):
        if len(readable) == 1:
            name = f"{PurePath(readable[0].picture.name).stem}-annotated.png"
            _button("Annotated picture", lambda: annotated_png(readable[0]), name, "image/png", ":material/image:")
        elif readable:
            _button("Annotated pictures", lambda: annotated_zip(readable), "annotated.zip", "application/zip", ":material/image:")
        _button("Table (CSV)", lambda: faces_csv(answers), "faces.csv", "text/csv", ":material/table:")
        _button("Everything (JSON)", lambda: faces_json(answers), "faces.json", "application/json", ":material/data_object:")


def _button(label: str, make: Callable[[], str | bytes], name: str, mime: str, icon: str) -> None:
    st.download_button(label, make, name, mime, icon=icon, on_click="ignore")


def annotated_zip(answers: Sequence[Answer]) -> bytes:
    """The annotated pictures in one archive, numbered so that equal names do not meet."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as pictures:  # PNG is compressed already
        for number, answer in enumerate(answers, start=1):
            pictures.writestr(f"{number:03d}-{PurePath(answer.picture.name).stem}.png", annotated_png(answer))
    return archive.getvalue()


def faces_csv(answers: Sequence[Answer]) -> str:
    """A row a face, and one for a picture without a face or that is broken; the columns of `fer.folders.table`."""
    rows = [
        row
        for answer in answers
        for row in (
            answer_rows(answer.picture.name, answer.predictions)
            if answer.error is None
            else [error_row(answer.picture.name, answer.error)]
        )
    ]
    labels = dict.fromkeys(label for answer in answers for face in answer.predictions for label in face.label_set)
    return table_bytes(rows_table(rows, labels), ".csv").decode()


def faces_json(answers: Sequence[Answer]) -> str:
    """`[{"path": …, "faces": […]}]`, as `python -m fer predict --json` prints it; a broken picture has an `error` instead, and a
    second model's answers to the same faces are in `second`.
    """
    return json.dumps([_as_dict(answer) for answer in answers], indent=2, ensure_ascii=False)


def _as_dict(answer: Answer) -> dict[str, Any]:
    if answer.error is not None:
        return {"path": answer.picture.name, "error": answer.error}
    told: dict[str, Any] = {"path": answer.picture.name, "faces": [face.as_dict() for face in answer.predictions]}
    if len(answer.models) > 1:
        told["second"] = {"model": answer.models[1], "faces": [face.as_dict() for face in answer.second]}
    return told
