"""evaluate: which images, which head, which columns, and what it says about them. The classifier is a stand-in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fer.bundles import Bundle, Head
from fer.data.dataset import ArrayStore, Dataset
from fer.errors import DataError, LabelError
from fer.evaluation.evaluate import CHUNK, choose_head, choose_votes_head, evaluate, restrict_classes, spread_classes
from fer.labels import FER7, FER8, VOTE_COLUMNS, LabelSet
from fer.preprocessing import Preprocessing

SHUFFLED7 = LabelSet(("neutral", "surprise", "sad", "happy", "fear", "disgust", "angry"))
MERGED = LabelSet(("positive", "negative"))


def bundle_of(*heads: Head, classes: tuple[str, ...] = ()) -> Bundle:
    """A bundle without files, as none is opened here; the first head is the default."""
    card = {
        "heads": [{"name": head.name, "labels": list(head.label_set), "temperature": 1.0} for head in heads],
        "default_head": heads[0].name,
        "preprocessing": Preprocessing(size=8, channels=1).as_dict(),
        "settings": {"data": {"classes": list(classes)}},
    }
    return Bundle(Path("fake"), card, "f" * 64)


class FakeClassifier:
    """Reads the emotion that `make_dataset` wrote into the pixels, gives it 0.6 and shares the rest out."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.batch_sizes: list[int] = []

    def predict_heads(self, batch: NDArray[np.uint8], heads: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        assert batch.shape[1:] == (8, 8, 1)
        assert batch.dtype == np.uint8
        self.batch_sizes.append(len(batch))
        return {head: self._answer(batch, head) for head in heads}

    def predict_inputs(self, model_input: NDArray[np.float32], head: str) -> NDArray[np.float32]:
        pixels = np.rint(self.bundle.preprocessing.offset_and_divisor[1] * model_input)
        return self._answer(np.clip(pixels, 0, len(FER8) - 1).astype(np.uint8), head)

    def _answer(self, batch: NDArray[np.uint8], head: str) -> NDArray[np.float32]:
        label_set = self.bundle.head(head).label_set
        y_prob = np.full((len(batch), len(label_set)), 0.4 / (len(label_set) - 1), np.float32)
        for row, value in enumerate(batch[:, 0, 0, 0]):
            if FER8.names[value] in label_set:
                y_prob[row, label_set.label_id(FER8.names[value])] = 0.6
        return y_prob / y_prob.sum(axis=1, keepdims=True)


def make_dataset(
    labels: list[str], splits: list[str] | str, *, shown: list[str] | None = None, label_set: LabelSet = FER7
) -> Dataset:
    """Images in whose pixels an emotion is written: the label, or what `shown` says instead."""
    n = len(labels)
    pixels = np.array([FER8.label_id(name) for name in shown or labels], np.uint8)
    images = np.broadcast_to(pixels[:, None, None, None], (n, 8, 8, 1)).copy()
    return Dataset(
        name="drawn",
        label_set=label_set,
        images=ArrayStore.of(images),
        label_ids=label_set.encode(labels),
        splits=np.array([splits] * n if isinstance(splits, str) else splits),
        names=np.array([f"{i}.png" for i in range(n)]),
        content_ids=np.arange(n, dtype=np.uint64),
        is_grey=np.ones(n, bool),
        source="tests",
    )


def run(bundle: Bundle, dataset: Dataset, **options: Any):
    return evaluate(bundle, dataset, classifier=FakeClassifier(bundle), **options)


LABELS_HEAD, VOTES_HEAD = Head("labels", FER7, 1.0), Head("votes", FER8, 1.0)
TWO_HEADS = bundle_of(LABELS_HEAD, VOTES_HEAD)


def test_evaluate_reports_who_answered_on_what() -> None:
    dataset = make_dataset(["happy", "sad", "sad", "fear"], "val", shown=["happy", "sad", "happy", "fear"])
    report = run(TWO_HEADS, dataset)
    assert report.accuracy == 0.75
    assert report.names.tolist() == ["0.png", "1.png", "2.png", "3.png"]
    assert (report.model, report.bundle_sha256, report.head) == ("fake", "f" * 64, "labels")
    assert (report.dataset, report.source, report.fingerprint) == ("drawn", "tests", dataset.fingerprint)
    assert report.most_confused[0] == {"true": "sad", "predicted": "happy", "count": 1, "share": 0.5}
    assert report.ferplus is None
    assert "No image evaluated is labelled angry, disgust, surprise, neutral." in report.notes


@pytest.mark.parametrize(
    ("present", "asked", "expected"),
    [
        (["train", "val", "test"], None, "test"),
        (["train", "val"], None, "val"),
        (["train"], None, "all"),
        ([""], None, "all"),
        (["train", "val", "test"], "train", "train"),
        (["train", "val", "test"], "all", "all"),
    ],
)
def test_evaluate_chooses_the_split(present: list[str], asked: str | None, expected: str) -> None:
    dataset = make_dataset(["happy"] * len(present), present)
    report = run(TWO_HEADS, dataset, split=asked)
    assert report.split == expected
    assert report.n == (len(present) if expected == "all" else 1)
    assert any("train part" in note for note in report.notes) == ("train" in present and expected in ("train", "all"))


def test_evaluate_of_a_split_that_is_not_there_is_refused() -> None:
    with pytest.raises(DataError, match="no split 'test'"):
        run(TWO_HEADS, make_dataset(["happy"], "val"), split="test")


def test_evaluate_of_no_images_is_refused() -> None:
    dataset = make_dataset(["happy"], "val").select(np.array([], np.int64))
    with pytest.raises(DataError, match="no images"):
        run(TWO_HEADS, dataset)


def test_evaluate_maps_columns_by_name_where_the_order_differs() -> None:
    report = run(bundle_of(Head("labels", SHUFFLED7, 1.0)), make_dataset(list(FER7), "val"))
    assert report.labels == FER7.names
    assert report.accuracy == 1.0
    assert report.y_prob[0] == pytest.approx([0.6] + [0.4 / 6] * 6)


def test_evaluate_restricts_to_the_classes_of_the_dataset_and_says_so() -> None:
    subset = LabelSet(("sad", "happy"))
    report = run(bundle_of(VOTES_HEAD), make_dataset(["happy", "sad"], "val", label_set=subset, shown=["happy", "fear"]))
    share = 0.6 / (0.6 + 0.4 / 7)
    assert report.y_prob[0] == pytest.approx([1 - share, share])
    assert report.y_prob[1] == pytest.approx([0.5, 0.5])
    assert "angry, disgust, fear, surprise, neutral, contempt" in report.notes[0]
    assert "scaled" in report.notes[0]


def test_evaluate_in_chunks_reports_progress() -> None:
    classifier = FakeClassifier(TWO_HEADS)
    shares: list[float] = []
    report = evaluate(TWO_HEADS, make_dataset(["happy"] * (2 * CHUNK + 1), "val"), classifier=classifier, progress=shares.append)
    assert classifier.batch_sizes == [CHUNK, CHUNK, 1]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert report.n == 2 * CHUNK + 1


@pytest.mark.parametrize(
    ("label_set", "asked", "expected"),
    [
        (FER7, None, "labels"),
        (FER8, None, "votes"),
        (SHUFFLED7, None, "labels"),  # the same classes in another order
        (LabelSet(("happy", "sad")), None, "labels"),  # both know them: the default answers
        (LabelSet(("happy", "contempt")), None, "votes"),
        (FER7, "votes", "votes"),
    ],
)
def test_choose_head_fits_the_classes(label_set: LabelSet, asked: str | None, expected: str) -> None:
    assert choose_head(TWO_HEADS, label_set, asked).name == expected


def test_choose_head_prefers_the_same_classes_to_the_default() -> None:
    assert choose_head(bundle_of(VOTES_HEAD, LABELS_HEAD), FER7).name == "labels"


@pytest.mark.parametrize(
    ("bundle", "label_set", "asked"),
    [(TWO_HEADS, MERGED, None), (bundle_of(LABELS_HEAD), FER8, None), (TWO_HEADS, FER8, "labels")],
    ids=["merged classes", "a class more", "the head named lacks one"],
)
def test_choose_head_without_a_fit_lists_the_heads(bundle: Bundle, label_set: LabelSet, asked: str | None) -> None:
    with pytest.raises(LabelError, match=r"labels: angry, .*Keep only classes"):
        choose_head(bundle, label_set, asked)


def test_choose_votes_head_prefers_eight_classes_and_takes_seven() -> None:
    assert choose_votes_head(TWO_HEADS) == VOTES_HEAD
    assert choose_votes_head(bundle_of(Head("mixed", MERGED, 1.0), LABELS_HEAD)) == LABELS_HEAD
    assert choose_votes_head(bundle_of(Head("mixed", MERGED, 1.0))) is None


def with_votes(dataset: Dataset, majorities: list[str | None]) -> Dataset:
    votes = np.zeros((len(dataset), len(VOTE_COLUMNS)), np.uint8)
    for row, name in enumerate(majorities):
        votes[row, VOTE_COLUMNS.index(name or "unknown")] = 10
    return replace(dataset, votes=votes)


def test_evaluate_with_votes_adds_the_strict_figure_of_the_votes_head() -> None:
    dataset = make_dataset(["happy", "sad", "fear", "neutral"], "val", shown=["happy", "contempt", "fear", "neutral"])
    report = run(TWO_HEADS, with_votes(dataset, ["happy", "contempt", "surprise", None]))
    assert report.accuracy == 0.75
    assert report.ferplus is not None
    assert (report.ferplus.n, report.ferplus.accuracy) == (3, pytest.approx(2 / 3))
    assert report.as_dict()["ferplus"]["n"] == 3
    assert report.notes[-1] == "FER+ (strict protocol, 3 images) was answered by the head 'votes'."


def test_evaluate_with_votes_of_the_split_only() -> None:
    dataset = with_votes(make_dataset(["happy", "sad"], ["train", "val"]), ["fear", "sad"])
    report = run(TWO_HEADS, dataset)
    assert report.ferplus is not None
    assert (report.ferplus.n, report.ferplus.accuracy) == (1, 1.0)


def test_evaluate_with_votes_and_seven_classes_says_what_is_lacking() -> None:
    dataset = with_votes(make_dataset(["happy", "sad"], "val"), ["happy", "contempt"])
    report = run(bundle_of(Head("labels", SHUFFLED7, 1.0)), dataset)
    assert report.ferplus is not None
    assert (report.ferplus.n, report.ferplus.accuracy) == (2, 0.5)
    assert "which lacks contempt" in report.notes[-1]


@pytest.mark.parametrize(
    ("bundle", "label_set", "label", "note"),
    [
        (bundle_of(Head("three", LabelSet(("happy", "sad", "fear")), 1.0)), None, "happy", "no head"),
        (TWO_HEADS, None, None, "keeps none"),
    ],
)
def test_evaluate_with_votes_that_cannot_be_used_says_why(bundle: Bundle, label_set: None, label: str | None, note: str) -> None:
    dataset = make_dataset(["happy"], "val", label_set=LabelSet(("happy", "sad")))
    report = run(bundle, with_votes(dataset, [label]))
    assert report.ferplus is None
    assert note in report.notes[-1]


def test_evaluate_counts_images_with_a_twin_in_train() -> None:
    dataset = make_dataset(["happy", "sad", "sad", "sad"], ["train", "val", "val", "val"], shown=["happy", "sad", "sad", "happy"])
    report = run(TWO_HEADS, replace(dataset, content_ids=np.array([7, 7, 8, 9], np.uint64)))
    assert report.leaks == 1
    assert report.accuracy == pytest.approx(2 / 3)
    assert report.accuracy_leak_free == 0.5


@pytest.mark.parametrize(("splits", "asked"), [(["val", "val"], None), (["train", "val"], "all"), (["train", "val"], "train")])
def test_evaluate_without_a_train_part_to_compare_with_tells_no_leaks(splits: list[str], asked: str | None) -> None:
    assert run(TWO_HEADS, make_dataset(["happy", "sad"], splits), split=asked).leaks is None


def test_restrict_classes_of_underflowed_probabilities_is_even() -> None:
    kept = restrict_classes(np.array([[0.0, 0.0, 1.0]]), LabelSet(("happy", "sad", "fear")), LabelSet(("sad", "happy")))
    assert kept.tolist() == [[0.5, 0.5]]


def test_spread_classes_gives_nothing_to_classes_it_lacks() -> None:
    spread = spread_classes(np.array([[0.25, 0.75]]), LabelSet(("sad", "happy")), FER8)
    assert dict(zip(FER8, spread[0].tolist(), strict=True)) == {**dict.fromkeys(FER8, 0.0), "sad": 0.25, "happy": 0.75}


def test_evaluation_package_imports_neither_litert_nor_scikit_learn() -> None:
    import subprocess
    import sys

    code = "import sys, fer.evaluation; print({'ai_edge_litert', 'sklearn', 'tensorflow', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_evaluate_of_a_model_of_merged_classes_merges_the_dataset_alike() -> None:
    trained = bundle_of(Head("labels", MERGED, 1.0), VOTES_HEAD, classes=("positive=happy+surprise", "negative=angry+sad"))
    dataset = make_dataset(["happy", "surprise", "sad", "fear"], "val")
    report = run(trained, dataset)
    assert (report.head, report.labels, report.y_true.tolist()) == ("labels", ("positive", "negative"), [0, 0, 1])
    assert "positive=happy+surprise, negative=angry+sad; images of other classes were left out." in report.notes[0]
    # A head that knows the dataset's own classes is held against those.
    assert run(trained, dataset, head="votes").label_set == FER7


@pytest.mark.parametrize(("learned_from", "said"), [("fer2013", True), ("synthetic", False), (None, False)])
def test_evaluate_of_drawn_faces_says_that_a_model_of_photographs_is_not_meant_for_them(
    learned_from: str | None, said: bool
) -> None:
    bundle = bundle_of(LABELS_HEAD)
    if learned_from:
        bundle.card["data"] = {"name": learned_from}
    report = run(bundle, replace(make_dataset(list(FER7), "val"), source="synthetic:2000"))
    assert any("faces are drawn, and the model learned from fer2013" in note for note in report.notes) == said
