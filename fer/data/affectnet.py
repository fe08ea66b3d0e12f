"""AffectNet: `images/17.jpg` beside `annotations/17_exp.npy`, optionally below `train_set/` and `val_set/`.

Mollahosseini et al. 2017, "AffectNet" (https://arxiv.org/abs/1708.03985).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import PurePosixPath

import numpy as np

from fer.data.dataset import Problem
from fer.data.layouts import Row, split_of
from fer.data.sources import Source

# Expression number → label. 8 none, 9 uncertain and 10 no face of the full release are no classes.
_LABELS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
_SUFFIX = "_exp.npy"
_MAX_ANNOTATION_BYTES = 4096


def is_affectnet(sizes: Mapping[str, int]) -> bool:
    """Whether a tree has AffectNet's annotations of expressions."""
    return any(name.endswith(_SUFFIX) and "/annotations/" in f"/{name}" for name in sizes)


def read_annotations(source: Source, sizes: Mapping[str, int]) -> tuple[list[Row], list[Problem]]:
    """One row an annotated image, and what has no image, no annotation, or none of the eight expressions."""
    annotations = {name: _key(name, "annotations", _SUFFIX) for name in sizes if name.endswith(_SUFFIX)}
    pictures = {_key(name, "images", PurePosixPath(name).suffix): name for name in sizes if "/images/" in f"/{name}"}
    rows: list[Row] = []
    problems: list[Problem] = []
    labelled: set[str] = set()
    for name, stream in source.read(annotations):
        key = annotations[name]
        labelled.add(key)
        number = _number(stream.read(_MAX_ANNOTATION_BYTES))
        if number is None:
            problems.append(Problem(name, "is no annotation that can be read (expected one number)"))
        elif not 0 <= number < len(_LABELS):
            problems.append(Problem(name, f"expression {number} is none of the eight (0 neutral … 7 contempt)"))
        elif key not in pictures:
            problems.append(Problem(name, "has no image"))
        else:
            picture = pictures[key]
            rows.append(Row(picture, _LABELS[number], split_of(picture.split("/")[:-1])))
    problems += [Problem(name, "has no annotation") for key, name in pictures.items() if key not in labelled]
    return rows, problems


def _key(name: str, folder: str, suffix: str) -> str:
    """What an image and its annotation share: folder above and number."""
    head, _, file = f"/{name}".rpartition(f"/{folder}/")
    return f"{head}/{file.removesuffix(suffix)}"


def _number(data: bytes) -> int | None:
    try:
        return int(np.load(io.BytesIO(data), allow_pickle=False).reshape(-1)[0])
    except (ValueError, TypeError, EOFError, IndexError, OSError):
        return None
