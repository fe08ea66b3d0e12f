"""Answers as a table: a row a face, and one for a picture without a face or that could not be read. As CSV or Parquet.

Every face of the project writes its tables with these columns: page, command line and folders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer.inference.recognizer import NOT_A_FACE, FacePrediction
from fer.labels import LabelSet

if TYPE_CHECKING:
    import pyarrow as pa

NO_FACE, UNREADABLE = "no face", "unreadable"
TABLE_SUFFIXES = (".csv", ".parquet")

Row = Mapping[str, Any]

_NUMBERS = ("x1", "y1", "x2", "y2", "detection_score")


@dataclass(frozen=True, slots=True)
class FolderSummary:
    """What a table of many pictures holds.

    Args:
        path: of the table.
        pictures: how many there are, with those that could not be read.
        faces: those with an expression.
        counts: rows by label, the most frequent first; with `not a face`, `no face` and `unreadable` among them.
        others: files that are no pictures by their names, and were left out.
    """

    path: Path
    pictures: int
    faces: int
    counts: Mapping[str, int]
    others: int = 0

    @classmethod
    def of(cls, path: Path, pictures: int, labels: Counter[str], *, others: int = 0) -> FolderSummary:
        """From the number of rows of each label."""
        faces = sum(n for label, n in labels.items() if label not in (NOT_A_FACE, NO_FACE, UNREADABLE))
        return cls(path, pictures, faces, dict(labels.most_common()), others)

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON-ready values."""
        return asdict(self) | {"path": str(self.path)}


def answer_rows(picture: str, faces: Sequence[FacePrediction]) -> list[Row]:
    """A row a face, numbered from 1, with the box in pixels; without a face one row that says so.

    Of what is not a face the classes are left out, so that no mean over a column counts it.
    """
    if not faces:
        return [{"picture": picture, "label": NO_FACE}]
    rows: list[Row] = []
    for number, face in enumerate(faces, start=1):
        known = {
            "picture": picture,
            "face": number,
            **dict(zip(_NUMBERS, (*face.xyxy, face.detection_score), strict=True)),
            "label": face.label,
            "confidence": face.confidence,
            "unsure": face.is_unsure,
            "face_probability": face.face_probability,
        }
        shares = zip(face.label_set, face.probabilities, strict=True) if face.is_face else ()
        rows.append({**known, **dict(shares)})
    return rows


def prediction_of(row: Row, label_set: LabelSet) -> FacePrediction:
    """The face of a row, as it was answered; of what is not a face without its probabilities, which the row has not.

    Args:
        row: one with a face.
        label_set: the classes of the table.
    """
    is_face = row["label"] != NOT_A_FACE
    return FacePrediction(
        xyxy=(row["x1"], row["y1"], row["x2"], row["y2"]),
        detection_score=row["detection_score"],
        label_set=label_set,
        probabilities=tuple(row[label] if is_face else 1 / len(label_set) for label in label_set),
        face_probability=None if is_face else row["face_probability"],
        face_threshold=0.0 if is_face else 1.0,
        # The table holds what was decided, not where the line was drawn.
        unsure_below=1.0 if row["unsure"] else 0.0,
    )


def labels_of(schema: pa.Schema) -> LabelSet:
    """The classes of a table."""
    names = schema.names
    return LabelSet(tuple(names[names.index("face_probability") + 1 : names.index("error")]))


def error_row(picture: str, reason: str) -> Row:
    """The row of a picture that could not be read."""
    return {"picture": picture, "label": UNREADABLE, "error": reason}


def table_schema(labels: Iterable[str]) -> pa.Schema:
    """The columns: `picture, face, x1, y1, x2, y2, detection_score, label, confidence, unsure, face_probability`, the probability
    of each class, and `error`; what does not apply to a row is null.
    """
    import pyarrow as pa

    number = pa.float32()  # as the network answers, so that nothing is rounded
    return pa.schema(
        [
            ("picture", pa.string()),
            ("face", pa.int32()),
            *((name, number) for name in _NUMBERS),
            ("label", pa.string()),
            ("confidence", number),
            ("unsure", pa.bool_()),
            ("face_probability", number),
            *((label, number) for label in labels),
            ("error", pa.string()),
        ]
    )


def rows_table(rows: Iterable[Row], labels: Iterable[str]) -> pa.Table:
    """Rows as a table with the columns of `table_schema`."""
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema=table_schema(labels))


def table_bytes(table: pa.Table, suffix: str) -> bytes:
    """A table as a file's content, `.csv` or `.parquet`."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    write_tables([table], sink, table.schema, suffix)
    return bytes(sink.getvalue().to_pybytes())


def write_tables(tables: Iterable[pa.Table], target: Any, schema: pa.Schema, suffix: str) -> None:
    """Write tables one behind the other into a file or stream: `.csv`, or `.parquet` with a row group each."""
    import pyarrow.csv
    import pyarrow.parquet

    writer = pyarrow.csv.CSVWriter if suffix == ".csv" else pyarrow.parquet.ParquetWriter
    with writer(target, schema) as out:
        for table in tables:
            out.write_table(table)
