"""fer/explain: the model that ships, asked why; and what is said where it cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fer.bundles import load_bundle
from fer.data.synthetic import draw_scene
from fer.errors import BundleError, SettingsError
from fer.evaluation.corruptions import CORRUPTIONS
from fer.explain import METHODS, ask, explain, methods_for, what_if
from fer.explain.question import face_crop_of, head_of
from fer.inference.classifier import Classifier
from fer.inference.recognizer import FacePrediction, Recognizer
from fer.labels import LabelSet
from tests.fer.explain.conftest import MadeByKeras


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer("flagship", "haar")


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return draw_scene(3, ("happy",))[0]


@pytest.fixture(scope="module")
def face(recognizer: Recognizer, scene: np.ndarray) -> FacePrediction:
    return recognizer.predict(scene)[0]


def test_predict_explained_answers_the_same_with_the_map_of_its_label(
    recognizer: Recognizer, scene: np.ndarray, face: FacePrediction
) -> None:
    (explained,) = recognizer.predict(scene, explain=True)
    assert explained == face
    assert face.heatmap is None
    assert explained.heatmap is not None
    assert explained.heatmap.label == face.label == "happy"
    np.testing.assert_array_equal(explained.heatmap.values, explain(recognizer, scene, face)["happy"].values)
    # A smile is seen about the mouth, not in the forehead.
    assert explained.heatmap.values[24:].mean() > explained.heatmap.values[:16].mean()


@pytest.mark.parametrize("model", ["flagship", "compact"])
@pytest.mark.parametrize("head", ["labels", "votes"])
def test_shipped_models_explain_in_the_pass_that_answers(model: str, head: str) -> None:
    classifier = Classifier(load_bundle(model))
    face_crops = [image for image, _ in (draw_scene(seed, ("happy", "sad"), (200, 200)) for seed in range(8))]
    y_prob, face_prob, maps = classifier.explain_faces(face_crops, head)
    expected_prob, expected_face_prob = classifier.predict_faces(face_crops, head)
    np.testing.assert_array_equal(y_prob, expected_prob)
    np.testing.assert_array_equal(face_prob, expected_face_prob)
    assert maps.shape == (8, 6, 6, y_prob.shape[1])


def test_explain_by_occlusion_of_a_smile_lies_about_the_mouth(
    recognizer: Recognizer, scene: np.ndarray, face: FacePrediction
) -> None:
    maps = explain(recognizer, scene, face, method="occlusion")
    assert list(maps) == list(face.label_set)
    assert {heatmap.method for heatmap in maps.values()} == {"occlusion"}
    assert maps["happy"].values[30:].mean() > 2 * maps["happy"].values[:18].mean()


@pytest.mark.slow
def test_explain_by_keras_in_a_process_of_its_own_agrees_with_the_pass_that_answers(
    recognizer: Recognizer, scene: np.ndarray, face: FacePrediction
) -> None:
    by_keras = explain(recognizer, scene, face, method="grad-cam")
    in_the_pass = explain(recognizer, scene, face, method="cam")
    for label in face.label_set:  # in float32 and in 8 bits
        np.testing.assert_allclose(by_keras[label].values, in_the_pass[label].values, atol=0.05, err_msg=label)


def test_explain_by_an_unknown_method_lists_the_known(recognizer: Recognizer, scene: np.ndarray, face: FacePrediction) -> None:
    with pytest.raises(SettingsError, match=r"cam, occlusion, grad-cam. Received: 'lime'"):
        explain(recognizer, scene, face, method="lime")


def test_explain_a_face_of_another_model_is_refused(recognizer: Recognizer, scene: np.ndarray, face: FacePrediction) -> None:
    foreign = replace(face, label_set=LabelSet(("happy", "sad")), probabilities=(0.5, 0.5))
    with pytest.raises(SettingsError, match="does not answer in the classes happy, sad"):
        explain(recognizer, scene, foreign)


def test_a_model_without_maps_is_explained_by_occlusion(made_by_keras: MadeByKeras, scene: np.ndarray) -> None:
    old = Recognizer(load_bundle(made_by_keras.models / "before"), None)
    (face,) = old.predict(scene, whole_image=True)
    assert methods_for(old, face) == ("occlusion", "grad-cam")
    assert {heatmap.method for heatmap in explain(old, scene, face).values()} == {"occlusion"}
    with pytest.raises(BundleError, match="no activation map"):
        explain(old, scene, face, method="cam")
    with pytest.raises(BundleError, match="no activation map"):
        old.predict(scene, whole_image=True, explain=True)


def test_methods_for_the_shipped_model_are_all_the_cheapest_first(recognizer: Recognizer, face: FacePrediction) -> None:
    assert methods_for(recognizer, face) == tuple(METHODS)


def test_face_crop_of_is_what_the_network_saw(recognizer: Recognizer, scene: np.ndarray, face: FacePrediction) -> None:
    again = recognizer.classifier.predict_crops([face_crop_of(scene, face)])[0]
    assert tuple(again.tolist()) == face.probabilities
    assert head_of(recognizer.bundle, face) == "votes"
    question = ask(recognizer, scene, face)
    assert question.answer(question.image[None])[0].tolist() == list(face.probabilities)


def test_face_crop_of_a_face_that_was_turned_upright_is_turned_again(recognizer: Recognizer, scene: np.ndarray) -> None:
    assert recognizer.detector is not None
    found = recognizer.detector.detect(scene)
    landmarks = np.zeros((len(found), 5, 2), np.float32)
    landmarks[:, 1] = (30, 20)  # the second eye lower: the head leans to the right
    (face,) = recognizer.read(scene, replace(found, landmarks=landmarks), upright=True)
    assert face.roll_degrees == pytest.approx(np.degrees(np.arctan2(20, 30)), abs=1e-3)
    again = recognizer.classifier.predict_crops([face_crop_of(scene, face)])[0]
    assert tuple(again.tolist()) == face.probabilities
    assert np.abs(np.subtract(face.probabilities, recognizer.predict(scene)[0].probabilities)).max() > 1e-3
    np.testing.assert_allclose(what_if(recognizer, scene, face)[0].probabilities, face.probabilities, atol=1e-6)


def test_what_if_begins_with_the_face_as_it_is(recognizer: Recognizer, scene: np.ndarray, face: FacePrediction) -> None:
    unchanged, *changes = what_if(recognizer, scene, face)
    assert unchanged.name == "as it is"
    np.testing.assert_allclose(unchanged.probabilities, face.probabilities, atol=1e-6)
    assert unchanged.label == face.label
    assert unchanged.confidence == pytest.approx(face.confidence, abs=1e-6)
    assert len(changes) == 12
    assert {change.group for change in changes} == {"light", "crop", "head", "covered"}
    for change in changes:
        assert change.image.shape == (48, 48, 1)
        assert (change.image != unchanged.image).mean() > 0.05, change.name
        assert change.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_what_if_does_what_its_names_say(recognizer: Recognizer, scene: np.ndarray, face: FacePrediction) -> None:
    by_name = {change.name: change.image[..., 0].astype(int) for change in what_if(recognizer, scene, face)}
    plain = by_name["as it is"]
    assert by_name["darker"].mean() < plain.mean() - 5 < plain.mean() + 5 < by_name["brighter"].mean()
    eyes, mouth = (slice(16, 22), slice(16, 32)), (slice(34, 40), slice(16, 32))
    for name, covered, other in (("eyes covered", eyes, mouth), ("mouth covered", mouth, eyes)):
        assert np.ptp(by_name[name][covered]) == 0
        assert (by_name[name][other] == plain[other]).all()
    # The window goes right, so the face goes left: a column of the new crop is one further right in the old.
    moved = round(0.08 * 48)
    assert (
        np.abs(by_name["further right"][:, 5:-9] - plain[:, 5 + moved : -9 + moved]).mean()
        < np.abs(by_name["further right"] - plain)[:, 5:-9].mean()
    )


def test_what_if_of_a_face_that_fills_the_picture_goes_on_beyond_its_border(recognizer: Recognizer, scene: np.ndarray) -> None:
    (face,) = recognizer.predict(scene, whole_image=True)
    assert len(what_if(recognizer, scene, face)) == 13


def test_corruptions_cover_as_before() -> None:
    # The bar of the what-if strip is that of the robustness figures: 15 % of the area.
    occlusion = next(corruption for corruption in CORRUPTIONS if corruption.name == "occlusion")
    batch = np.random.default_rng(0).integers(0, 256, (8, 48, 48, 1), np.uint8)
    shares = (occlusion.apply(batch) != batch).mean(axis=(1, 2, 3))
    assert shares == pytest.approx(np.full(8, 0.15), abs=0.02)
