"""Files are there whole or not at all, and a reader bears a line that is being written."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fer.files import append_json_line, read_json_lines, remove_leftovers, replacing, replacing_folder, write_json


def test_replacing_failure_keeps_the_old_file_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    write_json(path, {"a": 1})

    def write_half() -> None:
        with replacing(path) as beside:
            beside.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half()
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_replacing_has_what_was_written_on_the_disk_before_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "card.json"
    write_json(path, {"a": 1})
    flushed: list[str] = []

    def watched(descriptor: int) -> None:
        flush(descriptor)
        flushed.append(os.pread(descriptor, 100, 0).decode())
        assert json.loads(path.read_text()) == {"a": 1}, "not yet"

    flush = os.fsync
    monkeypatch.setattr(os, "fsync", watched)
    write_json(path, {"a": 2})
    assert [json.loads(text) for text in flushed] == [{"a": 2}]
    assert json.loads(path.read_text()) == {"a": 2}


def test_remove_leftovers_takes_those_of_dead_processes_only(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stay = [f".{os.getpid()}-1-checkpoint.npz", ".queue.lock", "checkpoint.npz", ".deleted-cnn-7class-1"]
    for name in (f".{dead.pid}-140-checkpoint.npz", *stay):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(stay)


def test_read_json_lines_unfinished_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append_json_line(path, {"epoch": 1})
    append_json_line(path, {"epoch": 2})
    with path.open("a") as file:
        file.write('{"epoch": ')
    assert [row["epoch"] for row in read_json_lines(path)] == [1, 2]


def test_read_json_lines_tail_begins_at_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    for batch in range(100):
        append_json_line(path, {"batch": batch})
    rows = read_json_lines(path, tail_bytes=100)
    assert rows[-1] == {"batch": 99}
    assert 0 < len(rows) < 10


def test_read_json_lines_missing_file_has_no_rows(tmp_path: Path) -> None:
    assert read_json_lines(tmp_path / "none.jsonl") == []


def test_replacing_from_two_threads_ends_with_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    both_inside = threading.Barrier(2)

    def write(text: str) -> None:
        with replacing(path) as beside:
            beside.write_text(text)
            both_inside.wait(timeout=10)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ["one", "two"]))
    assert path.read_text() in ("one", "two")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["model", "replaced", "new"])
def test_replacing_folder_puts_the_new_one_in_the_place_of_the_old(name: str, tmp_path: Path) -> None:
    target = tmp_path / "models" / name
    for text in ("old", "new"):
        with replacing_folder(target, overwrite=True) as building:
            assert building.name == name
            (building / text).write_text(text)
    assert [file.name for file in target.iterdir()] == ["new"]
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode == (tmp_path / "models").stat().st_mode, "others may read it as they may any folder"


def test_replacing_folder_failure_keeps_the_old_one_and_leaves_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")

    def build_half() -> None:
        with replacing_folder(target, overwrite=True) as building:
            (building / "new").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_half()
    assert (target / "old").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("filled", [False, True])
def test_replacing_folder_without_overwriting_takes_only_an_empty_place(filled: bool, tmp_path: Path) -> None:
    """Also where it is filled while the new one is being built."""
    target = tmp_path / "export"
    target.mkdir()

    def build() -> None:
        with replacing_folder(target, overwrite=False) as building:
            (building / "ours").touch()
            if filled:
                (target / "theirs").touch()

    if filled:
        with pytest.raises(OSError, match="not empty"):
            build()
    else:
        build()
    assert [file.name for file in target.iterdir()] == ["theirs" if filled else "ours"]
    assert list(tmp_path.iterdir()) == [target]
