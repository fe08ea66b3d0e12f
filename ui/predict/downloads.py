"""What Predict hands out: annotated pictures (PNG, several as a ZIP), a row a face (CSV), everything in one list (JSON)."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import PurePath

import streamlit as st

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
    """A row a face: picture, number, box in pixels, detection score, label, confidence, and the probability that it is a face and
    of each class. Where it is not a face the classes stay empty, so that no mean over a column counts it.
    """
    labels = list(dict.fromkeys(label for answer in answers for face in answer.predictions for label in face.label_set))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    answered = ["detection_score", "label", "confidence", "face_probability"]
    writer.writerow(["picture", "face", "x1", "y1", "x2", "y2", *answered, *labels])
    for answer in answers:
        for number, face in enumerate(answer.predictions, start=1):
            values = face.as_dict()
            box = [f"{side:.1f}" for side in values["xyxy"]]
            score, face_probability = _number(values["detection_score"], 4), _number(values["face_probability"], 6)
            shares = [_number(values["probabilities"][label], 6) if face.is_face else "" for label in labels]
            row = [answer.picture.name, number, *box, score, face.label, _number(face.confidence, 6), face_probability, *shares]
            writer.writerow(row)
    return table.getvalue()


def _number(value: float | None, digits: int) -> str:
    """A value's cell; empty where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def faces_json(answers: Sequence[Answer]) -> str:
    """`[{"path": …, "faces": […]}]`, as `python -m fer predict --json` prints it; a broken picture has an `error` instead."""
    listed = [
        {"path": answer.picture.name, "error": answer.error}
        if answer.error is not None
        else {"path": answer.picture.name, "faces": [face.as_dict() for face in answer.predictions]}
        for answer in answers
    ]
    return json.dumps(listed, indent=2, ensure_ascii=False)
