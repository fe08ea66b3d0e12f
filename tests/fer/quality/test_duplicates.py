"""Groups as findings: what stays, what is proposed; and the counts of the real data."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from fer.data import Dataset, synthetic_dataset
from fer.data.dataset import ArrayStore
from fer.images import content_id
from fer.labels import VOTE_COLUMNS, LabelSet
from fer.quality.duplicates import find_duplicates
from fer.quality.findings import Finding
from fer.quality.resplit import resplit

ANGRY, HAPPY, SAD, NEUTRAL = 0, 3, 4, 6


def by_kind(findings: tuple[Finding, ...]) -> dict[str, list[Finding]]:
    table = defaultdict(list)
    for finding in findings:
        table[finding.kind].append(finding)
    return dict(table)


@pytest.fixture
def group(make_dataset):
    """`group(label_ids, splits, votes=…)`: identical images of these labels and splits, and one other image before them."""
    rng = np.random.default_rng(0)
    same, other = rng.integers(0, 256, (2, 48, 48, 1), dtype=np.uint8)

    def make(label_ids, splits="train", votes=None, **options) -> Dataset:
        splits = [splits] * len(label_ids) if isinstance(splits, str) else splits
        pictures = [other] + [same] * len(label_ids)
        dataset = make_dataset([HAPPY, *label_ids], ["train", *splits], pictures=pictures, **options)
        if votes is None:
            return dataset
        table = np.zeros((len(dataset), len(VOTE_COLUMNS)), np.uint8)
        for name, count in votes.items():
            table[1:, VOTE_COLUMNS.index(name)] = count
        return replace(dataset, votes=table)

    return make


def test_find_duplicates_without_any(make_dataset) -> None:
    assert find_duplicates(make_dataset([SAD, HAPPY, SAD], ["train", "val", "test"])) == ()
    assert find_duplicates(make_dataset([SAD, HAPPY]).select(np.zeros(0, np.intp))) == ()


def test_find_duplicates_identical_images_keep_the_first(group) -> None:
    (found,) = find_duplicates(group([SAD, SAD, SAD]))
    assert found == Finding("identical", (1, 2, 3), 1 - 1 / 3, "drop", detail="3 images: 3 train; 3 sad", kept=1)


# What is held out stays whatever the order of the rows; two of val stay both as far as the leak goes.
@pytest.mark.parametrize(
    ("splits", "order", "kept"),
    [
        (["train", "val"], (2, 1), 1),
        (["train", "val", "test"], (3, 2, 1), 1),
        (["train", "val", "train", "val"], (2, 4, 1, 3), 2),
        (["", "train", "val"], (3, 2), 1),
    ],
)
def test_find_duplicates_leaks_leave_the_held_out_copy(splits, order, kept, group) -> None:
    found = by_kind(find_duplicates(group([SAD] * len(splits), splits)))
    assert set(found) == {"identical", "leak"}
    assert (found["leak"][0].indices, found["leak"][0].kept, found["leak"][0].action) == (order, kept, "drop")
    assert found["identical"][0].indices[0] == order[0]


@pytest.mark.parametrize("splits", [["", "train"], ["", ""], ["val", "val"]])
def test_find_duplicates_no_leak_within_a_split(splits, group) -> None:
    assert set(by_kind(find_duplicates(group([SAD, SAD], splits)))) == {"identical"}


def test_find_duplicates_conflict_is_settled_by_the_majority(group) -> None:
    found = by_kind(find_duplicates(group([NEUTRAL, SAD, SAD])))
    (conflict,) = found["conflict"]
    assert conflict.severity == pytest.approx(1 / 3)
    assert conflict.detail == "3 images: 3 train; 2 sad, 1 neutral"
    assert conflict.action == "relabel"
    assert (conflict.indices, conflict.targets, conflict.value) == ((2, 3, 1), (1,), "sad")
    assert found["identical"][0].indices == (2, 3, 1), "what stays carries the label proposed"


# A tie is settled by the votes over the labels in question, whatever else was voted for; without a decision nothing can be kept.
@pytest.mark.parametrize(
    ("votes", "proposed"),
    [
        (None, ""),
        ({"sad": 2, "neutral": 5}, "neutral"),
        ({"sad": 3, "neutral": 1, "fear": 6}, "sad"),
        ({"sad": 4, "neutral": 4}, ""),
        ({"fear": 10}, ""),
    ],
)
def test_find_duplicates_tied_conflict(votes, proposed, group) -> None:
    (conflict,) = by_kind(find_duplicates(group([SAD, NEUTRAL], votes=votes)))["conflict"]
    assert conflict.severity == 0.5
    assert conflict.value == proposed
    if proposed:
        assert conflict.action == "relabel"
        assert conflict.targets == ((1,) if proposed == "neutral" else (2,))
    else:
        assert (conflict.action, conflict.targets) == ("drop", (1, 2))


def test_find_duplicates_tied_conflict_of_merged_classes(group) -> None:
    """Votes say nothing about classes that are no emotions."""
    dataset = group([0, 1], votes={"sad": 9}, label_set=LabelSet(("calm ones", "others", "x", "y")))
    assert by_kind(find_duplicates(dataset))["conflict"][0].action == "drop"


def test_find_duplicates_held_out_copy_stays_though_its_label_is_outvoted(group) -> None:
    found = by_kind(find_duplicates(group([SAD, SAD, NEUTRAL], ["train", "train", "val"])))
    assert found["leak"][0].targets == (1, 2)
    assert found["conflict"][0].targets == (3,)
    assert found["conflict"][0].value == "sad"


@pytest.fixture
def with_copies() -> Dataset:
    """60 drawn faces; 60 is face 0 mirrored, in val; 61 and 62 are face 1 a little brighter, in train; 63 equals face 1."""
    drawn = synthetic_dataset(60, seed=3)
    images = drawn.images.array
    brighter = np.clip(images[1] * 1.1 + 8, 0, 255).astype(np.uint8)
    images = np.concatenate([images, images[:1, :, ::-1], [brighter, brighter, images[1]]])
    rows = np.r_[:60, 0, 1, 1, 1]
    return replace(
        drawn,
        images=ArrayStore.of(images),
        label_ids=drawn.label_ids[rows],
        splits=np.array(["train"] * 60 + ["val"] + ["train"] * 3, "U5"),
        names=np.array([f"{row}.png" for row in range(64)]),
        content_ids=np.array([content_id(image) for image in images], np.uint64),
        is_grey=drawn.is_grey[rows],
        votes=None,
    )


def test_find_duplicates_near_with_all_copies_of_each(with_copies) -> None:
    found = by_kind(find_duplicates(with_copies))
    near = {finding.indices: finding for finding in found["near_duplicate"]}
    assert set(near) == {(60, 0), (1, 63, 61, 62)}
    assert all(finding.kept == 1 and finding.action == "drop" and finding.severity > 0.96 for finding in near.values())
    assert [(finding.indices, finding.kept) for finding in found["near_leak"]] == [((60, 0), 1)]
    assert {finding.indices for finding in found["identical"]} == {(1, 63), (61, 62)}
    assert "leak" not in found


def test_find_duplicates_near_leak_is_more_than_identical_copies(with_copies) -> None:
    """A group in which every image of train has an identical twin in val leaks, but not by near duplicates."""
    splits = with_copies.splits.copy()
    splits[[1, 61]] = "val"
    found = by_kind(find_duplicates(with_copies.with_splits(splits)))
    assert {finding.indices for finding in found["leak"]} == {(1, 63), (61, 62)}
    assert [finding.indices for finding in found["near_leak"]] == [(60, 0)]


def test_find_duplicates_near_can_be_left_out(with_copies) -> None:
    assert set(by_kind(find_duplicates(with_copies, near=False))) == {"identical"}


def test_find_duplicates_in_files_of_any_size(make_dataset) -> None:
    """Pictures that stay files, in colour and of different sizes, are compared as the same small grey ones."""
    drawn = synthetic_dataset(30, seed=4, size=96).images.array
    pictures = [np.repeat(image, 3, axis=2) for image in drawn]
    pictures.append(pictures[5][:, ::-1].copy())
    pictures.append(np.repeat(np.repeat(pictures[6], 2, axis=0), 2, axis=1))
    found = by_kind(find_duplicates(make_dataset([HAPPY] * 32, pictures=pictures, files=True)))
    assert [finding.indices for finding in found["near_duplicate"]] == [(5, 30), (6, 31)]


def test_find_duplicates_reports_progress(with_copies) -> None:
    calls: list[tuple[str, float]] = []
    find_duplicates(with_copies, progress=lambda what, fraction: calls.append((what, fraction)))
    fractions = [fraction for _, fraction in calls]
    assert {what for what, _ in calls} == {"Comparing images"}
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_resplit_by_findings_leaves_no_leak(with_copies) -> None:
    groups = [finding.indices for finding in find_duplicates(with_copies)]
    for seed in range(5):
        found = by_kind(find_duplicates(resplit(with_copies, (0.5, 0.5), seed=seed, groups=groups)))
        assert not {"leak", "near_leak"} & set(found)


@pytest.mark.fer2013
def test_find_duplicates_fer2013(fer2013: Dataset) -> None:
    """The counts that everybody can check, and near duplicates of about the number that was seen to be right."""
    found = by_kind(find_duplicates(fer2013))
    identical, leaks, conflicts = found["identical"], found["leak"], found["conflict"]
    assert len(identical) == 1_276
    assert sum(len(finding.indices) for finding in identical) == 2_814
    assert sum(len(finding.targets) for finding in identical) == 1_538
    assert len(leaks) == 270
    assert sum(int((fer2013.splits[list(finding.indices)] == "val").sum()) for finding in leaks) == 280
    assert all((fer2013.splits[list(finding.targets)] == "train").all() for finding in leaks)
    assert len(conflicts) == 47
    assert sum(len(finding.indices) for finding in conflicts) == 128
    # 128 of these pairs were looked at (64 at random, the 64 least alike): all but one or two show the same photograph.
    near = found["near_duplicate"]
    assert 1_900 <= len(near) <= 2_300
    assert 450 <= len(found["near_leak"]) <= 650
    assert all(len(set(fer2013.content_ids[list(finding.indices)].tolist())) > 1 for finding in near)
