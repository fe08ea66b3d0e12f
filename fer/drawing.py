"""Answers on the picture: a thin box around each face and a plate with its label and percentage.

Quick enough for every frame of a webcam: plates are drawn once by Pillow, kept, and copied into the picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from fer.boxes import iou_matrix, square_xyxy
from fer.detection import require_image
from fer.inference.recognizer import FacePrediction
from fer.inference.shown_face import ShownFace

NO_FACE = "No face found"

_UNSURE_COLOUR = "#8A8F98"
_NOT_A_FACE_COLOUR = "#5B6472"  # another grey than that of neutral and of what is unsure
_NO_FACE_COLOUR = "#20242B"
# One pixel either side of a line, so that it stands out on a ground of its own colour; in tiny pictures it would hide too much.
_OUTLINE, _SMALLEST_OUTLINED = (24, 24, 24), 160
# Shares of the picture's shorter side, which every size follows: at 480 px a line of 2 px and letters of 18.
_LINE_SHARE, _TEXT_SHARE = 1 / 240, 1 / 27
_SMALLEST_TEXT, _SMALLEST_SQUEEZED_TEXT = 11, 6

_BLUR_SCALE, _BLUR_PATCHES = 1.5, 6

# Of people that are followed: Paul Tol's muted scheme, without what is near to the colours of the emotions.
_PERSON_COLOURS = ("#332288", "#882255", "#117733", "#AA4499", "#999933", "#661100")
_SHARES_HEIGHT, _SHARES_INSET = 3, 2  # in thicknesses of the line

_Point = tuple[int, int]
_Box = tuple[int, int, int, int]


def person_colour(number: int) -> str:
    """Colour of a person that is followed, hex; the same as long as the number is."""
    return _PERSON_COLOURS[(number - 1) % len(_PERSON_COLOURS)]


def annotate_people(image: NDArray[np.uint8], people: Sequence[ShownFace]) -> NDArray[np.uint8]:
    """As `annotate`, for people that are followed: where there are several, each has a number on a ground of its own colour, and
    below each face stands a bar that is divided as its probabilities are.

    Args:
        image: uint8 RGB (H, W, 3).
        people: boxes in pixels of this image.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        ImageError: the image has another shape or dtype.
    """
    many = sum(person.is_face for person in people) > 1
    names = [str(person.number) if many and person.is_face else "" for person in people]
    canvas = annotate(image, people, names=names, name_colours=[person_colour(person.number) for person in people])
    thickness = _thickness(canvas)
    for person in people:
        if person.is_face:
            _draw_shares(canvas, person, _drawn_box(person, canvas, thickness), thickness)
    return canvas


def _draw_shares(canvas: NDArray[np.uint8], face: FacePrediction, box: _Box, thickness: int) -> None:
    """A bar inside the lower edge of a face's box, where it is never outside the picture."""
    left, right = box[0] + _SHARES_INSET * thickness, box[2] - _SHARES_INSET * thickness
    bottom = box[3] - _SHARES_INSET * thickness
    top = max(box[1], bottom - _SHARES_HEIGHT * thickness)
    edges = left + np.cumsum([0.0, *face.probabilities]) * max(0, right - left)
    for label, start, end in zip(face.label_set, edges.round().astype(int), edges.round().astype(int)[1:], strict=False):
        canvas[top:bottom, start:end] = ImageColor.getrgb(face.label_set.colour(label))


def annotate(
    image: NDArray[np.uint8],
    predictions: Sequence[FacePrediction],
    *,
    names: Sequence[str] | None = None,
    name_colours: Sequence[str] | None = None,
) -> NDArray[np.uint8]:
    """Draw predictions on a copy of a picture; with none, say in words that no face was found.

    What is unsure is dashed and grey. What is not a face gets a box of half the line and says so: it is there to be checked, not
    to be looked at first.

    Args:
        image: uint8 RGB (H, W, 3).
        predictions: boxes in pixels of this image.
        names: what stands before each label, such as "2: ", where people are told apart.
        name_colours: grounds that the names stand on, hex; None for that of the label.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        ImageError: the image has another shape or dtype.
    """
    require_image(image)
    canvas = np.array(image, order="C")
    shorter = min(canvas.shape[:2])
    text_size = max(_SMALLEST_TEXT, round(shorter * _TEXT_SHARE))
    if not predictions:
        plate = _fitting_plate(NO_FACE, _NO_FACE_COLOUR, text_size, canvas.shape[1])
        _paste(canvas, plate, (canvas.shape[1] - plate.shape[1]) // 2, canvas.shape[0] - plate.shape[0] - text_size // 2)
        return canvas
    thickness = _thickness(canvas)
    grounds = name_colours or [_colour(prediction) for prediction in predictions]
    # Faces first: their plates take the best places.
    named = sorted(zip(predictions, names or [""] * len(predictions), grounds, strict=True), key=lambda pair: not pair[0].is_face)
    marks = [(p, name, ground, _drawn_box(p, canvas, thickness), _colour(p)) for p, name, ground in named]
    for prediction, _, _, box, colour in marks:
        draw = _dashed_rectangle if prediction.is_unsure else cv2.rectangle
        line = thickness if prediction.is_face else max(1, thickness // 2)
        if shorter >= _SMALLEST_OUTLINED:
            draw(canvas, box[:2], box[2:], _OUTLINE, line + 2)
        draw(canvas, box[:2], box[2:], ImageColor.getrgb(colour), line)
    taken: list[_Box] = []
    for prediction, name, ground, box, colour in marks:  # after all boxes: no line crosses a plate
        # Small faces of a group get smaller plates, which else would hide their neighbours.
        size = max(_SMALLEST_TEXT, min(text_size, (box[2] - box[0]) // 5))
        words = f"{prediction.label} {100 * prediction.confidence:.0f} %" if prediction.is_face else prediction.label
        if name and ground != colour:
            plate = np.concatenate([_plate(name, ground, size), _fitting_plate(words, colour, size, canvas.shape[1])], axis=1)
        else:
            plate = _fitting_plate(name + words, colour, size, canvas.shape[1])
        left, top = _place(plate, box, canvas, thickness, taken)
        taken.append((left, top, left + plate.shape[1], top + plate.shape[0]))
        _paste(canvas, plate, left, top)
    return canvas


def blur_faces(image: NDArray[np.uint8], predictions: Sequence[FacePrediction]) -> NDArray[np.uint8]:
    """Make every face unrecognisable on a copy of a picture; also what the model takes for no face, to be safe.

    A face is averaged into a few patches, of which nobody can compute it back, as can be done with a mere blur.

    Args:
        image: uint8 RGB (H, W, 3).
        predictions: boxes in pixels of this image.

    Returns:
        uint8 RGB (H, W, 3).
    """
    blurred = image.copy()
    height, width = image.shape[:2]
    # Detectors' boxes hug the face; people know each other by hair and chin too.
    for left, top, right, bottom in square_xyxy([face.xyxy for face in predictions], _BLUR_SCALE).round().astype(int):
        place = blurred[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
        if place.size:
            few = cv2.resize(place, (_BLUR_PATCHES, _BLUR_PATCHES), interpolation=cv2.INTER_AREA)
            place[:] = cv2.resize(few, (place.shape[1], place.shape[0]), interpolation=cv2.INTER_LINEAR)
    return blurred


def _thickness(canvas: NDArray[np.uint8]) -> int:
    """Of lines, in pixels."""
    shorter: int = min(canvas.shape[:2])
    return max(1, round(shorter * _LINE_SHARE))


def _colour(prediction: FacePrediction) -> str:
    if not prediction.is_face:
        return _NOT_A_FACE_COLOUR
    return _UNSURE_COLOUR if prediction.is_unsure else prediction.label_set.colour(prediction.label)


def _drawn_box(prediction: FacePrediction, canvas: NDArray[np.uint8], thickness: int) -> _Box:
    """A prediction's box in whole pixels, drawn back from the edge so that its line is seen."""
    height, width = canvas.shape[:2]
    inset = thickness // 2 + 1
    left, top, right, bottom = (round(side) for side in prediction.xyxy)
    left, top = min(max(left, inset), width - 1), min(max(top, inset), height - 1)
    return left, top, max(left, min(right, width - 1 - inset)), max(top, min(bottom, height - 1 - inset))


def _dashed_rectangle(
    canvas: NDArray[np.uint8], top_left: _Point, bottom_right: _Point, colour: tuple[int, ...], thickness: int
) -> None:
    (left, top), (right, bottom) = top_left, bottom_right
    dash = max(6, min(right - left, bottom - top) // 9)
    for x in range(left, right, 2 * dash):
        for y in (top, bottom):
            cv2.line(canvas, (x, y), (min(x + dash, right), y), colour, thickness)
    for y in range(top, bottom, 2 * dash):
        for x in (left, right):
            cv2.line(canvas, (x, y), (x, min(y + dash, bottom)), colour, thickness)


def _place(plate: NDArray[np.uint8], box: _Box, canvas: NDArray[np.uint8], thickness: int, taken: list[_Box]) -> tuple[int, int]:
    """Left and top of a plate: inside the picture, and off the other plates where there is room."""
    height, width = plate.shape[:2]
    edge = thickness // 2 + 1  # flush with the outer edge of the box
    last_left, last_top = max(0, canvas.shape[1] - width), max(0, canvas.shape[0] - height)

    def spots() -> Iterator[tuple[int, int]]:
        for left in (box[0] - edge, box[2] + edge - width):
            yield left, box[1] - edge - height + 1
            yield left, box[3] + edge
        yield box[0] - edge, box[1] - edge

    for left, top in spots():
        left = min(max(left, 0), last_left)
        if 0 <= top <= last_top and not iou_matrix([(left, top, left + width, top + height)], taken).any():
            return left, top
    return min(max(box[0] - edge, 0), last_left), min(max(box[1] - edge, 0), last_top)


def _paste(canvas: NDArray[np.uint8], plate: NDArray[np.uint8], left: int, top: int) -> None:
    left, top = max(left, 0), max(top, 0)
    place = canvas[top : top + plate.shape[0], left : left + plate.shape[1]]
    place[:] = plate[: place.shape[0], : place.shape[1]]


def _fitting_plate(text: str, colour: str, text_size: int, room: int) -> NDArray[np.uint8]:
    """A plate no wider than the room, as far as letters can be made smaller."""
    plate = _plate(text, colour, text_size)
    if plate.shape[1] <= room:
        return plate
    return _plate(text, colour, max(_SMALLEST_SQUEEZED_TEXT, text_size * room // plate.shape[1]))


@lru_cache(maxsize=512)
def _plate(text: str, colour: str, text_size: int) -> NDArray[np.uint8]:
    """Text on a ground of one colour, uint8 RGB (h, w, 3); read-only."""
    font = _font(text_size)
    ground = ImageColor.getrgb(colour)
    left, _, right, _ = font.getbbox(text)
    padding = max(2, text_size // 3)
    # The height follows the font, not the letters, so that plates side by side are equally high.
    size = (round(right - left) + 2 * padding, round(text_size * 1.5))
    picture = Image.new("RGB", size, ground)
    ImageDraw.Draw(picture).text((padding - left, size[1] / 2), text, _ink(ground), font, anchor="lm")
    plate = np.array(picture)
    plate.flags.writeable = False
    return plate


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)  # Aileron, which Pillow carries


def _ink(ground: tuple[int, ...]) -> str:
    """Black or white, whichever has the higher contrast by WCAG 2.1 (relative luminance; they are equal at 0.179)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in ground[:3])]
    return "black" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 else "white"
