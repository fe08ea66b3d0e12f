"""Writing files so that a reader never sees half of one: beside the target first, then renamed over it."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffixes; it takes its place when the block ends well, and is removed when not."""
    # Of this thread alone: two of a server may write the same file.
    beside = path.with_name(f".{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        yield beside
        # A rename may reach the disk before what was written does: after a power cut the file would be there, and empty.
        with beside.open("rb+") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed inside `replacing` have left in a folder."""
    for beside in folder.glob(".*-*-*"):
        pid = beside.name[1:].split("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            beside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """A new folder beside `target`, of the same name; it takes its place when the block ends well, and vanishes when not.

    Args:
        target: its parents are made where they are missing.
        overwrite: replace what stands there, with all that it holds: the caller has seen to it that it may go. Otherwise only an
            empty folder gives way, not one that was filled meanwhile.

    Raises:
        OSError: it cannot be written, or something stands there that is not to be overwritten.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name[:40]}-", dir=target.parent) as work:
        # Not in that folder itself: it is for its owner alone, and a folder made in it has the usual permissions.
        building = Path(work) / "new" / target.name
        building.mkdir(parents=True)
        yield building
        if overwrite and target.exists():
            target.rename(Path(work) / "replaced")  # and gone with the folder; a kill in between leaves it there
        elif target.exists():
            target.rmdir()  # Windows renames onto no folder, not even an empty one
        building.rename(target)


def write_json(path: Path, value: Any) -> None:
    """Write a value as readable JSON, whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def append_json_line(path: Path, value: Any) -> None:
    """Append one line; a single small write, so a reader sees whole lines or an unfinished last one."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\n")


def read_json_lines(path: Path, *, tail_bytes: int | None = None) -> list[dict[str, Any]]:
    """Rows of a JSON-lines file; an unfinished last line (or first, where only the tail is read) is left out."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        if tail_bytes is not None:
            file.seek(max(0, path.stat().st_size - tail_bytes))
        lines = file.read().split(b"\n")[:-1]
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows
