"""The queue, with real processes: one run at a time, in order, whoever looks and whatever ends the run before."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from fer.cli import main
from fer.errors import RunError
from fer.files import write_json
from fer.training import Run, create_run, enqueue, list_runs, start_run
from fer.training.queue import going_runs, number_in_queue, queued_runs, start_next, take_out
from fer.workspace import REPOSITORY

DATA = "synthetic:160"


@pytest.fixture(autouse=True)
def _nothing_goes_on() -> Iterator[None]:
    """Kill what a test has started: each is a real training, of which only the start is of interest here."""
    yield
    for run in list_runs():
        with suppress(RunError):  # a damaged one
            if run.is_active and pid_of(run) != os.getpid():
                kill(run)


def pid_of(run: Run) -> int:
    return int(run._worker()["pid"])


def kill(run: Run) -> None:
    process = psutil.Process(pid_of(run))
    process.kill()
    process.wait(10)


def make_going() -> Run:
    """A run that this very process works on."""
    run = create_run("compact", DATA)
    run.claim()
    run.write_state("running", "Training")
    return run


def make_queued(n: int) -> list[Run]:
    runs = [create_run("compact", DATA) for _ in range(n)]
    for run in runs:
        enqueue(run)
    return runs


def test_enqueue_starts_at_once_where_none_is_going_and_the_next_waits() -> None:
    first, second = start_run("compact", DATA, queue=True), start_run("compact", DATA, queue=True)
    assert (first.status, second.status) == ("starting", "queued")
    assert going_runs() == [first]
    assert start_next() is None
    assert not second.is_active


def test_enqueue_keeps_the_order_and_can_move_to_the_front() -> None:
    make_going()
    a, b, c = make_queued(3)
    assert queued_runs() == [a, b, c]
    enqueue(c, first=True)
    assert queued_runs() == [c, a, b]
    enqueue(c)
    assert queued_runs() == [a, b, c]
    assert [number_in_queue(run) for run in (a, b, c)] == [1, 2, 3]


def test_take_out_leaves_a_run_that_can_be_queued_again() -> None:
    going = make_going()
    a, b = make_queued(2)
    take_out(a)
    assert a.status == "stopped"
    assert "Resume" in a.reason
    assert number_in_queue(a) is None
    assert queued_runs() == [b]
    enqueue(a)
    assert queued_runs() == [b, a]
    with pytest.raises(RunError, match="does not wait in the queue: it is running"):
        take_out(going)


def test_deleted_run_leaves_the_queue() -> None:
    make_going()
    a, b = make_queued(2)
    a.delete()
    assert queued_runs() == [b]


def test_resume_starts_a_queued_run_although_another_is_going() -> None:
    make_going()
    a, b = make_queued(2)
    b.resume()
    assert b.status == "starting"
    assert queued_runs() == [a]


def test_claim_takes_a_run_out_of_the_queue() -> None:
    make_going()
    (run,) = make_queued(1)
    run.claim()  # as `train --resume` does in a terminal
    assert queued_runs() == []
    assert run.status == "starting"


@pytest.mark.parametrize("status", ["finished", "stopped", "failed"])
def test_start_next_goes_on_as_soon_as_the_run_before_says_that_it_is_over(status: str) -> None:
    going = make_going()
    a, b = make_queued(2)
    assert start_next() is None
    going.write_state(status)  # its process, this one, closes down only later
    assert start_next() == a
    assert (a.status, b.status) == ("starting", "queued")


def test_start_next_goes_on_after_a_kill() -> None:
    a, b = make_queued(2)
    os.kill(pid_of(a), signal.SIGKILL)
    wait(lambda: a.status == "interrupted")
    assert start_next() == b
    assert b.is_active


def test_start_next_run_that_cannot_start_is_failed_in_words_and_the_next_is_tried() -> None:
    going = make_going()
    a, b = make_queued(2)
    (a.path / "train.log").mkdir()
    going.write_state("finished")
    assert start_next() == b
    assert a.status == "failed"
    assert "Cannot write the run folder" in a.reason
    assert b.is_active


@pytest.mark.parametrize("file", ["state.json", "worker.json"])
def test_start_next_is_not_held_up_by_a_damaged_run(file: str) -> None:
    going = make_going()
    damaged, b = make_queued(2)
    (damaged.path / file).write_text("{")
    going.write_state("finished")
    assert start_next() == b


def test_enqueue_run_that_is_going_or_finished_or_elsewhere_is_refused(tmp_path: Path) -> None:
    going, finished = make_going(), create_run("compact", DATA)
    finished.write_state("finished")
    with pytest.raises(RunError, match="going already"):
        enqueue(going)
    with pytest.raises(RunError, match="is finished"):
        enqueue(finished)
    with pytest.raises(RunError, match="Only the runs of the workspace"):
        enqueue(create_run("compact", DATA, run_dir=tmp_path / "run"))
    assert queued_runs() == []


_LOOK = """
import sys
from fer.training.queue import start_next
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
run = start_next()
print(run.id if run else "none")
"""


def test_start_next_in_the_same_instant_starts_one_run_once() -> None:
    going = make_going()
    a, b, c = make_queued(3)
    lookers = [
        subprocess.Popen([sys.executable, "-c", _LOOK], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ends = [(looker.stdin, looker.stdout) for looker in lookers if looker.stdin and looker.stdout]
    for _, said in ends:
        assert said.readline() == "ready\n"
    going.write_state("finished")
    for tell, _ in ends:
        tell.write("go\n")
        tell.flush()
    answers = [looker.communicate()[0].strip() for looker in lookers]
    assert sorted(answers) == sorted([a.id, *["none"] * 3])
    assert going_runs() == [a]
    assert queued_runs() == [b, c]


@pytest.mark.slow
def test_train_run_starts_the_next_when_it_ends_with_nobody_looking(tmp_path: Path) -> None:
    # Data that went away ends a run soonest.
    first, second = [create_run("compact", str(tmp_path / name)) for name in ("one.zip", "two.zip")]
    for run in (first, second):
        enqueue(run)
    wait(lambda: second.status == "failed")
    assert "one.zip" in first.reason
    assert "two.zip" in second.reason


def test_train_command_queue_leaves_the_run_to_the_queue(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_going()
    assert main(["train", "--recipe", "compact", "--data", DATA, "--queue"]) == 0
    assert "waits in the queue, as number 1" in capsys.readouterr().out
    (run,) = queued_runs()
    stopped = create_run("compact", DATA)
    assert main(["train", "--resume", stopped.id, "--queue"]) == 0
    assert queued_runs() == [run, stopped]
    assert main(["train", "--recipe", "compact", "--data", DATA, "--queue", "--run", str(tmp_path / "run")]) == 2
    capsys.readouterr()
    assert main(["runs"]) == 0
    assert [line.split()[2:4] for line in capsys.readouterr().out.splitlines() if "queued" in line] == [
        ["queued", "2"],
        ["queued", "1"],
    ]


def test_runs_command_starts_what_a_killed_process_could_not(capsys: pytest.CaptureFixture[str]) -> None:
    going = make_going()
    (run,) = make_queued(1)
    write_json(going.path / "worker.json", {"pid": os.getpid(), "started": 0})  # the number of a process that is no more
    assert main(["runs"]) == 0
    assert "interrupted" in capsys.readouterr().out
    assert run.is_active


def wait(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
