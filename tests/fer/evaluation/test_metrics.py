"""Metrics: a case worked by hand, and scikit-learn on random ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.errors import DataError
from fer.evaluation import metrics

# Three classes, ten images: class 0 has five (2 taken for class 1), class 1 four (1 taken for 2), class 2 one (taken for 0).
Y_TRUE = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 2])
Y_PRED = np.array([0, 0, 0, 1, 1, 1, 1, 1, 2, 0])
CONFUSION = np.array([[3, 2, 0], [0, 3, 1], [1, 0, 0]])


def random_answers(seed: int, n: int = 400, k: int = 5) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Label ids that leave class 3 without images, and probabilities of which some are very sure."""
    rng = np.random.default_rng(seed)
    y_true = rng.choice([0, 1, 2, 4], size=n, p=[0.5, 0.3, 0.15, 0.05])
    logits = rng.normal(size=(n, k)) * 2
    logits[np.arange(n), y_true] += 1.5
    y_prob = np.exp(logits)
    return y_true, y_prob / y_prob.sum(axis=1, keepdims=True)


def test_confusion_matrix_by_hand() -> None:
    assert metrics.confusion_matrix(Y_TRUE, Y_PRED, 3).tolist() == CONFUSION.tolist()


def test_confusion_matrix_with_small_integer_types_does_not_overflow() -> None:
    ids = np.full(3, 39, np.int8)
    assert metrics.confusion_matrix(ids, ids, 40)[39, 39] == 3


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [([0, 1], [0]), ([0, 3], [0, 0]), ([0, 0], [0, -1])],
    ids=["lengths differ", "too large", "negative"],
)
def test_confusion_matrix_of_unusable_label_ids_is_refused(y_true: list[int], y_pred: list[int]) -> None:
    with pytest.raises(DataError, match="abel ids"):
        metrics.confusion_matrix(np.array(y_true), np.array(y_pred), 3)


def test_accuracies_by_hand() -> None:
    assert metrics.accuracy(CONFUSION) == pytest.approx(0.6)
    assert metrics.balanced_accuracy(CONFUSION) == pytest.approx((3 / 5 + 3 / 4 + 0) / 3)


def test_kappa_and_mcc_by_hand() -> None:
    # Six of ten right; chance would reach (5·4 + 4·5 + 1·1) / 100.
    assert metrics.cohens_kappa(CONFUSION) == pytest.approx((0.6 - 0.41) / (1 - 0.41))
    # Covariance 6·10 - 41, of truth 100 - 25 - 16 - 1, of answers 100 - 16 - 25 - 1.
    assert metrics.matthews_corrcoef(CONFUSION) == pytest.approx(19 / np.sqrt(58 * 58))


@pytest.mark.parametrize("confusion", [[[5, 0], [3, 0]], [[8, 0], [0, 0]]], ids=["one answer", "one class"])
def test_kappa_and_mcc_where_nothing_is_shown_are_nought(confusion: list[list[int]]) -> None:
    assert metrics.cohens_kappa(np.array(confusion)) == metrics.matthews_corrcoef(np.array(confusion)) == 0


def test_mcc_of_very_many_images_does_not_overflow() -> None:
    assert metrics.matthews_corrcoef(CONFUSION * 10**8) == pytest.approx(metrics.matthews_corrcoef(CONFUSION))


@pytest.mark.parametrize("measure", [metrics.balanced_accuracies, metrics.macro_f1s, metrics.kappas, metrics.mccs])
def test_figures_of_many_confusion_matrices_are_those_of_each(measure) -> None:
    stack = np.random.default_rng(0).multinomial(40, np.full(9, 1 / 9), size=(2, 3)).reshape(2, 3, 3, 3)
    assert measure(stack) == pytest.approx(np.array([[measure(confusion) for confusion in row] for row in stack]))


def test_top_k_accuracy_by_hand() -> None:
    y_prob = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.4, 0.2, 0.4]])
    y_true = np.array([0, 1, 2, 2])
    assert [metrics.top_k_accuracy(y_true, y_prob, k) for k in (1, 2, 3)] == [0.25, 0.75, 1.0]


def test_class_scores_by_hand() -> None:
    scores = metrics.class_scores(CONFUSION)
    assert scores.precision == pytest.approx([3 / 4, 3 / 5, 0])
    assert scores.recall == pytest.approx([3 / 5, 3 / 4, 0])
    assert scores.f1 == pytest.approx([2 / 3, 2 / 3, 0])
    assert scores.support.tolist() == [5, 4, 1]
    assert scores.predicted.tolist() == [4, 5, 1]


def test_averages_by_hand() -> None:
    scores = metrics.class_scores(CONFUSION)
    assert metrics.averages(scores).f1 == pytest.approx(4 / 9)
    assert metrics.averages(scores, weighted=True).f1 == pytest.approx(2 / 3 * 9 / 10)


@pytest.mark.parametrize("zero_division", [0.0, 1.0])
def test_class_scores_without_images_or_answers_take_zero_division(zero_division: float) -> None:
    confusion = np.array([[2, 0, 0], [1, 0, 0], [0, 0, 0]])  # class 1 is never answered, class 2 has neither
    scores = metrics.class_scores(confusion, zero_division=zero_division)
    assert scores.precision[1] == scores.precision[2] == zero_division
    assert scores.recall[1] == 0
    assert scores.recall[2] == scores.f1[2] == zero_division


@pytest.mark.parametrize(
    "measure",
    [
        metrics.accuracy,
        metrics.balanced_accuracy,
        metrics.cohens_kappa,
        metrics.matthews_corrcoef,
        lambda c: metrics.averages(metrics.class_scores(c)),
    ],
)
def test_figures_of_no_image_are_refused(measure) -> None:
    with pytest.raises(DataError, match="image"):
        measure(np.zeros((3, 3), np.int64))


@pytest.mark.parametrize("seed", range(5))
def test_metrics_agree_with_scikit_learn(seed: int) -> None:
    from sklearn import metrics as reference

    y_true, y_prob = random_answers(seed)
    y_pred = y_prob.argmax(axis=1)
    if seed == 0:
        y_pred[y_pred == 3] = 0  # a class that neither occurs nor is answered
    confusion = metrics.confusion_matrix(y_true, y_pred, 5)
    scores = metrics.class_scores(confusion)

    assert (confusion == reference.confusion_matrix(y_true, y_pred, labels=range(5))).all()
    assert metrics.accuracy(confusion) == pytest.approx(reference.accuracy_score(y_true, y_pred))
    balanced = np.mean([reference.recall_score(y_true == c, y_pred == c) for c in np.unique(y_true)])
    assert metrics.balanced_accuracy(confusion) == pytest.approx(balanced)
    assert metrics.cohens_kappa(confusion) == pytest.approx(reference.cohen_kappa_score(y_true, y_pred))
    assert metrics.matthews_corrcoef(confusion) == pytest.approx(reference.matthews_corrcoef(y_true, y_pred))
    for k in (1, 2, 3):
        theirs = reference.top_k_accuracy_score(y_true, y_prob, k=k, labels=range(5))
        assert metrics.top_k_accuracy(y_true, y_prob, k) == pytest.approx(theirs)
    per_class = reference.precision_recall_fscore_support(y_true, y_pred, labels=range(5), zero_division=0)
    for ours, theirs in zip((scores.precision, scores.recall, scores.f1, scores.support), per_class, strict=True):
        assert ours == pytest.approx(theirs)
    for average in ("macro", "weighted"):
        ours = metrics.averages(scores, weighted=average == "weighted")
        if average == "macro":
            assert float(metrics.macro_f1s(confusion)) == pytest.approx(ours.f1)
        theirs = reference.precision_recall_fscore_support(y_true, y_pred, average=average, zero_division=0)
        assert (ours.precision, ours.recall, ours.f1) == pytest.approx(theirs[:3])
    assert metrics.nll(y_true, y_prob) == pytest.approx(reference.log_loss(y_true, y_prob, labels=range(5)))
    brier = reference.brier_score_loss(y_true, y_prob, labels=range(5), scale_by_half=False)
    assert metrics.brier(y_true, y_prob) == pytest.approx(brier)


def test_nll_and_brier_by_hand() -> None:
    y_prob = np.array([[0.5, 0.5], [0.25, 0.75]])
    y_true = np.array([0, 0])
    assert metrics.nll(y_true, y_prob) == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert metrics.brier(y_true, y_prob) == pytest.approx((0.5 + 2 * 0.75**2) / 2)


def test_nll_of_a_sure_mistake_is_finite() -> None:
    assert metrics.nll(np.array([1]), np.array([[1.0, 0.0]], np.float32)) == pytest.approx(15.94, abs=0.01)


def test_ece_by_hand() -> None:
    # Two bins. (0.5, 1] holds two images of 0.8, one of them right, and a right one of 1.0; (0, 0.5] holds a wrong one of 0.5.
    y_prob = np.array([[0.8, 0.2], [0.8, 0.2], [1.0, 0.0], [0.5, 0.5]])
    y_true = np.array([0, 1, 0, 1])
    assert metrics.ece(y_true, y_prob, bins=2) == pytest.approx((abs(2 - 2.6) + 0.5) / 4)
    # Fifteen bins part the sure one from the two of 0.8.
    assert metrics.ece(y_true, y_prob) == pytest.approx((0.6 + 0.0 + 0.5) / 4)


def test_ece_of_answers_drawn_from_the_probabilities_is_small() -> None:
    rng = np.random.default_rng(0)
    y_prob = rng.dirichlet([1, 1, 1], size=40_000)
    y_true = (rng.random((40_000, 1)) > y_prob.cumsum(axis=1)).sum(axis=1)
    assert metrics.ece(y_true, y_prob) < 0.01
    assert metrics.ece((y_true + 1) % 3, y_prob) > 0.1


def test_kl_divergence_by_hand() -> None:
    target = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    y_prob = np.array([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]])
    assert metrics.kl_divergence(target, y_prob) == pytest.approx(0.5 * np.log(2) / 2)


@pytest.mark.parametrize("measure", [metrics.nll, metrics.brier, metrics.ece, lambda t, p: metrics.top_k_accuracy(t, p, 2)])
@pytest.mark.parametrize("n", [0, 2], ids=["no image", "lengths differ"])
def test_probability_metrics_of_unusable_arrays_are_refused(measure, n: int) -> None:
    with pytest.raises(DataError, match="Expected label ids"):
        measure(np.zeros(n, np.int64), np.full((n // 2, 3), 1 / 3))
