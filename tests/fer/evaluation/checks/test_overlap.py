"""Leaks and clips: what the model has seen is found by pixels, by edges and by names, and what it has not seen is left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer.bundles import Bundle
from fer.data import Dataset, read_dataset
from fer.data.dataset import ArrayStore, FileStore
from fer.evaluation import evaluate
from fer.evaluation.checks import Check, overlap
from fer.images import content_id
from fer.inference.classifier import Classifier
from fer.recipes import Settings
from fer.training.prepare import choose_data
from fer.words import percent

ChangedCard = Callable[..., Bundle]


def named(checks: tuple[Check, ...], name: str) -> Check:
    return next(check for check in checks if check.name == name)


@pytest.fixture(scope="module")
def faces() -> Dataset:
    return read_dataset("synthetic:800:2")


def with_leaks(dataset: Dataset, count: int) -> Dataset:
    """The dataset with the first images of train in place of the first of test."""
    test, train = np.flatnonzero(dataset.splits == "test"), np.flatnonzero(dataset.splits == "train")
    rows = np.arange(len(dataset))
    rows[test[:count]] = train[:count]
    leaking = dataset.select(rows)
    return replace(leaking, splits=dataset.splits, names=dataset.names)


def learned_from(bundle: Bundle, dataset: Dataset, changed_card: ChangedCard, **settings: object) -> Bundle:
    """The bundle with the card that it would have, had it learned from this dataset."""
    sections = {**bundle.card["settings"], "data": {**bundle.card["settings"]["data"], **settings}}
    learned, leaks_removed = choose_data(dataset, Settings.from_dict(sections))
    data = {"name": "x", "fingerprint": learned.fingerprint, "counts": learned.counts(), "leaks_removed": leaks_removed}
    return changed_card(bundle, settings=sections, data=data)


def test_leaks_of_a_sound_split_pass(compact: Bundle, compact_classifier: Classifier, faces: Dataset) -> None:
    report = evaluate(compact, faces, classifier=compact_classifier)
    found = named(report.checks, "leaks from train")
    assert found.status == "pass"
    assert (
        f"None of {report.n} images is among the {(faces.splits == 'train').sum()} that the dataset's train part has"
        in found.finding
    )


def test_leaks_warn_with_the_figure_without_them(compact: Bundle, compact_classifier: Classifier, faces: Dataset) -> None:
    report = evaluate(compact, with_leaks(faces, 12), classifier=compact_classifier)
    found = named(report.checks, "leaks from train")
    assert found.status == "warn"
    assert f"12 of {report.n} images" in found.finding
    assert report.accuracy_leak_free is not None
    assert (
        f"Without them the accuracy is {percent(report.accuracy_leak_free)}, with them {percent(report.accuracy)}"
        in found.finding
    )


def test_leaks_fail_where_a_third_was_seen(compact: Bundle, compact_classifier: Classifier, faces: Dataset) -> None:
    report = evaluate(compact, with_leaks(faces, 60), classifier=compact_classifier)
    assert named(report.checks, "leaks from train").status == "fail"


def test_leaks_that_training_left_out_are_none(
    compact: Bundle, compact_classifier: Classifier, faces: Dataset, changed_card: ChangedCard
) -> None:
    leaking = with_leaks(faces, 12)
    report = evaluate(learned_from(compact, leaking, changed_card), leaking, classifier=compact_classifier)
    found = named(report.checks, "leaks from train")
    assert found.status == "pass"
    assert "that the model learned from. 12 had twins there, which training left out; without them" in found.finding


def test_leaks_know_the_models_own_training_images(
    compact: Bundle, compact_classifier: Classifier, faces: Dataset, changed_card: ChangedCard
) -> None:
    report = evaluate(learned_from(compact, faces, changed_card), faces, split="train", classifier=compact_classifier)
    found = named(report.checks, "leaks from train")
    assert found.status == "fail"
    assert f"{report.n} of {report.n} images are among the {report.n} that the model learned from" in found.finding


def test_learned_is_told_from_counts_where_votes_are_lacking(
    compact: Bundle, compact_classifier: Classifier, faces: Dataset, changed_card: ChangedCard
) -> None:
    leaking = with_leaks(faces, 12)
    bundle = learned_from(compact, leaking, changed_card)
    found = named(evaluate(bundle, replace(leaking, votes=None), classifier=compact_classifier).checks, "leaks from train")
    assert "that the model learned from" in found.finding
    # Without leaks, balanced sets of one size look the same in their counts.
    bundle = learned_from(compact, faces, changed_card)
    found = named(evaluate(bundle, replace(faces, votes=None), classifier=compact_classifier).checks, "leaks from train")
    assert "the dataset's train part has" in found.finding


@pytest.mark.parametrize(("splits", "split", "status"), [(("test",), "test", "skipped"), (("train", "test"), "train", "warn")])
def test_leaks_without_a_train_part_to_compare_with(
    compact: Bundle, compact_classifier: Classifier, faces: Dataset, splits: tuple[str, ...], split: str, status: str
) -> None:
    report = evaluate(compact, faces.select(np.isin(faces.splits, splits)), split=split, classifier=compact_classifier)
    assert named(report.checks, "leaks from train").status == status
    assert named(report.checks, "look-alikes in train").status == "skipped"


def film(faces: Dataset, rng: np.random.Generator, clips: int, frames: int) -> Dataset:
    """Clips of faces that move a little from frame to frame, with sensor noise."""
    pixels: list[NDArray[np.uint8]] = []
    for clip in range(clips):
        shown = faces.images[clip][..., 0]
        for frame in range(frames):
            move = np.array([[1, 0, 0.25 * frame], [0, 1, 0.15 * frame]], np.float32)
            moved = cv2.warpAffine(shown, move, (48, 48), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
            pixels.append(np.clip(moved + rng.normal(0, 2, moved.shape), 0, 255).astype(np.uint8)[..., None])
    n = clips * frames
    return replace(
        faces.select(np.repeat(np.arange(clips), frames)),
        images=ArrayStore.of(np.stack(pixels)),
        names=np.array([f"happy/clip{i // frames:02d}_frame_{i % frames:04d}.png" for i in range(n)]),
        content_ids=np.array([content_id(image) for image in pixels], np.uint64),
    )


@pytest.mark.parametrize(("by_clip", "status"), [(False, "fail"), (True, "pass")])
def test_clips_whose_frames_stand_on_both_sides_fail(
    compact: Bundle, compact_classifier: Classifier, faces: Dataset, by_clip: bool, status: str
) -> None:
    rng = np.random.default_rng(0)
    filmed = film(faces, rng, clips=30, frames=10)
    unit = np.repeat(np.arange(30), 10) if by_clip else np.arange(300)
    in_test = np.isin(unit, rng.permutation(np.unique(unit))[: len(np.unique(unit)) // 5])
    found = named(
        evaluate(compact, filmed.with_splits(np.where(in_test, "test", "train")), classifier=compact_classifier).checks,
        "look-alikes in train",
    )
    assert found.status == status
    if status == "fail":
        assert "happy/clip" in found.finding
        assert "in a clip by their names" in found.finding
        assert "Without them the accuracy is" in found.finding


def test_clips_in_files_are_looked_for_where_names_say(
    compact: Bundle, compact_classifier: Classifier, faces: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Files cost time to decode, so that only some are looked at: those next in number first.
    monkeypatch.setattr(overlap, "_SAMPLES_OF_FILES", (20, 40))
    filmed = film(faces, np.random.default_rng(0), clips=20, frames=10)
    paths = [tmp_path / name.replace("/", "_") for name in filmed.names.tolist()]
    for path, image in zip(paths, filmed.images.batch(np.arange(200), 48, 1), strict=True):
        cv2.imwrite(str(path), image)
    in_test = np.arange(200) % 10 == 4
    filed = replace(filmed, images=FileStore(paths)).with_splits(np.where(in_test, "test", "train"))
    found = named(evaluate(compact, filed, classifier=compact_classifier).checks, "look-alikes in train")
    assert found.status == "fail"
    assert "Of 20 images looked at" in found.finding


def test_clips_of_people_on_both_sides_are_known_by_their_names(
    compact: Bundle, compact_classifier: Classifier, faces: Dataset
) -> None:
    people = replace(faces, names=np.array([f"sad/S{i // 10:03d}_{i % 10:02d}.png" for i in range(len(faces))]))
    found = named(evaluate(compact, people, classifier=compact_classifier).checks, "look-alikes in train")
    assert found.status == "warn"
    assert "clips or people of which train has images, too (such as S000_" in found.finding


@pytest.mark.parametrize("pattern", ["{i}.png", "img_{i:05d}.jpg", "train/sad/Training_{i}.jpg", "sad/{i:08x}.jpg"])
def test_clips_are_not_seen_in_the_running_number_of_a_set(
    compact: Bundle, compact_classifier: Classifier, faces: Dataset, pattern: str
) -> None:
    numbers = np.random.default_rng(0).permutation(10**6)[: len(faces)]
    numbered = replace(faces, names=np.array([pattern.format(i=i) for i in numbers.tolist()]))
    assert named(evaluate(compact, numbered, classifier=compact_classifier).checks, "look-alikes in train").status == "pass"


@pytest.mark.parametrize("seed", range(3))
def test_clips_accuse_no_drawn_set(compact: Bundle, compact_classifier: Classifier, seed: int) -> None:
    report = evaluate(compact, read_dataset(f"synthetic:600:{seed}"), classifier=compact_classifier)
    assert named(report.checks, "look-alikes in train").status == "pass"
