"""Make the flagship anew, from data to bundle: `make reproduce-flagship`.

Every step is a run in a folder. Finished ones are skipped and interrupted ones resumed, so the same command is given until all is
done.

On a CPU (hours): `compact`, where no bundle of it is there; `flagship`, distilled from it; its second stretch; the
bundle `flagship`.

With a GPU (`--teachers gpu`, half an hour of an NVIDIA H200): a short trial of each network says how long an epoch takes, and the
plan's epochs are scaled to `--minutes`. Then six teachers (three VGG-8, two SE-ResNet18, one VGG19), the figures of their mean
answer on the validation part, the student distilled from it, and, where time is left, a control without teachers. Keras and one
of its backends are enough there; the bundle is made where TensorFlow is.

On a machine with a GPU that is lent for ten minutes at a time and is emptied when left idle, give the first command three times,
one right after the other. What it puts into OUT is enough for the others, at home.

    python -m tools.reproduce_flagship --teachers gpu --minutes 27 --stretch 9.5 --data DATA --ferplus CSV --out OUT
    python -m tools.reproduce_flagship --bundle OUT/student.tar --data DATA --ferplus CSV
    python -m fer evaluate --model flagship --data DATA --ferplus CSV --split val
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fer.bundles import list_bundles
from fer.errors import FerError, RunError
from fer.files import write_json
from fer.recipes import read_overrides
from fer.training import Run, create_run
from fer.workspace import REPOSITORY, workspace_dir
from tools.teacher_figures import teacher_figures

# Epochs of the plan with a GPU, where its minutes suffice.
TEACHERS = (
    ("vgg8-1", "teacher-vgg8", 120),
    ("vgg8-2", "teacher-vgg8", 120),
    ("vgg8-3", "teacher-vgg8", 120),
    ("resnet18-1", "teacher-resnet18", 120),
    ("resnet18-2", "teacher-resnet18", 120),
    ("vgg19-1", "teacher-vgg19", 120),
)
STUDENT = ("student", "flagship", 400)
CONTROL_EPOCHS = 100  # at least planned for it; it has as many as the student where time is left
# A student of many epochs in large batches; most of what it learns comes from its teachers (arXiv:2106.05237).
STUDENT_SETTINGS = {
    "batch_size": 512,
    "learning_rate": 0.1,
    "warmup_epochs": 5,
    "small_size": 0,
    "mixup": 0.2,
    "distil_weight": 0.9,
    "distil_temperature": 3.0,
}
TRIAL_EPOCHS = 3  # the first one compiles
FEWEST_EPOCHS = 2
# To ask a network costs a third of training it by one step.
ASKING = 1 / 3
# Share of the minutes that is planned; a machine is not always as fast as in the trial.
PLANNED = 0.93
# A run that is asked to stop writes its checkpoint first.
GRACE_S = 25.0
# With less time in a stretch, a run would hardly get beyond compiling.
SHORTEST_S = 60.0


class StretchOver(Exception):
    """The time of this stretch is up; the same command goes on."""


@dataclass
class Clock:
    """What the plan has cost and may cost, kept in a file so that it counts over several stretches.

    Args:
        path: JSON file with the seconds of earlier stretches and the trials.
        minutes: for everything.
        stretch: minutes of this call; None without an end.
    """

    path: Path
    minutes: float
    stretch: float | None
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._kept: dict[str, Any] = json.loads(self.path.read_text()) if self.path.is_file() else {"spent": 0.0, "trials": {}}
        self._earlier = float(self._kept["spent"])

    @property
    def deadline(self) -> float | None:
        """When a run of this stretch is asked to stop, on the monotonic clock."""
        return None if self.stretch is None else self.started + 60 * self.stretch - GRACE_S

    @property
    def left(self) -> float:
        """Seconds of the whole plan that are left."""
        return 60 * self.minutes - self._earlier - (time.monotonic() - self.started)

    @property
    def trials(self) -> dict[str, dict[str, float]]:
        """By recipe: `epoch`, seconds of one, and `start`, seconds before the first and for compiling."""
        trials: dict[str, dict[str, float]] = self._kept["trials"]
        return trials

    def save(self) -> None:
        """Keep what has been spent by now."""
        write_json(self.path, {**self._kept, "spent": self._earlier + time.monotonic() - self.started})


def scaled_epochs(planned: int, seconds_left: float, costs: Sequence[tuple[int, float, float]]) -> int:
    """Epochs of the next step, when it and all that follow share the time that is left.

    Args:
        planned: its epochs where time suffices.
        seconds_left: for it and the rest.
        costs: of it and the rest, each: planned epochs, seconds an epoch, seconds to start.
    """
    for_epochs = PLANNED * seconds_left - sum(start for _, _, start in costs)
    wanted = sum(epochs * seconds for epochs, seconds, _ in costs)
    return max(FEWEST_EPOCHS, int(planned * min(1.0, for_epochs / wanted)))


class Reproduction:
    """The steps, in one folder.

    Args:
        folder: of the runs.
        data: as `fer train` takes it.
        ferplus: CSV of FER+ votes, or None.
        overrides: settings of every run, for a try on small networks.
    """

    def __init__(self, folder: Path, data: str, ferplus: str | None, overrides: Mapping[str, Any], clock: Clock) -> None:
        self.folder, self.data, self.ferplus, self.overrides, self.clock = folder, data, ferplus, overrides, clock

    def on_cpu(self) -> Run:
        """`compact` where there is none, and the flagship in two stretches."""
        if "compact" not in list_bundles():
            self._bundle(self._trained("compact", "compact"), "compact")
        first = self._trained("flagship", "flagship")
        return self._trained("flagship-finish", "flagship-finish", start_from=str(first.path.resolve()))

    def on_gpu(self) -> Run:
        """Teachers, their figures, the student and its control; returns the student."""
        for recipe in dict.fromkeys(recipe for _, recipe, _ in (*TEACHERS, STUDENT)):
            self._try_out(recipe)
        trials = self.clock.trials
        costs = [(epochs, trials[recipe]["epoch"], trials[recipe]["start"]) for _, recipe, epochs in TEACHERS]
        asking = ASKING * sum(seconds for _, seconds, _ in costs)
        control = trials[STUDENT[1]]
        costs.append((STUDENT[2], control["epoch"] + asking, control["start"]))
        costs.append((CONTROL_EPOCHS, control["epoch"], control["start"]))
        for position, (name, recipe, planned) in enumerate(TEACHERS):
            epochs = scaled_epochs(planned, self.clock.left, costs[position:])
            self._trained(name, recipe, epochs=epochs, seed=position + 1)
        # Named from here, so that the card of the student names no folder of one machine.
        teachers = [os.path.relpath(self.folder / name, REPOSITORY) for name, *_ in TEACHERS]
        self._measure(teachers)
        name, recipe, planned = STUDENT
        epochs = scaled_epochs(planned, self.clock.left, costs[-2:])
        student = self._trained(name, recipe, **STUDENT_SETTINGS, epochs=epochs, teachers=",".join(teachers))
        affordable = int((PLANNED * self.clock.left - control["start"]) / control["epoch"])
        if (self.folder / "control").exists() or affordable > FEWEST_EPOCHS:
            epochs = min(student.epochs_total, affordable)
            self._trained("control", recipe, **STUDENT_SETTINGS, epochs=epochs, teachers="")
        else:
            print("No time is left for a control without teachers.")
        return student

    def bundle(self, run: Run) -> None:
        """Make the bundle `flagship` of a run, where TensorFlow is installed to convert it."""
        if find_spec("tensorflow"):
            self._bundle(run, "flagship")
        else:
            print(f"Without TensorFlow, no bundle is made here. Where it is: python -m fer bundle {run.path} flagship")

    def pack(self, out: Path) -> None:
        """Write what must outlive this machine: of student and control all that a bundle needs, of the teachers the figures."""
        out.mkdir(parents=True, exist_ok=True)
        weights = {"best.npz"}
        for name, runs, left_out in (
            ("student.tar", ["student"], set()),
            ("control.tar", ["control"], set()),
            ("teachers.tar", [name for name, *_ in TEACHERS], weights),
        ):
            paths = [path for run in runs for path in sorted((self.folder / run).glob("*"))]
            with tarfile.open(out / name, "w") as tar:
                for path in paths:
                    if path.name not in {"checkpoint.npz", "candidate.npz", "progress.jsonl", *left_out}:
                        tar.add(path, f"{path.parent.name}/{path.name}")
        for path in self.folder.glob("*.json"):
            (out / path.name).write_bytes(path.read_bytes())

    def _try_out(self, recipe: str) -> None:
        """A short training, to know its times."""
        if recipe in self.clock.trials:
            return
        student = {**STUDENT_SETTINGS, "teachers": ""} if recipe == STUDENT[1] else {}
        start = time.monotonic()
        rows = self._trained(f"trial-{recipe}", recipe, **student, epochs=TRIAL_EPOCHS).epoch_rows()
        epoch = min(row["seconds"] for row in rows[1:])
        self.clock.trials[recipe] = {"epoch": epoch, "start": max(0.0, time.monotonic() - start - TRIAL_EPOCHS * epoch)}
        self.clock.save()
        print(f"{recipe}: {epoch:.2f} s an epoch, {rows[-1]['images_per_second']:,.0f} images/s")

    def _trained(self, name: str, recipe: str, **settings: Any) -> Run:
        """The finished run of a step."""
        path = self.folder / name
        if (path / "settings.json").is_file():
            run = Run(path)
        else:
            run = create_run(recipe, self.data, ferplus=self.ferplus, overrides={**settings, **self.overrides}, run_dir=path)
        if run.status != "finished":
            print(f"{name}: {recipe}, {run.epochs_total} epochs", flush=True)
            try:
                self._train(run)
            finally:
                self.clock.save()
        return run

    def _train(self, run: Run) -> None:
        deadline = self.clock.deadline
        if deadline is not None and deadline - time.monotonic() < SHORTEST_S:
            raise StretchOver
        # A process each: what a network has taken of the device's memory goes with it.
        process = subprocess.Popen([sys.executable, "-m", "fer", "train", "--resume", str(run.path.resolve())], cwd=REPOSITORY)
        try:
            process.wait(None if deadline is None else deadline - time.monotonic())
        except subprocess.TimeoutExpired:
            try:
                run.stop()
            except RunError:  # it has not begun
                process.terminate()
            try:
                process.wait(0.8 * GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()  # while it compiles it hears nothing
            if run.status != "finished":
                raise StretchOver from None
        if run.status != "finished":
            raise RunError(f"The run {run.path} is {run.status}: {run.reason}")

    def _measure(self, teachers: list[str]) -> None:
        """Write what the teachers answer to the validation part, each alone and all together."""
        path = self.folder / "teachers.json"
        if not path.is_file():
            # In a process of its own, which gives the device's memory back.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                write_json(path, pool.apply(teacher_figures, (teachers, self.data, self.ferplus)))
        print(path.read_text())

    def _bundle(self, run: Run, name: str) -> None:
        command = [sys.executable, "-m", "fer", "bundle", str(run.path), name, "--data", self.data]
        command += ["--ferplus", self.ferplus] if self.ferplus else []
        done = subprocess.run([*command, "--robustness"] if name == "flagship" else command, cwd=REPOSITORY, check=False)
        if done.returncode:
            raise RunError(f"The bundle {name!r} could not be made of {run.path}: see above.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the next steps of a plan; 0 also when the stretch ended before they did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="FER2013, as `python -m fer train --data` takes it")
    parser.add_argument("--ferplus", metavar="CSV", help="FER+ votes, fer2013new.csv")
    parser.add_argument("--teachers", choices=("compact", "gpu"), default="compact", help="who teaches; gpu: six large networks")
    parser.add_argument("--minutes", type=float, default=27.0, help="of the plan with a GPU, all stretches together")
    parser.add_argument("--stretch", type=float, metavar="MINUTES", help="end this call in time; the same command goes on")
    parser.add_argument("--folder", type=Path, help="of the runs; default: reproduce/ in the workspace")
    parser.add_argument("--out", type=Path, help="folder for what must outlive this machine, a few files below 16 MiB each")
    parser.add_argument(
        "--bundle", type=Path, metavar="TAR", help="only make the bundle of a run that --out has packed elsewhere"
    )
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides", help="a setting of every run"
    )
    options = parser.parse_args(arguments)
    folder = options.folder or workspace_dir() / "reproduce"
    try:
        overrides = read_overrides(options.overrides)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder.resolve() / "compiled"))
        clock = Clock(folder / "plan.json", options.minutes, options.stretch)
        steps = Reproduction(folder, options.data, options.ferplus, overrides, clock)
        if options.bundle:
            with tarfile.open(options.bundle) as tar:
                tar.extractall(folder, filter="data")
            steps.bundle(Run(folder / options.bundle.stem))
            return 0
        try:
            run = steps.on_gpu() if options.teachers == "gpu" else steps.on_cpu()
            steps.bundle(run)
            print("All done.")
        except StretchOver:
            print("The stretch is over. The same command goes on.")
        finally:
            clock.save()
            if options.out:
                steps.pack(options.out)
    except FerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
