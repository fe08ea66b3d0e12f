"""Models on the same images: McNemar, Holm and the paired interval against references; other images are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.errors import DataError
from fer.evaluation.compare import compare_reports, holm, mcnemar, paired_interval
from fer.evaluation.report import Report
from fer.labels import FER7
from tests.fer.evaluation.test_report import make_report


def answered(right: list[bool] | NDArray[np.bool_], **changes: Any) -> Report:
    """A report on images of class 0, of which these are answered rightly."""
    y_prob = np.zeros((len(right), len(FER7)), np.float32)
    y_prob[np.arange(len(right)), np.where(right, 0, 1)] = 1
    return replace(make_report(len(right)), y_true=np.zeros(len(right), np.int16), y_prob=y_prob, has_train_twin=None, **changes)


def test_compare_reports_says_who_mends_whose_mistakes() -> None:
    a, b = answered([True, True, False, False, True]), answered([True, False, True, False, False])
    (pair,) = compare_reports([a, b])
    assert (pair.first, pair.second) == (0, 1)
    assert pair.both_right.tolist() == [0]
    assert pair.only_first.tolist() == [1, 4]
    assert pair.only_second.tolist() == [2]
    assert pair.both_wrong.tolist() == [3]
    assert pair.difference == pytest.approx(1 / 5)
    assert pair.p_value == pair.p_adjusted == 1.0
    assert not pair.is_more_than_noise


def test_compare_reports_of_three_corrects_for_three_pairs() -> None:
    good, bad = np.arange(100) < 80, np.arange(100) < 60
    pairs = compare_reports([answered(good), answered(bad), answered(bad)])
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1), (0, 2), (1, 2)]
    assert [pair.is_more_than_noise for pair in pairs] == [True, True, False]
    assert pairs[0].p_adjusted == pytest.approx(3 * pairs[0].p_value)
    assert pairs[2].p_value == 1


@pytest.mark.parametrize(("b", "c"), [(0, 0), (3, 3), (1, 0), (5, 0), (2, 9), (40, 61), (600, 480)])
def test_mcnemar_agrees_with_scipys_binomial_test(b: int, c: int) -> None:
    from scipy.stats import binomtest, chi2

    expected = binomtest(b, b + c).pvalue if b + c else 1.0
    assert mcnemar(b, c) == mcnemar(c, b) == pytest.approx(expected)
    if b + c > 50:  # the chi-square form, with Edwards' correction, comes near
        assert mcnemar(b, c) == pytest.approx(float(chi2.sf((abs(b - c) - 1) ** 2 / (b + c), 1)), rel=0.1)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_paired_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    """Two models, 70 and 66 % right, whose mistakes hang together."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        drawn = rng.choice(4, 800, p=[0.60, 0.10, 0.06, 0.24])
        low, high = paired_interval(drawn <= 1, (drawn == 0) | (drawn == 2))
        held += low <= 0.04 <= high
    assert 0.91 <= held / 200 <= 0.985


def test_paired_interval_is_narrower_than_of_two_separate_tests() -> None:
    first = np.arange(1000) < 700
    second = first.copy()
    second[:20] = False
    low, high = paired_interval(first, second)
    assert 0 < low < 0.02 < high < 0.03


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"fingerprint": "ef" * 32}, "the data"),
        ({"split": "test"}, r"the split \(val and test\)"),
        ({"names": np.array(["a", "b", "c"])}, r"the images \(3 and 3\)"),
        ({"label_set": replace(FER7, names=FER7.names[::-1])}, "the classes"),
        ({"y_true": np.array([0, 1, 0], np.int16)}, "the labels of some images"),
    ],
)
def test_compare_reports_of_other_images_is_refused(changes: dict[str, Any], match: str) -> None:
    first = answered([True, False, True])
    with pytest.raises(DataError, match=match):
        compare_reports([first, replace(first, **changes)])


def test_compare_reports_of_another_number_of_images_is_refused() -> None:
    with pytest.raises(DataError, match=r"the images \(3 and 2\)"):
        compare_reports([answered([True] * 3), answered([True] * 2)])


def test_compare_reports_of_one_is_refused() -> None:
    with pytest.raises(DataError, match="two reports or more"):
        compare_reports([answered([True])])
