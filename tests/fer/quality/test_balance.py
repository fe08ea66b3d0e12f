"""What each method would give, by hand and against scikit-learn."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from fer.errors import DataError
from fer.quality.balance import METHODS, balance

FER2013_TRAIN = {"angry": 3995, "disgust": 436, "fear": 4097, "happy": 7215, "sad": 4830, "surprise": 3171, "neutral": 4965}


def _after(counts: dict[str, int], method: str) -> dict[str, int]:
    return {row.label: row.after for row in balance(counts) if row.method == method}


def test_balance_by_hand() -> None:
    counts = {"a": 2, "b": 10, "c": 6}
    assert _after(counts, "class_weights") == counts
    assert _after(counts, "undersample") == {"a": 2, "b": 2, "c": 2}
    assert _after(counts, "oversample_median") == {"a": 6, "b": 10, "c": 6}
    assert _after(counts, "oversample_largest") == {"a": 10, "b": 10, "c": 10}
    assert [row.weight for row in balance(counts)[:3]] == pytest.approx([18 / 6, 18 / 30, 18 / 18])
    assert [row.share for row in balance(counts)[:3]] == pytest.approx([6, 6, 6])


def test_balance_rows_are_in_the_order_of_methods_and_counts() -> None:
    rows = balance(FER2013_TRAIN)
    assert [(row.method, row.label) for row in rows] == [(method, label) for method in METHODS for label in FER2013_TRAIN]
    assert all(row.before == FER2013_TRAIN[row.label] for row in rows)
    assert rows[1].as_dict() == {**asdict(rows[1]), "share": rows[1].share, "repeats": 1.0}


def test_balance_class_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    y = np.repeat(np.arange(7), list(FER2013_TRAIN.values()))
    expected = compute_class_weight("balanced", classes=np.arange(7), y=y)
    assert [row.weight for row in balance(FER2013_TRAIN)[:7]] == pytest.approx(expected.tolist())


def test_balance_oversampling_says_how_often_a_rare_image_is_seen() -> None:
    rows = {(row.method, row.label): row for row in balance(FER2013_TRAIN)}
    assert rows["oversample_largest", "disgust"].repeats == pytest.approx(7215 / 436)
    assert rows["oversample_median", "disgust"].after == 4097
    assert rows["undersample", "happy"].repeats == pytest.approx(436 / 7215)


def test_balance_class_without_images_stays_without() -> None:
    rows = balance({"a": 4, "b": 0, "c": 8})
    assert {(row.after, row.weight * row.before, row.repeats) for row in rows if row.label == "b"} == {(0, 0.0, 0.0)}
    assert rows[0].weight == pytest.approx(12 / (2 * 4)), "an empty class is not among the k"
    assert _after({"a": 4, "b": 0, "c": 8}, "undersample") == {"a": 4, "b": 0, "c": 4}


def test_balance_one_class_and_none() -> None:
    assert {row.share for row in balance({"a": 5})} == {5.0}
    with pytest.raises(DataError, match="nothing to balance"):
        balance({"a": 0})
    with pytest.raises(DataError, match="nothing to balance"):
        balance({})
