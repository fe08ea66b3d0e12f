"""Training with real processes: rows are streamed, a run can be stopped, killed and resumed, and says why it ended."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer.errors import RunError, SettingsError
from fer.training import Run, RunNotes, create_run, list_runs, open_run, start_run
from fer.workspace import REPOSITORY

DATA = "synthetic:600:3"
Command = Callable[..., subprocess.CompletedProcess[str]]


def _wait(condition: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files if name != "history"}


def test_train_run_writes_what_a_page_needs(tiny_run: Path) -> None:
    run = Run(tiny_run)
    assert run.status == "finished"
    assert not run.is_active
    rows = run.epoch_rows()
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    keys = {
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "votes_accuracy",
        "val_votes_accuracy",
        "learning_rate",
        "images_per_second",
    }
    assert all(keys <= row.keys() for row in rows)
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert {"epoch", "batch", "batches", "loss", "accuracy", "images_per_second", "time"} <= run.progress_rows()[-1].keys()
    info = run.dataset_info()
    assert info["heads"]["labels"] == info["heads"]["votes"], "synthetic faces have all eight classes"
    assert sum(info["counts"]["train"].values()) + info["leaks_removed"] == 840
    assert json.loads((tiny_run / "environment.json").read_text())["backend"] == "tensorflow"
    assert not list(tiny_run.glob(".*")), "nothing half-written stays"


def test_train_run_tells_which_class_is_taken_for_which_and_keeps_the_surest_mistakes(tiny_run: Path) -> None:
    run = Run(tiny_run)
    counts = run.dataset_info()["counts"]["val"]
    confusions = run.confusions()
    assert list(confusions) == [1, 2, 3, 4]
    for row, confusion in zip(run.epoch_rows(), confusions.values(), strict=True):
        assert confusion.sum(axis=1).tolist() == list(counts.values()), "rejects are in no class"
        assert np.trace(confusion) / confusion.sum() == pytest.approx(row["val_accuracy"], abs=1e-6)
    mistakes = run.mistakes()
    wrong = confusions[4].sum() - np.trace(confusions[4])  # the sample is the whole part here
    assert len(mistakes["images"]) == len(mistakes["answers"]) == min(12, wrong)
    assert (mistakes["answers"] != mistakes["label_ids"]).all()
    assert (np.diff(mistakes["confidences"]) <= 0).all()
    assert mistakes["images"].dtype == np.uint8


def test_resume_after_kill_ends_with_the_weights_of_an_undisturbed_run(
    tmp_path: Path, tiny_settings: dict[str, str], fer_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On one thread TensorFlow adds in a fixed order, so that "the same" can mean the same bits.
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "1")
    settings = {**tiny_settings, "epochs": "4", "learning_rate": "0.05"}
    flags = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    undisturbed = fer_command("train", "--recipe", "compact", "--data", DATA, *flags, "--run", str(tmp_path / "a"))
    assert undisturbed.returncode == 0, undisturbed.stderr

    run = start_run("compact", DATA, overrides=settings, run_dir=tmp_path / "b")
    _wait(lambda: len(run.epoch_rows()) >= 1)
    os.kill(json.loads((run.path / "worker.json").read_text())["pid"], signal.SIGKILL)
    _wait(lambda: run.status == "interrupted")
    assert 1 <= len(run.epoch_rows()) < 4
    assert "Resume" in run.reason

    resumed = fer_command("train", "--resume", str(run.path))
    assert resumed.returncode == 0, resumed.stderr
    assert [row["epoch"] for row in run.epoch_rows()] == [1, 2, 3, 4]
    for name, value in _arrays(tmp_path / "a" / "checkpoint.npz").items():
        assert np.array_equal(value, _arrays(run.path / "checkpoint.npz")[name]), name


@pytest.mark.slow
def test_stop_keeps_finished_epochs_and_a_second_process_is_refused(
    tmp_path: Path, tiny_settings: dict[str, str], fer_command: Command
) -> None:
    run = start_run("compact", DATA, overrides={**tiny_settings, "epochs": 500}, run_dir=tmp_path / "run")
    _wait(lambda: len(run.epoch_rows()) >= 1)
    assert run.status == "running"
    assert run.seconds_left() is not None
    with pytest.raises(RunError, match="going already"):
        run.resume()
    second = fer_command("train", "--resume", str(run.path))
    assert second.returncode == 1
    assert "going already" in second.stderr
    run.stop()
    _wait(lambda: not run.is_active)
    assert run.status == "stopped"
    assert len(run.epoch_rows()) >= 1
    assert (run.path / "best.npz").is_file(), "so a bundle can be made of it"
    epochs = len(run.epoch_rows())
    run.resume()
    _wait(lambda: len(run.epoch_rows()) > epochs)
    run.stop()
    _wait(lambda: not run.is_active)
    with pytest.raises(RunError, match="nothing to stop"):
        run.stop()


def test_train_run_that_diverges_fails_in_words(tmp_path: Path, tiny_settings: dict[str, str], fer_command: Command) -> None:
    settings = {**tiny_settings, "epochs": "3", "learning_rate": "100", "schedule": "constant", "weight_decay": "1"}
    flags = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = fer_command("train", "--recipe", "compact", "--data", DATA, *flags, "--run", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "lower learning rate" in done.stderr
    assert Run(tmp_path / "run").status == "failed"


@pytest.mark.slow
def test_train_run_disk_full_fails_in_words_and_leaves_no_half_file(tmp_path: Path, tiny_settings: dict[str, str]) -> None:
    run = create_run("compact", DATA, overrides={**tiny_settings, "epochs": 2}, run_dir=tmp_path / "run")
    # A limit on the size of a file stops the checkpoint as a full disk does: in the middle of a write, with an OSError.
    done = subprocess.run(
        [sys.executable, "-m", "fer", "train", "--resume", str(run.path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Cannot write the run" in done.stderr
    assert run.status == "failed"
    assert "Free some space" in run.reason
    assert not (run.path / "checkpoint.npz").exists()
    assert not list(run.path.glob(".*"))


@pytest.mark.parametrize(
    ("data", "settings", "words"),
    [
        ("none.zip", [], "none.zip"),
        (DATA, ["--set", "classes=happy,bored"], "bored"),
        (DATA, ["--set", "classes=happy"], "two classes"),
    ],
)
def test_train_command_data_that_does_not_serve_leaves_nothing_behind(
    data: str, settings: list[str], words: str, tmp_path: Path, fer_command: Command
) -> None:
    done = fer_command("train", "--recipe", "compact", "--data", data, *settings, "--run", str(tmp_path / "run"))
    assert done.returncode == 1
    assert words in done.stderr
    assert not (tmp_path / "run").exists()


def test_train_run_data_that_went_away_fails_in_words(tmp_path: Path, fer_command: Command) -> None:
    run = create_run("compact", str(tmp_path / "none.zip"), run_dir=tmp_path / "run")
    assert fer_command("train", "--resume", str(run.path)).returncode == 1
    assert run.status == "failed"
    assert "none.zip" in run.reason


def test_create_run_unknown_setting_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Unknown setting 'epoch'"):
        create_run("compact", DATA, overrides={"epoch": 3}, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_create_run_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RunError, match="Cannot write the run folder"):
        create_run("compact", DATA, run_dir=tmp_path / "file" / "run")


def test_create_run_in_a_folder_with_a_run_is_refused(tmp_path: Path) -> None:
    create_run("compact", DATA, run_dir=tmp_path / "run")
    with pytest.raises(RunError, match="holds a run already"):
        create_run("compact", DATA, run_dir=tmp_path / "run")


def test_list_runs_newest_first_and_open_run_by_id() -> None:
    first, second = create_run("compact", DATA), create_run("cnn4-7class", DATA)
    os.utime(first.path / "settings.json", (1, 1))
    assert [run.id for run in list_runs()] == [second.id, first.id]
    assert open_run(first.id) == first
    with pytest.raises(RunError, match="No run at"):
        open_run("nothing-here")


def test_run_damaged_state_says_so(tmp_path: Path) -> None:
    run = create_run("compact", DATA, run_dir=tmp_path / "run")
    (run.path / "settings.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        _ = run.settings


def test_claim_of_a_finished_run_is_refused(tmp_path: Path) -> None:
    run = create_run("compact", DATA, run_dir=tmp_path / "run")
    run.write_state("finished")
    with pytest.raises(RunError, match="finished"):
        run.claim()


def test_claim_forgets_an_old_request_to_stop_but_not_one_since_the_launch(tmp_path: Path) -> None:
    run = create_run("compact", DATA, run_dir=tmp_path / "run")
    (run.path / "stop").touch()
    run.claim()
    assert not run.stop_requested
    run.stop()
    run.write_state("starting")
    run.claim()  # as the launched process does, which `launch` has entered already
    assert run.stop_requested


_CLAIM = """
import sys, time
from fer.errors import RunError
from fer.training import open_run
run = open_run(sys.argv[1])
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
try:
    run.claim()
except RunError as error:
    print(error)
else:
    print("claimed"); sys.stdout.flush(); sys.stdin.readline()
"""


def test_claim_in_the_same_instant_is_given_to_one_of_many(tmp_path: Path) -> None:
    run = create_run("compact", DATA, run_dir=tmp_path / "run")
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _CLAIM, str(run.path)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    try:
        ends = [(racer.stdin, racer.stdout) for racer in racers if racer.stdin and racer.stdout]
        for _, said in ends:
            assert said.readline() == "ready\n"
        for tell, _ in ends:
            tell.write("go\n")
            tell.flush()
        answers = [said.readline() for _, said in ends]
    finally:
        for racer in racers:
            racer.communicate("end\n")
    assert answers.count("claimed\n") == 1
    assert sum("is going already" in answer for answer in answers) == 5


def test_resume_and_stop_of_a_folder_that_cannot_be_written_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_args: object, **_options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    run = create_run("compact", DATA, run_dir=tmp_path / "run")
    monkeypatch.setattr(Path, "unlink", read_only)
    with pytest.raises(RunError, match="Cannot write the run folder"):
        run.resume()
    monkeypatch.undo()
    run.claim()
    monkeypatch.setattr(Path, "touch", read_only)
    with pytest.raises(RunError, match="Cannot write the run folder"):
        run.stop()


def test_notes_are_kept_and_a_damaged_file_of_them_hides_nothing(tmp_path: Path) -> None:
    run = create_run("compact", DATA, run_dir=tmp_path / "run")
    assert run.notes == RunNotes()
    run.annotate(RunNotes("First try", "baseline", "A rate of 0.05\nis too high."))
    assert open_run(run.path).notes == RunNotes("First try", "baseline", "A rate of 0.05\nis too high.")
    (run.path / "notes.json").write_text('{"colour": 1}')
    assert run.notes == RunNotes()


def test_delete_removes_the_run_unless_it_is_going() -> None:
    run, other = create_run("compact", DATA), create_run("compact", DATA)
    run.claim()  # by this very process
    with pytest.raises(RunError, match="is going already"):
        run.delete()
    other.delete()
    assert [found.id for found in list_runs()] == [run.id]
    assert [path.name for path in run.path.parent.iterdir()] == [run.id]
