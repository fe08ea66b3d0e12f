"""fer/inference/recognizer.py: what is cut, what is answered, and in which words it is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fer.bundles import Bundle
from fer.detection import Faces
from fer.errors import BundleError, DetectionError, ImageError, SettingsError
from fer.inference.recognizer import NOT_A_FACE, FacePrediction, Recognizer
from fer.labels import LabelSet


class FixedDetector:
    """Finds the same boxes in every picture, and remembers what was asked."""

    name = "fixed"

    def __init__(self, *boxes: tuple[float, ...]) -> None:
        self.boxes = boxes
        self.min_size = 0

    def detect(self, image: np.ndarray, *, min_size: int = 20) -> Faces:
        self.min_size = min_size
        crops = [(left, top, left + 20, top + 20) for left, top, _, _ in self.boxes]
        return Faces.collect(self.boxes, crops, [0.75] * len(self.boxes))


def halves() -> np.ndarray:
    """Black on the left, white on the right; uint8 RGB (60, 100, 3)."""
    image = np.zeros((60, 100, 3), np.uint8)
    image[:, 50:] = 255
    return image


def test_predict_answers_for_each_face_from_its_own_crop(bundle: Bundle) -> None:
    recognizer = Recognizer(bundle, FixedDetector((60, 10, 90, 40), (10, 10, 30, 30)))
    white, black = recognizer.predict(halves())
    assert white.xyxy == (60, 10, 90, 40)
    assert white.label == "happy"
    assert white.confidence == pytest.approx(np.exp(2) / (np.exp(2) + 1 + np.exp(-2)), abs=1e-5)
    assert black.probabilities == pytest.approx((1 / 3, 1 / 3, 1 / 3), abs=1e-5)
    assert white.detection_score == 0.75


def test_predict_cuts_the_crop_of_the_detector_not_its_box(bundle: Bundle) -> None:
    # The box reaches into the white, the crop (its first 20 pixels) does not.
    (face,) = Recognizer(bundle, FixedDetector((20, 10, 95, 40))).predict(halves())
    assert face.probabilities == pytest.approx((1 / 3, 1 / 3, 1 / 3), abs=1e-5)


def test_predict_keeps_boxes_inside_the_picture(bundle: Bundle) -> None:
    (face,) = Recognizer(bundle, FixedDetector((-10, -5, 30, 80))).predict(halves())
    assert face.xyxy == (0, 0, 30, 60)


def test_predict_without_a_face_is_an_empty_answer(bundle: Bundle) -> None:
    assert Recognizer(bundle, FixedDetector()).predict(halves()) == ()


def test_predict_whole_image_takes_the_picture_as_one_face(bundle: Bundle) -> None:
    (face,) = Recognizer(bundle, None).predict(halves(), whole_image=True)
    assert face.xyxy == (0, 0, 100, 60)
    assert face.detection_score is None
    assert face.probabilities[0] == pytest.approx(np.exp(1) / (np.exp(1) + 1 + np.exp(-1)), abs=0.01)  # half white


def test_predict_without_a_detector_says_what_to_do(bundle: Bundle) -> None:
    with pytest.raises(DetectionError, match="whole_image=True"):
        Recognizer(bundle, None).predict(halves())


def test_predict_passes_head_and_smallest_size_on(bundle: Bundle) -> None:
    detector = FixedDetector((60, 10, 90, 40))
    (face,) = Recognizer(bundle, detector).predict(halves(), head="votes", min_size=44)
    assert face.label_set.names == ("angry", "fear")
    assert detector.min_size == 44


@pytest.mark.parametrize("whole_image", [True, False])
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((60, 100), np.uint8),
        np.zeros((60, 100, 3), np.float32),
        np.zeros((60, 100, 4), np.uint8),
        np.zeros((0, 100, 3), np.uint8),
    ],
    ids=["grey", "float", "alpha", "empty"],
)
def test_predict_refuses_what_is_no_picture(bundle: Bundle, image: np.ndarray, whole_image: bool) -> None:
    with pytest.raises(ImageError, match="uint8 RGB"):
        Recognizer(bundle, FixedDetector()).predict(image, whole_image=whole_image)


def test_predict_of_an_unknown_head_lists_the_known(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="no head 'moods'"):
        Recognizer(bundle, FixedDetector()).predict(halves(), head="moods")


def test_predict_with_a_real_detector_finds_the_face_of_a_photo(bundle: Bundle) -> None:
    from skimage import data

    (face,) = Recognizer(bundle, "haar").predict(data.astronaut())
    left, top, right, bottom = face.xyxy
    assert 160 < left < 220 < right < 290
    assert 50 < top < 110 < bottom < 200
    assert sum(face.probabilities) == pytest.approx(1, abs=1e-6)


def test_recognizer_of_an_unknown_model_or_detector_says_so(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="No model 'nobody'"):
        Recognizer("nobody")
    with pytest.raises(DetectionError, match="Unknown face detector 'dlib'"):
        Recognizer(bundle, "dlib")


PREDICTION = FacePrediction((1.04, 2.0, 3.0, 4.0), 0.98765, LabelSet(("happy", "sad", "fear")), (0.25, 0.5, 0.25))


def test_face_prediction_names_the_most_probable() -> None:
    assert PREDICTION.label == "sad"
    assert PREDICTION.confidence == 0.5
    assert PREDICTION.ranked == (("sad", 0.5), ("happy", 0.25), ("fear", 0.25))


def test_face_prediction_as_dict_is_ready_for_json() -> None:
    assert json.loads(json.dumps(PREDICTION.as_dict())) == {
        "xyxy": [1.0, 2.0, 3.0, 4.0],
        "detection_score": 0.9877,
        "label": "sad",
        "confidence": 0.5,
        "is_unsure": False,
        "is_face": True,
        "face_probability": None,
        "probabilities": {"happy": 0.25, "sad": 0.5, "fear": 0.25},
    }


@pytest.mark.parametrize(
    ("face_probability", "label", "confidence"),
    [
        (None, "sad", 0.5),  # a model that cannot tell refuses nothing
        (0.75, "sad", 0.5),
        (0.25, "sad", 0.5),  # on the threshold
        (0.125, NOT_A_FACE, 0.875),
        (0.0, NOT_A_FACE, 1.0),
    ],
)
def test_face_prediction_below_the_threshold_is_not_a_face(face_probability: float | None, label: str, confidence: float) -> None:
    prediction = replace(PREDICTION, face_probability=face_probability, face_threshold=0.25)
    assert (prediction.label, prediction.confidence) == (label, confidence)
    assert prediction.is_face == (label != NOT_A_FACE)


def test_face_prediction_as_dict_of_what_is_not_a_face_keeps_the_probabilities() -> None:
    refused = replace(PREDICTION, face_probability=0.125, face_threshold=0.25).as_dict()
    assert json.loads(json.dumps(refused)) == PREDICTION.as_dict() | {
        "label": "not a face",
        "confidence": 0.875,
        "is_face": False,
        "face_probability": 0.125,
    }


def test_predict_refuses_what_the_model_takes_for_no_face(face_bundle: Bundle) -> None:
    white, black = Recognizer(face_bundle, FixedDetector((60, 10, 90, 40), (10, 10, 30, 30))).predict(halves())
    assert (white.is_face, white.label) == (True, "happy")
    assert white.face_probability == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-6)
    assert (black.is_face, black.label) == (False, NOT_A_FACE)
    assert black.face_probability == pytest.approx(0.5, abs=1e-6)
    assert black.xyxy == (10, 10, 30, 30)


@pytest.mark.parametrize(("level", "label"), [(0, NOT_A_FACE), (100, NOT_A_FACE), (120, "happy"), (255, "happy")])
def test_predict_whole_image_refuses_what_is_not_a_face(face_bundle: Bundle, level: int, label: str) -> None:
    (face,) = Recognizer(face_bundle, None).predict(np.full((60, 60, 3), level, np.uint8), whole_image=True)
    assert face.label == label


@pytest.mark.parametrize(
    ("changes", "unsure"),
    [
        ({}, False),
        ({"probabilities": (0.3, 0.39, 0.31)}, True),
        ({"unsure_below": 0.5}, False),  # on the threshold
        ({"unsure_below": 0.51}, True),
        ({"unsure_below": 0.51, "face_probability": 0.1, "face_threshold": 0.5}, False),  # what is not a face is no guess
        ({"probabilities": (0.3, 0.39, 0.31), "unsure_below": 0.0}, False),
    ],
)
def test_face_prediction_below_its_threshold_is_unsure(changes: dict[str, object], unsure: bool) -> None:
    prediction = replace(PREDICTION, **changes)
    assert prediction.is_unsure == prediction.as_dict()["is_unsure"] == unsure


def with_thresholds(bundle: Bundle, **thresholds: float) -> Bundle:
    """The bundle with a threshold for each head that is named."""
    heads = [
        {**head, **({"abstain": {"threshold": thresholds[head["name"]]}} if head["name"] in thresholds else {})}
        for head in bundle.card["heads"]
    ]
    return replace(bundle, card={**bundle.card, "heads": heads})


def test_predict_is_unsure_below_the_threshold_that_the_model_carries(bundle: Bundle) -> None:
    white = np.full((60, 60, 3), 255, np.uint8)  # confidence 0.867 of the head `labels`, 0.881 of `votes`
    stored = with_thresholds(bundle, labels=0.87)
    cases = [
        (Recognizer(bundle, None), None, False),
        (Recognizer(stored, None), None, True),
        (Recognizer(stored, None), "votes", False),  # the threshold is that of the other head
        (Recognizer(with_thresholds(bundle, labels=0.5, votes=0.9), None), None, False),
        (Recognizer(with_thresholds(bundle, labels=0.5, votes=0.9), None), "votes", True),
        (Recognizer(stored, None, unsure_below=0.86), None, False),
        (Recognizer(bundle, None, unsure_below=0.9), "votes", True),
    ]
    for recognizer, head, unsure in cases:
        (face,) = recognizer.predict(white, whole_image=True, head=head)
        assert face.is_unsure == unsure
    with pytest.raises(SettingsError, match="between 0 and 1"):
        Recognizer(bundle, None, unsure_below=90)


def test_unsure_below_is_the_given_one_else_the_model_s_else_the_usual_one(bundle: Bundle) -> None:
    told = with_thresholds(bundle, labels=0.7)
    assert Recognizer(bundle, None).unsure_below() == 0.4
    assert Recognizer(told, None).unsure_below("labels") == 0.7
    assert Recognizer(told, None, unsure_below=0.2).unsure_below() == 0.2
    with pytest.raises(BundleError):
        Recognizer(told, None, unsure_below=0.2).unsure_below("unheard-of")
