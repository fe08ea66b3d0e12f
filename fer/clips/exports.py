"""A timeline as files to take home: a table (CSV), everything (JSON), and subtitles that any player shows (WebVTT)."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from fer.clips.moments import label_spells
from fer.clips.store import timeline_as_dict
from fer.clips.timeline import Person, Timeline
from fer.inference.recognizer import NOT_A_FACE
from fer.inference.shown_face import NOT_A_FACE_ID

# A cue ends later than it begins, in the milliseconds that are written.
_SHORTEST_CUE_S = 0.001


def timeline_csv(timeline: Timeline) -> str:
    """A row a person and frame: when, where, what is shown, and all probabilities, raw and smoothed.

    The label is that of the timeline, which waits until another is clearly ahead; confidence is its smoothed probability. Where
    it is not a face, what says something of its expression stays empty, so that no mean over a column counts it.
    """
    table = io.StringIO()
    rows = [row for person in timeline.people for row in frame_rows(timeline, person)]
    names = [*_row_names(timeline)]
    writer = csv.DictWriter(table, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()


def timeline_json(timeline: Timeline) -> str:
    """Everything: the clip, by what it was read, its people with all their frames, and the moments."""
    return json.dumps(timeline_values(timeline), indent=2, ensure_ascii=False) + "\n"


def timeline_values(timeline: Timeline) -> dict[str, Any]:
    """`timeline_json`, before it is text."""
    told = timeline_as_dict(timeline)
    for entry in told["people"]:
        rows = frame_rows(timeline, timeline.person(entry["person"]))
        entry["frames"] = [{key: value for key, value in row.items() if key != "person"} for row in rows]
    return told


def frame_rows(timeline: Timeline, person: Person) -> Iterator[dict[str, Any]]:
    """A row a frame of a person, with the columns of `timeline_csv`; None where there is no value."""
    labels = timeline.label_set
    affect = timeline.affect(person) if timeline.has_affect else None
    for i, time_s in enumerate(person.times_s.tolist()):
        label_id = int(person.label_ids[i])
        is_face = label_id != NOT_A_FACE_ID
        row: dict[str, Any] = {"person": person.number, "time_s": round(time_s, 6)}
        row |= {side: round(value, 1) for side, value in zip(("x1", "y1", "x2", "y2"), person.xyxy[i].tolist(), strict=True)}
        row["detection_score"] = _number(person.detection_score[i], 4)
        row["face_probability"] = _number(person.face_probability[i], 6)
        row["label"] = labels.names[label_id] if is_face else NOT_A_FACE
        row["confidence"] = _number(person.smoothed[i, label_id], 6) if is_face else None
        if affect is not None:
            row["valence_derived"] = _number(affect[i, 0], 4) if is_face else None
            row["arousal_derived"] = _number(affect[i, 1], 4) if is_face else None
        for kind, values in (("raw", person.raw), ("smoothed", person.smoothed)):
            row |= {f"{kind}_{label}": _number(values[i, k], 6) if is_face else None for k, label in enumerate(labels)}
        yield row


def timeline_vtt(timeline: Timeline) -> str:
    """Subtitles: who shows what, for as long as it is shown, with the mean probability over that time.

    Several people have a line each, in one cue: players move cues about that overlap. https://www.w3.org/TR/webvtt1/
    """
    to_come = sorted(run for person in timeline.people for run in _spoken(timeline, person))
    edges = sorted({edge for start, end, *_ in to_come for edge in (start, end)})
    to_come.reverse()
    going: list[tuple[float, float, int, str]] = []
    cues: list[tuple[float, float, str]] = []
    for start, end in pairwise(edges):
        going = [run for run in going if run[1] > start]
        while to_come and to_come[-1][0] == start:
            going.append(to_come.pop())
        lines = "\n".join(line for *_, line in sorted(going, key=lambda run: run[2]))
        if not lines or end - start < _SHORTEST_CUE_S:
            continue
        if cues and cues[-1][2] == lines and cues[-1][1] == start:
            cues[-1] = (cues[-1][0], end, lines)
        else:
            cues.append((start, end, lines))
    blocks = ["WEBVTT", *(f"{_clock(start)} --> {_clock(end)}\n{lines}" for start, end, lines in cues)]
    return "\n\n".join(blocks) + "\n"


def _spoken(timeline: Timeline, person: Person) -> Iterator[tuple[float, float, int, str]]:
    """From, to (in seconds), person and line of each label that a person shows."""
    labels = timeline.label_set
    who = f"Person {person.number}: " if len(timeline.people) > 1 else ""
    for spell in label_spells(timeline, person):
        label = labels.names[spell.label_id]
        share = float(person.smoothed[spell.first : spell.stop, spell.label_id].mean())
        line = f"{who}{labels.emoji(label)} {_escaped(label)} {100 * share:.0f} %"
        yield spell.from_s, spell.to_s, person.number, line


def _clock(seconds: float) -> str:
    """`01:02:03.456`."""
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _number(value: float, digits: int) -> float | None:
    return None if math.isnan(value) else round(float(value), digits)


def _row_names(timeline: Timeline) -> Iterator[str]:
    yield from ("person", "time_s", "x1", "y1", "x2", "y2", "detection_score", "face_probability", "label", "confidence")
    if timeline.has_affect:
        yield from ("valence_derived", "arousal_derived")
    yield from (f"{kind}_{label}" for kind in ("raw", "smoothed") for label in timeline.label_set)
