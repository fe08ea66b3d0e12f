"""The model that ships holds what its card and the README promise: accuracy, calibration, refusal of what is no face, size."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage

from fer.boxes import crop_faces
from fer.bundles import DEFAULT_MODEL, Bundle, load_bundle
from fer.data import Dataset
from fer.data.rejects import shows_no_face
from fer.data.synthetic import draw_scene
from fer.evaluation import evaluate
from fer.inference.classifier import Classifier
from fer.words import percent

# Photographs and scans without a human face, from scikit-image's wheel. None of them was trained or tuned on.
WITHOUT_FACES = (
    "brick.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "horse.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def classifier(bundle: Bundle) -> Classifier:
    return Classifier(bundle)


def refused(classifier: Classifier, batch: np.ndarray) -> np.ndarray:
    _, face_probability = classifier.predict_faces([np.repeat(image, 3, axis=2) for image in batch])
    assert face_probability is not None
    assert classifier.bundle.face is not None
    return face_probability < classifier.bundle.face.threshold


def patches(name: str, count: int = 60) -> np.ndarray:
    """Squares from 40 pixels to the whole height of a picture, as a detector would crop them."""
    picture = cv2.imread(str(Path(skimage.__file__).parent / "data" / name), cv2.IMREAD_GRAYSCALE)
    rng = np.random.default_rng(3)
    drawn = []
    for _ in range(count):
        side = int(np.exp(rng.uniform(np.log(40), np.log(min(picture.shape)))))
        top, left = (int(rng.integers(0, length - side + 1)) for length in picture.shape)
        drawn.append(cv2.resize(picture[top : top + side, left : left + side], (48, 48), interpolation=cv2.INTER_AREA))
    return np.stack(drawn)[..., None]


def test_patches_of_photographs_without_a_face_are_refused(classifier: Classifier) -> None:
    shares = {name: float(refused(classifier, patches(name)).mean()) for name in WITHOUT_FACES}
    assert np.mean(list(shares.values())) >= 0.9, shares


def test_drawn_faces_are_taken_for_faces(classifier: Classifier) -> None:
    for seed in range(10):
        image, faces = draw_scene(seed, ("happy", "sad", "angry", "surprise"))
        _, face_probability = classifier.predict_faces(crop_faces(image, np.array([xyxy for xyxy, _ in faces])))
        assert face_probability is not None
        assert face_probability.min() >= classifier.bundle.face.threshold  # type: ignore[union-attr]


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_wall_is_no_face(classifier: Classifier, level: int) -> None:
    assert refused(classifier, np.full((1, 48, 48, 1), level, np.uint8)).all()


def test_the_readme_states_the_figures_of_the_cards(bundle: Bundle) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    for name, model in (("flagship", bundle), ("compact", load_bundle("compact"))):
        figures = model.card["heads"][0]["validation"]
        low, high = figures["accuracy_ci95"]
        assert f"{percent(figures['accuracy'])} ({low * 100:.1f} to {high * 100:.1f})" in readme, name
    votes, face = bundle.card["heads"][1]["validation"], bundle.card["face"]["validation"]
    assert f"{percent(votes['accuracy'])}" in readme
    assert f"{votes['ece']:.3f}" in readme
    assert f"{percent(face['rejects_refused'])} / {percent(face['faces_refused'])}" in readme


def test_the_bundle_is_small_enough_to_serve(bundle: Bundle) -> None:
    assert sum(path.stat().st_size for path in bundle.path.iterdir()) < 10_000_000
    assert bundle.litert_path.stat().st_size < 5_000_000


@pytest.mark.fer2013
def test_figures_of_the_card_hold_on_the_validation_part(bundle: Bundle, classifier: Classifier, fer2013: Dataset) -> None:
    report = evaluate(bundle, fer2013, split="val", classifier=classifier)
    cards = {head["name"]: head["validation"] for head in bundle.card["heads"]}
    assert report.n == cards["labels"]["n"] == 3_589
    # Another processor rounds otherwise: an image or two may tip over.
    assert report.accuracy == pytest.approx(cards["labels"]["accuracy"], abs=0.002)
    assert report.accuracy >= 0.69
    assert report.ferplus is not None
    assert report.ferplus.n == cards["votes"]["n"] == 3_199
    assert report.ferplus.accuracy == pytest.approx(cards["votes"]["accuracy"], abs=0.002)
    assert report.ferplus.accuracy >= 0.865
    assert report.ferplus.ece <= 0.03


@pytest.mark.fer2013
def test_at_most_two_of_a_hundred_validation_faces_are_refused(classifier: Classifier, fer2013: Dataset) -> None:
    part = fer2013.split("val")
    assert part.votes is not None
    faces = np.flatnonzero(~shows_no_face(part.votes))
    assert refused(classifier, part.images.batch(faces, 48, 1)).mean() <= 0.02
