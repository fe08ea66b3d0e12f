"""Runs in the plural: make one, find one; `queue` starts them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from fer.errors import RunError
from fer.files import write_json
from fer.job import cannot_write
from fer.quality.cleaning import CleaningList
from fer.recipes import Recipe, load_recipe
from fer.training.run import CLEANING_FILE, Run
from fer.workspace import runs_dir

FORMAT = 1

# Of a frozen trunk's layers, so many stay as they are when it is fine-tuned. It sets VGG16's last block of convolutions free.
STAYS_FROZEN = 0.75


def create_run(
    recipe: Recipe | str,
    data: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    ferplus: str | Path | None = None,
    cleaning: str | Path | None = None,
    run_dir: str | Path | None = None,
) -> Run:
    """Make the folder of a run, without starting it.

    Args:
        recipe: a recipe or its name.
        data: anything that `fer.data.read_dataset` takes.
        overrides: single settings, see `Settings.with_overrides`.
        ferplus: CSV of FER+ votes to join to the data.
        cleaning: a cleaning list that the data is seen through; the run keeps a copy.
        run_dir: where; None makes a folder named after recipe and time in the workspace.

    Raises:
        SettingsError: an unknown recipe or setting.
        DataError: the cleaning list cannot be read.
        RunError: the folder holds a run already, or cannot be written.
    """
    chosen = (load_recipe(recipe) if isinstance(recipe, str) else recipe).with_overrides(overrides or {})
    path = Path(run_dir) if run_dir else None
    if path and (path / "settings.json").exists():
        raise RunError(f"{path} holds a run already. Resume it with --resume, or choose another folder.")
    if cleaning:
        CleaningList.load(cleaning)  # refused here, before there is a folder
    request = {
        "format": FORMAT,
        "recipe": chosen.name,
        "data": absolute_source(data),
        "ferplus": absolute_source(ferplus) if ferplus else None,
        "cleaning": absolute_source(cleaning) if cleaning else None,
        "settings": chosen.settings.as_dict(),
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    try:
        path = path or _new_folder(chosen.name)
        path.mkdir(parents=True, exist_ok=True)
        if cleaning:
            shutil.copyfile(cleaning, path / CLEANING_FILE)
        write_json(path / "settings.json", request)
    except OSError as error:
        raise cannot_write(path or runs_dir(), error, kind="run") from error
    return Run(path)


def fine_tuning(run: Run) -> dict[str, str]:
    """What `vary_run` needs to go on from a run's best weights with the top blocks of its frozen trunk set free.

    At a tenth of the learning rate: what the trunk knows is to be bent to the new faces, not overwritten.

    Args:
        run: whose trunk was frozen (`training.frozen`), in whole or in part.
    """
    training = run.settings.training
    return {
        "training.start_from": str(run.path.resolve()),
        "training.frozen": f"{STAYS_FROZEN * training.frozen:.4g}",
        "training.learning_rate": f"{training.learning_rate / 10:.4g}",
    }


def list_runs() -> list[Run]:
    """The runs of the workspace, newest first."""
    folder = runs_dir()
    # Hidden ones are being deleted.
    paths = [path.parent for path in folder.glob("[!.]*/settings.json")] if folder.is_dir() else []
    return [Run(path) for path in sorted(paths, key=lambda path: (path / "settings.json").stat().st_mtime, reverse=True)]


def open_run(path_or_id: str | Path) -> Run:
    """A run by its folder, or by its id in the workspace.

    Raises:
        RunError: there is no such run.
    """
    path = Path(path_or_id)
    return Run(path if (path / "settings.json").is_file() else runs_dir() / path.name)


def _new_folder(recipe_name: str) -> Path:
    """A folder that nobody else has, made at once: two servers may want one in the same second."""
    stem = f"{recipe_name}-{datetime.now():%Y%m%d-%H%M%S}"
    for name in (stem, *(f"{stem}-{number}" for number in range(2, 1000))):
        with suppress(FileExistsError):
            (runs_dir() / name).mkdir(parents=True)
            return runs_dir() / name
    raise FileExistsError(f"{stem}-2 to -999 are taken")


def absolute_source(data: str | Path) -> str:
    """A path that holds from anywhere; `synthetic:500` and `kaggle:owner/name` are no paths, and stay."""
    return str(Path(data).resolve()) if Path(data).exists() else str(data)
