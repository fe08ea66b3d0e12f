"""All faces of all pictures as tiles, in an order to choose; a click on one shows its answer."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import streamlit as st

from fer.inference.recognizer import FacePrediction
from ui.choice import choose_way
from ui.predict.answers import Answer
from ui.predict.faces import face_card, from_left
from ui.tiles import Tile, tile_grid
from ui.words import counted, percent, plain

_PER_PAGE = 48
_Place = tuple[Answer, int]  # a face: where it is, and which of them


def _confidence(face: FacePrediction) -> float:
    return face.confidence if face.is_face else -1.0  # what is not a face comes last


# What is not here keeps its place: picture by picture, from left to right.
_ORDERS: Mapping[str, Callable[[FacePrediction], object]] = MappingProxyType(
    {
        "By place": lambda face: 0,
        "By emotion": lambda face: (
            not face.is_face,
            face.label_set.label_id(face.label) if face.is_face else 0,
            -_confidence(face),
        ),
        "Surest first": lambda face: -_confidence(face),
        "Least sure first": lambda face: (not face.is_face, _confidence(face)),
    }
)


def face_gallery(answers: Sequence[Answer]) -> None:
    """The tiles, a page at a time."""
    places = sorted_faces(answers, choose_way("Order", list(_ORDERS), key="predict_order"))
    pages = -(-len(places) // _PER_PAGE)
    grid, foot = st.container(), st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    with foot:
        st.caption(counted(len(places), "face"), width="content")
        page = st.pagination(pages, key="predict_face_page") if pages > 1 else 1
    shown = range((page - 1) * _PER_PAGE, min(page * _PER_PAGE, len(places)))
    with grid:
        opened = tile_grid([_tile(number, *places[number]) for number in shown], key="predict_faces")
    if opened is not None and opened in shown:
        _enlarge(*places[opened])


def sorted_faces(answers: Sequence[Answer], order: str) -> list[_Place]:
    """Every face of the answers, in one of the orders."""
    places = [(answer, i) for answer in answers for i in from_left(answer.predictions)]
    return sorted(places, key=lambda place: _ORDERS[order](place[0].predictions[place[1]]))  # type: ignore[arg-type, return-value]


def _tile(number: int, answer: Answer, i: int) -> Tile:
    face = answer.predictions[i]
    words = f"{face.label} {percent(face.confidence, 0)}" if face.is_face else face.label
    emoji = f"{face.label_set.emoji(face.label)} " if face.is_face else ""
    name = answer.picture.name
    source = f"data:image/jpeg;base64,{base64.b64encode(answer.crops[i]).decode()}"
    return Tile(number, f"{words}, {name}", emoji + words, f"unsure · {name}" if face.is_unsure else name, source)


@st.dialog("Face", width="medium")
def _enlarge(answer: Answer, i: int) -> None:
    left, top, right, bottom = (round(side) for side in answer.predictions[i].xyxy)
    st.caption(f"{plain(answer.picture.name)}, {right - left} × {bottom - top} pixels at {left}, {top}")
    face_card(answer, i, "The face", width=160)
