"""Activation maps, Grad-CAM and renewed bundles against what Keras says of the same networks."""

from __future__ import annotations

import numpy as np
import pytest

from fer.bundles import load_bundle
from fer.errors import BundleError
from fer.inference.classifier import Classifier
from fer.workspace import REPOSITORY
from tests.fer.explain.conftest import MadeByKeras


def contrast(features: np.ndarray, kernel: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Weights × features, of each class less those of the others, each as probable as it is beside them; in plain loops."""
    maps = np.zeros((*features.shape[:3], kernel.shape[1]))
    for n, c in np.ndindex(len(features), kernel.shape[1]):
        others = [k for k in range(kernel.shape[1]) if k != c]
        shares = np.exp(logits[n, others]) / np.exp(logits[n, others]).sum()
        weights = kernel[:, c] - sum(share * kernel[:, k] for share, k in zip(shares, others, strict=True))
        maps[n, :, :, c] = features[n] @ weights
    return maps


def test_explain_faces_is_weights_times_features_of_the_face_and_its_mirror_image(made_by_keras: MadeByKeras) -> None:
    facts, classifier = made_by_keras.facts, Classifier(made_by_keras.corner)
    y_prob, face_prob, maps = classifier.explain_faces([np.repeat(image, 3, axis=2) for image in made_by_keras.batch])
    # Served with the mirror image: features of both, those of the mirror image turned back.
    features = (facts["features"] + facts["turned"][:, :, ::-1]) / 2
    logits = features.mean(axis=(1, 2)) @ facts["kernel"]
    biased = classifier.logits(made_by_keras.batch)
    np.testing.assert_allclose(maps, contrast(features, facts["kernel"], biased), atol=1e-4)
    assert np.ptp(biased - logits, axis=0).max() < 1e-4, "the bias alone is missing"
    np.testing.assert_array_equal(y_prob, classifier.predict_batch(made_by_keras.batch))
    assert face_prob is None


def test_explain_faces_finds_the_weights_of_a_head_of_one_unit(made_by_keras: MadeByKeras) -> None:
    classifier = Classifier(made_by_keras.corner)
    assert classifier.has_maps("votes")
    *_, maps = classifier.explain_faces([np.repeat(image, 3, axis=2) for image in made_by_keras.batch], "votes")
    np.testing.assert_allclose(maps[..., 0], -maps[..., 1], atol=1e-5)  # what speaks for one speaks against the other
    log_odds = np.diff(classifier.logits(made_by_keras.batch, "votes"), axis=1)[:, 0]
    assert np.ptp(maps[..., 1].mean(axis=(1, 2)) - log_odds) < 1e-4, "their means are the log-odds, but for the bias"


def test_grad_cam_of_a_network_that_ends_in_pooling_is_its_activation_map(made_by_keras: MadeByKeras) -> None:
    facts = made_by_keras.facts
    expected = contrast(facts["features"], facts["kernel"], facts["logits"]) / 16  # of 16 positions, each gradient is a 16th
    np.testing.assert_allclose(facts["grad_cam"], expected, atol=1e-5)
    assert np.abs(expected).max() > 0.01


def test_grad_cam_of_a_network_that_sees_one_corner_lies_in_that_corner(made_by_keras: MadeByKeras) -> None:
    strength = np.abs(made_by_keras.facts["grad_cam"]).sum(axis=(0, 3))
    assert strength[2:, 2:].min() > 0
    assert strength[:2].max() == strength[:, :2].max() == 0


@pytest.mark.parametrize("guise", ["nested", "own"])
def test_grad_cam_of_a_model_without_a_flat_graph_is_the_same(made_by_keras: MadeByKeras, guise: str) -> None:
    np.testing.assert_allclose(made_by_keras.facts[guise], made_by_keras.facts["grad_cam"], atol=1e-6)


def test_grad_cam_without_a_layer_of_positions_says_what_is_missing(made_by_keras: MadeByKeras) -> None:
    assert "more than one position" in str(made_by_keras.facts["refused"])
    assert "flatten" in str(made_by_keras.facts["refused"])


def test_renew_bundle_adds_the_features_and_changes_no_answer(made_by_keras: MadeByKeras) -> None:
    before, after = (load_bundle(made_by_keras.models / name) for name in ("before", "old"))
    old, new = Classifier(before), Classifier(after)
    assert not old.has_maps()
    assert new.has_maps("labels")
    assert new.has_maps("votes")
    batch = np.random.default_rng(0).integers(0, 256, (40, 48, 48, 1), np.uint8)
    for head in ("labels", "votes"):
        np.testing.assert_allclose(new.predict_batch(batch, head), old.predict_batch(batch, head), atol=1e-6)
    assert after.card == before.card == load_bundle(REPOSITORY / "models" / "compact").card
    assert after.sha256 != before.sha256
    with pytest.raises(BundleError, match=r"no activation map.*'occlusion'.*models renew"):
        old.explain_faces([np.zeros((48, 48, 3), np.uint8)])


def test_renew_bundle_that_would_answer_otherwise_is_refused(made_by_keras: MadeByKeras) -> None:
    assert "would answer otherwise" in (made_by_keras.models / "refused.txt").read_text()
    kept = load_bundle(made_by_keras.models / "other").litert_path
    assert kept.read_bytes() == (REPOSITORY / "models" / "flagship" / "model.litert").read_bytes()
