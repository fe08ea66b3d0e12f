"""What benchmarks that train have in common: runs in the workspace that are taken up where they were left."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from fer.errors import RunError
from fer.quality.cleaning import CleaningList
from fer.recipes import Recipe
from fer.training import Run, create_run
from fer.workspace import REPOSITORY, runs_dir

# A training that is interrupted ends with the batch it is at, and writes its state.
GRACE_S = 30.0
_LOOK_EVERY_S = 0.5


def finished_run(
    name: str,
    recipe: Recipe,
    data: str,
    *,
    ferplus: str | None = None,
    cleaning: Path | None = None,
    enough: int | None = None,
) -> Run:
    """The run of that name, trained to its end: one that is finished is taken as it is, one that was interrupted goes on.

    Args:
        name: of its folder in the workspace.
        recipe, data, ferplus, cleaning: as `fer.training.create_run` takes them.
        enough: stop it after so many epochs, as a user would, rather than train to its end.

    Raises:
        RunError: it was begun with other settings or another cleaning list, or did not come to its end.
    """
    path = runs_dir() / name
    if (path / "settings.json").is_file():
        run = Run(path)
        if run.settings != recipe.settings or _decisions(run.cleaning) != _decisions(cleaning):
            raise RunError(f"{path} was begun with other settings or another cleaning list. Give those, or remove the folder.")
    else:
        run = create_run(recipe, data, ferplus=ferplus, cleaning=cleaning, run_dir=path)
    if not _is_done(run, enough):
        print(f"{name}: training, {enough or recipe.settings.training.epochs} epochs", flush=True)
        _train(run, enough)
    return run


def _is_done(run: Run, enough: int | None) -> bool:
    return run.status == "finished" or (enough is not None and len(run.epoch_rows()) >= enough)


def _decisions(cleaning: Path | None) -> set[tuple[str, int, str, str]]:
    """What a list decides, whenever that was decided."""
    decisions = CleaningList.load(cleaning).in_force.values() if cleaning else ()
    return {(decision.name, decision.content_id, decision.action, decision.value) for decision in decisions}


def _train(run: Run, enough: int | None) -> None:
    """Train a run to its end, or for enough epochs, in a process of its own: what TensorFlow keeps of memory goes with it."""
    command = [sys.executable, "-m", "fer", "train", "--resume", str(run.path.resolve())]
    with subprocess.Popen(command, cwd=REPOSITORY) as process:
        try:
            while process.poll() is None:
                time.sleep(_LOOK_EVERY_S)
                if enough is not None and run.is_active and not run.stop_requested and _is_done(run, enough):
                    run.stop()
        except KeyboardInterrupt:  # the terminal has told the training, too
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
            process.kill()
            raise
    if not _is_done(run, enough):
        raise RunError(f"The run {run.path} is {run.status}: {run.reason}")
