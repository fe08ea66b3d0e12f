"""Which run goes when: one at a time, and the others wait in the order in which they came.

The queue is nothing but the runs of the workspace whose state says `queued`, each with its place, so it outlives every process.
The next one is started by whoever finds that none is going: a training process as the last thing it does (it outlives the
server), and every look at the page or at `python -m fer runs` (a process that was killed cannot). A lock keeps two that look in
the same instant from starting it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fer.errors import RunError
from fer.job import cannot_write
from fer.recipes import Recipe
from fer.training.run import Run
from fer.training.runs import create_run, list_runs
from fer.workspace import runs_dir

_LOCK_S = 30


def start_run(
    recipe: Recipe | str,
    data: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    ferplus: str | Path | None = None,
    cleaning: str | Path | None = None,
    run_dir: str | Path | None = None,
    queue: bool = False,
) -> Run:
    """Make a run and start it in a process of its own, see `create_run`.

    Args:
        queue: let it wait until the runs before it have ended, see `enqueue`, rather than starting it at once.
    """
    run = create_run(recipe, data, overrides=overrides, ferplus=ferplus, cleaning=cleaning, run_dir=run_dir)
    if queue:
        enqueue(run)
    else:
        run.launch()
    return run


def vary_run(run: Run, overrides: Mapping[str, Any]) -> Run:
    """Make a run like another, with single settings changed, and start it when its turn comes.

    Raises:
        SettingsError: a setting is unknown, or a value does not fit.
        RunError: the new folder cannot be written.
    """
    recipe, request = Recipe(run.recipe_name, run.recipe_name, "", run.settings), run.request
    return start_run(recipe, request["data"], overrides=overrides, ferplus=request["ferplus"], cleaning=run.cleaning, queue=True)


def enqueue(run: Run, *, first: bool = False) -> None:
    """Let a run wait until no other is going; it starts right away where none is.

    Args:
        run: new, or ended before its last epoch; one that waits already moves.
        first: before all that wait, rather than behind them.

    Raises:
        RunError: it is going or finished, lies outside the workspace, or cannot be written.
    """
    if run.path.resolve().parent != runs_dir().resolve():
        raise RunError(f"Only the runs of the workspace wait in its queue, those in {runs_dir()}; {run.path} can start at once.")
    with _alone():
        places = [place for other in queued_runs() if other != run and (place := other.place) is not None]
        run.wait(min(places, default=0) - 1 if first else max(places, default=0) + 1)
    start_next()


def take_out(run: Run) -> None:
    """Let a run wait no longer; it can be resumed, or put in the queue again.

    Raises:
        RunError: it does not wait: it may have started meanwhile.
    """
    with _alone():
        run.wait_no_longer()


def queued_runs() -> list[Run]:
    """The runs that wait, the next one first."""
    places = {run: place for run in list_runs() if (place := _place(run)) is not None}
    return sorted(places, key=lambda run: places[run])


def number_in_queue(run: Run) -> int | None:
    """1 for the next one, 2 for the one after it; None where the run does not wait."""
    if run.place is None:
        return None
    waiting = [other.id for other in queued_runs()]
    return waiting.index(run.id) + 1 if run.id in waiting else None


def going_runs() -> list[Run]:
    """The runs of the workspace that are going, newest first."""
    return [run for run in list_runs() if _is_going(run)]


def is_free() -> bool:
    """Whether what comes now starts at once, rather than being queued."""
    return not going_runs()


def start_next() -> Run | None:
    """Start the run that has waited longest, where none is going; one that cannot be started is failed, in words.

    Returns:
        The run that was started, if any.

    Raises:
        RunError: another process holds the queue and does not let go.
    """
    if not queued_runs():  # the usual case needs no lock
        return None
    with _alone():
        for run in queued_runs():
            if not is_free():
                return None
            try:
                run.launch()
            except RunError as error:
                if not _is_going(run):  # else somebody has started it by hand in this instant
                    with suppress(OSError):
                        run.write_state("failed", str(error))
            else:
                return run
    return None


@contextmanager
def _alone() -> Iterator[None]:
    """Nobody else changes the queue, or starts what is next in it, meanwhile."""
    folder = runs_dir()
    try:
        with FileLock(folder / ".queue.lock", timeout=_LOCK_S):
            yield
    except Timeout as error:
        raise RunError(f"Another process has been busy with the queue in {folder} for {_LOCK_S} s. Try again.") from error
    except OSError as error:
        raise cannot_write(folder, error, kind="runs") from error


def _place(run: Run) -> int | None:
    try:
        return run.place
    except (RunError, KeyError, ValueError):  # a damaged one waits for nothing, and holds nobody up
        return None


def _is_going(run: Run) -> bool:
    try:
        return run.is_going
    except RunError:
        return False
