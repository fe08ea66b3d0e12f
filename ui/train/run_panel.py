"""A training run on a page: its state, figures and curves, what can be done with it, and the list of all runs.

Everything is read from the run's folder each time, so a reload of the browser, or another browser, shows the same.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from fer.bundles import list_bundles
from fer.errors import BundleError, RunError
from fer.recipes import Recipe
from fer.training import Run, RunNotes, enqueue, fine_tuning, vary_run
from fer.training.queue import is_free, number_in_queue, start_next
from fer.training.run import EVENTS_FOLDER
from fer.training.search import Search
from fer.workspace import REPOSITORY
from ui.charts import split_word
from ui.state import choose_model
from ui.train.charts import curve_options
from ui.train.insight import classes_panel, diagnosis_panel
from ui.train.queue_panel import queue_buttons
from ui.train.reported import recipe_of, reported_curve, reported_panel
from ui.words import count, counted, duration, errors_in_words, percent, plain

BADGES: Mapping[str, tuple[str, str]] = {
    "queued": ("gray", ":material/schedule:"),
    "starting": ("blue", ":material/hourglass_top:"),
    "running": ("primary", ":material/play_arrow:"),
    "stopping": ("orange", ":material/hourglass_bottom:"),
    "finished": ("green", ":material/check:"),
    "stopped": ("gray", ":material/stop:"),
    "interrupted": ("orange", ":material/bolt:"),
    "failed": ("red", ":material/error:"),
}
STATES = (*BADGES, "damaged")
RESUMABLE = ("stopped", "interrupted", "failed")
Rows = Sequence[Mapping[str, Any]]

RUN_KEY = "run_shown"  # in the session: id of the run that is looked at


def run_titles(runs: Sequence[Run]) -> dict[str, str]:
    """By id, `compact, 20 Nov 12:15, running` for a list; Streamlit tells its entries by these words, so no two are alike."""
    titles = {run.id: _title(run) for run in runs}
    alike = Counter(titles.values())
    return {run_id: title if alike[title] == 1 else f"{title}, {run_id}" for run_id, title in titles.items()}


def _title(run: Run) -> str:
    try:
        return f"{run.notes.title or run.recipe_name}, {created(run):%d %b %H:%M}, {run.status}"
    except RunError:
        return f"{run.id}, damaged"


def run_panel(run: Run) -> None:
    """One run, drawn again every second while it is going or waits for its turn."""
    with errors_in_words():
        active, waits = run.is_active, run.place is not None
        st.fragment(_draw_run, run_every=1.0 if active or waits else None)(run, active, waits)


def _draw_run(run: Run, was_active: bool, waited: bool) -> None:
    with errors_in_words():
        if waited:
            start_next()
        active = run.is_active
        if (active, run.place is not None) != (was_active, waited):
            st.rerun()  # the whole page: it has other buttons now, and polls, or polls no longer
        epochs, progress = run.epoch_rows(), run.progress_rows()
        _heading(run, active)
        _figures(run, epochs, progress)
        if active:
            _progress_bar(run, epochs, progress)
        else:
            _outcome(run, epochs)
        if epochs or not waited:
            recipe, within = recipe_of(run), _within_epoch(epochs, progress) if active else []
            history_charts(epochs, within, run.epochs_total, key=run.id, recipe=recipe)
            reported_panel(run, recipe, epochs)
        started = _fine_tuning(run) or diagnosis_panel(run, epochs)
        if started:
            st.session_state[RUN_KEY] = started.id
            st.rerun()
        classes_panel(run)
        if (run.path / EVENTS_FOLDER).is_dir():
            _tensorboard(run)


def _heading(run: Run, active: bool) -> None:
    status = run.status
    colour, icon = BADGES[status]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(run.notes.title or run.recipe_name), anchor=False, width="content")
        st.badge(status, color=colour, icon=icon)  # type: ignore[arg-type]
        st.caption(
            f"on {plain(data_name(run))}, {'queued' if status == 'queued' else 'started'} {created(run):%d %b %H:%M}",
            width="content",
        )
        st.space("stretch")
        if active:
            st.button("Stop", icon=":material/stop:", on_click=_stop, args=(run,), disabled=status == "stopping", key="run_stop")
        elif status == "queued":
            queue_buttons(run, number_in_queue(run) or 1)
        elif status in RESUMABLE:
            words, icon = ("Resume", ":material/play_arrow:") if is_free() else ("Add to the queue", ":material/schedule:")
            st.button(words, icon=icon, on_click=_resume, args=(run,), key="run_resume")


def _figures(run: Run, epochs: Rows, progress: Rows) -> None:
    rates = [row["images_per_second"] for row in progress[-1:] or epochs[-1:]]
    with st.grid(5, min_column_width=130):
        st.metric("Epochs", f"{len(epochs)} of {run.epochs_total}", border=True)
        st.metric("Best validation", _best(epochs, "val_accuracy"), border=True)
        if any("val_votes_accuracy" in row for row in epochs):
            st.metric("Best on votes", _best(epochs, "val_votes_accuracy"), border=True)
        if run.is_active:
            st.metric("Images a second", count(round(rates[0])) if rates else "–", border=True)
            left = run.seconds_left()
            st.metric("Time left", "–" if left is None else duration(left), border=True)
        else:
            st.metric("Took", duration(sum(row["seconds"] for row in epochs)), border=True)


def _best(epochs: Rows, name: str) -> str:
    return percent(max(row[name] for row in epochs if name in row)) if epochs else "–"


def _progress_bar(run: Run, epochs: Rows, progress: Rows) -> None:
    total = max(run.epochs_total, 1)
    latest = progress[-1] if progress else None
    if latest and latest["epoch"] > len(epochs):
        share = (len(epochs) + latest["batch"] / latest["batches"]) / total
        words = f"Epoch {latest['epoch']} of {total}, batch {latest['batch']} of {latest['batches']}"
    else:
        share, words = len(epochs) / total, run.reason or "Starting"
    st.progress(min(share, 1.0), words)


def history_charts(epochs: Rows, within: Rows, epochs_total: int, *, key: str, recipe: Recipe | None = None) -> None:
    """Accuracy and loss over the epochs, train beside validation.

    Args:
        epochs: rows of finished epochs, as `Run.epoch_rows`.
        within: rows of the epoch that is going on, with `epoch` as a fraction.
        epochs_total: right end of the axis.
        key: tells this chart from those of other runs; it stays in place while its data grows.
        recipe: whose reported curve, if it has one, lies behind ours.
    """
    train_word, val_word = (split_word(split) for split in ("train", "val"))
    with st.grid(2, min_column_width=380):
        for name, shares in (("accuracy", True), ("loss", False)):
            train = [(row["epoch"], row[name]) for row in [*epochs, *within]]
            val = [(row["epoch"], row[f"val_{name}"]) for row in epochs]
            value = percent if shares else "{:.3f}".format
            figures = [f"{value(points[-1][1])} on {word}" for points, word in ((val, val_word), (train, train_word)) if points]
            with st.container(gap=None):
                st.markdown(f"**{name.capitalize()}** {', '.join(figures) or f'on {val_word} and {train_word}'}")
                reported = reported_curve(recipe, name)
                options = curve_options(name, train, val, epochs=epochs_total, shares=shares, reported=reported)
                st.echarts_chart(options, height=250, key=f"{name}_{key}")


def _within_epoch(epochs: Rows, progress: Rows) -> Rows:
    """Progress rows of the epoch that is going on, with the epoch as a fraction, thinned to what can be seen."""
    rows = [row for row in progress if row["epoch"] > len(epochs)]
    rows = rows[:: max(1, len(rows) // 40)]
    return [{**row, "epoch": row["epoch"] - 1 + row["batch"] / row["batches"]} for row in rows]


def _outcome(run: Run, epochs: Rows) -> None:
    """How a run ended that is not going, and what to do next."""
    status, reason = run.status, plain(run.reason)
    if status in ("failed", "interrupted"):
        say, icon = (st.error, ":material/error:") if status == "failed" else (st.warning, ":material/bolt:")
        say(reason or "The run ended without a word.", icon=icon)
        with st.expander("Last lines of the log"):
            st.code(_log_tail(run), language=None)
    elif status == "queued":
        st.info(f"It is number {number_in_queue(run)} in the queue, and starts by itself.", icon=":material/schedule:")
    elif status == "stopped":
        st.info(reason or "Stopped.", icon=":material/stop:")
    elif status == "finished" and epochs:
        best = max(epochs, key=lambda row: float(row["val_accuracy"]))
        early = (
            "" if len(epochs) >= run.epochs_total else f" It stopped after {counted(len(epochs), 'epoch')}, as nothing improved."
        )
        st.success(
            f"Finished: {percent(best['val_accuracy'])} of the validation images right, at epoch {best['epoch']}.{early}",
            icon=":material/check_circle:",
        )
    if (run.path / "best.npz").is_file():
        _bundle_form(run)


def _fine_tuning(run: Run) -> Run | None:
    """Of a finished run whose trunk was frozen, a button that goes on with its top blocks set free.

    Returns:
        The run that has just been started, if any.
    """
    training = run.settings.training
    if run.status != "finished" or not training.frozen or not (run.path / "best.npz").is_file():
        return None
    if st.button(
        "Fine-tune its top blocks",
        icon=":material/tune:",
        key="run_fine_tune",
        help="A new run that begins with these weights: the top quarter of the trunk's frozen layers learns, too, at a tenth "
        "of the learning rate.",
    ):
        with errors_in_words():
            tuned = vary_run(run, fine_tuning(run))
            tuned.annotate(RunNotes(f"{run.notes.title or run.recipe_name}, fine-tuned", run.notes.tags))
            return tuned
    return None


def _bundle_form(run: Run) -> None:
    made = st.session_state.get(f"bundle_of_{run.id}") or (run.id if run.id in list_bundles() else None)
    if made:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"The model **{plain(made)}** is made of it.")
            st.page_link("pages/evaluate.py", label="Evaluate it", icon=":material/monitoring:")
            st.page_link("pages/predict.py", label="Predict with it", icon=":material/add_a_photo:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name of the model", value=run.id, key=f"bundle_name_{run.id}", width=320).strip()
        pressed = st.button("Make a bundle", type="primary", icon=":material/inventory_2:", disabled=not name, key="run_bundle")
    if name in list_bundles():
        st.caption(f"A model of that name exists: {plain(name)} would be replaced.")
    if pressed:
        with errors_in_words():
            with st.spinner("Exporting the best weights and checking them", show_time=True):
                make_bundle(run, name)
            choose_model(name)
            st.session_state[f"bundle_of_{run.id}"] = name
            st.rerun()


def make_bundle(run: Run, name: str) -> None:
    """Make a bundle of a run, in a process of its own: exporting needs TensorFlow, which stays out of the server.

    Raises:
        BundleError: it could not be made; the text is what the command said.
    """
    command = [sys.executable, "-m", "fer", "bundle", str(run.path.resolve()), name]
    done = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
        raise BundleError(
            errors[-1] if errors else f"No bundle was made. The command said: {done.stderr[-500:].strip() or 'nothing'}"
        )


def _tensorboard(run: Run) -> None:
    with st.expander("Open in TensorBoard"):
        st.caption("Its curves by epoch, train and validation in one chart. `pip install tensorboard` brings the program.")
        st.code(f"tensorboard --logdir {shlex.quote(str(run.path.resolve()))}", language="bash")


def data_name(run: Run | Search) -> str:
    """Last part of the path of its data, or how else it was named."""
    data = str(run.request["data"])
    return data if ":" in data else data.rstrip("/").rsplit("/", 1)[-1]


def created(run: Run | Search) -> datetime:
    """When it was made, in its own time zone."""
    return datetime.fromisoformat(run.request["created"])


def _log_tail(run: Run, lines: int = 15) -> str:
    try:
        text = (run.path / "train.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "There is no log."
    return "\n".join(text.splitlines()[-lines:]) or "The log is empty."


def _stop(run: Run) -> None:
    with errors_in_words():
        run.stop()


def _resume(run: Run) -> None:
    with errors_in_words():
        enqueue(run)  # which starts it where nothing is going
