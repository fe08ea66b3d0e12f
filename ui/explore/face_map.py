"""The map of the Explore page as a component of ours: what the browser is given, and the selection that it gives back.

Points, colours and names go as one run of bytes, and the thumbnails as another, once: then zoom, hover, filter and lasso need no
answer of the server. Only a finished selection is sent back, a bit for each face. `face_map.js` has the browser's half.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.labels import FER8, VOTE_COLUMNS
from fer.quality.projection import FaceMap
from fer.quality.thumbnails import COLUMNS, Thumbnails

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "fer_face_map",
    html='<div class="face-map"></div>',
    css=(_HERE / "face_map.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / f"face_map{part}.js").read_text(encoding="utf-8") for part in ("", "_pictures", "_points")),
)
_MOST = 65535  # places are uint16


@dataclass(frozen=True)
class Kind:
    """One class of a colouring: `happy`, `validation`, `dropped`."""

    name: str
    colour: str  # hex, as WebGL wants it
    emoji: str = ""


@dataclass(frozen=True, eq=False)
class Colouring:
    """A way to colour the points, and to filter them.

    Args:
        name: what the program calls it.
        title: what the choice of colours says.
        classes: at most 256.
        codes: uint8 (M,), the class of each point of the map.
        words: how a fact about one face begins (`labelled`); empty where the card does not tell it.
        none: the class of which the card says nothing, where there is one; the others are said after the title.
    """

    name: str
    title: str
    classes: Sequence[Kind]
    codes: NDArray[np.uint8]
    words: str = ""
    none: int | None = None


def thumbnails_payload(pictures: Thumbnails, identity: str) -> bytes:
    """What the browser is given of the thumbnails, for the map of this identity."""
    header = {
        "kind": "thumbnails",
        "id": identity,
        "side": pictures.side,
        "columns": COLUMNS,
        "ends": pictures.ends.tolist(),
    }
    return packed(header, {"sheets": pictures.sheets})


def map_payload(dataset: Dataset, drawn: FaceMap, identity: str, colourings: Sequence[Colouring]) -> bytes:
    """What the browser is given of a map, without the thumbnails.

    Args:
        dataset: the one that was drawn.
        drawn: its map.
        identity: of the map and its thumbnails; a selection made on another is not taken for one on this.
        colourings: ways to colour it, the first to begin with.
    """
    points = drawn.points - drawn.points.min(axis=0, initial=np.inf) if len(drawn) else drawn.points
    extent = points.max(axis=0) if len(drawn) else np.zeros(2)
    scale = float(extent.max()) or 1.0
    chosen = dataset.select(drawn.rows)
    header = {
        "kind": "map",
        "id": identity,
        "extent": (extent / scale).tolist(),
        "modes": [
            {
                "name": way.name,
                "title": way.title,
                "classes": [asdict(kind) for kind in way.classes],
                "quiet": way.title if way.none is not None else "",
                "none": way.none,
            }
            for way in colourings
        ],
        "facts": [{"mode": way.name, "words": way.words} for way in colourings if way.words],
        "votes": None if chosen.votes is None else [_vote_words(column) for column in VOTE_COLUMNS],
    }
    sections: dict[str, NDArray[Any]] = {
        "places": np.round(points * (_MOST / scale)).astype("<u2"),
        "confidence": np.round(drawn.confidence * 255).astype(np.uint8),
        # A name with a line break in it must not shift the others.
        "names": _bytes("\n".join(name.replace("\n", " ") for name in chosen.names.tolist())),
        **{way.name: way.codes.astype(np.uint8) for way in colourings},
    }
    if chosen.votes is not None:
        sections["votes"] = chosen.votes
    return packed(header, sections)


def packed(header: Mapping[str, Any], sections: Mapping[str, NDArray[Any]]) -> bytes:
    """A JSON header, after its length, and the bytes of arrays; the header says where each begins and ends."""
    parts = [np.ascontiguousarray(array).tobytes() for array in sections.values()]
    ends = np.cumsum([len(part) for part in parts]).tolist()
    places = {name: [end - len(part), end] for name, part, end in zip(sections, parts, ends, strict=True)}
    text = json.dumps({**header, "sections": places}).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *parts])


def draw_thumbnails(payload: bytes, key: str) -> None:
    """Hand the thumbnails to the browser; nothing is seen."""
    _component(data=payload, key=key)


def draw_face_map(payload: bytes, drawn: FaceMap, identity: str, key: str) -> NDArray[np.intp]:
    """Draw the map.

    Returns:
        the selected rows of the dataset, ascending; none where nothing is selected.
    """
    answer = _component(data=payload, key=key, default={"selection": None}, on_selection_change=lambda: None)
    return selected_rows(answer.selection, drawn, identity)


def selected_rows(selection: object, drawn: FaceMap, identity: str) -> NDArray[np.intp]:
    """Rows of the dataset that a browser has selected on a map; none where it answers about another map, or nonsense."""
    nothing = np.zeros(0, np.intp)
    if not isinstance(selection, Mapping) or selection.get("map") != identity:
        return nothing
    try:
        bits = np.frombuffer(base64.b64decode(str(selection.get("bits")), validate=True), np.uint8)
    except (binascii.Error, ValueError):
        return nothing
    if len(bits) != -(-len(drawn) // 8):
        return nothing
    chosen = np.unpackbits(bits, count=len(drawn)).astype(bool)
    return np.sort(drawn.rows[chosen]).astype(np.intp)


def _bytes(text: str) -> NDArray[np.uint8]:
    # Names of files on disk need not be UTF-8.
    return np.frombuffer(text.encode("utf-8", errors="replace"), np.uint8)


def _vote_words(column: str) -> str:
    return column if column in FER8 else column.replace("_", " ")
