"""Abstaining: worked by hand, honest about what it promises, and refused in words where nothing can be promised."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.errors import DataError, SettingsError
from fer.evaluation.abstain import choose_abstention, find_threshold, risk_coverage
from fer.evaluation.calibration import temper


def answers(confidence: list[float], right: list[bool]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Two classes, class 0 always answered, with these confidences over 0.5."""
    y_prob = np.array([[value, 1 - value] for value in confidence])
    return np.where(right, 0, 1), y_prob


def drawn(n: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Calibrated answers: of those with 70 % confidence 70 % are right; 79 % of all."""
    rng = np.random.default_rng(seed)
    confidence = 0.5 + 0.5 * rng.beta(2, 1.4, n)
    return answers(confidence.tolist(), (rng.random(n) < confidence).tolist())


MANY = 0.5 + 0.5 * np.random.default_rng(99).beta(2, 1.4, 100_000)


def accuracy_from(threshold: float) -> float:
    """What the answers of `drawn` from a threshold on are worth in the long run: their mean confidence."""
    return float(np.mean(MANY, where=threshold <= MANY))


def test_risk_coverage_by_hand() -> None:
    curve = risk_coverage(*answers([0.9, 0.8, 0.7, 0.6], [True, False, True, True]))
    assert curve.threshold.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert curve.accuracy == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4])
    assert curve.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_risk_coverage_gives_equal_confidences_together() -> None:
    orders = [answers([0.9, 0.6, 0.6], right) for right in ([True, False, True], [True, True, False])]
    curves = [risk_coverage(*order) for order in orders]
    assert curves[0].coverage == pytest.approx([1 / 3, 1])
    # Each of the two counts as half a mistake, in whichever order they stand.
    assert curves[0].aurc == curves[1].aurc == pytest.approx((0 + 0.5 / 2 + 1 / 3) / 3)


def test_risk_coverage_is_thinned_and_ends_with_all_images() -> None:
    y_true, y_prob = drawn(5000, 0)
    curve = risk_coverage(y_true, y_prob)
    assert len(curve.coverage) <= 200
    assert curve.coverage[-1] == 1
    assert curve.accuracy[-1] == pytest.approx((y_true == 0).mean())


def test_find_threshold_by_hand() -> None:
    # 100 sure answers, all right (at least 96.3 % by Wilson's interval), then 100 guesses, half of them right.
    y_true, y_prob = answers([0.9] * 100 + [0.6] * 100, [True] * 100 + [True, False] * 50)
    assert find_threshold(y_true, y_prob, 0.96) == pytest.approx(0.75)  # halfway between the two confidences
    assert find_threshold(y_true, y_prob, 0.6) == 0  # three quarters of all are right, at least 68.6 %: all may be answered


def test_find_threshold_keeps_its_promise_on_new_images() -> None:
    """A threshold picked where the share itself reaches the wish would break it every second time."""
    broken = [accuracy_from(find_threshold(*drawn(1000, seed), 0.85)) < 0.85 for seed in range(100)]
    assert np.mean(broken) <= 0.06


def test_find_threshold_that_cannot_be_reached_says_what_can() -> None:
    y_true, y_prob = answers([0.9] * 10, [True] * 10)
    with pytest.raises(
        DataError, match=r"No threshold reaches 90.0 % .* at least 90.0 % confidence, 100.0 % of the images.*Wish for less"
    ):
        find_threshold(y_true, y_prob, 0.9)  # ten right answers of ten promise 72 %


@pytest.mark.parametrize("wished", [0, 1, -0.1, 90, float("nan")])
def test_find_threshold_of_an_impossible_wish_is_refused(wished: float) -> None:
    with pytest.raises(SettingsError, match=r"between 0 and 1, such as 0\.9"):
        find_threshold(*drawn(10, 0), wished)


def test_choose_abstention_measures_on_other_images_than_it_chose_on() -> None:
    chosen = [choose_abstention(*drawn(1000, seed), 0.85) for seed in range(30)]
    assert np.mean([choice.accuracy for choice in chosen]) == pytest.approx(
        np.mean([accuracy_from(choice.threshold) for choice in chosen]), abs=0.005
    )
    assert chosen[0].threshold == find_threshold(*drawn(1000, 0), 0.85)
    assert 0 < chosen[0].coverage < 1
    low, high = chosen[0].accuracy_ci95
    assert low < chosen[0].accuracy < high


def test_choose_abstention_with_a_temperature_gives_the_threshold_under_it() -> None:
    y_true, y_prob = drawn(3000, 1)
    overconfident = temper(y_prob, 0.5)
    plain = choose_abstention(y_true, y_prob, 0.85)
    tempered = choose_abstention(y_true, overconfident, 0.85, fit_temperature=True)
    assert tempered.threshold == pytest.approx(plain.threshold, abs=0.02)
    assert tempered.coverage == pytest.approx(plain.coverage, abs=0.02)
    assert choose_abstention(y_true, overconfident, 0.85).threshold > plain.threshold + 0.05


def test_choose_abstention_where_only_all_images_reach_the_wish_answers_none_of_the_parts() -> None:
    y_true, y_prob = answers([0.9] * 36, [True] * 36)  # 36 of 36 promise 90.4 %, four fifths of them less
    choice = choose_abstention(y_true, y_prob, 0.9)
    assert (choice.threshold, choice.answered, choice.coverage, choice.accuracy) == (0, 0, 0, None)
