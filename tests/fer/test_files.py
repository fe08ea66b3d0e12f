"""Files are there whole or not at all, and a reader bears a line that is being written."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fer.files import append_json_line, read_json_lines, replacing, replacing_folder, write_json


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
