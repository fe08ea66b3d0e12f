"""fer/inference/classifier.py: against answers worked out by hand, in any batch and from any thread."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.bundles import Bundle, load_bundle
from fer.errors import BundleError, ImageError
from fer.inference.classifier import Classifier, _quarters
from fer.litert import LiteRtNetwork


@pytest.fixture(scope="module")
def classifier(bundle: Bundle) -> Classifier:
    return Classifier(bundle)


def even(level: int, size: int = 16) -> np.ndarray:
    """An even grey picture, uint8 RGB."""
    return np.full((size, size, 3), level, np.uint8)


def softmax(*logits: float) -> np.ndarray:
    powers = np.exp(np.array(logits))
    return powers / powers.sum()


def test_predict_crops_divides_logits_by_the_temperature(classifier: Classifier) -> None:
    probabilities = classifier.predict_crops([even(0), even(255), even(51, size=100)])
    assert probabilities.dtype == np.float32
    # logits (4m, 0, -4m), temperature 2
    expected = [softmax(0, 0, 0), softmax(2, 0, -2), softmax(0.4, 0, -0.4)]
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)


def test_predict_crops_asks_the_head_named(classifier: Classifier) -> None:
    np.testing.assert_allclose(classifier.predict_crops([even(255)], "votes"), [softmax(0, 2)], atol=1e-6)


def test_predict_crops_of_an_unknown_head_lists_the_known(classifier: Classifier) -> None:
    with pytest.raises(BundleError, match=r"no head 'moods'.*labels, votes"):
        classifier.predict_crops([even(0)], "moods")


def test_logits_are_those_of_the_network(classifier: Classifier) -> None:
    batch = np.full((2, 16, 16, 1), 255, np.uint8)
    np.testing.assert_allclose(classifier.logits(batch), [[4, 0, -4]] * 2, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 3, 4, 37, 300])
def test_predict_batch_of_any_length_keeps_the_order(classifier: Classifier, n: int) -> None:
    levels = np.arange(n) % 256
    batch = np.broadcast_to(levels[:, None, None, None], (n, 16, 16, 1)).astype(np.uint8)
    expected = np.array([softmax(4 * m / 2, 0, -4 * m / 2) for m in levels / 255]).reshape(n, 3)
    np.testing.assert_allclose(classifier.predict_batch(batch), expected, atol=1e-5)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((2, 16, 16, 1), np.float32),
        np.zeros((2, 16, 16, 3), np.uint8),
        np.zeros((16, 16, 1), np.uint8),
        np.zeros((0, 8, 8, 1), np.uint8),
    ],
    ids=["scaled already", "colour", "no batch axis", "empty and of another size"],
)
def test_predict_batch_refuses_another_dtype_or_shape(classifier: Classifier, batch: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"Received"):
        classifier.predict_batch(batch)


def test_predict_batch_from_many_threads_gives_what_one_gives(classifier: Classifier) -> None:
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, 256, (n, 16, 16, 1), np.uint8) for n in (1, 2, 5, 33) * 6]
    alone = [classifier.predict_batch(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for one, other in zip(alone, pool.map(classifier.predict_batch, batches), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"preprocessing": {"size": 48}}, "its card says"),
        ({"heads": [{"name": "labels", "labels": ["happy", "sad"], "temperature": 1}]}, "'labels' of 2 classes"),
        ({"heads": [{"name": "moods", "labels": ["happy", "sad"], "temperature": 1}]}, "'moods' of 2 classes"),
    ],
    ids=["size", "classes", "head"],
)
def test_classifier_refuses_a_card_of_another_network(bundle: Bundle, changes: dict[str, object], says: str) -> None:
    with pytest.raises(BundleError, match=says):
        Classifier(replace(bundle, card={**bundle.card, **changes}))


@pytest.mark.parametrize("content", [None, b"", b"no network at all", b"\0" * 4000], ids=["missing", "empty", "text", "zeros"])
def test_classifier_of_a_damaged_file_says_so(bundle: Bundle, tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "model.litert").write_bytes(content)
    with pytest.raises(BundleError, match="cannot be read"):
        Classifier(replace(bundle, path=tmp_path))


def test_predict_heads_answers_as_each_head_alone(classifier: Classifier) -> None:
    batch = np.full((3, 16, 16, 1), 200, np.uint8)
    answers = classifier.predict_heads(batch, ["votes", "labels"])
    assert list(answers) == ["votes", "labels"]
    for head, y_prob in answers.items():
        np.testing.assert_array_equal(y_prob, classifier.predict_batch(batch, head))


def test_predict_faces_divides_the_face_logits_by_their_own_temperature(face_bundle: Bundle, classifier: Classifier) -> None:
    crops = [even(0), even(255), even(51, size=100)]
    y_prob, face_prob = Classifier(face_bundle).predict_faces(crops)
    np.testing.assert_array_equal(y_prob, classifier.predict_crops(crops))
    assert face_prob is not None
    assert face_prob.dtype == np.float32
    # logits (0, 4m), temperature 2
    np.testing.assert_allclose(face_prob, [softmax(0, 0)[1], softmax(0, 2)[1], softmax(0, 0.4)[1]], atol=1e-6)


def test_predict_faces_runs_the_network_once(face_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, run, passes = Classifier(face_bundle), LiteRtNetwork.run, []
    counted = lambda network, batch, *more: passes.append(len(batch)) or run(network, batch, *more)  # noqa: E731
    monkeypatch.setattr(LiteRtNetwork, "run", counted)
    classifier.predict_faces([even(9)] * 32, "votes")
    assert passes == [32]


@pytest.mark.parametrize("n", [0, 300])
def test_predict_faces_of_any_length_keeps_the_order(face_bundle: Bundle, n: int) -> None:
    levels = np.arange(n) % 256
    y_prob, face_prob = Classifier(face_bundle).predict_faces([even(int(level), size=16) for level in levels])
    assert y_prob.shape == (n, 3)
    assert face_prob is not None
    np.testing.assert_allclose(face_prob, 1 / (1 + np.exp(-2 * levels / 255)), atol=1e-5)


def test_predict_faces_of_a_bundle_without_a_face_test_gives_none(classifier: Classifier) -> None:
    _, face_prob = classifier.predict_faces([even(0)])
    assert face_prob is None


def test_predict_heads_is_the_same_with_a_face_test(face_bundle: Bundle, classifier: Classifier) -> None:
    batch = np.full((3, 16, 16, 1), 200, np.uint8)
    answers = Classifier(face_bundle).predict_heads(batch, ["votes", "labels"])
    assert list(answers) == ["votes", "labels"]
    for head, y_prob in answers.items():
        np.testing.assert_array_equal(y_prob, classifier.predict_batch(batch, head))


def test_classifier_refuses_a_face_test_that_its_network_cannot_answer() -> None:
    compact = load_bundle("compact")
    with pytest.raises(
        BundleError, match=r"has a face test.*'face' of 2 logits; its network has .*labels.*Make the bundle again"
    ):
        Classifier(replace(compact, card={**compact.card, "face": {"temperature": 1.0, "threshold": 0.5}}))


def test_embeddings_are_what_the_heads_take_their_answers_from(tiny_bundle: Path) -> None:
    classifier = Classifier(load_bundle(tiny_bundle))
    batch = np.random.default_rng(0).integers(0, 256, (40, 48, 48, 1), np.uint8)
    embeddings = classifier.embeddings(batch)
    assert embeddings is not None
    assert embeddings.shape == (40, 32)
    # The votes head is one dense layer: its logits are a linear map of the embeddings, to the last bit but rounding.
    logits = classifier.logits(batch, "votes")
    with_bias = np.hstack([embeddings, np.ones((40, 1), np.float32)])
    solution, *_ = np.linalg.lstsq(with_bias, logits, rcond=None)
    assert np.abs(with_bias @ solution - logits).max() < 1e-3
    assert classifier.embeddings(batch[:0]).shape == (0, 32)  # type: ignore[union-attr]


def test_embeddings_of_a_network_that_does_not_give_them_are_none(classifier: Classifier) -> None:
    assert classifier.embeddings(np.full((3, 16, 16, 1), 200, np.uint8)) is None


def test_examine_gives_in_one_pass_what_the_others_give_in_many(tiny_bundle: Path) -> None:
    classifier = Classifier(load_bundle(tiny_bundle))
    batch = np.random.default_rng(0).integers(0, 256, (40, 48, 48, 1), np.uint8)
    all_of_it = classifier.examine([batch[:7], batch[7:7], batch[7:]])
    for head, logits in all_of_it.logits.items():
        assert logits == pytest.approx(classifier.logits(batch, head), abs=1e-4)
    assert list(all_of_it.logits) == [head.name for head in classifier.bundle.heads]
    assert all_of_it.face_probability == pytest.approx(classifier.predict_faces(list(batch))[1], abs=1e-5)
    assert all_of_it.quarters is not None
    assert all_of_it.quarters.shape == (40, 4, 32)
    assert all_of_it.quarters.mean(axis=1) == pytest.approx(classifier.embeddings(batch), abs=1e-4)
    assert np.ptp(all_of_it.quarters, axis=1).max() > 0, "the quarters differ"


def test_examine_leaves_out_what_the_network_does_not_give(classifier: Classifier, face_bundle: Bundle) -> None:
    dark, bright = np.full((1, 16, 16, 1), 20, np.uint8), np.full((2, 16, 16, 1), 230, np.uint8)
    plain = classifier.examine([dark, bright])
    assert (plain.face_probability, plain.quarters) == (None, None)
    assert plain.logits["labels"].shape == (3, 3)
    with_faces = Classifier(face_bundle).examine([dark, bright])
    assert with_faces.face_probability is not None
    assert (with_faces.face_probability >= 0.7).tolist() == [False, True, True]


@pytest.mark.parametrize("side", [1, 3, 6])
def test_quarters_share_a_middle_row_and_column(side: int) -> None:
    features = np.arange(side * side * 2, dtype=np.float32).reshape(1, side, side, 2)
    quarters = _quarters(features)
    half = (side + 1) // 2
    expected = [
        features[:, a, b].mean(axis=(1, 2)) for a in (slice(half), slice(-half, None)) for b in (slice(half), slice(-half, None))
    ]
    assert quarters == pytest.approx(np.stack(expected, axis=1))


def test_milliseconds_a_face_measures_single_calls(classifier: Classifier) -> None:
    assert 0 < classifier.milliseconds_a_face(rounds=3) < 10_000
