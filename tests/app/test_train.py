"""Train: the form, a run in each of its states, and what can be done with it. No network is trained here."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import fer.training.queue
import fer.training.suggest
from fer.errors import RunError
from fer.files import append_json_line, write_json
from fer.labels import LabelSet
from fer.recipes import load_recipe, recipe_toml
from fer.training import Run, RunNotes, create_run, enqueue, list_runs
from fer.training.queue import queued_runs
from fer.training.run import CONFUSION_FILE, MISTAKES_FILE
from fer.training.watch import Mistakes
from fer.workspace import runs_dir
from ui.state import DatasetChoice
from ui.train import form, run_panel
from ui.train.charts import confusion_options, curve_options, recall_options
from ui.train.form import command_line
from ui.train.runs_list import differing_settings, table_key
from ui.words import duration

OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _no_set_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe that is preselected is the first one, whatever the size of the set."""
    monkeypatch.setattr(fer.training.suggest, "SMALL_SET", 0)


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def headings(app: AppTest) -> str:
    return "\n".join(element.value for element in app.markdown)


def buttons(app: AppTest) -> set[str]:
    return {button.label for button in app.main.button}


def make_run(epochs_done: int = 0, *, epochs: int = 4, status: str = "", reason: str = "") -> Run:
    """A run folder as a training process would have left it."""
    run = create_run("compact", "synthetic:160", overrides={"epochs": epochs})
    for epoch in range(1, epochs_done + 1):
        row = {
            "epoch": epoch,
            "loss": 2.0 / epoch,
            "accuracy": 0.1 * epoch,
            "val_loss": 2.2 / epoch,
            "val_accuracy": 0.09 * epoch,
        }
        append_json_line(run.path / "metrics.jsonl", {**row, "learning_rate": 0.05, "seconds": 30.0, "images_per_second": 250.0})
    if status:
        run.write_state(status, reason)
    return run


def create_only(*args: Any, queue: bool, **options: Any) -> Run:
    """As `start_run`, but it starts nothing."""
    return create_run(*args, **options)


def make_running(epochs_done: int = 2) -> Run:
    """A run that this very process seems to work on."""
    run = make_run(epochs_done, status="running", reason="Training")
    run.claim()
    progress = {"epoch": epochs_done + 1, "batch": 50, "batches": 100, "loss": 1.5, "accuracy": 0.3, "images_per_second": 321.0}
    append_json_line(run.path / "progress.jsonl", {**progress, "seconds": 15.0, "time": 0.0})
    return run


def test_train_without_runs_shows_how_the_active_model_was_trained(open_page: OpenPage) -> None:
    app = open_page("train")
    assert any("was trained" in heading.value for heading in app.subheader)
    assert len(app.get("echarts_chart")) == 2


def test_train_without_runs_or_models_says_what_will_be_here(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    assert "Nothing has been trained here yet" in open_page("train").info[0].value


def test_start_makes_a_run_with_the_settings_that_were_changed(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "start_run", create_only)
    app = open_page("train")
    app.number_input(key="setting_compact_epochs").set_value(3)
    app.text_input(key="setting_compact_training.weight_decay").set_value("0.002")
    app.text_input(key="setting_compact_data.classes").set_value("happy,sad").run()
    for words in ("--set epochs=3", "--set training.weight_decay=0.002", "--set data.classes=happy,sad"):
        assert words in app.code[0].value
    app = app.button(key="run_start").click().run()
    (run,) = list_runs()
    assert run.request["data"] == "synthetic:160"
    assert (run.settings.training.epochs, run.settings.training.weight_decay) == (3, 0.002)
    assert run.settings.data.classes == ("happy", "sad")
    assert run.settings.training.batch_size == load_recipe("compact").settings.training.batch_size
    assert not app.exception


@pytest.mark.parametrize(("key", "text"), [("training.ema", "2"), ("training.weight_decay", "much"), ("data.overfeed", "happy")])
def test_a_setting_that_does_not_fit_is_said_in_words_and_cannot_be_started(open_page: OpenPage, key: str, text: str) -> None:
    app = open_page("train")
    app = app.text_input(key=f"setting_compact_{key}").set_value(text).run()
    assert len(app.error) == 1
    assert "Start training" not in buttons(app)


def test_settings_are_saved_to_a_file_and_opened_again(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "start_run", create_only)
    wished = load_recipe("cnn4-7class").with_overrides({"epochs": "7", "data.classes": "happy,sad", "dropouts": "0,0,0,0.5"})
    app = open_page("train")
    app = app.file_uploader(key="recipe_file").upload("own.toml", recipe_toml(wished).encode(), "application/toml").run()
    app = app.button(key="run_start").click().run()
    (run,) = list_runs()
    assert run.recipe_name == "own"
    assert run.settings == wished.settings


@pytest.mark.parametrize("content", [b"epochs = [", b"\xff\xfe", b"[training]\nepochs = 0"])
def test_a_settings_file_that_cannot_be_read_is_said_in_words(open_page: OpenPage, content: bytes) -> None:
    app = open_page("train")
    app = app.file_uploader(key="recipe_file").upload("own.toml", content, "application/toml").run()
    assert len(app.error) == 1
    assert "own.toml" in app.error[0].value
    assert "Start training" in buttons(app), "the recipe picked stays"


def test_images_are_shown_as_training_varies_them(open_page: OpenPage) -> None:
    app = open_page("explore").switch_page("pages/train.py").run()
    assert not app.image, "only who looks at the settings waits for pictures"
    app.session_state["all_settings"] = True
    app = app.run()
    assert len(app.image) == 16
    assert "Vary again" in buttons(app)


def test_a_run_that_cannot_be_started_is_said_in_words(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Run:
        raise RunError("Cannot write the run folder.")

    monkeypatch.setattr(form, "start_run", refuse)
    app = open_page("train").button(key="run_start").click().run()
    assert "Cannot write the run folder" in app.error[0].value


def test_each_recipe_offers_its_own_settings(open_page: OpenPage) -> None:
    app = open_page("train")
    app = app.selectbox(key="recipe").set_value("cnn4-7class").run()
    assert app.number_input(key="setting_cnn4-7class_epochs").value == 48
    assert any("67.1 %" in caption.value for caption in app.caption)


def test_a_run_that_is_going_is_shown_again_after_a_reload(open_page: OpenPage) -> None:
    make_running()
    for _ in range(2):  # each opening is a new session, as a reload is
        app = open_page("train")
        assert metrics(app) == {
            "Epochs": "2 of 4",
            "Best validation": "18.0 %",
            "Images a second": "321",
            "Time left": "45 s",
        }
        assert "Epoch 3 of 4, batch 50 of 100" in [bar.text for bar in app.progress]
        assert "18.0 %" in headings(app)
        assert "Stop" in buttons(app)


def test_stop_asks_the_run_to_end(open_page: OpenPage) -> None:
    run = make_running()
    app = open_page("train")
    app = app.button(key="run_stop").click().run()
    assert run.stop_requested
    assert app.button(key="run_stop").disabled


@pytest.mark.parametrize(
    ("status", "offers_resume", "word"),
    [("stopped", True, "Stopped on request"), ("failed", True, "Stopped on request"), ("running", True, "ended without a word")],
)
def test_a_run_that_ended_early_says_why_and_can_be_resumed(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, status: str, offers_resume: bool, word: str
) -> None:
    make_run(1, status=status, reason="Stopped on request")
    resumed: list[str] = []
    monkeypatch.setattr(run_panel, "enqueue", lambda run: resumed.append(run.id))
    app = open_page("train")
    assert word in "\n".join(box.value for box in [*app.error, *app.warning, *app.info])
    assert ("Resume" in buttons(app)) is offers_resume
    app.button(key="run_resume").click().run()
    assert len(resumed) == 1


def test_a_finished_run_says_what_came_out_and_becomes_a_model(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(4, status="finished")
    (run.path / "best.npz").touch()
    commands: list[list[str]] = []

    def pretend(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    app = open_page("train")
    assert "36.0 % of the validation images right, at epoch 4" in app.success[0].value
    monkeypatch.setattr(run_panel.subprocess, "run", pretend)
    app.text_input(key=f"bundle_name_{run.id}").set_value("mine")
    app = app.button(key="run_bundle").click().run()
    # In a process of its own: TensorFlow stays out of the server.
    assert commands[0][1:] == ["-m", "fer", "bundle", str(run.path.resolve()), "mine"]
    assert "**mine** is made" in headings(app)
    assert {"Evaluate it", "Predict with it"} <= {link.label for link in app.main.page_link}


def test_a_bundle_that_cannot_be_made_is_said_in_words(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    (make_run(4, status="finished").path / "best.npz").touch()
    app = open_page("train")
    answer = subprocess.CompletedProcess([], 1, "", "a warning\nerror: LiteRT and Keras differ.\n")
    monkeypatch.setattr(run_panel.subprocess, "run", lambda *_, **__: answer)
    app = app.button(key="run_bundle").click().run()
    assert [box.value for box in app.error] == ["LiteRT and Keras differ."]


def test_a_damaged_run_does_not_hide_the_others(open_page: OpenPage) -> None:
    make_run(1, status="stopped", reason="Stopped")
    broken = runs_dir() / "broken"
    broken.mkdir()
    (broken / "settings.json").write_text("{", encoding="utf-8")
    os.utime(broken / "settings.json", (0, 0))
    app = open_page("train")
    assert list(app.dataframe[0].value["status"]) == ["stopped", "damaged"]
    app = app.selectbox(key="run_shown").set_value("broken").run()
    assert "damaged" in app.error[0].value


def test_command_line_can_be_read_by_a_shell() -> None:
    choice = DatasetChoice("/data/my faces.zip", "/data/votes.csv")
    line = command_line(load_recipe("compact"), choice, {"epochs": "3"})
    assert shlex.split(line.replace("\\\n", " ")) == [
        "python", "-m", "fer", "train", "--recipe", "compact", "--data", "/data/my faces.zip", "--ferplus", "/data/votes.csv",
        "--set", "epochs=3",
    ]  # fmt: skip


def test_curve_options_scale_shares_to_percent() -> None:
    options = curve_options("accuracy", [(0.5, 0.25)], [], epochs=3, shares=True)
    assert [series["data"] for series in options["series"]] == [[[0.5, 25.0]], []]
    assert options["xAxis"]["max"] == 3


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (200, "3 min 20 s"), (1500, "25 min"), (7500, "2 h 05 min"), (-3, "0 s")],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def make_over_fitted() -> Run:
    """A finished run whose validation gets worse while its training gets better, with all that a training leaves behind."""
    run = make_run(0, epochs=8, status="finished")
    labels = ["happy", "sad"]
    counts = {"train": {"happy": 300, "sad": 300}, "val": {"happy": 400, "sad": 400}}
    write_json(run.path / "dataset.json", {"labels": labels, "heads": {"labels": labels}, "counts": counts, "leaks_removed": 0})
    for epoch in range(1, 9):
        row = {"epoch": epoch, "loss": 0.7 - 0.08 * epoch, "accuracy": 0.5 + 0.06 * epoch, "learning_rate": 0.05, "seconds": 3.0}
        row |= {"val_loss": 0.6 + 0.05 * abs(epoch - 3), "val_accuracy": 0.7, "images_per_second": 250.0}
        append_json_line(run.path / "metrics.jsonl", row)
        append_json_line(run.path / CONFUSION_FILE, {"epoch": epoch, "confusion": [[280, 120], [120, 280]]})
    pictures = np.random.default_rng(0).integers(0, 255, (3, 48, 48, 1), dtype=np.uint8)
    ids, answers = np.array([0, 1, 0], np.int16), np.array([1, 0, 1], np.int16)
    Mistakes(pictures, ids, answers, np.array([0.99, 0.9, 0.8], np.float32)).save(run.path / MISTAKES_FILE)
    return run


def test_a_finished_run_says_what_went_wrong_and_a_button_tries_the_change(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_over_fitted()
    monkeypatch.setattr(fer.training.queue, "start_run", create_only)
    app = open_page("train")
    assert "training still gains, validation loses" in headings(app)
    app = app.button(key=f"try_{run.id}_over_fitting_loss_0").click().run()
    assert not app.exception
    (other,) = (found for found in list_runs() if found.id != run.id)
    assert other.settings.training.early_stopping == 3
    assert other.settings.with_overrides({"early_stopping": "0"}) == run.settings
    assert app.session_state["run_shown"] == other.id


def test_a_run_shows_what_becomes_of_its_classes_and_its_surest_mistakes(open_page: OpenPage) -> None:
    run = make_over_fitted()
    app = open_page("train")
    assert len(app.get("echarts_chart")) == 3, "accuracy, loss, and recall by class"
    app.session_state[f"insight_{run.id}"] = "Confusion"
    app = app.run()
    assert app.select_slider[0].value == 8
    app = app.select_slider[0].set_value(3).run()
    assert not app.exception
    app.session_state[f"insight_{run.id}"] = "Mistakes"
    app = app.run()
    assert [caption for picture in app.image for caption in picture.captions] == [
        "😢 sad 99 %, labelled happy",
        "😄 happy 90 %, labelled sad",
        "😢 sad 80 %, labelled happy",
    ]


def test_confusion_options_are_shares_of_the_true_class() -> None:
    label_set = LabelSet(("happy", "sad"))
    options = confusion_options(np.array([[3, 1], [0, 0]]), label_set)
    assert options["series"][0]["data"] == [[0, 0, 75], [1, 0, 25], [0, 1, 0], [1, 1, 0]]


def test_recall_options_leave_out_a_class_that_validation_lacks() -> None:
    label_set = LabelSet(("happy", "sad"))
    options = recall_options({1: np.array([[3, 1], [0, 0]]), 2: np.array([[4, 0], [0, 0]])}, label_set, epochs=5)
    assert [series["data"] for series in options["series"]] == [[[1, 75.0], [2, 100.0]], []]


@pytest.mark.slow
def test_what_a_training_will_take_is_told_before_it_starts(open_page: OpenPage) -> None:
    app = open_page("train")
    for key, value in (("stem", "8,8"), ("widths", "8,16"), ("depths", "1,1")):
        app.text_input(key=f"setting_compact_network.{key}").set_value(value)
    app = app.button(key="run_estimate_button").click().run()
    assert not app.error
    told = next(element.value for element in app.markdown if "an epoch of 112 images" in element.value)
    assert "0.01 M parameters" in told
    app = app.number_input(key="setting_compact_epochs").set_value(3).run()
    assert not [element for element in app.markdown if "an epoch of" in element.value], "other settings, another answer"


def test_what_cannot_be_told_is_said_in_words(open_page: OpenPage) -> None:
    app = open_page("train")
    app.text_input(key="setting_compact_data.classes").set_value("happy")
    app = app.button(key="run_estimate_button").click().run()
    assert "at least two classes" in app.error[0].value


def choose_runs(app: AppTest, *rows: int) -> AppTest:
    """As if these rows of the list of runs were chosen."""
    found = list_runs()
    app.session_state[table_key(found)] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run()


def test_a_run_is_named_and_noted(open_page: OpenPage) -> None:
    run = make_run(2, status="stopped")
    app = choose_runs(open_page("train"), 0)
    next(field for field in app.text_input if field.label == "Name").set_value("First try")
    app.text_area[0].set_value("The rate was too high")
    app = next(button for button in app.button if button.label == "Keep").click().run()
    assert not app.exception
    assert (run.notes.title, run.notes.notes) == ("First try", "The rate was too high")
    assert "First try" in [heading.value for heading in app.subheader]


def test_a_run_is_deleted_only_after_a_second_word(open_page: OpenPage) -> None:
    run = make_run(2, status="stopped")
    kept = make_run(1, status="stopped")
    os.utime(run.path / "settings.json", (1, 1))
    app = choose_runs(open_page("train"), 1)
    app = app.button(key="run_delete").click().run()
    assert "gone for good" in app.warning[0].value
    assert run.path.is_dir()
    app = app.button(key="run_delete_sure").click().run()
    assert not app.exception
    assert [found.id for found in list_runs()] == [kept.id]


def test_runs_are_compared_by_curves_results_and_what_differs(open_page: OpenPage) -> None:
    make_run(3, epochs=3, status="finished")
    make_run(2, epochs=5, status="stopped")
    app = choose_runs(open_page("train"), 0, 1)
    assert not app.exception
    tables = [table.value for table in app.dataframe]
    differing = next(table for table in tables if "setting" in table.columns)
    assert differing["setting"].tolist() == ["training.epochs"]
    results = next(table for table in tables if "validation loss" in table.columns)
    assert sorted(results["best epoch"]) == [2, 3]


def test_differing_settings_of_another_network_have_no_value() -> None:
    runs_ = [create_run(recipe, "synthetic:160") for recipe in ("compact", "cnn4-7class")]
    differing = differing_settings(runs_)
    assert differing["network.architecture"] == ["se_resnet", "plain_cnn"]
    assert differing["network.filters"] == ["–", "64,128,256,512"]
    assert "training.seed" not in differing


def make_queued(n: int) -> list[Run]:
    """Runs that wait while another seems to go on."""
    make_running()
    runs = [make_run() for _ in range(n)]
    for run in runs:
        enqueue(run)
    return runs


def test_a_new_run_waits_while_another_is_going_unless_it_is_to_start_now(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = make_running()
    launched: list[Run] = []
    monkeypatch.setattr(Run, "launch", lambda run: launched.append(run))
    app = open_page("train")
    assert app.button(key="run_start").label == "Add to the queue"
    assert shlex.split(app.code[0].value.replace("\\\n", " "))[-1] == "--queue"
    app = app.button(key="run_start").click().run()
    (waiting,) = queued_runs()
    assert app.toast[0].value.endswith("waits in the queue.")
    assert app.session_state["run_shown"] == going.id, "what is going stays in view"
    assert not launched
    app = app.button(key="run_start_now").click().run()
    assert len(launched) == 1
    assert launched[0] not in (going, waiting)
    assert not app.exception


def test_runs_that_wait_are_moved_taken_out_and_started(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = make_queued(3)
    app = open_page("train")
    assert app.button(key=f"queue_front_{a.id}_list").disabled
    app = app.button(key=f"queue_front_{c.id}_list").click().run()
    assert queued_runs() == [c, a, b]
    app = app.button(key=f"queue_out_{a.id}_list").click().run()
    assert queued_runs() == [c, b]
    launched: list[Run] = []
    monkeypatch.setattr(Run, "launch", lambda run: launched.append(run))
    app = app.button(key=f"queue_now_{b.id}_list").click().run()
    assert launched == [b]
    assert not app.exception


def test_a_run_that_waits_says_so_and_starts_when_the_page_is_looked_at_and_none_is_going(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = make_queued(2)
    app = open_page("train")
    app = app.selectbox(key="run_shown").set_value(b.id).run()
    assert "number 2 in the queue" in app.info[0].value
    assert {"Start now", "To the front", "Take out"} <= buttons(app)
    launched: list[Run] = []
    monkeypatch.setattr(Run, "launch", lambda run: launched.append(run))
    (going,) = (run for run in list_runs() if run.is_active)
    going.write_state("stopped", "Stopped on request")
    app.run()
    assert launched[0] == a


def test_resume_of_a_run_while_another_is_going_puts_it_into_the_queue(open_page: OpenPage) -> None:
    make_running()
    run = make_run(1, status="stopped")
    app = open_page("train")
    app = app.selectbox(key="run_shown").set_value(run.id).run()
    assert app.button(key="run_resume").label == "Add to the queue"
    app = app.button(key="run_resume").click().run()
    assert queued_runs() == [run]
    assert not app.exception


def test_many_runs_are_found_by_words_and_status(open_page: OpenPage) -> None:
    make_run(1, status="stopped")
    app = open_page("train")
    assert not [field for field in app.text_input if field.key == "runs_find"], "few can be seen at once"
    for number in range(9):
        run = make_run(1, status="failed" if number % 3 else "finished")
        run.annotate(RunNotes(f"Try {number}", "baseline" if number < 6 else "cleaned"))
    app = open_page("train")
    app = app.text_input(key="runs_find").set_value("CLEANED compact").run()
    assert sorted(app.dataframe[0].value["run"]) == ["Try 6", "Try 7", "Try 8"]
    app = app.button_group(key="runs_status").set_value(["finished"]).run()
    assert list(app.dataframe[0].value["run"]) == ["Try 6"]
    app = app.text_input(key="runs_find").set_value("nothing like it").run()
    assert not app.dataframe
    assert not app.exception


def test_a_run_with_event_files_says_how_tensorboard_opens_them(open_page: OpenPage) -> None:
    run = make_run(2, status="stopped")
    assert "tensorboard" not in "\n".join(code.value for code in open_page("train").code)
    (run.path / "tensorboard").mkdir()
    lines = [code.value for code in open_page("train").code if "tensorboard" in code.value]
    assert [shlex.split(line) for line in lines] == [["tensorboard", "--logdir", str(run.path.resolve())]]


def test_runs_of_the_list_are_shown_and_resumed_one_after_the_other(open_page: OpenPage) -> None:
    make_running()
    runs = [make_run(1, status="stopped") for _ in range(2)]
    for age, run in enumerate(runs):
        os.utime(run.path / "settings.json", (100 - age, 100 - age))
    app = choose_runs(open_page("train"), 1, 2)
    app = app.button(key="runs_queue").click().run()
    assert queued_runs() == runs[::-1]
    app = choose_runs(app, 2)
    app = app.button(key="run_show").click().run()
    assert not app.exception
    assert app.session_state["run_shown"] == runs[1].id
