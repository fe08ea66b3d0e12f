"""Searches: proposals, pruning, stops and kills, with real processes once, and otherwise with runs that have ended already."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fer.errors import FerError, RunError, SettingsError
from fer.files import append_json_line
from fer.recipes import load_recipe
from fer.training import Run, create_run, list_runs
from fer.training.search import Search, create_search, list_searches, open_search
from fer.training.search_study import TrialRow
from fer.training.search_worker import run_search
from fer.workspace import REPOSITORY

DATA = "synthetic:600:3"
VARY = ("learning_rate=1e-3..0.5:log", "batch_size=32,64,128")
Command = Callable[..., subprocess.CompletedProcess[str]]


def _wait(condition: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _same_signals() -> Iterator[None]:
    """`run_search` listens for SIGTERM, here in the process of the tests."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@dataclass(frozen=True)
class Killed:
    """A search that was killed with its trial, resumed, and went on to its end."""

    folder: Path
    answer: dict[str, Any]
    libraries: str
    epochs_at_kill: int
    reason: str

    def run(self, number: int) -> Run:
        return Run(self.folder / "workspace" / "runs" / f"tiny-trial-{number}")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, fer_command: Command, tiny_settings: dict[str, str]) -> Killed:
    """Two trials with real processes, killed in the first."""
    folder = tmp_path_factory.mktemp("search")
    settings = {**tiny_settings, "epochs": "4", "learning_rate": "0.1", "ema": "0", "classes": "happy,sad"}
    with pytest.MonkeyPatch.context() as places:
        places.setenv("FER_WORKSPACE", str(folder / "workspace"))
        places.setenv("FER_CACHE", str(folder / "cache"))
        vary = ("learning_rate=0.01..0.3:log", "dropout=0..0.5")
        search = create_search("compact", DATA, overrides=settings, vary=vary, trials=2, name="tiny", prune_after=1)
        search.launch()
        _wait((search.run_dir(0) / "settings.json").is_file)
        _wait(lambda: len(Run(search.run_dir(0)).epoch_rows()) >= 1)
        run, pid = Run(search.run_dir(0)), _pid(search)
        maps = Path(f"/proc/{pid}/maps")
        libraries = maps.read_text(encoding="utf-8", errors="replace") if maps.is_file() else "numpy"
        for job in (search, run):
            os.kill(_pid(job), signal.SIGKILL)
        _wait(lambda: search.status == run.status == "interrupted")
        epochs, reason = len(run.epoch_rows()), search.reason
        search.resume()
        _wait(lambda: not search.is_active, 500)
    done = fer_command("search", "--resume", "tiny", "--save", str(folder / "best.toml"), "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    return Killed(folder, json.loads(done.stdout), libraries, epochs, reason)


def _pid(job: Search | Run) -> int:
    return int(json.loads((job.path / "worker.json").read_text(encoding="utf-8"))["pid"])


@pytest.mark.slow
@pytest.mark.timeout(900)  # whichever comes first waits for the trials
def test_resume_after_kill_goes_on_with_the_trial_that_was_begun(killed: Killed) -> None:
    assert 1 <= killed.epochs_at_kill < 4, "it was killed in the middle"
    assert "Resume" in killed.reason
    trials = killed.answer["trials"]
    assert len(trials) == 2
    assert trials[0]["state"] == "finished"
    assert trials[1]["state"] in ("finished", "pruned")
    assert [row["epoch"] for row in killed.run(0).epoch_rows()] == [1, 2, 3, 4]
    runs = sorted(path.name for path in (killed.folder / "workspace" / "runs").glob("[!.]*"))
    assert runs == [f"tiny-trial-{number}" for number in range(2)], "no run was begun twice"
    assert killed.run(0).notes.tags == "tiny"
    assert killed.answer["status"] == "finished"


@pytest.mark.slow
@pytest.mark.timeout(900)  # whichever comes first waits for the trials
def test_search_process_loads_no_tensorflow(killed: Killed) -> None:
    assert "numpy" in killed.libraries  # so that the next line can fail
    assert "tensorflow" not in killed.libraries


@pytest.mark.slow
@pytest.mark.timeout(900)  # whichever comes first waits for the trials
def test_the_best_settings_are_a_command_and_a_recipe(killed: Killed) -> None:
    best = killed.answer["best"]
    assert best["state"] == "finished"
    saved = load_recipe(killed.folder / "best.toml").settings
    assert saved == killed.run(best["trial"]).settings
    assert f"--set training.learning_rate={best['settings']['training.learning_rate']}" in killed.answer["command"]
    assert "--set training.epochs=4" in killed.answer["command"]


def make_search(trials: int = 4, *, ended: str = "finished", **options: Any) -> Search:
    """A search whose trials' runs have ended before it comes to them, so that none is trained."""
    search = create_search("compact", DATA, vary=VARY, trials=trials, overrides={"epochs": "3"}, **options)
    for number in range(trials):
        end_run(search, number, ended)
    return search


def end_run(search: Search, number: int, ended: str = "finished") -> None:
    run = create_run("compact", DATA, run_dir=search.run_dir(number))
    for epoch, accuracy in ((1, 0.2), (2, 0.3 + 0.01 * (number % 3)), (3, 0.25)):
        append_json_line(run.path / "metrics.jsonl", {"epoch": epoch, "val_accuracy": accuracy, "val_loss": 2.0})
    run.write_state(ended, "Out of memory.")


def settings_of(rows: list[TrialRow]) -> list[dict[str, str]]:
    return [dict(row.settings) for row in rows]


def test_run_search_begins_with_the_recipes_own_settings_and_keeps_each_best_epoch() -> None:
    search = make_search(4)
    said: list[str] = []
    assert run_search(search, say=said.append).status == "finished"
    rows = search.rows()
    assert settings_of(rows)[0] == {"training.learning_rate": "0.05", "training.batch_size": "128"}
    assert [(row.number, row.state, row.epochs) for row in rows] == [(n, "finished", 3) for n in range(4)]
    assert [row.accuracy for row in rows] == pytest.approx([0.3, 0.31, 0.32, 0.3])
    assert len({row.settings["training.learning_rate"] for row in rows}) == 4
    best = search.best()
    assert best
    assert (best.number, best.run_id) == (2, f"{search.id}-trial-2")
    assert "Trial 2 finished: 32.0 % of the validation images right, at epoch 2" in said
    assert Run(search.run_dir(1)).notes.tags == search.id


def test_run_search_in_two_goes_proposes_what_one_would() -> None:
    whole, parts = make_search(6, name="whole"), make_search(3, name="parts")
    run_search(whole)
    run_search(parts)
    for number in range(3, 6):
        end_run(parts, number)
    parts.extend(6)
    assert parts.status == "stopped"
    run_search(parts)
    assert settings_of(parts.rows()) == settings_of(whole.rows())


# Trains nothing, but reports epochs and heeds a request to stop as a training process does.
_LAGGING = """
import sys, time
from fer.files import append_json_line
from fer.training import open_run
run = open_run(sys.argv[1])
run.claim()
run.write_state("running", "Training")
append_json_line(run.path / "metrics.jsonl", {"epoch": 1, "val_accuracy": 0.1, "val_loss": 3.0})
while not run.stop_requested:
    time.sleep(0.05)
run.write_state("stopped", "Stopped on request.")
"""


def test_run_search_prunes_a_trial_that_lags_and_its_run_says_so() -> None:
    search = make_search(3, prune_after=2, name="lr")
    lagging = create_run("compact", DATA, overrides={"epochs": 3}, run_dir=search.run_dir(3))
    search.extend(4)
    with subprocess.Popen([sys.executable, "-c", _LAGGING, str(lagging.path)], cwd=REPOSITORY) as process:
        try:
            _wait(lambda: bool(lagging.epoch_rows()))
            run_search(search)
        finally:
            process.kill()
    last = search.rows()[3]
    assert (last.state, last.accuracy, last.epochs) == ("pruned", 0.1, 1)
    assert last.note == "pruned after epoch 1: earlier trials were better by then"
    assert (lagging.status, lagging.notes.tags) == ("stopped", "lr")
    assert "earlier trials were better" in lagging.notes.notes
    assert search.status == "finished"
    best = search.best()
    assert best
    assert best.number == 2, "a pruned trial is never the best"


def test_run_search_takes_a_run_that_is_stopped_by_hand_for_pruned() -> None:
    search = make_search(2, name="lr")
    other = create_run("compact", DATA, overrides={"epochs": 3}, run_dir=search.run_dir(2))
    search.extend(3)
    with subprocess.Popen([sys.executable, "-c", _LAGGING, str(other.path)], cwd=REPOSITORY) as process:
        try:
            _wait(lambda: bool(other.epoch_rows()))
            by_hand = threading.Timer(2.0, other.stop)  # by then the search has seen it going
            run_search(search, say=lambda words: by_hand.start() if words.startswith("Trial 2:") else None)
        finally:
            process.kill()
    assert (search.rows()[2].state, search.rows()[2].note) == ("pruned", "stopped by hand")


def test_run_search_gives_up_after_three_failures_in_a_row() -> None:
    search = make_search(6, ended="failed")
    with pytest.raises(RunError, match=r"3 trials failed.* The last one said: failed: Out of memory"):
        run_search(search)
    assert search.status == "failed"
    assert [row.state for row in search.rows()] == ["failed"] * 3
    assert search.best() is None


def test_run_search_goes_on_after_settings_that_do_not_fit_together() -> None:
    # The small images of the first epochs must not be larger than the others.
    vary = ("small_size=40,44", "preprocessing.size=40,42,48")
    search = create_search("compact", DATA, vary=vary, trials=8, overrides={"epochs": "3"})

    def end_where_it_fits(words: str) -> None:
        begins = re.match(r"Trial (\d+): ", words)
        if begins and not re.search("small_size 44, size 4[02]", words):
            end_run(search, int(begins[1]))

    run_search(search, say=end_where_it_fits)
    for row in search.rows():
        fits = int(row.settings["training.small_size"]) <= int(row.settings["preprocessing.size"])
        assert row.state == ("finished" if fits else "failed")
        assert fits or "training.small_size" in row.note
    assert {row.state for row in search.rows()} == {"finished", "failed"}


def test_run_search_that_is_asked_to_stop_goes_on_later_where_it_was() -> None:
    search = make_search(4)
    run_search(search, say=lambda words: search.stop() if words.startswith("Trial 1:") else None)
    assert search.status == "stopped"
    assert "Resume" in search.reason
    assert len(search.rows()) == 2
    run_search(search)
    assert search.status == "finished"
    assert len(search.rows()) == 4


def test_a_search_is_worked_on_by_one_process_at_a_time() -> None:
    search = make_search(2)
    search.claim()  # by this very process
    with pytest.raises(RunError, match="is going already"):
        search.resume()
    code = "import sys; from fer.training.search import Search; from pathlib import Path; Search(Path(sys.argv[1])).claim()"
    second = subprocess.run(
        [sys.executable, "-c", code, str(search.path)], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert "is going already" in second.stderr


def test_a_finished_search_is_not_begun_again_but_can_have_more_trials() -> None:
    search = make_search(2)
    run_search(search)
    with pytest.raises(RunError, match="finished"):
        search.resume()
    with pytest.raises(SettingsError, match="can only have more"):
        search.extend(1)
    search.extend(5)
    assert (search.trials, search.status, len(search.rows())) == (5, "stopped", 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "../lr"}, "letters, digits"),
        ({"trials": 0}, "takes 1 to"),
        ({"vary": ("learning_rate=2",)}, "two choices or more"),
        ({"overrides": {"epoch": "3"}}, "Unknown setting"),
        ({"cleaning": "none.csv"}, "none.csv"),
    ],
)
def test_create_search_that_is_refused_leaves_nothing(options: dict[str, Any], words: str) -> None:
    with pytest.raises(FerError) as refusal:
        create_search("compact", DATA, **options)
    assert words in str(refusal.value)
    assert list_searches() == []


def test_create_search_of_a_name_that_is_taken_is_refused_also_by_runs_that_are_left() -> None:
    search = make_search(1, name="lr")
    with pytest.raises(RunError, match="There is a search lr already"):
        create_search("compact", DATA, name="lr")
    search.delete()
    with pytest.raises(RunError, match="Runs of an earlier search lr"):
        create_search("compact", DATA, name="lr")
    assert [run.id for run in list_runs()] == ["lr-trial-0"]


def test_open_search_by_name_and_the_names_there_are() -> None:
    first = make_search(1, name="first")
    os.utime(first.path / "search.json", (1, 1))
    second = make_search(1, name="second")
    assert list_searches() == [second, first]
    assert open_search("first") == first
    with pytest.raises(RunError, match="second, first"):
        open_search("third")


def test_a_study_that_is_damaged_or_gone_says_so() -> None:
    search = make_search(1)
    database = search.path / "study.db"
    database.write_text("no database" * 1000)
    with pytest.raises(RunError, match="start a new search"):
        search.rows()
    database.unlink()
    with pytest.raises(RunError, match="is missing"):
        search.rows()
    with pytest.raises(RunError, match="is missing"):
        run_search(search)
    assert search.status == "failed"


def test_search_command_that_is_wrong_says_how_it_is_written(fer_command: Command, tmp_path: Path) -> None:
    for arguments, words in (
        (["--recipe", "compact"], "needs --recipe and --data"),
        (["--recipe", "compact", "--data", "synthetic:160", "--vary", "dropout=0.1..high"], "type float"),
        (["--resume", "first", "--vary", "dropout=0..1"], "takes no other options but --trials"),
    ):
        done = fer_command("search", *arguments, folder=tmp_path)
        assert done.returncode == 2, done.stderr
        assert words in done.stderr
    assert not (tmp_path / "workspace" / "searches").exists()
