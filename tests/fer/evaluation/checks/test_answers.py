"""Checks of the answers: each mistake of a reference system is planted and named, and sound models are left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fer.evaluation.checks import Claim, Evidence
from fer.evaluation.checks.answers import (
    best_order,
    check_collapse,
    check_label_order,
    check_majority,
    check_metric,
    check_size,
    images_for,
)
from fer.evaluation.checks.check import claims_of
from fer.evaluation.intervals import wilson_interval
from fer.labels import FER7, FER8, LabelSet
from fer.words import percent

Answered = Callable[..., Evidence]
Drawn = Callable[..., Any]
FOLDER_ORDER = LabelSet(("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"))
BINARY = LabelSet(("happy", "sad"))
AS_TRAINED = np.array([0, 1, 2, 3, 4, 5, 6])
# cnn4-7class: trained as angry … happy, neutral, sad, surprise; its answers were read as angry … happy, sad, surprise, neutral.
AS_READ = np.array([0, 1, 2, 3, 5, 6, 4])
# cnn4-binary's 30 test images: 11 of 12 happy and 16 of 18 sad were right.
BINARY_TRUE = np.repeat([0, 1], [12, 18])
BINARY_SAID = np.repeat([0, 1, 1, 0], [11, 1, 16, 2])


def test_label_order_names_the_three_classes_that_cnn4_7class_exchanged(answered: Answered, drawn: Drawn) -> None:
    true, said = drawn(0, 2000, 7, 0.6712)
    check = check_label_order(answered(true, AS_READ[said], label_set=FOLDER_ORDER))
    assert check.status == "fail"
    assert "neutral, sad, surprise are answered as sad, surprise, neutral" in check.finding
    assert f"{percent((true == said).mean())} would be" in check.finding
    assert f"{percent((true == AS_READ[said]).mean())} are right" in check.finding
    assert check.action


@pytest.mark.parametrize("n", [60, 200])
def test_label_order_of_cnn4_7class_shows_on_few_images_too(answered: Answered, drawn: Drawn, n: int) -> None:
    found = sum(
        check_label_order(answered(true, AS_READ[said], label_set=FOLDER_ORDER)).status == "fail"
        for true, said in (drawn(seed, n, 7, 0.6712) for seed in range(20))
    )
    assert found >= (10 if n == 60 else 20)


def test_label_order_names_the_classes_that_cnn4_binary_read_the_other_way_round(answered: Answered) -> None:
    check = check_label_order(answered(BINARY_TRUE, 1 - BINARY_SAID, label_set=BINARY))
    assert check.status == "fail"
    assert "happy, sad are answered as sad, happy: 10.0 % are right as it is, 90.0 % would be" in check.finding


@pytest.mark.parametrize("accuracy", [0.25, 0.4, 0.67, 0.95])
@pytest.mark.parametrize("n", [20, 60, 500])
def test_label_order_accuses_no_sound_model(answered: Answered, drawn: Drawn, n: int, accuracy: float) -> None:
    checks = [check_label_order(answered(*drawn(seed, n, 7, accuracy))) for seed in range(40)]
    assert sum(check.status != "pass" for check in checks) <= 1


def test_label_order_does_not_take_a_constant_answer_for_an_exchange(answered: Answered) -> None:
    # Read as happy, 60 % would be right instead of 10 %: but it is no order that is wrong.
    check = check_label_order(answered(np.repeat([3, 0, 1], [60, 10, 30]), np.zeros(100, int)))
    assert check.status == "pass"


def test_label_order_names_what_an_archive_brought_as_a_class(answered: Answered, drawn: Drawn) -> None:
    # vgg16-3class listed the archive's __MACOSX folder as a class.
    classes = LabelSet(("angry", "happy", "sad"))
    check = check_label_order(
        answered(*drawn(0, 100, 3, 0.7), label_set=classes, head_labels=LabelSet(("__MACOSX", *classes.names)))
    )
    assert check.status == "fail"
    assert "4 classes, of which __MACOSX is no class" in check.finding


@pytest.mark.parametrize(("true", "said"), [([0, 1] * 9, [0, 1] * 9), ([3] * 50, [3] * 50)], ids=["few images", "one class"])
def test_label_order_that_cannot_be_told_is_skipped(answered: Answered, true: list[int], said: list[int]) -> None:
    check = check_label_order(answered(true, said))
    assert check.status == "skipped"
    assert f"{len(true)} images" in check.finding


def test_best_order_leaves_equally_good_ones_as_they_are() -> None:
    # Neither the second nor the third answer was ever given.
    assert best_order(np.array([[5, 0, 0], [4, 0, 0], [3, 0, 0]])).tolist() == [0, 1, 2]
    assert best_order(np.array([[0, 5, 0], [0, 0, 5], [5, 0, 0]])).tolist() == [2, 0, 1]


def test_metric_warns_of_the_binary_accuracy_of_resnet50_8class(answered: Answered, drawn: Drawn) -> None:
    evidence = answered(*drawn(0, 1000, 8, 0.62), label_set=FER8, recipe="resnet50-8class")
    check = check_metric(Evidence(**{**vars(evidence), "claims": claims_of(evidence.bundle, None)}))
    assert check.status == "warn"
    assert "The reference system resnet50-8class reported 87.5 %" in check.finding
    assert f"The accuracy is {percent(evidence.report.accuracy)}" in check.finding
    assert "87.5 % of a model that always answers 'none'" in check.finding


@pytest.mark.parametrize("share", [0.8743, 0.8747, 0.8749, 0.8750])
def test_metric_warns_of_what_was_reported_epoch_by_epoch(answered: Answered, drawn: Drawn, share: float) -> None:
    claims = (Claim("The claim", "accuracy", share),)
    status = check_metric(answered(*drawn(0, 1000, 8, 0.62), label_set=FER8, claims=claims)).status
    assert status == ("pass" if share < 0.8745 else "warn")


def test_metric_warns_of_the_answers_own_binary_accuracy(answered: Answered, drawn: Drawn) -> None:
    true, said = drawn(0, 1000, 7, 0.5)
    # Each wrong answer given with over 0.5 is two wrong cells of seven.
    binary = 1 - 2 * (true != said).mean() / 7
    check = check_metric(answered(true, said, claims=(Claim("The claim", "accuracy", round(binary, 4)),)))
    assert check.status == "warn"
    assert f"would say {percent(binary)}" in check.finding


def test_metric_states_both_figures_of_a_sound_claim(answered: Answered, drawn: Drawn) -> None:
    check = check_metric(answered(*drawn(0, 1000, 7, 0.67), claims=(Claim("The claim", "accuracy", 0.67),)))
    assert check.status == "pass"
    assert "binary accuracy on one-hot labels would say" in check.finding
    assert "85.7 %" in check.finding


def test_metric_believes_a_claim_that_the_images_bear_out(answered: Answered, drawn: Drawn) -> None:
    # With five classes 'none' scores 80 %, which a good model may well reach.
    classes = LabelSet(FER7.names[:5])
    true, said = drawn(0, 500, 5, 0.8)
    assert check_metric(answered(true, said, label_set=classes, claims=(Claim("The claim", "accuracy", 0.8),))).status == "pass"


def test_metric_of_two_classes_is_the_accuracy(answered: Answered) -> None:
    check = check_metric(answered(BINARY_TRUE, BINARY_SAID, label_set=BINARY, claims=(Claim("The claim", "accuracy", 0.5),)))
    assert (check.status, "90.0 %" in check.finding) == ("pass", True)


def test_majority_fails_where_the_answers_have_nothing_to_do_with_the_images(answered: Answered) -> None:
    rng = np.random.default_rng(0)
    check = check_majority(answered(rng.choice(7, 500, p=[0.4, *[0.1] * 6]), rng.integers(0, 7, 500)))
    assert check.status == "fail"
    assert "Answers given blindly" in check.finding


def test_majority_warns_where_a_rare_class_is_bought_with_the_frequent_one(answered: Answered) -> None:
    true = np.repeat([0, 1], [180, 20])
    said = np.repeat([0, 1, 1, 0], [160, 20, 15, 5])
    check = check_majority(answered(true, said, label_set=BINARY))
    assert check.status == "warn"
    assert "Balanced accuracy is 81.9 %" in check.finding


@pytest.mark.parametrize("n", [30, 60, 500])
def test_majority_accuses_no_sound_model(answered: Answered, drawn: Drawn, n: int) -> None:
    statuses = [check_majority(answered(*drawn(seed, n, 7, 0.67))).status for seed in range(40)]
    assert "fail" not in statuses
    assert statuses.count("warn") <= (6 if n == 30 else 0)


def test_majority_of_one_class_is_skipped(answered: Answered) -> None:
    assert check_majority(answered([3] * 40, [3] * 40)).status == "skipped"


def test_collapse_fails_where_one_class_is_nearly_always_answered(answered: Answered, drawn: Drawn) -> None:
    true, _ = drawn(0, 300, 7, 0.67)
    said = np.full(300, 3)
    said[:9] = true[:9]
    check = check_collapse(answered(true, said))
    assert check.status == "fail"
    assert "happy is answered for" in check.finding


def test_collapse_warns_of_a_class_that_training_showed_too_often(answered: Answered, drawn: Drawn) -> None:
    true, said = drawn(0, 300, 3, 0.8)
    said = np.where(np.random.default_rng(99).random(300) < 0.7, 1, said)
    classes = LabelSet(("angry", "happy", "sad"))
    check = check_collapse(answered(true, said, label_set=classes))
    assert check.status == "warn"
    assert check.finding.startswith("happy is answered for")


def test_collapse_warns_of_a_class_that_is_never_answered(answered: Answered, drawn: Drawn) -> None:
    true, said = drawn(0, 400, 7, 0.67)
    check = check_collapse(answered(true, np.where(said == 1, 0, said)))
    assert check.status == "warn"
    assert f"Never answered: disgust ({(true == 1).sum()} images)" in check.finding


@pytest.mark.parametrize(("k", "accuracy"), [(2, 0.9), (2, 0.7), (3, 0.68), (7, 0.67), (7, 0.45)])
@pytest.mark.parametrize("n", [30, 100, 1000])
def test_collapse_accuses_no_sound_model(answered: Answered, drawn: Drawn, n: int, k: int, accuracy: float) -> None:
    classes = LabelSet(FER7.names[:k])
    statuses = [check_collapse(answered(*drawn(seed, n, k, accuracy), label_set=classes)).status for seed in range(30)]
    assert "fail" not in statuses
    assert statuses.count("warn") <= 1


def test_collapse_leaves_a_class_alone_that_the_images_are_full_of(answered: Answered) -> None:
    true = np.repeat([0, 1], [190, 10])
    assert check_collapse(answered(true, np.zeros(200, int), label_set=BINARY)).status == "pass"


def test_size_says_what_30_images_tell(answered: Answered) -> None:
    check = check_size(answered(BINARY_TRUE, BINARY_SAID, label_set=BINARY))
    assert check.status == "fail"
    assert "27 of 30 images are right, 90.0 %: that means 74 to 97 %" in check.finding
    assert "takes 196 images" in check.finding


def test_size_warns_of_a_claim_on_30_images_also_where_there_are_more_today(answered: Answered, drawn: Drawn) -> None:
    evidence = answered(*drawn(0, 2000, 2, 0.9), label_set=BINARY, recipe="cnn4-binary")
    check = check_size(Evidence(**{**vars(evidence), "claims": claims_of(evidence.bundle, None)}))
    assert check.status == "warn"
    assert "The reference system cnn4-binary reported 90.0 % on 30 images, which means 74 to 97 %" in check.finding


def test_size_names_classes_with_few_images(answered: Answered, drawn: Drawn) -> None:
    true, said = drawn(0, 3000, 6, 0.7)
    true[:12], said[:12] = 6, 6
    check = check_size(answered(true, said))
    assert check.status == "warn"
    assert "Fewer than 30 images: neutral (12)" in check.finding


def test_size_passes_where_there_are_enough(answered: Answered, drawn: Drawn) -> None:
    check = check_size(answered(*drawn(0, 3589, 7, 0.697)))
    assert check.status == "pass"
    assert "of 3,589 images are right" in check.finding


@pytest.mark.parametrize(("right", "n"), [(140, 350), (235, 350), (180, 200), (97, 100)])
def test_images_for_are_as_many_as_the_interval_needs(right: int, n: int) -> None:
    is_near = right / n - wilson_interval(right, n)[0] <= 0.05
    assert is_near == (n >= images_for(right / n))
