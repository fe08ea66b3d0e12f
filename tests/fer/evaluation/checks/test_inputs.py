"""Scaling and colour: a network that is fed otherwise than it learned is found out, and the right feeding is named."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.bundles import Bundle
from fer.data import Dataset, read_dataset
from fer.data.dataset import ArrayStore
from fer.evaluation import evaluate
from fer.evaluation.checks import Check, Evidence
from fer.evaluation.checks.inputs import check_preprocessing
from fer.inference.classifier import Classifier
from fer.labels import ClassMap, LabelSet

CLASSES = ("happy", "sad", "surprise")


class Fed:
    """A network in front of which its input is changed: it expects what `change` turns into the real one's input."""

    def __init__(self, classifier: Classifier, change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self._network, self._change = classifier._network, change

    def run_batch(self, model_input: NDArray[np.float32], outputs: Collection[str]) -> dict[str, NDArray[np.float32]]:
        return self._network.run_batch(self._change(model_input).astype(np.float32), outputs)


def check(bundle: Bundle, dataset: Dataset, change: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None) -> Check:
    classifier = Classifier(bundle)
    if change:
        classifier._network = Fed(classifier, change)  # type: ignore[assignment]
    report = evaluate(bundle, dataset, split="all", classifier=classifier)
    return next(check for check in report.checks if check.name == "scaling and colour")


@pytest.fixture(scope="module")
def faces() -> Dataset:
    dataset = read_dataset("synthetic:500:3")
    return dataset.with_classes(ClassMap.parse(dataset.label_set, CLASSES))


@pytest.fixture
def scaled(compact: Bundle, changed_card: Callable[..., Bundle]) -> Callable[[str], Bundle]:
    """`compact` with a card that tells of another scale than it was trained with."""
    return lambda scale: changed_card(compact, preprocessing={**compact.card["preprocessing"], "scale": scale})


def test_preprocessing_names_the_scale_that_cnn4_binary_was_trained_on(scaled: Callable[[str], Bundle], faces: Dataset) -> None:
    # Trained on pixels of 0 to 255 (the scaling was commented out), and fed pixels of 0 to 1.
    found = check(scaled("unit"), faces, lambda pixels: (pixels - 128) / 64)
    assert found.status == "fail"
    assert "own preprocessing (pixels from 0 to 1); pixels from 0 to 255 would get" in found.finding
    assert "points more" in found.finding
    assert "put the preprocessing right" in found.action


def test_preprocessing_names_negatives(compact: Bundle, faces: Dataset) -> None:
    found = check(compact, faces, np.negative)
    assert (found.status, "negatives would get" in found.finding) == ("fail", True)


def test_preprocessing_as_in_training_passes(compact: Bundle, faces: Dataset) -> None:
    found = check(compact, faces)
    assert found.status == "pass"
    assert "the best of the others" in found.finding


def test_preprocessing_of_few_images_is_skipped(compact: Bundle, faces: Dataset) -> None:
    assert check(compact, faces.select(np.arange(19))).status == "skipped"


class ColourClassifier:
    """Answers `happy` where red is stronger than blue: all that it learned is a colour."""

    def predict_inputs(self, model_input: NDArray[np.float32], head: str) -> NDArray[np.float32]:
        red = model_input[..., 0].mean(axis=(1, 2)) > model_input[..., 2].mean(axis=(1, 2))
        return np.stack([red, ~red], axis=1).astype(np.float32)


def coloured(answered: Callable[..., Evidence], changed_card: Callable[..., Bundle], swapped: bool, is_grey: bool) -> Evidence:
    """Happy faces are reddish, sad ones bluish; where colours were exchanged on the way, it is the other way round."""
    true = np.arange(100) % 2
    evidence = answered(true, 1 - true if swapped else true, label_set=LabelSet(("happy", "sad")))
    pixels = np.full((100, 8, 8, 3), 100, np.uint8)
    pixels[np.arange(100), :, :, np.where((true == 0) != swapped, 0, 2)] = 180
    part = replace(evidence.question.part, images=ArrayStore.of(pixels), is_grey=np.full(100, is_grey))
    bundle = changed_card(evidence.bundle, preprocessing={"size": 8, "channels": 3, "scale": "unit"})
    question = replace(evidence.question, bundle=bundle, part=part)
    return Evidence(bundle, part, question, evidence.report, ColourClassifier())  # type: ignore[arg-type]


@pytest.mark.parametrize(("swapped", "status"), [(True, "fail"), (False, "pass")])
def test_preprocessing_names_red_and_blue_exchanged(
    answered: Callable[..., Evidence], changed_card: Callable[..., Bundle], swapped: bool, status: str
) -> None:
    found = check_preprocessing(coloured(answered, changed_card, swapped, is_grey=False))
    assert found.status == status
    assert ("red and blue exchanged would get 100.0 points more" in found.finding) == swapped


def test_preprocessing_exchanges_no_colours_of_grey_pictures(
    answered: Callable[..., Evidence], changed_card: Callable[..., Bundle]
) -> None:
    assert "red and blue" not in check_preprocessing(coloured(answered, changed_card, swapped=True, is_grey=True)).finding
