"""Early stopping and plateaus, in this process: they end or slow a training, and an interruption does not change them."""

import json
from pathlib import Path
from typing import Any

import pytest

from fer.errors import RunError
from fer.training import Run, create_run
from fer.training.history import best_row, is_better
from fer.training.worker import train_run

# So slow that nothing ever improves by the plateau's min_delta.
STUCK = {"learning_rate": 1e-9, "schedule": "constant", "warmup_epochs": 0, "weight_decay": 0, "precision": "float32", "ema": 0}


@pytest.fixture
def overrides(tiny_settings: dict[str, str]) -> dict[str, Any]:
    return {**tiny_settings, **STUCK, "optimizer": "adam"}


def _set_epochs(run: Run, epochs: int) -> None:
    """As if more epochs had been asked for, and the run had been stopped."""
    run.write_state("stopped")
    request = json.loads((run.path / "settings.json").read_text())
    request["settings"]["training"]["epochs"] = epochs
    (run.path / "settings.json").write_text(json.dumps(request))


def test_train_run_early_stopping_ends_before_the_last_epoch(tmp_path: Path, overrides: dict[str, Any]) -> None:
    asked = {**overrides, "epochs": 9, "early_stopping": 1}
    run = create_run("compact", "synthetic:160:1", overrides=asked, run_dir=tmp_path / "run")
    train_run(run)
    assert run.status == "finished"
    assert 2 <= len(run.epoch_rows()) < 9


@pytest.mark.slow
def test_train_run_plateau_goes_on_where_it_was_after_an_interruption(tmp_path: Path, overrides: dict[str, Any]) -> None:
    asked = {**overrides, "plateau_patience": 1, "plateau_factor": 0.5, "plateau_min_delta": 10}
    whole = create_run("compact", "synthetic:160:1", overrides={**asked, "epochs": 4}, run_dir=tmp_path / "whole")
    train_run(whole)
    parts = create_run("compact", "synthetic:160:1", overrides={**asked, "epochs": 2}, run_dir=tmp_path / "parts")
    train_run(parts)
    _set_epochs(parts, 4)
    train_run(parts)
    rates = [row["learning_rate"] for row in whole.epoch_rows()]
    # The first epoch is the best so far, every later one is no better by min_delta: the rate halves each time.
    assert rates == pytest.approx([1e-9, 5e-10, 2.5e-10, 1.25e-10])
    assert [row["learning_rate"] for row in parts.epoch_rows()] == pytest.approx(rates)


def test_is_better_and_best_row_agree_on_the_first_of_equals() -> None:
    history = [{"epoch": 1, "val_accuracy": 0.5, "val_loss": 2.0}, {"epoch": 2, "val_accuracy": 0.6, "val_loss": 1.0}]
    again = {"epoch": 3, "val_accuracy": 0.6, "val_loss": 1.0}
    assert not is_better(again, history, "val_accuracy")
    assert is_better({**again, "val_loss": 0.9}, history, "val_loss")
    assert best_row([*history, again], "val_accuracy")["epoch"] == 2
    assert best_row([*history, again], "val_loss")["epoch"] == 2
    assert is_better(again, [], "val_loss")


@pytest.mark.parametrize("name", ["loss", "val_loss"])
def test_require_finite_refuses_a_loss_that_is_no_number(name: str) -> None:
    # A first epoch with a val_loss of NaN would be kept as the best for good: nothing compares as better.
    from fer.training.recorder import _require_finite

    _require_finite({"loss": 1.0, "val_loss": 2.0})
    with pytest.raises(RunError, match="lower learning rate"):
        _require_finite({"loss": 1.0, "val_loss": 2.0, name: float("nan")})
