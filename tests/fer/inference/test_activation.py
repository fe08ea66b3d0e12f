"""fer/inference/activation.py: weights known by what they do, in files as the converter leaves them."""

from __future__ import annotations

import numpy as np
import pytest

from fer.bundles import load_bundle
from fer.inference.activation import activation_maps, find_head_weights
from fer.litert import LiteRtNetwork


def answered(model: str, seed: int, n: int = 6) -> tuple[bytes, dict[str, np.ndarray]]:
    bundle = load_bundle(model)
    content = bundle.litert_path.read_bytes()
    batch = np.random.default_rng(seed).integers(0, 256, (n, *bundle.preprocessing.input_shape), np.uint8)
    return content, LiteRtNetwork(content).run_batch(bundle.preprocessing.normalise(batch))


# 8-bit sums of the flagship round a little.
@pytest.mark.parametrize(("model", "rounding"), [("flagship", 0.05), ("compact", 1e-4)])
def test_weights_found_with_some_pictures_explain_the_logits_of_others(model: str, rounding: float) -> None:
    content, known = answered(model, 0)
    _, others = answered(model, 1, n=20)
    for head, classes in (("labels", 7), ("votes", 8)):
        weights = find_head_weights(content, known["features"], known[head])
        assert weights is not None
        assert weights.shape == (classes, known["features"].shape[3])
        left = others[head] - others["features"].mean(axis=(1, 2)) @ weights.T
        assert left.std(axis=0).max() < rounding * others[head].std(axis=0).max(), "what is left is the bias"


def test_weights_of_answers_that_are_no_sum_of_the_features_are_not_found() -> None:
    content, known = answered("compact", 0)
    assert find_head_weights(content, known["features"], known["labels"][:, ::-1]) is None  # the classes in another order
    assert find_head_weights(content, known["features"], np.maximum(known["labels"], known["labels"].mean(axis=0))) is None
    assert find_head_weights(content, known["features"][..., :64], known["labels"]) is None


def test_activation_maps_worked_by_hand() -> None:
    features = np.array([[[[1.0, 0.0], [0.0, 2.0]]]], np.float32)  # one face, two positions, two features
    weights = np.array([[3.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32)
    logits = np.log(np.array([[0.5, 0.3, 0.2]], np.float32))
    maps = activation_maps(features, weights, logits)
    assert maps.shape == (1, 1, 2, 3)
    # Position 0 scores (3, 0, 1). For class 0 the others count 3/5 and 2/5: 3 - (0·3/5 + 1·2/5).
    assert maps[0, 0, 0].tolist() == pytest.approx([3 - 0.4, 0 - (3 * 5 + 1 * 2) / 7, 1 - (3 * 5 + 0 * 3) / 8], abs=1e-6)
    # Position 1 scores (0, 2, 2).
    assert maps[0, 0, 1].tolist() == pytest.approx([0 - 2, 2 - (0 * 5 + 2 * 2) / 7, 2 - (0 * 5 + 2 * 3) / 8], abs=1e-6)


def test_activation_maps_of_a_sure_answer_are_numbers_and_do_not_depend_on_what_logits_share() -> None:
    rng = np.random.default_rng(0)
    features, weights = rng.normal(size=(2, 3, 3, 4)).astype(np.float32), rng.normal(size=(5, 4)).astype(np.float32)
    logits = rng.normal(size=(2, 5)).astype(np.float32)
    logits[0, 2] = 200
    maps = activation_maps(features, weights, logits)
    assert np.isfinite(maps).all()
    np.testing.assert_allclose(activation_maps(features, weights + weights[:1], logits + 7), maps, atol=1e-4)
