"""What is read from a clip, frame by frame: `Sample`, and the file that it is kept in while the reading goes on.

    samples.jsonl      a line that says by what the clip is read (`Reading`), then a line a frame

A reading that was interrupted goes on after the last whole line. Everything else (who is who, smoothing, moments) is worked out
from these in an instant, by `fer/clips/timeline.py`.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer.clips.reading import Frame, OpenClip
from fer.clips.settings import ClipSettings
from fer.errors import RunError
from fer.files import read_json_lines
from fer.inference.recognizer import FacePrediction
from fer.labels import LabelSet

if TYPE_CHECKING:
    from fer.inference.recognizer import Recognizer

# Frames that are looked at at once: each waits for its own detector and network, and a third keeps two cores busy in between.
_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """By what the faces of a clip are read; a reading that was interrupted goes on only with the same.

    Args:
        model: name of the bundle.
        model_sha256: of its content.
        head: name of its head that answers.
        label_set: the classes.
        detector: name of the face detector.
        min_size: faces narrower than this many pixels are left out.
        rate: frames a second; None for every one.
        unsure_below: of less confidence, a label is a guess.
        face_threshold: below this probability it is not a face; 0 where the model cannot tell.
    """

    model: str
    model_sha256: str
    head: str
    label_set: LabelSet
    detector: str
    min_size: int
    rate: float | None
    unsure_below: float
    face_threshold: float

    @classmethod
    def of(cls, recognizer: Recognizer, settings: ClipSettings) -> Reading:
        """The reading that a recognizer makes under these settings.

        Raises:
            BundleError: the model has no such head.
        """
        bundle, detector = recognizer.bundle, recognizer.detector
        head = bundle.head(settings.head)
        return cls(
            model=bundle.name,
            model_sha256=bundle.sha256,
            head=head.name,
            label_set=head.label_set,
            detector=detector.name if detector else "",
            min_size=settings.min_size,
            rate=settings.rate,
            unsure_below=recognizer.unsure_below(settings.head),
            face_threshold=bundle.face.threshold if bundle.face else 0.0,
        )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Reading:
        return cls(**{**values, "label_set": LabelSet(tuple(values["label_set"]))})

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "label_set": list(self.label_set)}


@dataclass(frozen=True, slots=True)
class Sample:
    """The faces of one frame.

    Args:
        time_s: of the frame, in seconds from the clip's beginning.
        predictions: as `Recognizer.predict` gives them.
    """

    time_s: float
    predictions: tuple[FacePrediction, ...]

    def as_dict(self) -> dict[str, Any]:
        faces = [
            {
                "xyxy": [round(side, 2) for side in face.xyxy],
                "score": face.detection_score,
                "probabilities": [round(share, 7) for share in face.probabilities],
                "face_probability": face.face_probability,
            }
            for face in self.predictions
        ]
        return {"time": self.time_s, "faces": faces}  # not rounded: a reading goes on after exactly this frame

    @classmethod
    def from_dict(cls, values: dict[str, Any], reading: Reading) -> Sample:
        predictions = tuple(
            FacePrediction(
                xyxy=tuple(face["xyxy"]),
                detection_score=face["score"],
                label_set=reading.label_set,
                probabilities=tuple(face["probabilities"]),
                face_probability=face["face_probability"],
                face_threshold=reading.face_threshold,
                unsure_below=reading.unsure_below,
            )
            for face in values["faces"]
        )
        return cls(values["time"], predictions)


def read_samples(
    clip: OpenClip, recognizer: Recognizer, settings: ClipSettings, *, after_s: float | None = None
) -> Iterator[Sample]:
    """Find and read the faces of a clip's frames, several at once; they come in the order of time.

    Args:
        clip: open.
        recognizer: of the model and the detector that `settings` name.
        settings: how often, and which head answers.
        after_s: only frames that are later than this.

    Raises:
        ClipError: not a single frame can be decoded.
    """

    def read(frame: Frame) -> Sample:
        return Sample(frame.time_s, recognizer.predict(frame.image, head=settings.head, min_size=settings.min_size))

    waiting: deque[Future[Sample]] = deque()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for frame in clip.frames(settings.rate, after_s=after_s):
            waiting.append(pool.submit(read, frame))
            if len(waiting) > _AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def load_samples(path: Path) -> tuple[Reading, list[Sample]]:
    """What was kept in a file so far; an unfinished last line is left out.

    Raises:
        RunError: there is none, or it is damaged.
    """
    rows = read_json_lines(path)
    try:
        reading = Reading.from_dict(rows[0]["reading"])
        return reading, [Sample.from_dict(row, reading) for row in rows[1:]]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"Cannot read {path}: it is missing or damaged. Read the clip again.") from error


@contextmanager
def keeping_samples(path: Path, reading: Reading) -> Iterator[tuple[list[Sample], Callable[[Sample], None]]]:
    """Go on with a file of samples; begin anew where there is none, or where it was read by something else.

    Yields:
        the samples that it holds already, and what appends one.
    """
    known: list[Sample] = []
    if path.is_file():
        try:
            earlier, known = load_samples(path)
        except RunError:
            earlier = None
        if earlier == reading:
            _cut_unfinished_line(path)
        else:
            known = []
            path.unlink()
    with path.open("a", encoding="utf-8", buffering=1) as file:  # a line at a time, for those who watch
        if not file.tell():
            file.write(json.dumps({"reading": reading.as_dict()}) + "\n")
        yield known, lambda sample: _write(file.write, sample)


def _write(write: Callable[[str], int], sample: Sample) -> None:
    write(json.dumps(sample.as_dict()) + "\n")


def _cut_unfinished_line(path: Path) -> None:
    whole = path.read_bytes().rfind(b"\n") + 1
    os.truncate(path, whole)
