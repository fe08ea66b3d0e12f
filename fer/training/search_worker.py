"""What happens inside a search's process: trial after trial is proposed, started as a run, watched, and stopped where it lags.

No Keras here: each trial is trained by the run's own process, which outlives this one. Whatever moment this process is killed at,
everything stands on disk: the trial's settings in the study, its run under a name that follows from its number, and, before a run
is stopped for lagging, the word that it is. So the same command goes on with the trial that was begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from fer.errors import RunError, SettingsError
from fer.job import StopRequested
from fer.recipes import Recipe
from fer.training.history import best_row
from fer.training.queue import enqueue, start_next, take_out
from fer.training.run import Run, RunNotes
from fer.training.runs import create_run
from fer.training.search import Search
from fer.training.search_study import quiet_optuna
from fer.words import percent

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial, TrialState

# Of proposals and of chance in them: a search that is resumed proposes what it would have proposed.
SEED = 0
_POLL_S = 0.5
# A training that is killed again and again (it needs more memory than there is) is not begun for ever.
_RESTARTS = 2
_FAILURES_IN_A_ROW = 3
# Share of the epochs before which no trial is judged: a slow start says little.
_WARMUP = 0.2


def run_search(search: Search, *, say: Callable[[str], None] = lambda words: None) -> Search:
    """Make the trials of a search in this process, one after the other; one that was begun is gone on with.

    Args:
        search: made by `create_search`, and not going elsewhere.
        say: called with a line for each trial that begins or ends.

    Raises:
        FerError: it is going elsewhere, a file cannot be written, or its trials fail one after the other.
        KeyboardInterrupt: it was interrupted by the user or by a signal; so is the trial.
    """
    with search.work():
        search.write_state("running", "Making trials")
        _make_trials(search, say)
    return search


def _make_trials(search: Search, say: Callable[[str], None]) -> None:
    from optuna.trial import Trial, TrialState

    optuna = quiet_optuna()
    epochs, failures = search.settings.training.epochs, 0
    with search.open_study() as study:
        study.pruner = optuna.pruners.MedianPruner(search.request["prune_after"], round(_WARMUP * epochs))
        while True:
            if search.stop_requested:
                raise StopRequested
            begun = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            number = begun[0].number if begun else _count(study)
            if number >= search.trials:
                return
            # Anew for each trial: a sampler that was seeded once would, after a resume, propose the first ones again.
            study.sampler = optuna.samplers.TPESampler(seed=SEED + number)
            trial = Trial(study, begun[0]._trial_id) if begun else study.ask()
            failure = _make_trial(search, trial, say)
            failures = failures + 1 if failure else 0
            if failures == _FAILURES_IN_A_ROW:
                raise RunError(f"{failures} trials failed, one after the other. The last one said: {failure}")


def _count(study: Study) -> int:
    """Trials that have begun: the number of the next one."""
    from optuna.trial import TrialState

    return sum(trial.state != TrialState.WAITING for trial in study.get_trials(deepcopy=False))


def _make_trial(search: Search, trial: Trial, say: Callable[[str], None]) -> str:
    """Bring one trial to its end, in the study as well; returns why it failed, or nothing."""
    from optuna.trial import TrialState

    settings = {varied.key: varied.suggest(trial) for varied in search.space}
    trial.set_user_attr("settings", settings)
    say(f"Trial {trial.number}: {_in_words(settings)}")
    try:
        run = _run_of(search, trial.number, settings)
        state, note = _follow(search, run, trial)
        rows = run.epoch_rows()
        if note:
            _append_note(run, note)
    except (RunError, SettingsError) as error:  # a combination that does not fit, or a folder that went or cannot be written
        state, note, rows = TrialState.FAIL, str(error), []
    trial.set_user_attr("note", note)
    if state == TrialState.COMPLETE:
        best = best_row(rows, search.settings.training.monitor)
        trial.study.tell(trial.number, best["val_accuracy"])
        note = f"finished: {percent(best['val_accuracy'])} of the validation images right, at epoch {best['epoch']}"
    else:
        trial.study.tell(trial.number, state=state)
    say(f"Trial {trial.number} {note}")
    return note if state == TrialState.FAIL else ""


def _run_of(search: Search, number: int, settings: dict[str, str]) -> Run:
    """The run of a trial: the one that was begun, or a new one."""
    path, request = search.run_dir(number), search.request
    if (path / "settings.json").is_file():
        run = Run(path)
    else:
        recipe = Recipe(request["recipe"], request["recipe"], "", search.settings)
        data, ferplus = request["data"], request["ferplus"]
        run = create_run(recipe, data, overrides=settings, ferplus=ferplus, cleaning=search.cleaning, run_dir=path)
    if run.notes == RunNotes():
        run.annotate(RunNotes(f"{search.id}, trial {number}", search.id, _in_words(settings)))
    return run


def _follow(search: Search, run: Run, trial: Trial) -> tuple[TrialState, str]:
    """Watch a trial's run until it ends; returns how it ended, and why where that was not its last epoch.

    Raises:
        StopRequested: the search is to stop, and the run has.
        KeyboardInterrupt: the run has been asked to stop, too.
    """
    from optuna.trial import TrialState

    launches, is_ours = 0, False
    try:
        while True:
            status = run.status  # before the rows: none is written after the end
            _report(run, trial)
            lags = trial.user_attrs.get("lags", "")
            if status == "finished":
                return TrialState.COMPLETE, ""
            if status == "failed":
                return TrialState.FAIL, f"failed: {run.reason}"
            if status == "queued":
                is_ours = True
                if search.stop_requested:
                    take_out(run)
                else:
                    start_next()
            elif status in ("starting", "running"):
                is_ours = True
                lags = lags or _judge(run, trial)
                if lags or search.stop_requested:
                    with suppress(RunError):  # it has ended in this instant
                        run.stop()
            elif not run.is_active:  # stopped or interrupted
                if lags:
                    return TrialState.PRUNED, lags
                if search.stop_requested:
                    raise StopRequested
                if status == "stopped" and is_ours:
                    return TrialState.PRUNED, "stopped by hand"
                if launches > _RESTARTS:
                    return (
                        TrialState.FAIL,
                        f"failed: its process was killed {launches} times. It may need more memory than there is.",
                    )
                enqueue(run, first=True)
                launches += 1
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        with suppress(RunError):
            run.stop()
        raise


def _report(run: Run, trial: Trial) -> None:
    """Tell the study of the epochs that it does not know yet."""
    known = trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values
    for row in run.epoch_rows():
        if row["epoch"] not in known:
            trial.report(row["val_accuracy"], row["epoch"])


def _judge(run: Run, trial: Trial) -> str:
    """Why the run is to be stopped, where others were better by the same epoch; kept before it is, in case of a kill."""
    epochs = len(run.epoch_rows())
    if epochs == run.epochs_total or not trial.should_prune():
        return ""
    words = f"pruned after epoch {epochs}: earlier trials were better by then"
    trial.set_user_attr("lags", words)
    return words


def _append_note(run: Run, note: str) -> None:
    notes = run.notes
    if note not in notes.notes:
        run.annotate(replace(notes, notes=f"{notes.notes}\n{note[0].upper()}{note[1:]}.".strip()))


def _in_words(settings: dict[str, str]) -> str:
    return ", ".join(f"{key.partition('.')[2]} {value}" for key, value in settings.items())
