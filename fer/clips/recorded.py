"""What a camera's recording (`fer/inference/recorder.py`) becomes: a table, everything as JSON, and a clip with faces marked.

A recording is made a `Timeline` of what was shown meanwhile, and written as that of any clip; all in memory, as nothing of a
camera is put on disk.
"""

from __future__ import annotations

import csv
import io
import json

import cv2
import numpy as np

from fer.clips.exports import timeline_csv, timeline_values
from fer.clips.reading import ClipInfo
from fer.clips.samples import Reading
from fer.clips.timeline import Person, Timeline
from fer.clips.writing import VideoWriter
from fer.drawing import annotate_people
from fer.errors import DataError
from fer.inference.recorder import Recording
from fer.inference.shown_face import ShownFace

_NAME = "webcam"


def recorded_timeline(recording: Recording, reading: Reading, smoothing_s: float) -> Timeline:
    """Who showed what, as it was shown: people keep their numbers.

    Args:
        recording: with a frame at least.
        reading: by what the faces were read.
        smoothing_s: time constant of the smoothing while it was recorded, in seconds.

    Raises:
        DataError: nothing was recorded.
    """
    if not recording.frames:
        raise DataError("Nothing was recorded: no frame came while the recording was on.")
    times = np.array([frame.time_s for frame in recording.frames], np.float64)
    faces: dict[int, list[tuple[float, ShownFace]]] = {}
    for frame in recording.frames:
        for face in frame.faces:
            faces.setdefault(face.number, []).append((frame.time_s, face))
    people = [
        _person(number, seen, len(reading.label_set))
        for number, seen in sorted(faces.items())
        if any(face.is_face for _, face in seen)
    ]
    interval_s = float(np.median(np.diff(times))) if len(times) > 1 else 1 / 15
    info = ClipInfo(recording.seconds + interval_s, recording.resolution_wh, 1 / interval_s, "mjpeg", has_audio=False)
    return Timeline(_NAME, info, reading, smoothing_s, times, tuple(people))


def _person(number: int, seen: list[tuple[float, ShownFace]], classes: int) -> Person:
    faces = [face for _, face in seen]

    def numbers(values: list[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.array([np.nan if value is None else value for value in values], np.float32)

    return Person(
        number=number,
        times_s=np.array([time_s for time_s, _ in seen], np.float64),
        xyxy=np.array([face.xyxy for face in faces], np.float32),
        detection_score=numbers([face.detection_score for face in faces]),
        raw=np.array([face.raw for face in faces], np.float32).reshape(-1, classes),
        smoothed=np.array([face.probabilities for face in faces], np.float32),
        face_probability=numbers([face.face_probability for face in faces]),
        label_ids=np.array([face.label_id for face in faces], np.int16),
    )


def recorded_csv(timeline: Timeline, recording: Recording) -> str:
    """`timeline_csv` with a column more: `mark`, the number of the user's mark in the rows of the frame that was marked."""
    marks = {f"{round(time_s, 6)}": number for number, time_s in enumerate(recording.marks_s, start=1)}
    rows = csv.DictReader(io.StringIO(timeline_csv(timeline)))
    table = io.StringIO()
    writer = csv.DictWriter(table, [*(rows.fieldnames or ()), "mark"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "mark": marks.get(row["time_s"], "")} for row in rows)
    return table.getvalue()


def recorded_json(timeline: Timeline, recording: Recording) -> str:
    """`timeline_json` with the user's marks."""
    values = {**timeline_values(timeline), "marks_s": [round(time_s, 6) for time_s in recording.marks_s]}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def recorded_clip(timeline: Timeline, recording: Recording) -> bytes:
    """The recording with every face in its box, as it was seen live: an MP4 file."""
    file = io.BytesIO()
    with VideoWriter(file, recording.resolution_wh, timeline.info.frame_rate or 15.0) as video:
        for frame in recording.frames:
            encoded = cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
            video.write(frame.time_s, annotate_people(np.asarray(encoded, np.uint8), frame.faces))
    return file.getvalue()
