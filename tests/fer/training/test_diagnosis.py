"""What curves say: the rules on recorded curves (the reference system's, the flagship's) and on drawn ones of each disease."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fer.recipes import Settings, load_recipe
from fer.training.diagnosis import Curves, diagnose
from fer.workspace import REPOSITORY

LABELS = ("angry", "happy", "sad")


def curves(loss: list[float], val_loss: list[float], accuracy: list[float], val_accuracy: list[float], **given: Any) -> Curves:
    rows = [
        {"epoch": epoch, "loss": a, "val_loss": b, "accuracy": x, "val_accuracy": y}
        for epoch, (a, b, x, y) in enumerate(zip(loss, val_loss, accuracy, val_accuracy, strict=True), 1)
    ]
    plain = load_recipe("vgg16-3class").settings
    values = {"settings": plain, "labels": LABELS, "train_counts": (760, 760, 758), "val_counts": (190, 190, 189)}
    return Curves(rows, **{**values, **given})


def kinds(given: Curves) -> list[str]:
    return [diagnosis.kind for diagnosis in diagnose(given)]


def ramp(start: float, end: float, n: int = 10) -> list[float]:
    return [float(value) for value in np.linspace(start, end, n)]


def test_diagnose_the_reference_systems_curve_breaks_both_rules_of_over_fitting_that_it_states() -> None:
    recipe = load_recipe("vgg16-3class")
    given = Curves(recipe.reported_curve, recipe.settings, LABELS, (760, 760, 758), (190, 190, 189), is_over=True)
    assert kinds(given) == ["over_fitting_accuracy", "over_fitting_loss"]
    accuracy, loss = diagnose(given)
    assert "78.7 % in training and 68.2 % in validation, 11 points less" in accuracy.evidence
    assert "Since epoch 5 the loss has fallen from 0.652 to 0.511 in training and risen from 0.676 to 0.691" in loss.evidence
    assert loss.changes[0].overrides == {"training.early_stopping": "3"}
    # Before the fifth epoch, nobody could have said so.
    assert kinds(replace(given, rows=recipe.reported_curve[:5], is_over=False)) == []


def test_diagnose_the_flagships_own_stretch_finds_no_disease() -> None:
    card = json.loads((REPOSITORY / "models" / "flagship" / "card.json").read_text(encoding="utf-8"))
    rows, data = card["training"]["history"], card["data"]
    train, val = (list(data["counts"][split].values()) for split in ("train", "val"))
    found = diagnose(Curves(rows, Settings.from_dict(card["settings"]), data["labels"], train, val))
    assert [diagnosis.kind for diagnosis in found if diagnosis.is_problem] == []


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (curves([2.0, 3.5, 1.9, 4.0, 2.2, 5.0], [2.0] * 6, [0.3] * 6, [0.3] * 6), "rate_too_high"),
        (curves(ramp(1.12, 1.10), ramp(1.13, 1.11), ramp(0.33, 0.36), ramp(0.33, 0.36)), "rate_too_low"),
        (curves([1.0, 0.8, *[0.7] * 10], [1.0, 0.79, *[0.8] * 10], [0.6] * 12, [0.6] * 12), "plateau"),
        (curves(ramp(1.1, 0.6), ramp(1.1, 0.7), ramp(0.4, 0.7), ramp(0.4, 0.68), is_over=True), "under_fitting"),
        (curves(ramp(1.1, 0.6), ramp(1.1, 0.5), ramp(0.4, 0.7), ramp(0.4, 0.8)), "validation_better"),
        (
            curves(ramp(1.1, 0.6), ramp(1.1, 0.7), ramp(0.4, 0.6), ramp(0.4, 0.6), val_counts=(20, 20, 20)),
            "noisy_validation",
        ),
        (
            curves([1.1] * 3, [1.1] * 3, [0.34] * 3, [0.34] * 3, confusion=np.array([[1, 189, 0], [0, 190, 0], [0, 189, 0]])),
            "collapsed",
        ),
        (
            curves(
                ramp(1.0, 0.6),
                ramp(1.0, 0.7),
                ramp(0.4, 0.6),
                ramp(0.4, 0.6),
                train_counts=(300, 3000, 300),
                confusion=np.array([[70, 110, 10], [5, 180, 5], [10, 110, 69]]),
            ),
            "overfed",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_diagnose_names_the_disease_alone_and_a_change_that_settings_take(given: Curves, kind: str) -> None:
    found = diagnose(given)
    assert [diagnosis.kind for diagnosis in found] == [kind]
    for change in found[0].changes:
        assert change.words
        given.settings.with_overrides(change.overrides)


def test_diagnose_an_overfed_class_is_seen_by_how_often_it_is_shown() -> None:
    confusion = np.array([[70, 110, 10], [5, 180, 5], [10, 110, 69]])
    fair = curves(ramp(1.0, 0.6), ramp(1.0, 0.7), ramp(0.4, 0.6), ramp(0.4, 0.6), confusion=confusion)
    assert kinds(fair) == []
    fed = replace(fair, settings=fair.settings.with_overrides({"data.overfeed": "happy=5"}))
    (found,) = diagnose(fed)
    assert found.kind == "overfed"
    assert found.title == "Happy is overfed"
    assert all(change.overrides["data.overfeed"] == "" for change in found.changes)


def test_diagnose_validation_better_is_a_problem_only_where_leaks_were_left_in() -> None:
    lucky = curves(ramp(1.1, 0.6), ramp(1.1, 0.5), ramp(0.4, 0.7), ramp(0.4, 0.8))
    (found,) = diagnose(lucky)
    assert not found.is_problem
    assert "dropout is off in validation" in found.evidence
    (leaky,) = diagnose(replace(lucky, settings=lucky.settings.with_overrides({"data.remove_leaks": "false"})))
    assert leaky.is_problem
    assert "leaks were left in" in leaky.evidence


@pytest.mark.parametrize("epochs", [1, 2])
def test_diagnose_the_first_epochs_say_nothing_yet(epochs: int) -> None:
    assert kinds(curves([1.2] * epochs, [1.1] * epochs, [0.3] * epochs, [0.33] * epochs)) == []
