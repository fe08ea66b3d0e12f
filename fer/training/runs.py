"""Runs in the plural: make one, start one, find one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from fer.errors import RunError
from fer.files import write_json
from fer.quality.cleaning import CleaningList
from fer.recipes import Recipe, load_recipe
from fer.training.run import CLEANING_FILE, Run, cannot_write
from fer.workspace import runs_dir

FORMAT = 1


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
    path = Path(run_dir) if run_dir else _free_folder(chosen.name)
    if (path / "settings.json").exists():
        raise RunError(f"{path} holds a run already. Resume it with --resume, or choose another folder.")
    if cleaning:
        CleaningList.load(cleaning)  # refused here, before there is a folder
    request = {
        "format": FORMAT,
        "recipe": chosen.name,
        "data": _absolute(data),
        "ferplus": _absolute(ferplus) if ferplus else None,
        "cleaning": _absolute(cleaning) if cleaning else None,
        "settings": chosen.settings.as_dict(),
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        if cleaning:
            shutil.copyfile(cleaning, path / CLEANING_FILE)
        write_json(path / "settings.json", request)
    except OSError as error:
        raise cannot_write(path, error) from error
    return Run(path)


def start_run(
    recipe: Recipe | str,
    data: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    ferplus: str | Path | None = None,
    cleaning: str | Path | None = None,
    run_dir: str | Path | None = None,
) -> Run:
    """Make a run and start it in a process of its own, see `create_run`."""
    run = create_run(recipe, data, overrides=overrides, ferplus=ferplus, cleaning=cleaning, run_dir=run_dir)
    run.launch()
    return run


def vary_run(run: Run, overrides: Mapping[str, Any]) -> Run:
    """Make and start a run like another, with single settings changed.

    Raises:
        SettingsError: a setting is unknown, or a value does not fit.
        RunError: the new folder cannot be written.
    """
    recipe = Recipe(run.recipe_name, run.recipe_name, "", run.settings)
    request = run.request
    return start_run(recipe, request["data"], overrides=overrides, ferplus=request["ferplus"], cleaning=run.cleaning)


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


def _free_folder(recipe_name: str) -> Path:
    stem = f"{recipe_name}-{datetime.now():%Y%m%d-%H%M%S}"
    candidates = [stem, *(f"{stem}-{number}" for number in range(2, 1000))]
    return next(runs_dir() / name for name in candidates if not (runs_dir() / name).exists())


def _absolute(data: str | Path) -> str:
    # "synthetic:500" and "kaggle:owner/name" are no paths.
    return str(Path(data).resolve()) if Path(data).exists() else str(data)
