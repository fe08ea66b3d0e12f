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
from fer.bundles import Bundle, Head
from fer.drawing import annotate, blur_faces
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
        is_blurred: whether faces are unrecognisable in `shown` and `crops`.
        models: names of the model that answered, and of the second one where there is one.
        second: what the second model says of the same faces.
        error: why there is no answer, in words; None where there is one.
    """

    picture: Picture
    predictions: tuple[FacePrediction, ...] = ()
    shown: bytes = b""
    crops: tuple[bytes, ...] = ()
    resolution_wh: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    whole_image: bool = False
    is_blurred: bool = False
    models: tuple[str, ...] = ()
    second: tuple[FacePrediction, ...] = ()
    error: str | None = None

    @property
    def differing(self) -> int:
        """How many faces the two models give different labels."""
        pairs = zip(self.predictions, self.second, strict=False)  # there may be no second model
        return sum(first.label != second.label for first, second in pairs)


def answer_pictures(
    pictures: Sequence[Picture], recognizer: Recognizer, options: Options, *, keep: str, rival: Recognizer | None = None
) -> list[Answer]:
    """Answers in the order of the pictures, each worked out once a session; those no longer shown are forgotten.

    Args:
        pictures: what to read.
        recognizer: made for `options.detector`.
        options: how to read them; a picture's own switch (`whole_image_key`) adds to it.
        keep: session key under which the answers are kept.
        rival: the second model, where there is one.
    """
    known: dict[tuple[object, ...], Answer] = st.session_state.get(keep, {})
    models = recognizer.bundle.sha256, rival and rival.bundle.sha256
    answers: dict[tuple[object, ...], Answer] = {}
    bar = st.empty()
    for done, picture in enumerate(pictures):
        whole = options.whole_image or bool(st.session_state.get(whole_image_key(picture)))
        asked = replace(options, whole_image=whole)
        key = (picture.digest, models, asked)
        if key not in known and len(pictures) > 1:
            bar.progress(done / len(pictures), f"Reading {picture.name}")
        answers[key] = known.get(key) or answer_picture(picture, recognizer, asked, rival=rival)
    bar.empty()
    # Kept in the session, not in a cache of the server: pictures of people go when their owner's tab goes.
    st.session_state[keep] = answers
    return list(answers.values())


def whole_image_key(picture: Picture) -> str:
    """Session key of the switch that takes this one picture as a face."""
    return f"whole_image_{picture.digest[:16]}"


def answer_picture(picture: Picture, recognizer: Recognizer, options: Options, *, rival: Recognizer | None = None) -> Answer:
    """Read one picture; a failure becomes the answer's `error`."""
    try:
        image = read_image(picture.content)
        started = perf_counter()
        predictions, second = _read_faces(image, recognizer, rival, options)
        seconds = perf_counter() - started
    except FerError as error:
        return Answer(picture, whole_image=options.whole_image, error=str(error))
    resolution_wh = (image.shape[1], image.shape[0])
    if options.blur:
        image = blur_faces(image, predictions)
    crops = crop_faces(image, square_xyxy([prediction.xyxy for prediction in predictions], _CROP_SCALE))
    return Answer(
        picture=picture,
        predictions=predictions,
        shown=_encode(_shrink(_annotate_legibly(image, predictions), _SHOWN_SIDE), ".jpg"),
        crops=tuple(_encode(_shrink(crop, _CROP_SIDE), ".jpg") for crop in crops),
        resolution_wh=resolution_wh,
        seconds=seconds,
        whole_image=options.whole_image,
        is_blurred=options.blur,
        models=(recognizer.bundle.name, rival.bundle.name) if rival else (recognizer.bundle.name,),
        second=second,
    )


def _read_faces(
    image: NDArray[np.uint8], recognizer: Recognizer, rival: Recognizer | None, options: Options
) -> tuple[tuple[FacePrediction, ...], tuple[FacePrediction, ...]]:
    """What each model says of the same faces; of one that is not there, nothing."""
    head = options.head
    rivals = _like_head(rival.bundle, recognizer.bundle.head(head)) if rival else None
    if options.whole_image or recognizer.detector is None:
        first = recognizer.predict(image, whole_image=options.whole_image, head=head)
        return first, rival.predict(image, whole_image=True, head=rivals) if rival else ()
    faces = recognizer.detector.detect(image, min_size=options.min_size)
    return recognizer.read(image, faces, head=head), rival.read(image, faces, head=rivals) if rival else ()


def _like_head(bundle: Bundle, head: Head) -> str:
    """The head of another model that answers most like this one: in the same classes, else of the same name, else its default."""
    alike = [other.name for other in bundle.heads if other.label_set == head.label_set]
    alike += [other.name for other in bundle.heads if other.name == head.name]
    return (alike or [bundle.default_head.name])[0]


def annotated_png(answer: Answer) -> bytes:
    """The annotated picture in its full resolution, as PNG.

    Raises:
        ImageError: the picture is broken.
    """
    image = read_image(answer.picture.content)
    if answer.is_blurred:
        image = blur_faces(image, answer.predictions)
    return _encode(annotate(image, answer.predictions), ".png")


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
