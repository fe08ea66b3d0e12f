"""The cleaning list: what is decided holds for that very image, can be taken back, and merged with what others decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.data import Dataset, remove_leaks
from fer.errors import DataError, LabelError
from fer.quality.cleaning import CleaningList, default_place, read_cleaned
from fer.quality.findings import Audit, Finding
from fer.workspace import workspace_dir

MakeDataset = Callable[..., Dataset]


def _audit(dataset: Dataset, *findings: Finding) -> Audit:
    return Audit(dataset.name, dataset.fingerprint, len(dataset), findings, {})


def _decisions(cleaning: CleaningList) -> set[tuple[str, str, str]]:
    return {(decision.name, decision.action, decision.value) for decision in cleaning.in_force.values()}


@pytest.mark.parametrize("files", [False, True], ids=["array", "files"])
def test_apply_drops_relabels_moves_and_keeps(files: bool, make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 2, 3, 4], ["train", "train", "train", "val", "val"], files=files)
    before = dataset.fingerprint
    decided = (
        CleaningList()
        .decide(dataset, [0], "drop")
        .decide(dataset, [1], "relabel", "Happiness")
        .decide(dataset, [3], "move", "test")
        .decide(dataset, [4], "keep")
    )
    cleaned, summary = decided.apply(dataset)
    assert cleaned.names.tolist() == ["all/1.png", "all/2.png", "all/3.png", "all/4.png"]
    assert cleaned.label_set.decode(cleaned.label_ids) == ["happy", "fear", "happy", "sad"]
    assert cleaned.splits.tolist() == ["train", "train", "test", "val"]
    for row, old in enumerate((1, 2, 3, 4)):
        np.testing.assert_array_equal(cleaned.images[row], dataset.images[old])
    assert (summary.before, summary.after, summary.dropped, summary.relabelled, summary.moved) == (5, 4, 1, 1, 1)
    assert (summary.decisions, summary.absent, summary.replaced) == (4, 0, 0)
    assert dataset.fingerprint == replace(dataset).fingerprint == before, "the dataset itself is not touched"


def test_apply_again_changes_nothing(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 2, 3], ["train", "train", "val", "val"])
    decided = (
        CleaningList().decide(dataset, [0], "drop").decide(dataset, [1], "relabel", "sad").decide(dataset, [2], "move", "test")
    )
    once, _ = decided.apply(dataset)
    twice, summary = decided.apply(once)
    assert twice.fingerprint == once.fingerprint
    assert (summary.dropped, summary.relabelled, summary.moved, summary.absent) == (0, 0, 0, 1)


def test_apply_holds_in_another_order(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 2, 3])
    decided = CleaningList().decide(dataset, [1, 2], "drop")
    cleaned, _ = decided.apply(dataset.select(np.array([3, 1, 0, 2])))
    assert cleaned.names.tolist() == ["all/3.png", "all/0.png"]


def test_apply_leaves_another_picture_under_the_name_alone(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 2])
    decided = CleaningList().decide(dataset, [0, 1], "drop")
    swapped = replace(dataset.select(np.array([1, 0, 2])), names=dataset.names)
    other, summary = decided.apply(swapped)
    assert len(other) == 3
    assert (summary.dropped, summary.replaced, summary.absent) == (0, 2, 0)
    assert "another picture stands under the name" in str(summary)


def test_apply_to_another_dataset_says_so(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 2])
    decided = CleaningList().decide(dataset, [0, 1], "drop")
    _, summary = decided.apply(replace(dataset, names=np.array(["x", "y", "z"])))
    assert "Of 2 decisions, 2 are about images that are not in this dataset." in str(summary)


def test_apply_of_identical_pictures_drops_the_one_that_was_meant(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 0, 0])
    twins = dataset.select(np.array([0, 0, 0]))
    twins = replace(twins, names=np.array(["a", "b", "c"]))
    cleaned, _ = CleaningList().decide(twins, [1], "drop").apply(twins)
    assert cleaned.names.tolist() == ["a", "c"]


def test_apply_relabel_to_a_class_that_is_lacking(make_dataset: MakeDataset) -> None:
    from fer.labels import FER8

    wide = make_dataset([0, 1], label_set=FER8)
    decided = CleaningList().decide(wide, [0], "relabel", "contempt")
    with pytest.raises(LabelError, match=r"'all/0.png' to 'contempt', a class that 'noise' lacks\. It has: angry, disgust"):
        decided.apply(make_dataset([0, 1]))


def test_apply_says_which_splits_and_classes_are_empty_now(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 1, 0, 2], ["train", "train", "val", "val", "test"])
    _, summary = CleaningList().decide(dataset, [2, 4], "drop").apply(dataset)
    assert summary.emptied == (
        "The split test has no images left.",
        "The class fear has no images left.",
        "The split val has no image of disgust left.",
    )
    assert str(summary).endswith("The split val has no image of disgust left.")


def test_apply_of_an_empty_list_and_to_nothing(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1])
    assert CleaningList().apply(dataset)[0].fingerprint == dataset.fingerprint
    nothing, summary = CleaningList().decide(dataset, [0, 1], "drop").apply(dataset)
    assert len(nothing) == summary.after == 0
    assert len(CleaningList().apply(nothing)[0]) == 0


def test_last_decision_holds_and_move_stands_beside_the_others(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1])
    decided = CleaningList().decide(dataset, [0], "drop").decide(dataset, [0], "move", "val")
    assert len(decided.apply(dataset)[0]) == 1, "what is moved stays dropped"
    decided = decided.decide(dataset, [0], "relabel", "sad")
    cleaned, _ = decided.apply(dataset)
    assert (cleaned.splits[0], dataset.label_set.names[cleaned.label_ids[0]]) == ("val", "sad")
    cleaned, _ = decided.decide(dataset, [0], "keep").apply(dataset)
    assert (cleaned.splits[0], cleaned.label_ids[0]) == ("val", 0)


def test_undo_takes_back_one_step_after_the_other(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 2])
    first = CleaningList().decide(dataset, [0, 1], "drop")
    second = first.decide(dataset, [0], "keep")
    assert second.undo() == first
    assert second.undo().undo() == CleaningList()
    assert CleaningList().undo() == CleaningList()
    assert second.undo(2) == second.undo(5) == CleaningList()
    assert second.steps[:1] == first.steps


def test_decide_steps_are_told_apart_however_fast_they_come(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0])
    decided = CleaningList()
    for _ in range(200):
        decided = decided.decide(dataset, [0], "drop").decide(dataset, [0], "keep")
    moments = [decision.decided for decision in decided.history]
    assert moments == sorted(set(moments))
    assert len(decided.undo().history) == 399


def test_decide_refuses(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1])
    with pytest.raises(DataError, match=r"rows 0…1\. Received: 2"):
        CleaningList().decide(dataset, [2], "drop")
    with pytest.raises(DataError, match="rows 0…1"):
        CleaningList().decide(dataset, [-1], "drop")
    with pytest.raises(LabelError, match="'contempt'"):
        CleaningList().decide(dataset, [0], "relabel", "contempt")
    with pytest.raises(DataError, match="a value with relabel and move alone"):
        CleaningList().decide(dataset, [0], "relabel")
    with pytest.raises(DataError, match=r"move to train, val, test\. Received: 'dev'"):
        CleaningList().decide(dataset, [0], "move", "dev")


def test_accept_finding_decides_about_its_targets(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 0, 0])
    finding = Finding("identical", (2, 0, 1), 1.0, "drop", detail="three of a kind", kept=1)
    decided = CleaningList().accept(dataset, finding)
    assert _decisions(decided) == {("all/0.png", "drop", ""), ("all/1.png", "drop", "")}
    assert {decision.reason for decision in decided.history} == {"Identical images: three of a kind"}
    assert decided.undo() == CleaningList()


def test_accept_audit_once_for_each_image(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 0, 1, 1, 2])
    audit = _audit(
        dataset,
        Finding("conflict", (0, 1), 1.0, "relabel", "sad", kept=1),
        Finding("identical", (0, 1), 0.2, "drop", kept=1),
        Finding("label_issue", (2,), 0.9, "relabel", "fear"),
        Finding("votes_disagree", (2,), 1.0, "relabel", "happy"),
        Finding("dark", (3,), 0.5, "keep"),
        Finding("label_issue", (4,), 0.3, "relabel", "happy"),
        Finding("label_issue", (3,), 0.3, "move", "val"),
    )
    decided = CleaningList().accept(dataset, audit)
    assert _decisions(decided) == {
        ("all/1.png", "drop", ""),  # stronger than its relabelling
        ("all/2.png", "relabel", "happy"),  # what ten people said, before what a classifier says
        ("all/3.png", "move", "val"),  # and no `keep`, which changes nothing
        ("all/4.png", "relabel", "happy"),
    }
    assert decided.undo() == CleaningList(), "all of it is one step"


def test_accept_audit_of_some_kinds_leaves_what_was_decided(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 2])
    audit = _audit(
        dataset,
        Finding("blank", (0, 1), 1.0, "drop"),
        Finding("label_issue", (2,), 1.0, "relabel", "happy"),
    )
    decided = CleaningList().decide(dataset, [0], "keep").accept(dataset, audit, kinds=["blank"])
    assert _decisions(decided) == {("all/0.png", "keep", ""), ("all/1.png", "drop", "")}


def test_accept_audit_of_another_dataset(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 2])
    audit = _audit(dataset, Finding("blank", (0,), 1.0, "drop"))
    with pytest.raises(DataError, match="Audit it again"):
        CleaningList().accept(dataset.select(np.array([2, 1, 0])), audit)


def test_move_to_decides_only_what_changes(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 2], ["train", "train", "val"])
    decided = CleaningList().decide(dataset, [1], "relabel", "sad")
    cleaned, _ = decided.apply(dataset)
    decided = decided.move_to(cleaned, np.array(["train", "test", "val"]), reason="drawn anew")
    assert _decisions(decided) == {("all/1.png", "relabel", "sad"), ("all/1.png", "move", "test")}
    assert decided.apply(dataset)[0].splits.tolist() == ["train", "test", "val"]
    with pytest.raises(DataError, match="a split for each of 3"):
        decided.move_to(cleaned, np.array(["train"]))


def test_merge_of_what_two_people_decided(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0, 1, 2, 3])
    shared = CleaningList().decide(dataset, [0], "drop")
    mine = shared.decide(dataset, [1], "drop").decide(dataset, [2], "relabel", "sad").decide(dataset, [3], "drop")
    theirs = shared.decide(dataset, [0], "keep").decide(dataset, [2], "relabel", "happy").decide(dataset, [3], "drop")
    merged, conflicts = mine.merge(theirs)
    back, the_other_way = theirs.merge(mine)
    assert merged == back, "the order of merging is no matter"
    assert _decisions(merged) == {
        ("all/0.png", "keep", ""),  # they overruled what both had
        ("all/1.png", "drop", ""),
        ("all/2.png", "relabel", "happy"),  # decided later
        ("all/3.png", "drop", ""),
    }
    (conflict,) = conflicts
    assert len(the_other_way) == 1
    assert (conflict.ours.value, conflict.theirs.value) == ("sad", "happy")
    assert str(conflict).startswith("all/2.png: relabel to sad (")
    assert "The later holds: relabel to happy (" in str(conflict)
    assert merged.merge(mine) == (merged, ())


def test_merge_label_and_split_of_one_image_agree(make_dataset: MakeDataset) -> None:
    dataset = make_dataset([0])
    merged, conflicts = (
        CleaningList().decide(dataset, [0], "relabel", "sad").merge(CleaningList().decide(dataset, [0], "move", "val"))
    )
    assert not conflicts
    cleaned, _ = merged.apply(dataset)
    assert (cleaned.splits[0], cleaned.label_ids[0]) == ("val", 4)


def test_read_cleaned_reads_as_it_is_without_a_list(tmp_path: Path) -> None:
    dataset, nothing = read_cleaned("synthetic:40:1", None)
    assert nothing is None
    CleaningList().decide(dataset, range(5), "drop").save(tmp_path / "list.csv")
    cleaned, summary = read_cleaned("synthetic:40:1", tmp_path / "list.csv")
    assert summary is not None
    assert (len(cleaned), summary.dropped) == (35, 5)
    assert cleaned.names.tolist() == dataset.names.tolist()[5:]


@pytest.mark.parametrize("name", ["faces", "faces.zip", "fer2013.csv"])
def test_default_place_is_beside_a_dataset_on_disk(name: str, tmp_path: Path) -> None:
    assert default_place(str(tmp_path / name)) == tmp_path / f"{name}.cleaning.csv"


def test_default_place_is_in_the_workspace_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_only = {str(tmp_path / one / "faces.zip") for one in ("mine", "yours")}
    monkeypatch.setattr("os.access", lambda path, mode: path not in (tmp_path / "mine", tmp_path / "yours"))
    sources = {"synthetic", "synthetic:160:3", "kaggle:a-b/c", "kaggle:a/b-c", *read_only}
    places = {default_place(source) for source in sources}
    assert len(places) == len(sources), "each dataset has a list of its own"
    assert {place.parent for place in places} == {workspace_dir() / "cleaning"}
    assert all(place.name == place.name.strip("./\\:") for place in places)


@pytest.mark.fer2013
def test_cleaning_fer2013_of_identical_images(fer2013: Dataset, tmp_path: Path) -> None:
    """The published figures: 1,538 redundant images, among them every one that stands in both splits."""
    from fer.quality.duplicates import find_duplicates

    audit = _audit(fer2013, *find_duplicates(fer2013, near=False))
    decided = CleaningList().accept(fer2013, audit, kinds=["identical"])
    decided.save(tmp_path / "fer2013.cleaning.csv")
    cleaned, summary = CleaningList.load(tmp_path / "fer2013.cleaning.csv").apply(fer2013)
    assert (summary.dropped, summary.after, summary.emptied) == (1_538, 30_760, ())
    assert len(np.unique(cleaned.content_ids)) == len(cleaned)
    assert remove_leaks(cleaned)[1] == 0
    assert (cleaned.splits == "val").sum() > (fer2013.splits == "val").sum() * 0.95, "of two copies, the one in train goes"
