"""What the command lines of the benchmarks that train have in common: their options, and how they end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from fer.errors import FerError


def benchmark_parser(told: str | None, *, data: str | None = None, overrides: bool = True) -> argparse.ArgumentParser:
    """A parser with `--data` and `--json`.

    Args:
        told: the docstring of the benchmark.
        data: what it takes where nothing is named; None where it has to be named.
        overrides: `--set` as well.
    """
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = "as `python -m fer train --data` takes it"
    parser.add_argument("--data", required=data is None, default=data, help=words if data else f"FER2013, {words}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    if overrides:
        parser.add_argument(
            "--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides", help="a setting of every training"
        )
    return parser


def end_in_words(measure: Callable[[], int]) -> int:
    """What `measure` returns; 1 where it fails in a way that was foreseen, or the user has interrupted it, which is said."""
    try:
        return measure()
    except FerError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on.", file=sys.stderr)
    return 1
