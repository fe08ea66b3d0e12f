"""The study of a search: every trial, its settings and figures, in Optuna's own SQLite storage.

Optuna is imported only where a study is opened: it takes a second.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer.errors import RunError
from fer.recipes import Settings
from fer.training.search_space import Varied

if TYPE_CHECKING:
    from optuna.study import Study

STUDY_FILE = "study.db"
_STUDY = "search"  # one a file


@dataclass(frozen=True, slots=True)
class TrialRow:
    """What is known of a trial.

    Args:
        number: from 0; the first one has the recipe's own settings.
        state: `running`, `finished`, `pruned` (stopped, as others were better at that epoch) or `failed`.
        accuracy: share of the validation images right, at the epoch that its run keeps; of a pruned one at its last; None before.
        epochs: finished ones.
        settings: by key, the varied settings as `--set` takes them.
        run_id: of its run.
        note: why it was stopped, or failed.
        seconds: from its start to its end; None before.
    """

    number: int
    state: str
    accuracy: float | None
    epochs: int
    settings: Mapping[str, str]
    run_id: str
    note: str = ""
    seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "trial": self.number,
            "state": self.state,
            "val_accuracy": self.accuracy,
            "epochs": self.epochs,
            "settings": dict(self.settings),
            "run": self.run_id,
            "note": self.note,
        }


@contextmanager
def open_study(path: Path) -> Iterator[Study]:
    """A study in its file, to be written to.

    Raises:
        RunError: the file is missing or damaged, or cannot be written.
    """
    from sqlalchemy.exc import SQLAlchemyError

    optuna = quiet_optuna()
    if not path.is_file():
        raise RunError(f"{path} is missing: the search's trials stood in it. Their runs are still in the list of runs.")
    try:
        storage = optuna.storages.RDBStorage(_database(path))
        try:
            yield optuna.load_study(study_name=_STUDY, storage=storage)
        finally:
            storage.remove_session()
            storage.engine.dispose()
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        why = str(error).splitlines()[0]
        raise RunError(f"Cannot use {path}: {why}. Free some space and resume; if it is damaged, start a new search.") from error


def copy_study(stored: Study) -> Study:
    """The same in memory: a chart asks for the trials many times."""
    optuna = quiet_optuna()
    study: Study = optuna.create_study(storage=optuna.storages.InMemoryStorage(), direction="maximize")
    study.add_trials(stored.get_trials(deepcopy=False))
    return study


def trial_rows(study: Study, run_id: Callable[[int], str]) -> list[TrialRow]:
    """The trials that have begun, the first one first.

    Args:
        study: of the search.
        run_id: of a trial's run, by the trial's number.
    """
    from optuna.trial import TrialState

    states = {
        TrialState.RUNNING: "running",
        TrialState.COMPLETE: "finished",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    return [
        TrialRow(
            trial.number,
            states[trial.state],
            trial.value if trial.value is not None else trial.intermediate_values.get(trial.last_step or 0),
            trial.last_step or 0,
            trial.user_attrs.get("settings", {}),
            run_id(trial.number),
            trial.user_attrs.get("note", ""),
            trial.duration.total_seconds() if trial.duration else None,
        )
        for trial in study.get_trials(deepcopy=False, states=tuple(states))
    ]


def create_study(path: Path, space: Iterable[Varied], settings: Settings) -> None:
    """Make the file, with a first trial that has the recipe's own settings: what is found is measured against it.

    Raises:
        RunError: it cannot be written.
    """
    from sqlalchemy.exc import SQLAlchemyError

    optuna = quiet_optuna()
    path.unlink(missing_ok=True)  # of a creation that was cut off
    try:
        storage = optuna.storages.RDBStorage(_database(path))
        study = optuna.create_study(storage=storage, study_name=_STUDY, direction="maximize")
        own = {varied.key: varied.own_value(settings) for varied in space}
        study.enqueue_trial({key: value for key, value in own.items() if value is not None})
        storage.remove_session()
        storage.engine.dispose()
    except (SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise RunError(f"Cannot write {path}: {error}. Free some space, or choose another folder.") from error


def quiet_optuna() -> types.ModuleType:
    """Optuna, imported here, without its own words about every step."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _database(path: Path) -> str:
    return f"sqlite:///{path.resolve().as_posix()}"
