"""Pictures and their answers on Predict: reading, recognising and annotating, kept for as long as the page shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.boxes import crop_faces, square_xyxy
from fer.drawing import annotate
from fer.errors import FerError
from fer.images import read_image
from fer.inference.recognizer import FacePrediction, Recognizer
from ui.predict.options import Options

# Longest side of what is sent to the browser; the download has every pixel.
_SHOWN_SIDE = 1600
_LEGIBLE_SIDE = 400
_CROP_SIDE = 160
_CROP_SCALE = 1.3  # detectors' boxes hug the face; people know each other by hair and chin too


@dataclass(frozen=True)
class Picture:
    """One picture as it came: a file's name and its bytes."""

    name: str
    content: bytes

    @cached_property
    def digest(self) -> str:
        """Hash of name and content, hex."""
        return hashlib.sha256(self.name.encode() + b"\0" + self.content).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What is known of one picture under one set of options.

    Args:
        picture: what was asked about.
        predictions: faces; empty where none was found, and where the picture is broken.
        shown: the annotated picture as JPEG, at most 1600 pixels a side; empty where the picture is broken.
        crops: a face crop each, as JPEG.
        resolution_wh: of the picture itself, in pixels.
        seconds: time that detection and classification took, without decoding.
        whole_image: whether the picture was taken as one face.
        error: why there is no answer, in words; None where there is one.
    """

    picture: Picture
    predictions: tuple[FacePrediction, ...] = ()
    shown: bytes = b""
    crops: tuple[bytes, ...] = ()
    resolution_wh: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    whole_image: bool = False
    error: str | None = None


def answer_pictures(pictures: Sequence[Picture], recognizer: Recognizer, options: Options, *, keep: str) -> list[Answer]:
    """Answers in the order of the pictures, each worked out once a session; those no longer shown are forgotten.

    Args:
        pictures: what to read.
        recognizer: made for `options.detector`.
        options: how to read them; a picture's own switch (`whole_image_key`) adds to it.
        keep: session key under which the answers are kept.
    """
    known: dict[tuple[object, ...], Answer] = st.session_state.get(keep, {})
    model = recognizer.bundle.sha256
    answers: dict[tuple[object, ...], Answer] = {}
    bar = st.empty()
    for done, picture in enumerate(pictures):
        whole = options.whole_image or bool(st.session_state.get(whole_image_key(picture)))
        key = (picture.digest, model, options.detector, options.head, whole)
        if key not in known and len(pictures) > 1:
            bar.progress(done / len(pictures), f"Reading {picture.name}")
        answers[key] = known.get(key) or answer_picture(picture, recognizer, head=options.head, whole_image=whole)
    bar.empty()
    # Kept in the session, not in a cache of the server: pictures of people go when their owner's tab goes.
    st.session_state[keep] = answers
    return list(answers.values())


def whole_image_key(picture: Picture) -> str:
    """Session key of the switch that takes this one picture as a face."""
    return f"whole_image_{picture.digest[:16]}"


def answer_picture(picture: Picture, recognizer: Recognizer, *, head: str | None, whole_image: bool) -> Answer:
    """Read one picture; a failure becomes the answer's `error`."""
    try:
        image = read_image(picture.content)
        started = perf_counter()
        predictions = recognizer.predict(image, whole_image=whole_image, head=head)
        seconds = perf_counter() - started
    except FerError as error:
        return Answer(picture, whole_image=whole_image, error=str(error))
    crops = crop_faces(image, square_xyxy([prediction.xyxy for prediction in predictions], _CROP_SCALE))
    return Answer(
        picture=picture,
        predictions=predictions,
        shown=_encode(_shrink(_annotate_legibly(image, predictions), _SHOWN_SIDE), ".jpg"),
        crops=tuple(_encode(_shrink(crop, _CROP_SIDE), ".jpg") for crop in crops),
        resolution_wh=(image.shape[1], image.shape[0]),
        seconds=seconds,
        whole_image=whole_image,
    )


def annotated_png(answer: Answer) -> bytes:
    """The annotated picture in its full resolution, as PNG.

    Raises:
        ImageError: the picture is broken.
    """
    return _encode(annotate(read_image(answer.picture.content), answer.predictions), ".png")


def _annotate_legibly(image: NDArray[np.uint8], predictions: tuple[FacePrediction, ...]) -> NDArray[np.uint8]:
    """Annotate; a very small picture is enlarged first, or its plates would be a smear of pixels in the browser."""
    factor = -(-_LEGIBLE_SIDE // max(image.shape[:2]))
    if factor > 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
        predictions = tuple(replace(face, xyxy=tuple(factor * side for side in face.xyxy)) for face in predictions)
    return annotate(image, predictions)


def _shrink(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    factor = side / max(image.shape[:2])
    if factor >= 1:
        return image
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _encode(image: NDArray[np.uint8], suffix: str) -> bytes:
    _, encoded = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()
