"""measure_robustness: the figures are those of evaluating pictures that were corrupted beforehand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.bundles import Bundle, load_bundle
from fer.data import Dataset, read_dataset
from fer.data.dataset import ArrayStore
from fer.errors import DataError
from fer.evaluation import (
    Robustness,
    describe_robustness,
    evaluate,
    measure_robustness,
    measure_severities,
    robustness_table,
)
from fer.evaluation.corruptions import CORRUPTIONS
from fer.evaluation.evaluate import CHUNK
from fer.evaluation.robustness import severities_of
from fer.inference.classifier import Classifier
from fer.words import percent


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return load_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def faces() -> Dataset:
    """More faces than a chunk, with votes, all in the validation part."""
    dataset = read_dataset(f"synthetic:{CHUNK + 44}:3")
    return dataset.with_splits(np.full(len(dataset), "val"))


@pytest.fixture(scope="module")
def robustness(bundle: Bundle, faces: Dataset) -> Robustness:
    return measure_robustness(bundle, faces)


@dataclass(frozen=True)
class CountingStore:
    """Images that note how often each was read."""

    images: ArrayStore
    reads: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        raise AssertionError("images are read in batches")

    def select(self, indices: NDArray[np.integer]) -> CountingStore:
        return CountingStore(self.images.select(indices), self.reads)

    def batch(self, indices: NDArray[np.integer], size: int, channels: int) -> NDArray[np.uint8]:
        self.reads.extend(indices.tolist())
        return self.images.batch(indices, size, channels)


def test_measure_robustness_clean_is_what_evaluate_reports(bundle: Bundle, faces: Dataset, robustness: Robustness) -> None:
    report = evaluate(bundle, faces)
    assert (robustness.model, robustness.bundle_sha256, robustness.head) == (report.model, report.bundle_sha256, report.head)
    assert (robustness.dataset, robustness.fingerprint, robustness.split) == (report.dataset, report.fingerprint, "val")
    clean = robustness.clean
    assert (clean.n, clean.accuracy, clean.accuracy_ci95) == (report.n, report.accuracy, report.accuracy_ci95)
    assert clean.ferplus == report.ferplus
    assert clean.ferplus is not None


def test_measure_robustness_is_evaluating_pictures_corrupted_as_a_whole(
    bundle: Bundle, faces: Dataset, robustness: Robustness
) -> None:
    whole = faces.images.batch(np.arange(len(faces)), 48, 1)
    assert [corruption for corruption, _ in robustness.corrupted] == list(CORRUPTIONS)
    for corruption, answered in robustness.corrupted:
        report = evaluate(bundle, replace(faces, images=ArrayStore.of(corruption.apply(whole))))
        assert (answered.accuracy, answered.accuracy_ci95) == (report.accuracy, report.accuracy_ci95), corruption.name
        assert answered.ferplus == report.ferplus, corruption.name
    assert len({answered.accuracy for _, answered in robustness.corrupted}) > 5, "corruptions differ in what they cost"


def test_measure_robustness_reads_each_image_once_and_tells_how_far_it_is(bundle: Bundle, faces: Dataset) -> None:
    store = CountingStore(ArrayStore.of(faces.images.batch(np.arange(len(faces)), 48, 1)))
    shares: list[float] = []
    classifier = Classifier(bundle)
    measure_robustness(bundle, replace(faces, images=store), progress=shares.append, classifier=classifier)
    assert store.reads == list(range(len(faces)))
    assert shares == sorted(shares)
    assert len(shares) == 2 * (len(CORRUPTIONS) + 1)
    assert shares[len(CORRUPTIONS)] == pytest.approx(CHUNK / len(faces))
    assert shares[-1] == 1.0


def test_measure_robustness_takes_split_and_head_as_evaluate_does(bundle: Bundle, faces: Dataset) -> None:
    splits = np.where(np.arange(len(faces)) < 20, "val", "train")
    parted = replace(faces.with_splits(splits), votes=None)
    measured = measure_robustness(bundle, parted, split="val", head="votes")
    assert (measured.split, measured.head, measured.clean.n) == ("val", "votes", 20)
    assert measured.clean.accuracy == evaluate(bundle, parted, split="val", head="votes").accuracy
    with pytest.raises(DataError, match="no split 'test'"):
        measure_robustness(bundle, parted, split="test")


def test_robustness_means_are_over_the_corruptions_alone(robustness: Robustness) -> None:
    figures = robustness.as_dict()
    rows = figures["corruptions"]
    assert len(rows) == 11
    assert figures["mean_accuracy"] == pytest.approx(sum(row["accuracy"] for row in rows) / 11)
    assert figures["mean_ferplus_accuracy"] == pytest.approx(sum(row["ferplus"]["accuracy"] for row in rows) / 11)
    assert figures["mean_accuracy"] != figures["clean"]["accuracy"]


def test_robustness_as_dict_survives_json(robustness: Robustness) -> None:
    figures = robustness.as_dict()
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert figures["seed"] == 2013
    told = {"name", "description", "severity", "unit", "n", "accuracy", "accuracy_ci95", "ferplus"}
    assert all(row.keys() == told for row in figures["corruptions"])


# Figures as a card holds them, with changes that are easily worked out.
STORED = {
    "dataset": "fer2013",
    "split": "val",
    "head": "labels",
    "clean": {"n": 1000, "accuracy": 0.7, "accuracy_ci95": [0.671, 0.728]},
    "corruptions": [
        {
            "name": "roll",
            "description": "the head tilted to either side",
            "severity": 20,
            "unit": "degrees",
            "n": 1000,
            "accuracy": 0.655,
            "accuracy_ci95": [0.625, 0.684],
        },
        {
            "name": "blur",
            "description": "out of focus",
            "severity": 1.5,
            "unit": "pixels",
            "n": 1000,
            "accuracy": 0.705,
            "accuracy_ci95": [0.676, 0.732],
        },
    ],
    "mean_accuracy": 0.68,
}


def test_describe_robustness_is_a_section_with_a_table() -> None:
    assert describe_robustness(STORED) == [
        "## Robustness",
        "",
        "1,000 images of fer2013 (val), all corrupted in one way at a time, with a fixed seed, and answered by the head labels. "
        "Changes are in percentage points.",
        "",
        "| corruption | accuracy | 95 % interval | change |",
        "| --- | --- | --- | --- |",
        "| none | 70.0 % | 67.1 % to 72.8 % |  |",
        "| roll: the head tilted to either side (20 degrees) | 65.5 % | 62.5 % to 68.4 % | -4.5 |",
        "| blur: out of focus (1.5 pixels) | 70.5 % | 67.6 % to 73.2 % | +0.5 |",
        "| mean | 68.0 % |  | -2.0 |",
    ]


def test_describe_robustness_with_votes_has_columns_for_them(robustness: Robustness) -> None:
    figures = json.loads(json.dumps(robustness.as_dict()))
    lines = describe_robustness(figures)
    n = figures["clean"]["ferplus"]["n"]
    assert f"FER+: {n:,} of the images, under the strict protocol." in lines[2]
    table = lines[lines.index("") + 3 :]
    assert len(table) == 2 + 1 + 11 + 1
    assert {line.count("|") for line in table} == {8}
    assert table[-1].endswith(
        f"| {percent(figures['mean_ferplus_accuracy'])} |  | "
        f"{100 * (figures['mean_ferplus_accuracy'] - figures['clean']['ferplus']['accuracy']):+.1f} |"
    )


def test_robustness_table_names_corruptions_in_short() -> None:
    assert [row[0] for row in robustness_table(STORED)] == ["corruption", "none", "roll", "blur", "mean"]


def test_severities_of_rise_from_half_the_cards_to_the_limit() -> None:
    for corruption in CORRUPTIONS:
        severities = severities_of(corruption)
        assert severities == tuple(sorted(set(severities))), corruption.name
        assert (severities[1], severities[-1], len(severities)) == (corruption.severity, corruption.limit, 5), corruption.name


def test_measure_severities_at_the_cards_is_measure_robustness(bundle: Bundle, faces: Dataset) -> None:
    few = faces.select(np.arange(40))
    curves, robustness = measure_severities(bundle, few), measure_robustness(bundle, few)
    assert curves.clean.accuracy == robustness.clean.accuracy
    for curve, (corruption, answered) in zip(curves.curves, robustness.corrupted, strict=True):
        assert curve.corruption is corruption
        assert curve.answered[curve.severities.index(corruption.severity)].accuracy == answered.accuracy, corruption.name


def test_measure_severities_draws_the_same_sample_each_time(bundle: Bundle, faces: Dataset) -> None:
    shares: list[float] = []
    first, again = (measure_severities(bundle, faces, most=20, progress=shares.append) for _ in range(2))
    assert first == again
    assert {answered.n for curve in first.curves for answered in curve.answered} == {20}
    assert shares[-1] == 1
