"""`Search`: many trainings of one recipe with varied settings, as a folder; how to make, start, stop and resume it.

    search.json        what was asked for: recipe, data, settings, what is varied, how many trials
    cleaning.csv       the cleaning list that the data is seen through, as it was then, where there is one
    study.db           every trial, its settings and figures: Optuna's own SQLite storage
    search.log         what the process printed
    state.json, worker.json, stop, claim.lock   how far it is, and which process works on it: see `job`

A trial is an ordinary run in the workspace, `NAME-trial-0` and so on: shown, compared and made a model of like any other.
What the search's own process does is in `search_worker`, and what stands in the study in `search_study`.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fer.errors import RunError, SettingsError
from fer.files import write_json
from fer.job import Job, cannot_write, read_job_json
from fer.quality.cleaning import CleaningList
from fer.recipes import Recipe, Settings, list_recipes, load_recipe
from fer.training.run import CLEANING_FILE
from fer.training.runs import absolute_source
from fer.training.search_space import Varied, default_space, read_space, setting_named
from fer.training.search_study import STUDY_FILE, TrialRow, copy_study, create_study, open_study, trial_rows
from fer.workspace import runs_dir, searches_dir

if TYPE_CHECKING:
    from optuna.study import Study

FORMAT = 1
TRIALS = 20
# Trials that are finished before one is measured against their median.
PRUNE_AFTER = 4
_MOST_TRIALS = 10_000


@dataclass(frozen=True)
class Search(Job):
    """A search's folder. Nothing is kept in memory: every property reads the disk.

    Raises:
        RunError: the folder holds no search.
    """

    kind: ClassVar[str] = "search"
    log_file: ClassVar[str] = "search.log"
    resumes: ClassVar[str] = "Resume goes on with the trial that was begun."
    interrupted: ClassVar[str] = (
        "The search's process ended without a word (killed, or a power cut); the trial that it had begun may go on."
    )

    def __post_init__(self) -> None:
        if not (self.path / "search.json").is_file():
            known = ", ".join(search.id for search in list_searches()) or "none yet"
            raise RunError(f"No search at {self.path}: it has no search.json. In the workspace: {known}.")

    def command(self) -> list[str]:
        return ["search", "--resume", str(self.path.resolve())]

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for: `recipe`, `overrides`, `settings`, `data`, `ferplus`, `cleaning`, `vary`, `trials`, `created`, …"""
        return read_job_json(self.path / "search.json")

    @property
    def settings(self) -> Settings:
        """What all trials have in common, and the varied settings as the recipe has them."""
        return Settings.from_dict(self.request["settings"])

    @property
    def space(self) -> tuple[Varied, ...]:
        """The settings that are varied."""
        return read_space(self.request["vary"], self.settings)

    @property
    def trials(self) -> int:
        """How many trials it is to make."""
        return int(self.request["trials"])

    @property
    def cleaning(self) -> Path | None:
        """The search's own copy of the cleaning list; None without one."""
        return self.path / CLEANING_FILE if self.request["cleaning"] else None

    def run_dir(self, number: int) -> Path:
        """The folder of a trial's run: known before it is made, so that a kill at any moment loses none."""
        return runs_dir() / f"{self.id}-trial-{number}"

    @contextmanager
    def open_study(self) -> Iterator[Study]:
        """The study in its file, to be written to; errors are those of `search_study.open_study`."""
        with open_study(self.path / STUDY_FILE) as study:
            yield study

    def study(self) -> Study:
        """A copy of the study in memory, for plots.

        Raises:
            RunError: its file is missing or damaged.
        """
        with self.open_study() as stored:
            return copy_study(stored)

    def rows(self, study: Study | None = None) -> list[TrialRow]:
        """The trials that have begun, the first one first.

        Args:
            study: as `study()` gives it; None reads it.

        Raises:
            RunError: its file is missing or damaged.
        """
        return trial_rows(study or self.study(), lambda number: self.run_dir(number).name)

    def extend(self, trials: int) -> None:
        """Let it make so many trials in all, where it is finished or stopped; what was found stays.

        Raises:
            RunError: it is going, or its folder cannot be written.
            SettingsError: that is fewer than before.
        """
        if trials < self.trials:
            raise SettingsError(f"The search {self.id} has {self.trials} trials; it can only have more. Received: {trials}")
        with self._alone():
            if self.is_going:
                raise RunError(f"The search {self.id} is going. Stop it first.")
            try:
                write_json(self.path / "search.json", {**self.request, "trials": _checked_trials(trials)})
                if self.status == "finished":
                    self.write_state("stopped", "More trials are to come. Resume makes them.")
            except OSError as error:
                raise self._cannot_write(error) from error

    def best(self, rows: Iterable[TrialRow] | None = None) -> TrialRow | None:
        """The finished trial with the highest accuracy, the first of them; None before one is finished."""
        finished = [row for row in (self.rows() if rows is None else rows) if row.state == "finished"]
        return max(finished, key=lambda row: row.accuracy or 0.0, default=None)

    def recipe_with(self, settings: Mapping[str, str]) -> Recipe:
        """The recipe with the settings of a trial, to be trained or saved (`recipe_toml`)."""
        name = self.request["recipe"]
        words = f"Found by the search {self.id}, beginning with {name}."
        return Recipe(f"{self.id}-best", f"Best of {self.id}", words, self.settings.with_overrides(settings))

    def train_command(self, settings: Mapping[str, str]) -> str:
        """What to type to train with the settings of a trial."""
        request = self.request
        shipped = {recipe.name for recipe in list_recipes()}
        recipe = request["recipe"] if request["recipe"] in shipped else f"{request['recipe']}.toml"
        words = ["--recipe", recipe, "--data", request["data"]]
        for option in ("ferplus", "cleaning"):
            words += [f"--{option}", request[option]] if request[option] else []
        for key, value in {**request["overrides"], **settings}.items():
            words += ["--set", f"{key}={value}"]
        return f"python -m fer train {shlex.join(words)}"


def create_search(
    recipe: Recipe | str,
    data: str | Path,
    *,
    overrides: Mapping[str, str] | None = None,
    vary: Iterable[str] = (),
    trials: int = TRIALS,
    ferplus: str | Path | None = None,
    cleaning: str | Path | None = None,
    name: str | None = None,
    prune_after: int = PRUNE_AFTER,
) -> Search:
    """Make the folder of a search, without starting it.

    Args:
        recipe: a recipe or its name.
        data: anything that `fer.data.read_dataset` takes.
        overrides: single settings that all trials have, see `Settings.with_overrides`.
        vary: what is varied, see `search_space.read_space`; nothing takes what usually matters for the recipe.
        trials: how many.
        ferplus: CSV of FER+ votes to join to the data.
        cleaning: a cleaning list that the data is seen through; the search keeps a copy.
        name: of its folder; None makes one of recipe and time.
        prune_after: trials that are finished before one is stopped early for being worse than their median.

    Raises:
        SettingsError: an unknown recipe or setting, a range that cannot be read, or a name that cannot be a folder's.
        DataError: the cleaning list cannot be read.
        RunError: there is a search of that name, or runs of one, or the folder cannot be written.
    """
    chosen = (load_recipe(recipe) if isinstance(recipe, str) else recipe).with_overrides(overrides or {})
    space = read_space(vary, chosen.settings) or default_space(chosen.settings)
    path = _new_folder(name or f"search-{chosen.name}-{datetime.now():%Y%m%d-%H%M%S}")
    if cleaning:
        CleaningList.load(cleaning)  # refused here, before there is a folder
    request = {
        "format": FORMAT,
        "recipe": chosen.name,
        "overrides": {setting_named(key, chosen.settings).key: value for key, value in (overrides or {}).items()},
        "settings": chosen.settings.as_dict(),
        "data": absolute_source(data),
        "ferplus": absolute_source(ferplus) if ferplus else None,
        "cleaning": absolute_source(cleaning) if cleaning else None,
        "vary": [varied.text for varied in space],
        "trials": _checked_trials(trials),
        "prune_after": prune_after,
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        if cleaning:
            shutil.copyfile(cleaning, path / CLEANING_FILE)
        create_study(path / STUDY_FILE, space, chosen.settings)
        write_json(path / "search.json", request)  # last: without it the folder is no search
    except OSError as error:
        raise cannot_write(path, error, kind="search") from error
    return Search(path)


def list_searches() -> list[Search]:
    """The searches of the workspace, newest first."""
    paths = [path.parent for path in searches_dir().glob("[!.]*/search.json")]  # hidden ones are being deleted
    return [Search(path) for path in sorted(paths, key=lambda path: (path / "search.json").stat().st_mtime, reverse=True)]


def open_search(path_or_name: str | Path) -> Search:
    """A search by its folder, or by its name in the workspace.

    Raises:
        RunError: there is no such search.
    """
    path = Path(path_or_name)
    return Search(path if (path / "search.json").is_file() else searches_dir() / path.name)


def _new_folder(name: str) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise SettingsError(f"A search's name is made of letters, digits, '.', '_' and '-'. Received: {name!r}")
    path = searches_dir() / name
    if (path / "search.json").exists():
        raise RunError(f"There is a search {name} already. Resume it with --resume {name}, or choose another name.")
    if any(runs_dir().glob(f"{name}-trial-*")):
        raise RunError(f"Runs of an earlier search {name} are still there. Delete them, or choose another name.")
    return path


def _checked_trials(trials: int) -> int:
    if not 1 <= trials <= _MOST_TRIALS:
        raise SettingsError(f"A search takes 1 to {_MOST_TRIALS:,} trials. Received: {trials}")
    return trials
