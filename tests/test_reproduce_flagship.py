"""`make reproduce-flagship`: the plan fits its minutes, finished steps are skipped, a stretch ends in time, results travel."""

import json
import tarfile
import time
from pathlib import Path

import pytest

from fer.bundles import load_bundle
from fer.training import Run, create_run
from tools import reproduce_flagship
from tools.reproduce_flagship import Clock, Reproduction, StretchOver, main, scaled_epochs


@pytest.mark.parametrize(
    ("seconds_left", "expected"),
    [
        (10_000, 120),  # more than enough: not more than planned
        (1110, 60),  # 0.93 × 1110 = 1032 s, less 2 × 16 s to start: 1000 s for the 2000 s that were planned
        (40, 2),  # hardly time to start
    ],
)
def test_scaled_epochs_share_the_time_that_is_left(seconds_left: float, expected: int) -> None:
    costs = [(120, 5.0, 16.0), (350, 4.0, 16.0)]
    assert scaled_epochs(120, seconds_left, costs) == expected


def test_clock_counts_earlier_stretches(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "plan.json", minutes=10, stretch=None)
    clock.started -= 120
    clock.trials["teacher-vgg8"] = {"epoch": 1.0, "start": 20.0}
    clock.save()
    later = Clock(tmp_path / "plan.json", minutes=10, stretch=2)
    assert later.left == pytest.approx(480, abs=5)
    assert later.trials == clock.trials
    assert later.deadline is not None
    assert later.deadline - time.monotonic() < 120


def test_on_gpu_makes_every_step_once_and_names_the_teachers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []

    def finish(self: Reproduction, run: Run) -> None:
        trained.append(run.id)
        self.clock.started -= run.epochs_total * (3.0 if run.settings.training.teachers else 1.0)
        row = {"epoch": 1, "seconds": 1.0, "val_accuracy": 0.5, "images_per_second": 1.0}
        (run.path / "metrics.jsonl").write_text(f"{json.dumps(row)}\n" * 3)
        (run.path / "best.npz").write_bytes(b"weights")
        (run.path / "checkpoint.npz").write_bytes(b"large")
        run.write_state("finished")

    monkeypatch.setattr(Reproduction, "_train", finish)
    monkeypatch.setattr(Reproduction, "_measure", lambda *_: None)
    clock = Clock(tmp_path / "plan.json", minutes=22, stretch=None)
    steps = Reproduction(tmp_path, "synthetic:300", None, {"seed": "7"}, clock)
    student = steps.on_gpu()
    assert [name for name in trained if name.startswith("trial-")] == trained[:4]
    assert trained[4:] == [*(name for name, *_ in reproduce_flagship.TEACHERS), "student", "control"]
    settings = student.settings.training
    assert [Path(teacher).name for teacher in settings.teachers] == [name for name, *_ in reproduce_flagship.TEACHERS]
    assert settings.seed == 7
    control = Run(tmp_path / "control")
    assert control.settings.training.teachers == ()
    assert control.epochs_total <= student.epochs_total
    # 6 × 120 epochs of 1 second and 400 of 3 are more than 22 minutes: all are scaled alike, and the control has what is left.
    assert [Run(tmp_path / name).epochs_total / 120 for name in ("vgg8-1", "vgg19-1")] == pytest.approx([0.6, 0.6], abs=0.06)
    assert student.epochs_total / 400 == pytest.approx(0.6, abs=0.06)
    assert control.epochs_total > 50
    assert clock.left > 0

    assert steps.on_gpu() == student
    assert len(trained) == 12, "finished steps are skipped"

    steps.pack(tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "student.tar") as tar:
        assert {"student/best.npz", "student/settings.json"} <= set(tar.getnames())
        assert "student/checkpoint.npz" not in tar.getnames()
    with tarfile.open(tmp_path / "out" / "teachers.tar") as tar:
        assert "vgg19-1/metrics.jsonl" in tar.getnames()
        assert not any(name.endswith(".npz") for name in tar.getnames())


@pytest.mark.slow
def test_train_stops_at_the_end_of_a_stretch_and_goes_on(
    tmp_path: Path, tiny_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproduce_flagship, "SHORTEST_S", 0)
    stretch = (reproduce_flagship.GRACE_S + 1) / 60  # a second, in which a process does not even begin
    steps = Reproduction(tmp_path, "synthetic:300", None, tiny_settings, Clock(tmp_path / "plan.json", 10, stretch))
    with pytest.raises(StretchOver):
        steps._trained("one", "compact", epochs=1)
    assert not Run(tmp_path / "one").is_active
    assert steps.clock.path.is_file()
    steps.clock.stretch = None
    assert steps._trained("one", "compact", epochs=1).status == "finished"


@pytest.mark.slow
def test_main_makes_a_bundle_of_a_run_that_was_packed_elsewhere(
    tmp_path: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_MODELS", str(tmp_path / "models"))
    with tarfile.open(tmp_path / "student.tar", "w") as tar:
        for path in tiny_run.iterdir():
            tar.add(path, f"student/{path.name}")
    arguments = ["--bundle", str(tmp_path / "student.tar"), "--data", "synthetic:1200:7", "--folder", str(tmp_path / "folder")]
    assert main(arguments) == 0
    assert load_bundle(tmp_path / "models" / "flagship").card["recipe"] == "compact"


def test_main_a_setting_that_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--teachers", "gpu", "--data", "synthetic:300", "--folder", str(tmp_path), "--set", "epoch=3"]
    assert main(arguments) == 1
    assert "Unknown setting 'epoch'" in capsys.readouterr().err
    assert not list(tmp_path.glob("trial*"))


def test_create_run_of_the_teachers_recipes_holds_their_settings(tmp_path: Path) -> None:
    for name, recipe, epochs in reproduce_flagship.TEACHERS:
        run = create_run(recipe, "synthetic:300", run_dir=tmp_path / name)
        assert run.epochs_total == epochs
        assert run.settings.training.batch_size == 512
