"""A run is never lost: killed where it hurts most, on a full disk, without its data, diverged, or wanted by two servers at once.

Every training here is a process of its own that really ends so; each begins with code of the test that brings the calamity about.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from fer.data import read_dataset
from fer.errors import RunError
from fer.files import write_json
from fer.training import Run, create_run
from fer.workspace import REPOSITORY
from tests.warm import Warm

SETTINGS = {"filters": "8,16", "kernels": "3,3", "dropouts": "0.1,0.1", "dense": "16", "batch_size": "64"}
# State that a checkpoint must carry beside the weights: momentum, averaged weights, a rate that plateaus have lowered.
SETTINGS |= {"optimizer": "sgd", "learning_rate": "0.05", "ema": "0.9", "plateau_patience": "1", "early_stopping": "0"}

# Before a file is opened, renamed and so on, Python tells its audit hooks: https://docs.python.org/3/library/audit_events.html
_AT = """
import os, resource, signal
seen = 0
def at(event, arguments):
    global seen
    if {condition}:
        seen += 1
        if seen == {times}:
            {action}
import sys
sys.addaudithook(at)
"""
_KILL = "os.kill(os.getpid(), signal.SIGKILL)"
# The kernel ends the process in the middle of the write that makes a file longer than this.
_KILL_IN_A_WRITE = (
    "signal.signal(signal.SIGXFSZ, signal.SIG_DFL); resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))"
)


def _before_renaming_to(name: str) -> str:
    return f'event == "os.rename" and os.path.basename(arguments[1]) == "{name}"'


def _before_appending_to(name: str) -> str:
    return f'event == "open" and arguments[1] == "a" and os.path.basename(arguments[0]) == "{name}"'


_BEFORE_A_CHECKPOINT = 'event == "open" and "w" in str(arguments[1]) and str(arguments[0]).endswith("-checkpoint.npz")'
_BEFORE_FINISHED = f'{_before_renaming_to("state.json")} and "finished" in open(arguments[0]).read()'


def _kill(condition: str, *, times: int = 1, action: str = _KILL) -> str:
    return _AT.format(condition=condition, times=times, action=action)


class Trainings:
    """Each a process of its own, on one thread: TensorFlow adds in a fixed order then, so that "the same" means the same bits."""

    def __init__(self, warm: Warm, folder: Path) -> None:
        self._warm, self._folder, self.log = warm, folder, folder / "log"

    def begin(self, run: Run, *, first: str = "", last: str = "") -> int:
        """Begin one; returns its number.

        Args:
            run: to be gone on with.
            first: Python code that it runs before.
            last: and after.
        """
        places = {f"FER_{place.upper()}": str(self._folder / place) for place in ("workspace", "cache")}
        threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
        train = "import sys; from fer.cli import main; code = main()"
        code = "\n".join((first, train, last, "sys.exit(code)"))
        command = ("train", "--resume", str(run.path))
        return self._warm.begin(code, *command, out=self.log, err=self.log, environment=places | threads)

    def end(self) -> int:
        """Wait for it; returns its exit code, or minus the signal that ended it."""
        return self._warm.end()

    def train(self, run: Run, *, first: str = "", last: str = "") -> int:
        self.begin(run, first=first, last=last)
        return self.end()


@pytest.fixture(scope="module")
def trainings(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings(warm, tmp_path_factory.mktemp("trainings"))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset as one small file, which can be moved."""
    faces = read_dataset("synthetic:320:3")
    pixels = faces.images.batch(np.arange(len(faces)), 48, 1).reshape(len(faces), -1)
    usages = ["Training"] * 240 + ["PublicTest"] * 80
    rows = [f"{i % 7},{' '.join(map(str, row))},{usage}" for i, (row, usage) in enumerate(zip(pixels, usages, strict=False))]
    path = tmp_path_factory.mktemp("data") / "faces.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def undisturbed(trainings: Trainings, table: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of five epochs; read it, do not change it."""
    run = create_run("cnn4-7class", table, overrides={**SETTINGS, "epochs": 5}, run_dir=tmp_path_factory.mktemp("runs") / "a")
    assert trainings.train(run) == 0, trainings.log.read_text()
    assert run.status == "finished"
    return run


@pytest.fixture
def half_done(undisturbed: Run, tmp_path: Path) -> Run:
    """A run that was stopped after five of its six epochs."""
    run = Run(shutil.copytree(undisturbed.path, tmp_path / "half_done"))
    _change_settings(run, epochs=6)
    run.write_state("stopped")
    return run


def _change_settings(run: Run, **training: Any) -> None:
    request = run.request
    request["settings"]["training"] |= training
    write_json(run.path / "settings.json", request)


def _change_checkpoint(run: Run, change: Callable[[dict[str, Any]], None]) -> None:
    arrays = _arrays(run.path / "checkpoint.npz")
    change(arrays)
    np.savez(run.path / "checkpoint.npz", **arrays)


def _history(run: Run) -> list[dict[str, Any]]:
    """The rows that its checkpoint holds."""
    path = run.path / "checkpoint.npz"
    rows: list[dict[str, Any]] = json.loads(str(_arrays(path)["history"])) if path.exists() else []
    return rows


def _arrays(path: Path) -> dict[str, Any]:
    with np.load(path) as stored:
        return dict(stored)


def _assert_same(run: Run, undisturbed: Run) -> None:
    """Weights, optimizer, best weights, rows, confusions and mistakes: all but what the clock says."""
    assert run.status == "finished"
    assert not list(run.path.glob(".*")), "nothing half-written stays"
    rows, expected = (
        [{key: value for key, value in row.items() if key not in ("seconds", "images_per_second")} for row in each.epoch_rows()]
        for each in (run, undisturbed)
    )
    assert rows == expected
    assert (run.path / "confusion.jsonl").read_text() == (undisturbed.path / "confusion.jsonl").read_text()
    for name in ("checkpoint.npz", "best.npz", "mistakes.npz"):
        ours, theirs = _arrays(run.path / name), _arrays(undisturbed.path / name)
        assert ours.keys() == theirs.keys()
        for key in ours.keys() - {"history"}:
            assert np.array_equal(ours[key], theirs[key]), f"{key} of {name}"


@pytest.mark.timeout(900)
def test_run_killed_in_its_most_dangerous_moments_ends_as_if_undisturbed(
    trainings: Trainings, table: Path, undisturbed: Run, tmp_path: Path
) -> None:
    run = create_run("cnn4-7class", table, overrides={**SETTINGS, "epochs": 5}, run_dir=tmp_path / "run")
    moments = [
        # before the weights of the first epoch take their place: nothing is there yet
        (_kill(_before_renaming_to("best.npz")), -signal.SIGKILL, 0),
        # with half of the first checkpoint written
        (_kill(_BEFORE_A_CHECKPOINT, action=_KILL_IN_A_WRITE), -signal.SIGXFSZ, 1),
        # an epoch after a checkpoint, with its best weights in place and no row yet
        (_kill(_before_appending_to("metrics.jsonl"), times=2), -signal.SIGKILL, 1),
        # with a row of the epoch, but not the other
        (_kill(_before_appending_to("confusion.jsonl")), -signal.SIGKILL, 2),
        # with a checkpoint beside the one before it
        (_kill(_before_renaming_to("checkpoint.npz")), -signal.SIGKILL, 2),
        # after the last epoch, before anybody was told
        (_kill(_BEFORE_FINISHED), -signal.SIGKILL, 5),
    ]
    for first, code, rows in moments:
        assert trainings.train(run, first=first) == code, first
        assert run.status == "interrupted"
        assert "Resume" in run.reason
        assert len(run.epoch_rows()) == rows, first
    assert trainings.train(run) == 0
    _assert_same(run, undisturbed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif("FER_KILLS" not in os.environ, reason="takes minutes: FER_KILLS=20 says how often to kill")
def test_run_killed_at_random_moments_ends_as_if_undisturbed(trainings: Trainings, table: Path, tmp_path: Path) -> None:
    kills = int(os.environ["FER_KILLS"])
    settings = {**SETTINGS, "epochs": kills + 10}
    undisturbed = create_run("cnn4-7class", table, overrides=settings, run_dir=tmp_path / "a")
    assert trainings.train(undisturbed) == 0
    run = create_run("cnn4-7class", table, overrides=settings, run_dir=tmp_path / "b")
    rng = random.Random(0)
    for number in range(kills):
        (run.path / "progress.jsonl").unlink(missing_ok=True)
        pid = trainings.begin(run)
        epochs = number % 4  # 0: while it starts; else within its first, second or third epoch
        while epochs and len({row["epoch"] for row in run.progress_rows()}) < epochs:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 1 if epochs else 3))
        os.kill(pid, signal.SIGKILL)
        assert trainings.end() == -signal.SIGKILL, "it was going"
        done, rows = len(_history(run)), len(run.epoch_rows())
        sys.stdout.write(f"kill {number + 1}: {done} epochs in the checkpoint, {rows} in the rows\n")
    assert trainings.train(run) == 0
    _assert_same(run, undisturbed)


def test_resume_of_a_run_that_early_stopping_had_ended_trains_no_epoch_more(trainings: Trainings, half_done: Run) -> None:
    def let_it_get_worse(arrays: dict[str, Any]) -> None:
        history = json.loads(str(arrays["history"]))
        for number, row in enumerate(history):
            row["val_loss"] = float(number)
        arrays["history"] = np.array(json.dumps(history))

    _change_checkpoint(half_done, let_it_get_worse)
    _change_settings(half_done, early_stopping=4)
    before = (half_done.path / "checkpoint.npz").read_bytes()
    assert trainings.train(half_done) == 0
    assert half_done.status == "finished"
    assert len(half_done.epoch_rows()) == 5
    assert (half_done.path / "checkpoint.npz").read_bytes() == before


def test_run_that_diverges_keeps_its_last_good_checkpoint(trainings: Trainings, half_done: Run) -> None:
    def raise_the_rate(arrays: dict[str, Any]) -> None:
        (name,) = [key for key, value in arrays.items() if value.shape == () and value.dtype == np.float32]
        arrays[name] = np.float32(1e30)

    _change_checkpoint(half_done, raise_the_rate)
    before = (half_done.path / "checkpoint.npz").read_bytes()
    assert trainings.train(half_done) == 1
    assert half_done.status == "failed"
    assert "lower learning rate" in half_done.reason
    assert (half_done.path / "checkpoint.npz").read_bytes() == before


# A small disk of its own for one process. In a user namespace of its own, which needs no privilege where systems allow it.
_ON_A_SMALL_DISK = """
import ctypes, os, shutil
libc = ctypes.CDLL(None, use_errno=True)
uid, gid = os.getuid(), os.getgid()
disk = {disk!r}
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
refused = libc.unshare(CLONE_NEWUSER | CLONE_NEWNS)
if not refused:
    open("/proc/self/setgroups", "w").write("deny")
    open("/proc/self/uid_map", "w").write(f"0 {{uid}} 1")
    open("/proc/self/gid_map", "w").write(f"0 {{gid}} 1")
    refused = libc.mount(b"tmpfs", disk.encode(), b"tmpfs", 0, b"size=4m")
if refused:
    os._exit(77)
shutil.copytree({run!r}, disk, dirs_exist_ok=True)

def fill():
    with open(os.path.join(disk, "filler"), "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
"""


def test_run_on_a_disk_that_another_program_fills_ends_in_words_and_goes_on_when_there_is_space(
    trainings: Trainings, half_done: Run, undisturbed: Run, tmp_path: Path
) -> None:
    disk, after = tmp_path / "disk", tmp_path / "after"
    disk.mkdir()
    request = half_done.path / "settings.json"  # there under the mount too: the command looks before
    shutil.copy(request, disk)
    first = _ON_A_SMALL_DISK.format(disk=str(disk), run=str(half_done.path)) + _kill(_BEFORE_A_CHECKPOINT, action="fill()")
    code = trainings.train(Run(disk), first=first, last=f"shutil.copytree(disk, {str(after)!r})")
    if code == 77:
        pytest.skip("this system lets nobody mount a small disk in a namespace")
    full = Run(after)
    assert full.status == "failed"
    assert "Free some space and resume" in full.reason
    assert "No space left" in full.reason
    assert (after / "checkpoint.npz").read_bytes() == (undisturbed.path / "checkpoint.npz").read_bytes()
    assert [path.name for path in after.glob(".*")] == []

    (after / "filler").unlink()
    assert trainings.train(full) == 0
    assert [row["epoch"] for row in full.epoch_rows()] == [1, 2, 3, 4, 5, 6]


def test_run_out_of_memory_ends_in_words_and_keeps_its_checkpoint(trainings: Trainings, half_done: Run) -> None:
    request = half_done.request
    request["settings"]["preprocessing"]["size"] = 1024
    write_json(half_done.path / "settings.json", request)
    before = (half_done.path / "checkpoint.npz").read_bytes()
    limit = """
import resource
mapped = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + 150 * 2**20,) * 2)
"""
    assert trainings.train(half_done, first=limit) == 1
    assert half_done.status == "failed"
    assert "Out of memory" in half_done.reason
    assert "batch_size" in half_done.reason
    assert (half_done.path / "checkpoint.npz").read_bytes() == before


def test_run_whose_data_was_moved_or_changed_ends_in_words_and_goes_on_when_it_is_back(
    trainings: Trainings, table: Path, half_done: Run, tmp_path: Path
) -> None:
    before = (half_done.path / "checkpoint.npz").read_bytes()
    kept = table.rename(table.with_name("moved.csv"))
    try:
        assert trainings.train(half_done) == 1
        assert half_done.status == "failed"
        assert "faces.csv" in half_done.reason

        table.write_text("\n".join(kept.read_text().splitlines()[:-1]) + "\n")
        assert trainings.train(half_done) == 1
        assert half_done.status == "failed"
        assert "holds other images or labels" in half_done.reason
        assert (half_done.path / "checkpoint.npz").read_bytes() == before
    finally:
        kept.rename(table)
    assert trainings.train(half_done) == 0
    assert len(half_done.epoch_rows()) == 6


_SERVER = """
import sys, time
from fer.errors import RunError
from fer.recipes import load_recipe
from fer.training import create_run, open_run
recipe = load_recipe("cnn4-7class")
print("ready", flush=True)
for line in sys.stdin:
    instant, *resumed = line.split()
    while time.time() < float(instant):
        pass
    try:
        print(open_run(resumed[0]).resume().id if resumed else create_run(recipe, "synthetic:60").path, flush=True)
    except RunError as error:
        print(f"refused: {error}", flush=True)
"""


class _Servers:
    """Two processes that do the same in the same instant."""

    def __init__(self) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-c", _SERVER], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        assert self._answers() == ["ready", "ready"]

    def at_once(self, resumed: Path | str = "") -> list[str]:
        """What each of them answers that resumes a run, or makes one."""
        instant = time.time() + 0.05
        for process in self._processes:
            assert process.stdin
            process.stdin.write(f"{instant} {resumed}\n")
            process.stdin.flush()
        return self._answers()

    def close(self) -> None:
        for process in self._processes:
            process.communicate()

    def _answers(self) -> list[str]:
        return [process.stdout.readline().strip() for process in self._processes if process.stdout]


@pytest.fixture
def servers() -> Iterator[_Servers]:
    both = _Servers()
    yield both
    both.close()


def test_two_servers_that_resume_a_run_in_the_same_instant_start_it_once(servers: _Servers, tmp_path: Path) -> None:
    for number in range(8):
        run = create_run("cnn4-7class", "synthetic:60", run_dir=tmp_path / f"run{number}")
        answers = servers.at_once(run.path)
        workers = [p for p in psutil.process_iter(["cmdline"]) if str(run.path) in (p.info["cmdline"] or ())]
        try:
            assert len(workers) == 1
            assert sorted(answer.split(":")[0] for answer in answers) == ["refused", run.id]
            assert any(f"is going already, in process {workers[0].pid}" in answer for answer in answers)
        finally:
            for worker in workers:
                worker.kill()


def test_two_servers_that_make_a_run_in_the_same_instant_make_two(servers: _Servers) -> None:
    made = [path for _ in range(40) for path in servers.at_once()]
    assert len(set(made)) == 80
    assert all(Run(Path(path)).recipe_name == "cnn4-7class" for path in made)


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere the system remembers when a process began")
def test_is_active_when_the_clock_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create_run("cnn4-7class", "synthetic:60", run_dir=tmp_path / "run")
    run.claim()
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
    lines = Path("/proc/stat").read_text().splitlines()
    # As the kernel says it once the clock is set an hour ahead: the time of the boot moves with it.
    (proc / "stat").write_text("\n".join(f"btime {int(line[6:]) + 3600}" if line.startswith("btime") else line for line in lines))
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(proc))
    assert run.is_active
    with pytest.raises(RunError, match="is going already"):
        run.resume()


def test_claim_by_a_process_that_has_the_number_of_a_dead_one_is_entered_anew(tmp_path: Path) -> None:
    run = create_run("cnn4-7class", "synthetic:60", run_dir=tmp_path / "run")
    run.write_state("starting")
    write_json(run.path / "worker.json", {"pid": os.getpid(), "started": 1.0})
    (run.path / "stop").touch()
    assert not run.is_active
    run.claim()
    assert run.is_active
    assert not run.stop_requested
