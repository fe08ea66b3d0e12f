"""How the commands answer: a table, JSON, and a bar while they work."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def progress_bar() -> Callable[[str, float], None]:
    """A progress bar on stderr where that is a terminal; silence elsewhere."""
    if not sys.stderr.isatty():
        return lambda what, share: None

    def show(what: str, share: float) -> None:
        filled = round(30 * share)
        print(
            # The line is wiped first: the words before may have been longer.
            f"\r\x1b[K{what} {'█' * filled}{'░' * (30 - filled)} {100 * share:3.0f} %",
            end="\n" if share >= 1 else "",
            file=sys.stderr,
            flush=True,
        )

    return show


def print_json(value: Any) -> int:
    """Print a value as readable JSON; returns the exit code 0."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
    return 0


def print_table(head: list[str], rows: list[list[str]]) -> None:
    """Print rows under a head: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        print(
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
        )
