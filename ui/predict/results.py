"""The answers on Predict, drawn: figures over all pictures, then every picture with its faces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median

import streamlit as st

from fer.errors import ImageError
from fer.inference.recognizer import NOT_A_FACE, Recognizer
from ui.predict.answers import Answer, whole_image_key
from ui.predict.faces import face_cards, faces_of
from ui.predict.why import draw_why
from ui.words import count, counted, percent, plain, show_error

_PICTURES_A_PAGE = 6
_PICTURE_HEIGHT, _PICTURE_WIDTH = 560, 240  # at most, at least; in the browser's pixels
_CARDS_BESIDE = 2  # so many cards are as high as a picture; more go below it


def figures(answers: Sequence[Answer]) -> None:
    """A row of figures over all pictures."""
    faces = [face for answer in answers for face in faces_of(answer.predictions)]
    commonest = Counter((face.label_set.emoji(face.label), face.label) for face in faces).most_common(1)
    with st.grid(5, min_column_width=130):
        st.metric("Faces", count(len(faces)), border=True)
        st.metric("Pictures", count(len(answers)), border=True)
        st.metric("Most frequent", " ".join(commonest[0][0]) if commonest else "–", border=True)
        st.metric("Mean confidence", percent(fmean(face.confidence for face in faces), 0) if faces else "–", border=True)
        models = next((answer.models for answer in answers if len(answer.models) > 1), None)
        if models:
            _agreement(answers, models)
        else:
            _pace(answers)


def _agreement(answers: Sequence[Answer], models: Sequence[str]) -> None:
    found = sum(len(answer.predictions) for answer in answers)
    same = found - sum(answer.differing for answer in answers)
    st.metric(
        "Same answer", f"{same} of {found}" if found else "–", border=True, help=f"{models[0]} and {models[1]}, face by face."
    )


def _pace(answers: Sequence[Answer]) -> None:
    seconds = [answer.seconds for answer in answers if answer.error is None]
    st.metric(
        "Time a picture",
        f"{1000 * median(seconds):.0f} ms" if seconds else "–",
        border=True,
        help="Finding the faces and reading them, on this machine; median over the pictures.",
    )


def results(answers: Sequence[Answer], recognizer: Recognizer) -> None:
    """Every picture, a few a page, and why its faces got their answers."""
    pages = -(-len(answers) // _PICTURES_A_PAGE)
    page = st.pagination(pages, key="predict_page") if pages > 1 else 1
    for answer in answers[(page - 1) * _PICTURES_A_PAGE : page * _PICTURES_A_PAGE]:
        with st.container(border=True):
            _result(answer)
            if faces_of(answer.predictions) and not answer.is_blurred:
                draw_why(answer, recognizer)


def _result(answer: Answer) -> None:
    if answer.error is not None:
        st.markdown(f"**{plain(answer.picture.name)}**")
        show_error(ImageError(answer.error))
        return
    width, height = answer.resolution_wh
    faces = len(faces_of(answer.predictions))
    refused = len(answer.predictions) - faces
    found = "taken as one face" if answer.whole_image else counted(faces, "face")
    if refused:
        found += f" · {NOT_A_FACE}" if answer.whole_image else f" · {refused} {NOT_A_FACE}"
    if answer.differing:
        found += f" · the models differ on {answer.differing}"
    st.markdown(f"**{plain(answer.picture.name)}** · {width} × {height} · {found}")
    beside = len(answer.predictions) <= _CARDS_BESIDE
    picture, words = st.columns([3, 2], gap="medium") if beside else (st.container(horizontal_alignment="center"), st.container())
    # As wide as there is room, unless it would fill the screen from top to bottom.
    picture.image(answer.shown, width=max(_PICTURE_WIDTH, round(_PICTURE_HEIGHT * width / height)), alt=_description(answer))
    with words:
        if answer.predictions:
            face_cards(answer)
        lost = not faces and not answer.whole_image
        if lost:
            _no_face()
        if lost or st.session_state.get(whole_image_key(answer.picture)):
            st.toggle("Take the whole picture as one face", key=whole_image_key(answer.picture))


def _no_face() -> None:
    st.info("No face found.", icon=":material/face_retouching_off:")
    st.markdown(
        "What helps:\n\n"
        "- a picture in which the face is larger (24 pixels wide at least), upright and not covered;\n"
        "- another face detector, under *Options*;\n"
        "- where the picture is cropped to a face already, the switch below."
    )


def _description(answer: Answer) -> str:
    """The answer as a sentence, for those who do not see the picture."""
    named = (f"{face.label} {percent(face.confidence, 0)}" if face.is_face else face.label for face in answer.predictions)
    return f"{answer.picture.name}: {', '.join(named) or 'no face found'}"
