"""`predict_folder`: thousands of pictures to one table, in constant memory; stopped and asked for again, it goes on.

Pictures are decoded, searched and classified by two threads and answered in their order. Faces are not put together into batches
across pictures: on a processor the network takes as long for a face of a batch as for a face alone.
"""

from __future__ import annotations

import time
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fer.data.archives import TarSource
from fer.data.sources import Source, failures_in_words
from fer.detection import MIN_FACE_SIZE
from fer.errors import DataError, ImageError, SettingsError
from fer.folders.parts import Parts, open_parts
from fer.folders.pictures import PicturePlace, Pictures, open_pictures
from fer.folders.table import TABLE_SUFFIXES, FolderSummary, Row, answer_rows, error_row, table_schema
from fer.images import MAX_IMAGE_BYTES, read_image
from fer.inference.recognizer import FacePrediction, Recognizer

Progress = Callable[[str, float], None]
_Predict = Callable[[NDArray[np.uint8]], Sequence[FacePrediction]]

_WORKERS = 2
# How far reading runs ahead of answering: enough to keep the workers busy, and little memory.
_AHEAD = 2 * _WORKERS
# A part is written after so many rows, or seconds: what a kill can cost.
_PART_ROWS, _PART_S = 500, 10.0


def predict_folder(
    place: PicturePlace,
    recognizer: Recognizer,
    out: str | Path,
    *,
    head: str | None = None,
    whole_image: bool = False,
    min_size: int = MIN_FACE_SIZE,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> FolderSummary:
    """Read the faces of all pictures of a folder, an archive or a list into a table.

    A run that was stopped (by an exception of `progress`, Ctrl-C, or a kill) is gone on with by the same call, and makes the same
    table as one that was not. The pictures are only read.

    Args:
        place: a folder, with those below it; a ZIP or tar; or paths of pictures.
        recognizer: the model and the face detector.
        out: the table, `.csv` or `.parquet`: a row a face, and a row for a picture without one or that could not be read, with
            the reason (`fer.folders.table.table_schema` names the columns).
        head: name of the model's head that answers; None for its default.
        whole_image: take every picture for one face crop.
        min_size: leave out faces narrower than this many pixels.
        overwrite: replace a table that is there, and parts that were begun with other settings.
        progress: called with what is being done and the fraction done, 0…1; what it raises stops the run.

    Raises:
        DataError: the pictures cannot be found, the table is there already or cannot be written, or was begun otherwise.
        SettingsError: the table's name ends otherwise.
        BundleError: there is no such head.
        DetectionError: the recognizer has no face detector, and `whole_image` is off.
    """
    target = Path(out).expanduser()
    _check_target(target, overwrite=overwrite)
    schema = table_schema(recognizer.bundle.head(head).label_set)
    report = progress or (lambda _what, _share: None)
    report("Looking at the files", 0.0)
    pictures = open_pictures(place)
    request = _request(recognizer, head, whole_image=whole_image, min_size=min_size) | {"pictures": pictures.fingerprint}
    predict = partial(recognizer.predict, head=head, whole_image=whole_image, min_size=min_size)
    with (
        closing(pictures.source),
        open_parts(target, schema, request, overwrite=overwrite) as parts,
        failures_in_words(pictures.source.title),
    ):
        _fill(parts, pictures, predict, report)
        n, labels = parts.join()
    return FolderSummary.of(target, n, labels, others=pictures.others)


def _check_target(target: Path, *, overwrite: bool) -> None:
    if target.suffix.lower() not in TABLE_SUFFIXES:
        raise SettingsError(f"A table ends in {' or '.join(TABLE_SUFFIXES)}. Received: {target.name}")
    if target.is_dir() or (target.exists() and not overwrite):
        raise DataError(f"{target} is there already. Name another file, or overwrite it.")


def _request(recognizer: Recognizer, head: str | None, *, whole_image: bool, min_size: int) -> dict[str, Any]:
    """All that an answer depends on, besides the picture."""
    return {
        "model": recognizer.bundle.sha256,
        "head": recognizer.bundle.head(head).name,
        "detector": recognizer.detector.name if recognizer.detector and not whole_image else None,
        "smallest_face": None if whole_image else min_size,
        "threshold": recognizer.unsure_below(head),
    }


def _fill(parts: Parts, pictures: Pictures, predict: _Predict, report: Progress) -> None:
    """Answer the pictures that are not answered yet; what is answered is kept, whatever happens."""
    done = parts.pictures()
    wanted = [name for name in pictures.names if name not in done]
    rows: list[Row] = []
    since, count = time.monotonic(), len(done)
    try:
        with closing(_answers(pictures.source, wanted, predict)) as answers:
            for answer in answers:
                rows += answer
                count += 1
                if len(rows) >= _PART_ROWS or time.monotonic() - since > _PART_S:
                    # Let go of first: a Ctrl-C in between must not let them be written twice.
                    part, rows, since = rows, [], time.monotonic()
                    parts.add(part)
                report("Reading pictures", count / len(pictures.names))
    finally:
        if rows:
            parts.add(rows)


def _answers(source: Source, names: Sequence[str], predict: _Predict) -> Generator[list[Row]]:
    """The rows of each picture, in the order in which the source reads them."""
    waiting: deque[Future[list[Row]]] = deque()
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="pictures") as workers:
        try:
            for name, stream in source.read(names):
                waiting.append(workers.submit(_answer, name, _content(source, stream), predict))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _content(source: Source, stream: BinaryIO) -> bytes | ImageError:
    """A picture's bytes, or why they cannot be had."""
    try:
        return stream.read(MAX_IMAGE_BYTES + 1)
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(source, TarSource):  # one that breaks off here is damaged as a whole
            raise
        return ImageError(f"The file cannot be read: {getattr(error, 'strerror', None) or error}")


def _answer(name: str, content: bytes | ImageError, predict: _Predict) -> list[Row]:
    try:
        if isinstance(content, ImageError):
            raise content
        return answer_rows(name, predict(read_image(content)))
    except ImageError as error:
        return [error_row(name, str(error))]
