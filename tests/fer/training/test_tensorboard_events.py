"""TensorBoard's files, read back by TensorBoard itself: each epoch stands there once, whatever happened to the process."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fer.files import append_json_line
from fer.training import Run, create_run
from fer.training.tensorboard_events import EventFiles


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Any:
    """TensorBoard's own reader of one folder."""
    # Of this name, TensorBoard reads files with its own code; else it loads the whole of TensorFlow to open one.
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", types.ModuleType("notf"))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return lambda run, part: EventAccumulator(str(run.path / "tensorboard" / part))


@pytest.fixture
def run() -> Run:
    return create_run("compact", "synthetic:160", overrides={"epochs": 5})


@pytest.fixture
def events(run: Run) -> Iterator[EventFiles]:
    files = EventFiles(run)
    yield files
    files.close()


def add_epoch(run: Run, epoch: int, loss: float = 1.0) -> None:
    row = {"epoch": epoch, "loss": loss, "accuracy": 0.5, "val_loss": 2 * loss, "val_accuracy": 0.25, "val_votes_accuracy": 0.75}
    append_json_line(run.path / "metrics.jsonl", {**row, "learning_rate": 0.1, "seconds": 10.0, "images_per_second": 9.0})


def points(accumulator: Any, tag: str) -> list[tuple[int, float]]:
    accumulator.Reload()
    return [(event.step, event.value) for event in accumulator.Scalars(tag)]


def test_event_files_of_a_trained_run_hold_its_rows(tiny_run: Path, reader: Any) -> None:
    run = Run(tiny_run)
    rows = run.epoch_rows()
    train, validation = reader(run, "train"), reader(run, "validation")
    for name in ("loss", "accuracy", "votes_accuracy", "learning_rate", "images_per_second"):
        assert points(train, name) == [(row["epoch"], pytest.approx(row[name], rel=1e-6)) for row in rows]
    for name in ("loss", "accuracy", "votes_accuracy"):
        assert points(validation, name) == [(row["epoch"], pytest.approx(row[f"val_{name}"], rel=1e-6)) for row in rows]
    (settings,) = train.Tensors("settings/text_summary")
    assert b"| training.epochs | 4 |" in settings.tensor_proto.string_val[0]


def test_add_newest_is_seen_at_once(run: Run, events: EventFiles, reader: Any) -> None:
    events.begin()
    add_epoch(run, 1)
    events.add_newest()
    watching = reader(run, "validation")
    assert points(watching, "votes_accuracy") == [(1, 0.75)]
    add_epoch(run, 2, loss=0.5)
    events.add_newest()
    assert points(watching, "loss") == [(1, 2.0), (2, 1.0)]
    first, second = watching.Scalars("loss")
    assert second.wall_time - first.wall_time == pytest.approx(10)


def test_begin_after_a_kill_leaves_no_epoch_twice(run: Run, events: EventFiles, reader: Any) -> None:
    events.begin()
    for epoch in (1, 2, 3):
        add_epoch(run, epoch)
        events.add_newest()
    watching = reader(run, "train")
    assert len(points(watching, "loss")) == 3
    (file,) = (run.path / "tensorboard" / "train").iterdir()
    file.write_bytes(file.read_bytes()[:-7])  # killed in the middle of a record
    (run.path / "metrics.jsonl").unlink()
    add_epoch(run, 1)  # what the last checkpoint holds

    resumed = EventFiles(run)
    resumed.begin()
    add_epoch(run, 2, loss=0.5)
    resumed.add_newest()
    resumed.close()
    expected = [(1, 1.0), (2, 0.5)]
    assert points(reader(run, "train"), "loss") == expected
    assert points(reader(run, "validation"), "loss") == [(1, 2.0), (2, 1.0)]


def test_a_disk_that_refuses_ends_the_files_and_not_the_training(
    run: Run, events: EventFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    (run.path / "tensorboard").write_text("in the way")
    events.begin()
    add_epoch(run, 1)
    events.add_newest()
    assert capsys.readouterr().out.count("No files for TensorBoard from here on") == 1


def test_a_disk_that_fills_up_ends_the_files_and_not_the_training(
    run: Run, events: EventFiles, reader: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events.begin()
    add_epoch(run, 1)
    events.add_newest()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tensorboardX.record_writer.os.fsync", full)
        for epoch in (2, 3):
            add_epoch(run, epoch)
            events.add_newest()
    assert "No space left" in capsys.readouterr().out
    resumed = EventFiles(run)  # with space again
    resumed.begin()
    resumed.close()
    assert [step for step, _ in points(reader(run, "train"), "loss")] == [1, 2, 3]
