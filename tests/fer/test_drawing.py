"""fer/drawing.py: what is drawn, where, and that it can be read."""

import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import ImageColor

from fer.drawing import _ink, _plate, annotate, annotate_people, blur_faces, person_colour
from fer.errors import ImageError
from fer.inference.recognizer import UNSURE_BELOW, FacePrediction
from fer.inference.shown_face import ShownFace
from fer.labels import EMOTIONS, FER8


def prediction(label: str, confidence: float, *box: float) -> FacePrediction:
    probabilities = np.full(len(FER8), (1 - confidence) / (len(FER8) - 1))
    probabilities[FER8.label_id(label)] = confidence
    return FacePrediction(box, 0.9, FER8, tuple(probabilities.tolist()))


def grey(height: int = 480, width: int = 640, level: int = 110) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def pixels_of(image: np.ndarray, colour: str) -> int:
    return int((image == ImageColor.getrgb(colour)).all(axis=2).sum())


def luminance(colour: tuple[int, ...]) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_annotate_leaves_the_picture_given_as_it_was() -> None:
    image = grey()
    drawn = annotate(image, [prediction("happy", 0.9, 100, 100, 200, 200)])
    assert (image == 110).all()
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8


def test_annotate_draws_box_and_plate_in_the_colour_of_the_emotion() -> None:
    drawn = annotate(grey(), [prediction("sad", 0.9, 100, 100, 200, 200)])
    colour = list(ImageColor.getrgb(EMOTIONS["sad"].colour))
    assert drawn[150, 100].tolist() == colour  # left side of the box
    assert drawn[200, 150].tolist() == colour  # lower side
    assert drawn[150, 150].tolist() == [110, 110, 110]  # the face stays free
    assert drawn[90, 102].tolist() == colour  # the plate, above the box


def test_annotate_dashes_an_unsure_answer_in_grey() -> None:
    unsure = annotate(grey(), [prediction("sad", UNSURE_BELOW - 0.01, 100, 100, 300, 300)])
    assert pixels_of(unsure, EMOTIONS["sad"].colour) == 0
    side = (unsure[110:295, 100] == ImageColor.getrgb("#8A8F98")).all(axis=1)
    assert 0.3 < side.mean() < 0.8


def test_annotate_gives_what_is_not_a_face_a_thin_grey_box_and_words() -> None:
    refused = replace(prediction("happy", 0.9, 100, 100, 300, 300), face_probability=0.1, face_threshold=0.5)
    drawn = annotate(grey(), [refused])
    assert pixels_of(drawn, EMOTIONS["happy"].colour) == pixels_of(drawn, EMOTIONS["neutral"].colour) == 0
    line = (drawn[200] == ImageColor.getrgb("#5B6472")).all(axis=1)
    sure = (annotate(grey(), [replace(refused, face_probability=0.9)])[200] == ImageColor.getrgb(EMOTIONS["happy"].colour)).all(
        axis=1
    )
    assert 0 < line.sum() < sure.sum()
    plate = _plate("not a face", "#5B6472", 18)
    assert any(
        np.array_equal(drawn[y : y + plate.shape[0], x : x + plate.shape[1]], plate)
        for y in range(60, 110)
        for x in (97, 98, 99, 100)
    )


def test_annotate_gives_a_face_the_better_place_for_its_plate() -> None:
    face = prediction("happy", 0.9, 120, 100, 200, 180)
    refused = replace(prediction("sad", 0.9, 100, 100, 180, 180), face_probability=0.1, face_threshold=0.5)
    alone, together = annotate(grey(), [face]), annotate(grey(), [refused, face])
    above = (slice(70, 99), slice(118, 240))
    assert np.array_equal(alone[above], together[above])


def letters(image: np.ndarray) -> int:
    """Pixels of black ink, which only plates have."""
    return int((image < 20).all(axis=2).sum())


@pytest.mark.parametrize(
    ("box", "room"),  # as wide as it is drawn, with and without room around it
    [
        ((0, 0, 100, 100), (200, 200, 300, 300)),
        ((540, 380, 640, 480), (200, 200, 300, 300)),
        ((0, 430, 100, 480), (200, 200, 300, 300)),
        ((-40, -40, 640, 500), (0, 100, 640, 200)),
        ((560, -50, 700, 90), (200, 200, 278, 300)),
    ],
    ids=["top left", "bottom right", "bottom left", "whole picture", "beyond the corner"],
)
def test_annotate_keeps_the_whole_plate_inside_the_picture(box: tuple[float, ...], room: tuple[float, ...]) -> None:
    expected = letters(annotate(grey(), [prediction("surprise", 0.92, *room)]))
    assert expected > 50
    assert letters(annotate(grey(), [prediction("surprise", 0.92, *box)])) == expected


def test_annotate_moves_a_plate_off_another_one() -> None:
    boxes = [prediction("happy", 0.9, 100, 100, 180, 180), prediction("sad", 0.9, 120, 100, 200, 180)]
    together = annotate(grey(), boxes)
    plate = _plate("happy 90 %", EMOTIONS["happy"].colour, 16)
    # The first plate is whole although the second box begins within its width.
    assert any(
        np.array_equal(together[y : y + plate.shape[0], x : x + plate.shape[1]], plate)
        for y in range(60, 100)
        for x in range(90, 110)
    )


def test_annotate_without_faces_says_so() -> None:
    image = grey(level=255)
    drawn = annotate(image, [])
    changed = np.nonzero((drawn != image).any(axis=2))
    assert changed[0].min() > 240  # below the middle
    assert abs((changed[1].min() + changed[1].max()) / 2 - 320) < 2  # centred


@pytest.mark.parametrize("shape", [(48, 48), (8, 8), (30, 400), (400, 30), (2160, 3840)], ids=str)
def test_annotate_takes_any_size(shape: tuple[int, int]) -> None:
    image = grey(*shape)
    whole = prediction("contempt", 0.8, 0, 0, shape[1], shape[0])
    assert annotate(image, [whole]).shape == image.shape
    assert annotate(image, []).shape == image.shape
    assert (annotate(image, [whole]) != image).any()


def test_annotate_scales_with_the_picture() -> None:
    def share(height: int, width: int) -> float:
        drawn = annotate(grey(height, width), [prediction("angry", 0.9, 0.3 * width, 0.3 * height, 0.6 * width, 0.7 * height)])
        return pixels_of(drawn, EMOTIONS["angry"].colour) / (height * width)

    assert share(480, 640) == pytest.approx(share(1920, 2560), rel=0.3)


@pytest.mark.parametrize("image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32), np.zeros((0, 9, 3), np.uint8)])
def test_annotate_refuses_what_is_no_picture(image: np.ndarray) -> None:
    with pytest.raises(ImageError, match="uint8 RGB"):
        annotate(image, [])


@pytest.mark.parametrize("colour", [e.colour for e in EMOTIONS.values()])
def test_ink_has_contrast_on_every_emotion(colour: str) -> None:
    ground = ImageColor.getrgb(colour)
    light, dark = sorted((luminance(ground), luminance(ImageColor.getrgb(_ink(ground)))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_annotate_is_quick_enough_for_a_webcam() -> None:
    image, faces = grey(), [prediction("happy", 0.9, 100 * i, 100, 100 * i + 90, 200) for i in range(4)]
    annotate(image, faces)
    took = []
    for _ in range(20):
        start = time.perf_counter()
        annotate(image, faces)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.005  # a frame at 30 per second lasts 33 ms


def test_blur_faces_leaves_a_few_patches_and_the_rest_as_it_was() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    before = image.copy()
    blurred = blur_faces(image, [prediction("happy", 0.9, 100, 60, 160, 130)])
    assert (image == before).all()
    inside = np.s_[55:135, 90:170]
    assert blurred[inside].std() < 0.15 * image[inside].std()
    outside = np.ones(image.shape[:2], bool)
    outside[50:141, 84:176] = False  # the box and half as much more: hair and chin, too
    assert (blurred[outside] == image[outside]).all()


def test_blur_faces_at_the_border_and_of_what_is_not_a_face() -> None:
    image = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    refused = replace(prediction("happy", 0.9, 0, 0, 60, 60), face_probability=0.1, face_threshold=0.5)
    assert blur_faces(image, [refused])[:60, :60].std() < 0.2 * image.std()
    assert (blur_faces(image, []) == image).all()


def person(number: int, *box: float) -> ShownFace:
    probabilities = (0.25, 0.0, 0.0, 0.75, 0.0, 0.0, 0.0, 0.0)
    return ShownFace(box, 0.9, FER8, probabilities, number=number, label_id=FER8.label_id("happy"))


def test_annotate_people_gives_each_a_number_on_a_colour_of_their_own() -> None:
    first, second = person(1, 60, 100, 200, 260), person(2, 400, 100, 540, 260)
    together, alone = annotate_people(grey(), [first, second]), annotate_people(grey(), [second])
    assert pixels_of(together, person_colour(1)) > 50
    assert pixels_of(together, person_colour(2)) > 50
    assert not pixels_of(alone, person_colour(2)), "alone, there is nobody to be told from"
    assert person_colour(1) != person_colour(2)


def test_annotate_people_draws_a_bar_that_is_divided_as_the_probabilities_are() -> None:
    face = person(1, 100, 100, 300, 300)
    inside = annotate_people(grey(), [face])[240:292, 104:296]
    angry, happy = (pixels_of(inside, FER8.colour(label)) for label in ("angry", "happy"))
    assert happy == pytest.approx(3 * angry, rel=0.1)
    assert angry > 50


def test_annotate_people_says_of_what_is_no_face_nothing_more() -> None:
    refused = replace(person(1, 100, 100, 300, 300), face_probability=0.1, face_threshold=0.5, label_id=-1)
    assert not pixels_of(annotate_people(grey(), [refused]), FER8.colour("happy"))


@pytest.mark.parametrize("box", [(0, 0, 8, 8), (630, 470, 640, 480), (0, 0, 640, 480)])
def test_annotate_people_at_the_edges_stays_in_the_picture(box: tuple[float, ...]) -> None:
    assert annotate_people(grey(), [person(1, *box), person(2, 9, 9, 30, 30)]).shape == (480, 640, 3)
