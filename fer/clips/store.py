"""A timeline on disk: `timeline.parquet` (a row a person and frame) beside `timeline.json` (all else, and the moments)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fer.clips.moments import baseline, find_moments
from fer.clips.reading import ClipInfo
from fer.clips.samples import Reading
from fer.clips.timeline import Person, Timeline
from fer.errors import RunError
from fer.files import replacing, write_json

FORMAT = 1
TIMELINE_JSON, TIMELINE_PARQUET = "timeline.json", "timeline.parquet"
_SIDES = ("x1", "y1", "x2", "y2")


def timeline_as_dict(timeline: Timeline) -> dict[str, Any]:
    """A timeline without its rows, as JSON-ready values: the clip, by what it was read, its people and moments."""
    return {
        "format": FORMAT,
        "name": timeline.name,
        "clip": timeline.info.as_dict(),
        "reading": timeline.reading.as_dict(),
        "smoothing_s": timeline.smoothing_s,
        "duration_s": timeline.duration_s,
        "is_whole": timeline.is_whole,
        "is_cut_short": timeline.cut_short,
        "frames_read": len(timeline.times_s),
        "people": [
            {
                "person": person.number,
                "from_s": float(person.times_s[0]),
                "to_s": float(person.times_s[-1]),
                "frames": len(person),
                "seen_s": timeline.seen_s(person),
                "shares": timeline.shares(person),
                "baseline": dict(zip(timeline.label_set, baseline(person).round(6).tolist(), strict=True)),
            }
            for person in timeline.people
        ],
        "moments": [moment.as_dict() for moment in find_moments(timeline)],
    }


def save_timeline(timeline: Timeline, folder: Path) -> None:
    """Write a timeline into a folder; the JSON comes last, and without it there is none.

    Raises:
        OSError: the folder cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    labels = timeline.label_set
    columns: dict[str, list[Any]] = {"person": [], "time_s": [], **{side: [] for side in _SIDES}}
    columns |= {name: [] for name in ("detection_score", "face_probability", "label_id")}
    columns |= {f"{kind}_{label}": [] for kind in ("raw", "smoothed") for label in labels}
    for person in timeline.people:
        columns["person"].append(np.full(len(person), person.number, np.int32))
        columns["time_s"].append(person.times_s)
        for side, values in zip(_SIDES, person.xyxy.T, strict=True):
            columns[side].append(values)
        columns["detection_score"].append(person.detection_score)
        columns["face_probability"].append(person.face_probability)
        columns["label_id"].append(person.label_ids)
        for kind, rows in (("raw", person.raw), ("smoothed", person.smoothed)):
            for label, values in zip(labels, rows.T, strict=True):
                columns[f"{kind}_{label}"].append(values)
    table = pa.table({name: np.concatenate(parts) if parts else np.zeros(0, np.float32) for name, parts in columns.items()})
    with replacing(folder / TIMELINE_PARQUET) as beside:
        parquet.write_table(table, beside)
    write_json(folder / TIMELINE_JSON, {**timeline_as_dict(timeline), "times_s": timeline.times_s.tolist()})


def load_timeline(folder: Path) -> Timeline:
    """Read a timeline back.

    Raises:
        RunError: there is none, or it is damaged.
    """
    from pyarrow import ArrowException, parquet

    try:
        told = json.loads((folder / TIMELINE_JSON).read_text(encoding="utf-8"))
        table = parquet.read_table(folder / TIMELINE_PARQUET)
        rows = {name: table[name].to_numpy() for name in table.column_names}
        reading = Reading.from_dict(told["reading"])
        return Timeline(
            name=told["name"],
            info=ClipInfo.from_dict(told["clip"]),
            reading=reading,
            smoothing_s=told["smoothing_s"],
            times_s=np.array(told["times_s"], np.float64),
            people=tuple(_person(rows, number["person"], reading) for number in told["people"]),
            is_whole=told["is_whole"],
        )
    except (OSError, ValueError, KeyError, TypeError, ArrowException) as error:
        raise RunError(f"The timeline in {folder} is missing or damaged. Read the clip again.") from error


def _person(rows: dict[str, Any], number: int, reading: Reading) -> Person:
    mine = rows["person"] == number

    def table(names: list[str]) -> Any:
        return np.stack([rows[name][mine] for name in names], axis=1).astype(np.float32)

    return Person(
        number=number,
        times_s=rows["time_s"][mine].astype(np.float64),
        xyxy=table(list(_SIDES)),
        detection_score=rows["detection_score"][mine].astype(np.float32),
        raw=table([f"raw_{label}" for label in reading.label_set]),
        smoothed=table([f"smoothed_{label}" for label in reading.label_set]),
        face_probability=rows["face_probability"][mine].astype(np.float32),
        label_ids=rows["label_id"][mine].astype(np.int16),
    )
