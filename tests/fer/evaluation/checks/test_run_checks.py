"""run_checks and where its answers go; and the models that ship, on real faces: sound as they are, caught with faults planted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.agreement_worker import measure_agreement
from fer.bundles import Bundle, load_bundle
from fer.cli import main
from fer.data import Dataset, read_dataset
from fer.errors import DataError
from fer.evaluation import classification_text, evaluate, load_report
from fer.evaluation.agreement import begin_agreement, find_agreement
from fer.evaluation.checks import CHECKS, Check, run_checks
from fer.evaluation.report import REPORT_FILE, Report
from fer.inference.classifier import Classifier

NAMES = (
    "label order",
    "scaling and colour",
    "trained at all",
    "better than guessing",
    "every class answered",
    "metric",
    "enough images",
    "leaks from train",
    "look-alikes in train",
    "calibration on other images",
    "LiteRT against Keras",
)


def by_status(report: Report, *statuses: str) -> set[str]:
    return {check.name for check in report.checks if check.status in statuses}


@pytest.fixture(scope="module")
def report(compact: Bundle, compact_classifier: Classifier) -> Report:
    return evaluate(compact, read_dataset("synthetic:300:4"), classifier=compact_classifier)


def test_evaluate_runs_all_checks(report: Report) -> None:
    assert tuple(check.name for check in report.checks) == NAMES
    assert len(NAMES) == len(CHECKS)
    assert all(check.finding.endswith(".") and check.explanation for check in report.checks)
    assert all(check.action for check in report.checks if check.status in ("warn", "fail"))


def test_run_checks_of_a_stored_report_says_the_same(report: Report, compact: Bundle) -> None:
    assert run_checks(compact, read_dataset("synthetic:300:4"), report) == report.checks


def test_run_checks_takes_what_the_user_claims(report: Report, compact: Bundle) -> None:
    # The votes head answers for eight classes.
    checks = run_checks(compact, read_dataset("synthetic:300:4"), report, reported={"val_accuracy": 0.875})
    found = next(check for check in checks if check.name == "metric")
    assert (found.status, "The claim reported 87.5 % (val_accuracy)" in found.finding) == ("warn", True)


def test_checks_are_kept_in_the_report(report: Report, tmp_path: Path) -> None:
    folder = report.save(tmp_path / "report")
    assert load_report(folder).checks == report.checks
    card = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    assert card["checks"][0].keys() == {"name", "status", "finding", "explanation", "action"}
    # A report from before there were checks.
    del card["checks"]
    (folder / REPORT_FILE).write_text(json.dumps(card), encoding="utf-8")
    assert load_report(folder).checks == ()


def test_check_of_an_unknown_status_is_refused() -> None:
    with pytest.raises(DataError, match="pass, warn, fail, skipped"):
        Check("label order", "fine", "All is well.", "")


def test_checks_are_printed_with_name_status_and_finding(report: Report) -> None:
    text = classification_text(report)
    for check in report.checks:
        assert f"{check.status:7}  {check.name}" in text
    assert " ".join(report.checks[-1].finding.split()) in " ".join(text.split())
    assert "reality checks" not in classification_text(replace(report, checks=()))


def test_evaluate_command_answers_with_the_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--model", "compact", "--data", "synthetic:60:1", "--json"]) == 0
    assert [check["name"] for check in json.loads(capsys.readouterr().out)["checks"]] == list(NAMES)


@pytest.mark.parametrize("model", ["compact", "flagship"])
@pytest.mark.parametrize("seed", range(3))
def test_checks_find_no_fault_in_the_models_that_ship_on_drawn_faces(model: str, seed: int) -> None:
    found = evaluate(load_bundle(model), read_dataset(f"synthetic:600:{seed}"), split="all")
    assert by_status(found, "fail") == set()
    # Drawn faces are no photographs: fear is rarely seen in them, and contempt never.
    assert by_status(found, "warn") <= {"every class answered", "leaks from train", "enough images"}


@pytest.fixture(scope="module")
def real(shared_data: Path, fer2013_cache: Path) -> Iterator[Dataset]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_CACHE", str(fer2013_cache))
        yield read_dataset(shared_data / "fer2013.zip")


@pytest.fixture(scope="module")
def some(real: Dataset) -> Dataset:
    """Enough real validation faces for a test, without the train part."""
    val = real.split("val")
    return val.select(np.random.default_rng(0).permutation(len(val))[:1100])


@pytest.mark.fer2013
@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")  # Keras lends such names to the converter
@pytest.mark.parametrize("model", ["compact", "flagship"])
def test_checks_of_the_models_that_ship_on_real_faces(model: str, real: Dataset) -> None:
    bundle = load_bundle(model)
    begin_agreement(bundle, real.split("val"), real.fingerprint, "val")
    measure_agreement(find_agreement(bundle, real.fingerprint, "val"))
    found = evaluate(bundle, real, split="val")
    assert by_status(found, "fail", "skipped") == set()
    # Both are true: their card says so, and an eighth of FER2013's validation part looks like an image of train.
    assert by_status(found, "warn") == {"calibration on other images", "look-alikes in train"}


@pytest.mark.fer2013
@pytest.mark.parametrize("n", [30, 150])
def test_checks_find_no_fault_in_few_real_faces_but_that_they_are_few(
    compact: Bundle, compact_classifier: Classifier, some: Dataset, n: int
) -> None:
    for start in range(0, 5 * n, n):
        found = evaluate(compact, some.select(np.arange(start, start + n)), classifier=compact_classifier)
        assert by_status(found, "fail") <= {"enough images"}
        assert "label order" not in by_status(found, "warn")


@pytest.mark.fer2013
def test_checks_name_the_order_of_cnn4_7class_on_real_faces(
    compact: Bundle, changed_card: Callable[..., Bundle], compact_classifier: Classifier, some: Dataset
) -> None:
    exchanged = {"neutral": "sad", "sad": "surprise", "surprise": "neutral"}
    heads = [{**head, "labels": [exchanged.get(name, name) for name in head["labels"]]} for head in compact.card["heads"]]
    found = evaluate(changed_card(compact, heads=heads), some, classifier=compact_classifier)
    check = next(check for check in found.checks if check.name == "label order")
    assert check.status == "fail"
    assert "neutral, sad, surprise are answered as sad, surprise, neutral" in check.finding
    assert found.accuracy < 0.5


@pytest.mark.fer2013
def test_checks_name_another_scale_on_real_faces(compact: Bundle, changed_card: Callable[..., Bundle], some: Dataset) -> None:
    # From -2 to 2 in training, from 0 to 1 now: a network with normalised layers loses but 6 points.
    preprocessing = {**compact.card["preprocessing"], "scale": "unit"}
    found = evaluate(changed_card(compact, preprocessing=preprocessing), some)
    check = next(check for check in found.checks if check.name == "scaling and colour")
    assert check.status == "warn"
    # The two that have 0 in the middle are about as good.
    assert "pixels from -2 to 2 would get" in check.finding or "pixels from -1 to 1 would get" in check.finding
