"""Is the model what it should be? Untrained networks, changed files and calibration on what is measured are found out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.bundles import Bundle, load_bundle
from fer.data import read_dataset
from fer.evaluation import evaluate
from fer.evaluation.agreement import find_agreement
from fer.evaluation.checks import Evidence
from fer.evaluation.checks.made import check_calibration, check_litert, check_trained
from fer.files import write_json
from fer.litert import constant_vectors
from fer.recipes import Settings
from fer.training.prepare import choose_data

Answered = Callable[..., Evidence]
ChangedCard = Callable[..., Bundle]


def of(evidence: Evidence, bundle: Bundle) -> Evidence:
    return replace(evidence, bundle=bundle)


@pytest.fixture
def copied(compact: Bundle, tmp_path: Path) -> Bundle:
    """`compact` in a folder of its own, which may be changed."""
    shutil.copytree(compact.path, tmp_path / "copied")
    return load_bundle(tmp_path / "copied")


def test_trained_passes_a_model_that_ships(answered: Answered) -> None:
    found = check_trained(answered([0, 1, 2, 3] * 10, [0, 1, 2, 3] * 10))
    assert found.status == "pass"
    assert "26 of the network's 26 biases have moved" in found.finding


def test_trained_fails_where_every_picture_gets_the_same_answer(answered: Answered) -> None:
    # cnn5-7class: the checkpoint watched a figure of the wrong name and never saved.
    evidence = answered([0, 1, 2, 3] * 10, [3] * 40)
    noise = np.random.default_rng(0).normal(scale=0.003, size=evidence.report.y_prob.shape)
    y_prob = np.exp(noise) / np.exp(noise).sum(axis=1, keepdims=True)
    found = check_trained(replace(evidence, report=replace(evidence.report, y_prob=y_prob.astype(np.float32))))
    assert found.status == "fail"
    assert "Whatever the picture, the answer is the same" in found.finding
    assert "val_acc" in found.action


def test_trained_fails_where_no_bias_has_left_its_beginning(answered: Answered, copied: Bundle) -> None:
    content = copied.litert_path.read_bytes()
    for vector in constant_vectors(content):
        content = content.replace(vector.tobytes(), bytes(vector.nbytes))
    copied.litert_path.write_bytes(content)
    found = check_trained(of(answered([0, 1, 2, 3] * 10, [0, 1, 2, 3] * 10), copied))
    assert found.status == "fail"
    assert "All 26 biases of the network are still 0" in found.finding


def test_trained_judges_by_the_answers_alone_where_there_is_no_litert_file(answered: Answered, copied: Bundle) -> None:
    copied.litert_path.unlink()
    found = check_trained(of(answered([0, 1, 2, 3] * 10, [0, 1, 2, 3] * 10), copied))
    assert (found.status, "bias" in found.finding) == ("pass", False)


def compared(evidence: Evidence, gap: float) -> Evidence:
    """As if another process had asked both networks about these images."""
    job = find_agreement(evidence.bundle, evidence.report.fingerprint, evidence.report.split)
    job.path.mkdir(parents=True)
    write_json(job.path / "agreement.json", {"faces": 2, "largest_difference": gap})
    job.write_state("finished")
    return evidence


def test_litert_states_how_far_both_agree_on_these_images(answered: Answered) -> None:
    found = check_litert(compared(answered([0, 1], [0, 1]), 1.1e-6))
    assert found.status == "pass"
    assert "On 2 of these images" in found.finding
    assert "differ by 1.1e-06 at most (float32; 0.0001 is allowed)" in found.finding


@pytest.mark.parametrize(("weights", "gap", "status"), [("float32", 2e-4, "fail"), ("int8", 0.02, "pass"), ("int8", 0.3, "fail")])
def test_litert_allows_as_much_as_the_weights_explain(
    answered: Answered, changed_card: ChangedCard, compact: Bundle, weights: str, gap: float, status: str
) -> None:
    settings = {**compact.card["settings"], "serving": {"weights": weights}}
    bundle = changed_card(compact, settings=settings)
    assert check_litert(compared(of(answered([0, 1], [0, 1]), bundle), gap)).status == status


def test_litert_fails_where_a_file_was_exchanged(answered: Answered, copied: Bundle) -> None:
    copied.litert_path.write_bytes(copied.litert_path.read_bytes()[:-1] + b"x")
    found = check_litert(of(answered([0, 1], [0, 1]), copied))
    assert found.status == "fail"
    assert "model.litert does not match" in found.finding


def test_litert_that_was_not_compared_is_skipped_and_tells_what_the_card_says(answered: Answered) -> None:
    found = check_litert(answered([0, 1], [0, 1]))
    assert (found.status, "were not asked" in found.finding) == ("skipped", True)
    assert "When the model was made, probabilities of the two differed by 1.1e-06 at most" in found.finding
    assert "fer evaluate" in found.action


def test_litert_of_a_model_from_elsewhere_is_skipped_without_advice(
    answered: Answered, changed_card: ChangedCard, compact: Bundle
) -> None:
    found = check_litert(of(answered([0, 1], [0, 1]), changed_card(compact, litert_disagreement=None, origin={"file": "x.onnx"})))
    assert (found.status, found.action, "no Keras file" in found.finding) == ("skipped", "", True)


@pytest.mark.parametrize(("split", "status"), [("val", "warn"), ("test", "pass")])
def test_calibration_warns_of_the_part_that_it_was_fitted_to(
    compact: Bundle, changed_card: ChangedCard, split: str, status: str
) -> None:
    dataset = read_dataset("synthetic:400:1")
    learned, leaks_removed = choose_data(dataset, Settings.from_dict(compact.card["settings"]))
    data = {"name": "synthetic", "fingerprint": learned.fingerprint, "counts": learned.counts(), "leaks_removed": leaks_removed}
    report = evaluate(changed_card(compact, data=data), dataset, split=split)
    found = next(check for check in report.checks if check.name == "calibration on other images")
    assert found.status == status
    assert f"The calibration error is {report.ece:.3f}" in found.finding
    if split == "val":
        assert report.recalibrated is not None
        assert f"fitted to {report.n} of these {report.n} images" in found.finding
        assert f"measured on the other, it is {report.recalibrated.ece:.3f}" in found.finding


@pytest.mark.parametrize(
    ("dataset", "split", "status"),
    [
        ("drawn", "test", "warn"),
        ("drawn", "val", "pass"),
        ("drawn", "all", "warn"),  # which holds them, too
        ("drawn, cleaned", "test", "warn"),
        ("others", "test", "pass"),
    ],
)
def test_calibration_knows_where_a_head_was_calibrated_again(
    answered: Answered, changed_card: ChangedCard, compact: Bundle, dataset: str, split: str, status: str
) -> None:
    calibration = {"dataset": dataset, "split": split, "n": 30}
    heads = [{**head, "calibration": calibration} for head in compact.card["heads"]]
    bundle = changed_card(compact, heads=heads)
    found = check_calibration(of(answered([0, 1] * 20, [0, 1] * 20), bundle))
    assert (found.status, "fitted to 30 of these 40 images" in found.finding) == (status, status == "warn")


def test_calibration_on_another_version_of_the_same_data_is_skipped(
    answered: Answered, changed_card: ChangedCard, compact: Bundle
) -> None:
    bundle = changed_card(compact, data={**compact.card["data"], "name": "drawn"})
    found = check_calibration(of(answered([0, 1] * 20, [0, 1] * 20), bundle))
    assert (found.status, "another version" in found.finding) == ("skipped", True)
