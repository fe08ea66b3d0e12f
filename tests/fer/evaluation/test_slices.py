"""Slices: how images are cut, and that only differences beyond chance are called more than noise."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.data.dataset import ArrayStore, Dataset
from fer.detection import Faces
from fer.errors import DataError, SettingsError
from fer.evaluation.scores import Scores
from fer.evaluation.slices import Column, picture_columns, roll_column, slice_report
from fer.labels import FER7, LabelSet


def answered(right: Sequence[bool] | NDArray[np.bool_]) -> Scores:
    y_prob = np.zeros((len(right), 2), np.float32)
    y_prob[np.arange(len(right)), np.where(right, 0, 1)] = 1
    return Scores(LabelSet(("happy", "sad")), np.zeros(len(right), np.int16), y_prob)


def test_slice_report_by_value_by_hand() -> None:
    report = answered([True, True, False, True, False, False, True])
    column = Column("group", np.array(["b", "b", "b", "a", "a", "", "c"]))
    (cut,) = slice_report(report, [column], fewest=2)
    assert [(part.name, part.n, part.accuracy) for part in cut.slices] == [("a", 2, 0.5), ("b", 3, pytest.approx(2 / 3))]
    assert cut.too_few is not None
    assert (cut.too_few.n, cut.too_few.accuracy, cut.without) == (1, 1.0, 1)
    assert cut.slices[0].accuracy_ci95 == pytest.approx((0.0945, 0.9055), abs=1e-3)


def test_slice_report_cuts_numbers_into_even_parts() -> None:
    values = np.random.default_rng(0).permutation(400) / 10
    (cut,) = slice_report(answered(values < 20), [Column("age", values, " y")])
    assert [(part.name, part.n, part.accuracy) for part in cut.slices] == [
        ("0.0 to 9.9 y", 100, 1.0),
        ("10.0 to 19.9 y", 100, 1.0),
        ("20.0 to 29.9 y", 100, 0.0),
        ("30.0 to 39.9 y", 100, 0.0),
    ]


def test_slice_report_takes_few_different_numbers_for_codes() -> None:
    values = np.array([0.0, 1.0, np.nan, 1.0])
    (cut,) = slice_report(answered([True] * 4), [Column("glasses", values)], fewest=1)
    assert [(part.name, part.n) for part in cut.slices] == [("0", 1), ("1", 2)]
    assert cut.without == 1


def test_slice_report_of_numbers_that_are_mostly_one_joins_their_parts() -> None:
    values = np.append(np.zeros(900), np.arange(1, 101))
    (cut,) = slice_report(answered(np.ones(1000, bool)), [Column("beard", values)])
    assert [(part.name, part.n) for part in cut.slices] == [("0", 900), ("1 to 100", 100)]


def test_slice_report_names_large_numbers_in_full() -> None:
    years = np.repeat(np.arange(1960, 2000), 10).astype(np.float64)
    tiny = np.linspace(0.00001, 0.00002, 400)
    by_year, by_tiny = slice_report(answered(np.ones(400, bool)), [Column("born", years), Column("light", tiny)])
    assert [part.name for part in by_year.slices] == ["1960 to 1969", "1970 to 1979", "1980 to 1989", "1990 to 1999"]
    assert len({part.name for part in by_tiny.slices}) == 4
    assert by_tiny.slices[0].name == "0.00001000 to 0.00001248"


def test_slice_report_of_one_slice_has_nothing_to_compare() -> None:
    (cut,) = slice_report(answered([True] * 60), [Column("camera", np.array(["a"] * 40 + ["b"] * 20))])
    assert (cut.p_value, len(cut.slices)) == (None, 1)
    assert "nothing to compare" in cut.words


def test_slice_report_finds_a_difference_and_says_so() -> None:
    rng = np.random.default_rng(0)
    group = rng.choice(["dark", "light"], 2000)
    right = rng.random(2000) < np.where(group == "dark", 0.60, 0.75)
    found, chance = slice_report(answered(right), [Column("skin", group), Column("noise", rng.normal(size=2000))])
    assert found.is_more_than_noise
    assert found.words.startswith("Accuracy differs by skin: from ")
    assert "(dark)" in found.words
    assert "(p < 0.001)" in found.words
    assert not chance.is_more_than_noise
    assert "no more than noise" in chance.words


def test_slice_report_rarely_finds_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten columns of noise at once: something is found in at most some 5 of 100 reports, not in 40."""
    monkeypatch.setattr("fer.evaluation.slices.PERMUTATIONS", 1000)
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(60):
        columns = [Column(str(i), rng.choice(["a", "b", "c"], 300)) for i in range(10)]
        found += any(cut.is_more_than_noise for cut in slice_report(answered(rng.random(300) < 0.95), columns))
    assert found <= 8


def test_slice_report_p_value_agrees_with_the_chi_square_table_where_that_holds() -> None:
    from scipy.stats import chi2_contingency

    group = np.repeat(["a", "b", "c"], [300, 400, 500])
    right = np.concatenate([np.arange(n) < hits for n, hits in ((300, 180), (400, 260), (500, 340))])
    (cut,) = slice_report(answered(right), [Column("group", group)])
    table = np.array([[180, 260, 340], [120, 140, 160]])
    assert cut.p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue, abs=0.01)


def test_slice_report_without_mistakes_finds_nothing() -> None:
    (cut,) = slice_report(answered([True] * 80), [Column("group", np.repeat(["a", "b"], 40))])
    assert cut.p_value == 1


def test_slice_report_of_unusable_columns_and_settings_is_refused() -> None:
    with pytest.raises(DataError, match="'age' has 2 values, the report 3 images"):
        slice_report(answered([True] * 3), [Column("age", np.zeros(2))])
    with pytest.raises(SettingsError, match="2 bins"):
        slice_report(answered([True]), [], bins=1)


def pictures(images: NDArray[np.uint8]) -> Dataset:
    n = len(images)
    return Dataset(
        name="drawn",
        label_set=FER7,
        images=ArrayStore.of(images),
        label_ids=np.zeros(n, np.int16),
        splits=np.full(n, "test"),
        names=np.array([f"{row}.png" for row in range(n)]),
        content_ids=np.arange(n, dtype=np.uint64),
        is_grey=np.ones(n, bool),
    )


def test_picture_columns_measure_what_differs() -> None:
    images = np.random.default_rng(0).integers(0, 100, (3, 48, 48, 1), np.uint8)
    images[1] += 100
    columns = {column.name: column.values for column in picture_columns(pictures(images))}
    assert set(columns) == {"brightness", "contrast", "sharpness"}, "all have one size, which tells nothing"
    assert columns["brightness"] == pytest.approx(images.mean(axis=(1, 2, 3)), abs=1e-3)


class TiltedEyes:
    """A detector that reads the tilt in degrees from the first pixel; 255 is no face."""

    name = "eyes"

    def __init__(self, landmarks: bool = True) -> None:
        self.landmarks = landmarks

    def detect(self, image: NDArray[np.uint8], *, min_size: int = 0) -> Faces:
        if image[0, 0, 0] == 255:
            return Faces.collect([], [], [], [])
        angle = np.radians(float(image[0, 0, 0]) - 100)
        points = np.zeros((1, 5, 2), np.float32)
        points[0, 1] = np.cos(angle), np.sin(angle)
        return Faces.collect([[0, 0, 40, 40]], [[0, 0, 40, 40]], [1.0], points if self.landmarks else None)


def test_roll_column_measures_the_line_between_the_eyes_either_way() -> None:
    images = np.zeros((4, 48, 48, 1), np.uint8)
    images[:, 0, 0, 0] = [100, 120, 85, 255]
    shares: list[float] = []
    column = roll_column(pictures(images), TiltedEyes(), shares.append)
    assert column.values == pytest.approx([0, 20, 15, np.nan], nan_ok=True, abs=1e-4)
    assert (column.name, column.unit, shares[-1]) == ("roll", "°", 1.0)


def test_roll_column_of_a_detector_without_landmarks_says_so() -> None:
    with pytest.raises(DataError, match="cannot be told: the detector 'eyes'"):
        roll_column(pictures(np.zeros((2, 48, 48, 1), np.uint8)), TiltedEyes(landmarks=False))


def test_roll_column_of_a_sample_looks_at_no_more() -> None:
    images = np.full((40, 48, 48, 1), 110, np.uint8)
    column = roll_column(pictures(images), TiltedEyes(), most=15)
    assert (~np.isnan(column.values.astype(float))).sum() == 15
    (cut,) = slice_report(answered([True] * 40), [column], fewest=1)
    assert cut.without == 25


def test_sliced_column_as_dict_survives_json() -> None:
    (cut,) = slice_report(answered([True, True, False, True]), [Column("group", np.array(["a", "a", "b", "b"]))], fewest=2)
    figures = cut.as_dict()
    assert json.loads(json.dumps(figures))["slices"][1] == {
        "name": "b",
        "n": 2,
        "accuracy": 0.5,
        "accuracy_ci95": list(cut.slices[1].accuracy_ci95),
    }
    assert figures["words"] == cut.words
