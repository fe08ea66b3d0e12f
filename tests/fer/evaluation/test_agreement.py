"""LiteRT against Keras, really measured: two networks that agree, two that do not, and what is said where nothing can be told."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fer.agreement_worker import measure_agreement
from fer.bundles import Bundle, load_bundle
from fer.bundling import write_card
from fer.data import read_dataset
from fer.data.dataset import Dataset
from fer.errors import BundleError
from fer.evaluation import Check, Report, evaluate, load_report, load_settled_report, settle
from fer.evaluation.agreement import AgreementJob, begin_agreement, find_agreement
from fer.job import Job
from fer.litert import constant_vectors

# Keras looks up names that NumPy has given up, to lend them to the converter.
pytestmark = pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """`tiny` in a models folder of its own, which may be changed."""
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    return load_bundle(shutil.copytree(tiny_bundle, tmp_path / "tiny"))


@pytest.fixture
def faces() -> Dataset:
    return read_dataset("synthetic:120:5")


def the_check(report: Report) -> Check:
    return next(check for check in report.checks if check.name == "LiteRT against Keras")


def job_of(bundle: Bundle, report: Report) -> AgreementJob:
    return find_agreement(bundle, report.fingerprint, report.split)


def begun(bundle: Bundle, faces: Dataset) -> Report:
    """A report whose comparison has been entered, and no process started (see the fixture in `tests/conftest.py`)."""
    return evaluate(bundle, faces, split="all", against_keras=True)


def test_evaluate_has_both_networks_asked_in_a_process_of_its_own_and_once(
    bundle: Bundle, faces: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(AgreementJob, "launch", Job.launch)
    report = begun(bundle, faces)
    assert (the_check(report).status, report.is_pending) == ("pending", True)
    folder = report.save()
    settled = settle(report, wait=True)
    assert the_check(settled).status == "pass", (job_of(bundle, report).path / "agreement.log").read_text()
    assert "On 64 of these images, probabilities of the two differ by" in the_check(settled).finding

    assert load_settled_report(folder).as_dict() == settled.as_dict()
    assert the_check(load_report(folder)).status == "pass", "what came out is kept in the report"

    monkeypatch.setattr(AgreementJob, "launch", lambda job: pytest.fail("it is paid for once"))
    assert the_check(begun(bundle, faces)).status == "pass"
    assert not list(job_of(bundle, report).path.glob("*.npy"))


def test_litert_file_of_other_weights_fails(bundle: Bundle, faces: Dataset) -> None:
    content = bundle.litert_path.read_bytes()
    for vector in constant_vectors(content):  # hashes and all: whoever made it believed in it
        content = content.replace(vector.tobytes(), (vector[::-1] * 2).tobytes())
    bundle.litert_path.write_bytes(content)
    write_card(bundle.path, bundle.card)
    bundle = load_bundle(bundle.path)
    report = begun(bundle, faces)
    measure_agreement(job_of(bundle, report))
    found = the_check(evaluate(bundle, faces, split="all"))
    assert found.status == "fail"
    assert "this LiteRT file is another network" in found.action


def test_keras_that_cannot_be_loaded_is_said(bundle: Bundle, faces: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    report = begun(bundle, faces)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "keras", None)
        with pytest.raises(BundleError, match="Keras cannot be loaded here, which takes TensorFlow"):
            measure_agreement(job_of(bundle, report))
    found = the_check(evaluate(bundle, faces, split="all"))
    assert (found.status, found.finding.split(",")[0]) == ("skipped", "Keras cannot be loaded here")
    assert "When the model was made" in found.finding


def test_comparison_that_was_killed_is_said_and_begun_again(
    bundle: Bundle, faces: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = the_check(begun(bundle, faces))
    assert (found.status, "ended without a word" in found.finding) == ("skipped", True)
    launched: list[AgreementJob] = []
    monkeypatch.setattr(AgreementJob, "launch", lambda job: launched.append(job))
    begin_agreement(bundle, faces, faces.fingerprint, "all")
    assert launched == [find_agreement(bundle, faces.fingerprint, "all")]


def test_cache_that_cannot_be_written_costs_no_more_than_the_comparison(
    bundle: Bundle, faces: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "file"))
    report = begun(bundle, faces)
    assert report.notes[0].startswith("LiteRT was not held against Keras. Cannot write the comparison folder")
    assert the_check(report).status == "skipped"


@pytest.mark.parametrize("change", ["file", "preprocessing", "images", "split"])
def test_find_agreement_tells_apart_all_that_the_outcome_depends_on(bundle: Bundle, change: str) -> None:
    before = find_agreement(bundle, "a", "val")
    if change == "file":
        bundle.keras_path.write_bytes(b"another")
    if change == "preprocessing":
        bundle = replace(bundle, card={**bundle.card, "preprocessing": {**bundle.card["preprocessing"], "scale": "raw"}})
    after = find_agreement(bundle, "b" if change == "images" else "a", "test" if change == "split" else "val")
    assert before != after
    assert find_agreement(bundle, "a", "val") == (before if change in ("images", "split") else after)


def test_model_that_was_changed_meanwhile_is_not_compared(bundle: Bundle, faces: Dataset) -> None:
    report = begun(bundle, faces)
    pending = replace(report, checks=(Check("LiteRT against Keras", "pending", "Going on.", "Looks for gaps."),))
    write_card(bundle.path, {**bundle.card, "preprocessing": {**bundle.card["preprocessing"], "scale": "raw"}})
    with pytest.raises(BundleError, match="was changed meanwhile"):
        measure_agreement(job_of(bundle, report))
    found = the_check(settle(pending))
    assert (found.status, found.finding.startswith("The model was changed or deleted")) == ("skipped", True)
