"""Report → temperature and threshold → the bundle's card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer.bundles import Bundle
from fer.errors import DataError, LabelError, SettingsError
from fer.evaluation.calibrate import Calibration, calibrate
from fer.evaluation.calibration import softmax, temper
from fer.evaluation.report import Report
from fer.labels import FER7, FER8
from tests.fer.evaluation.test_report import make_report

HEADS = [
    {"name": "votes", "labels": list(FER8), "temperature": 1.0},
    {"name": "labels", "labels": list(FER7), "temperature": 0.8, "validation": {"n": 3}},
]
BUNDLE = Bundle(Path("compact"), {"heads": HEADS, "default_head": "votes"}, "ab" * 32)


def drawn(temperature: float, n: int = 2000, **changes: Any) -> Report:
    """Labels drawn from probabilities, which are then put under this temperature: one below 1 makes them too sure."""
    rng = np.random.default_rng(0)
    y_prob = softmax(rng.normal(0, 3, (n, len(FER7))))
    y_true = (y_prob.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1).astype(np.int16)
    return replace(make_report(n), y_true=y_true, y_prob=temper(y_prob, temperature), has_train_twin=None, **changes)


def test_calibrate_finds_the_temperature_and_a_threshold_under_it() -> None:
    found = calibrate(BUNDLE, drawn(0.5), 0.9)
    assert found.temperature == pytest.approx(2 * 0.8, rel=0.06)
    assert found.ece < found.old_ece / 3
    assert found.nll < found.old_nll
    # Where probabilities are right, answers of 90 % in the mean begin well below 90 %.
    assert 0.6 < found.abstention.threshold < 0.85
    assert found.abstention.accuracy == pytest.approx(0.91, abs=0.02)


def test_card_changes_replace_one_head_and_add_the_threshold() -> None:
    found = calibrate(BUNDLE, drawn(0.5), 0.9)
    changes = found.card_changes(BUNDLE)
    votes, labels = changes["heads"]
    assert votes == HEADS[0]
    assert labels["temperature"] == found.temperature
    assert labels["calibration"] == {"dataset": "fer2013", "split": "val", "n": 2000, "nll": found.nll, "ece": found.ece}
    assert labels["validation"] == {"n": 3}
    changed = replace(BUNDLE, card={**BUNDLE.card, **changes})
    assert changed.head("labels").abstain_threshold == labels["abstain"]["threshold"] == found.abstention.threshold
    assert changed.head("votes").abstain_threshold is changed.abstain_threshold is None
    assert labels["abstain"]["accuracy"] == found.abstention.accuracy


def test_card_changes_leave_the_threshold_of_another_head() -> None:
    votes, labels = HEADS
    kept = {"head": "votes", "threshold": 0.7}
    bundle = replace(BUNDLE, card={**BUNDLE.card, "heads": [{**votes, "abstain": kept}, labels]})
    found = calibrate(bundle, drawn(0.5), 0.9)
    changed = replace(bundle, card={**bundle.card, **found.card_changes(bundle)})
    assert changed.head("votes").abstain_threshold == 0.7
    assert changed.head("labels").abstain_threshold == found.abstention.threshold


def test_card_changes_go_before_what_a_card_of_before_kept_beside_the_heads() -> None:
    bundle = replace(BUNDLE, card={**BUNDLE.card, "abstain": {"head": "labels", "threshold": 0.99}})
    assert bundle.head("labels").abstain_threshold == 0.99
    found = calibrate(bundle, drawn(0.5), 0.9)
    changed = replace(bundle, card={**bundle.card, **found.card_changes(bundle)})
    assert changed.head("labels").abstain_threshold == found.abstention.threshold < 0.99


def test_calibrate_of_what_is_calibrated_keeps_its_temperature() -> None:
    report = drawn(1.0)
    while (found := calibrate(BUNDLE, report, 0.9)).is_recalibrated:  # the last digit of a fit gains nothing any more
        report = replace(report, y_prob=temper(report.y_prob, found.temperature / found.old_temperature))
    assert found.temperature == found.old_temperature
    assert (found.nll, found.ece) == (report.nll, report.ece)
    assert found.card_changes(BUNDLE)["heads"][1].keys() - HEADS[1].keys() == {"abstain"}


def calibrated(report: Report, wished: float = 0.9) -> Calibration:
    return calibrate(BUNDLE, report, wished)


def test_calibrate_of_another_bundle_or_too_few_classes_is_refused() -> None:
    with pytest.raises(DataError, match="Evaluate again"):
        calibrated(drawn(1.0, bundle_sha256="00" * 32))
    with pytest.raises(LabelError, match="Lacking: contempt"):
        calibrated(drawn(1.0, head="votes"))


def test_calibrate_of_a_wish_out_of_reach_is_refused() -> None:
    with pytest.raises(DataError, match=r"No threshold reaches 99\.9 %"):
        calibrated(drawn(1.0), 0.999)
    with pytest.raises(SettingsError, match="between 0 and 1"):
        calibrated(drawn(1.0), 90)
    with pytest.raises(DataError, match="more than one image"):
        calibrated(drawn(1.0, n=1, names=np.array(["a"])))
