"""A search on a page: how far it is, what it has found, its charts and trials, and what can be done with it.

Everything is read from the search's folder each time, so a reload of the browser, or another browser, shows the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from statistics import mean
from typing import TYPE_CHECKING

import streamlit as st

from fer.errors import FerError, RunError
from fer.recipes import load_recipe, recipe_toml
from fer.recipes.describe import setting_fields
from fer.training import Run, start_run
from fer.training.search import Search
from fer.training.search_study import TrialRow
from ui.charts import PLOTLY_CONFIG
from ui.tables import csv_text
from ui.train.run_panel import BADGES, created, data_name
from ui.train.search_charts import ENOUGH, importances, search_history, search_importance, search_slice
from ui.train.settings_form import setting_label
from ui.train.view import show_run
from ui.words import count, duration, errors_in_words, percent, plain

if TYPE_CHECKING:
    from optuna.study import Study

_MORE = 10


def search_panel(search: Search) -> None:
    """One search, drawn again every two seconds while it is going."""
    active = search.is_active
    st.fragment(_draw_search, run_every=2.0 if active else None)(search, active)


def _draw_search(search: Search, was_active: bool) -> None:
    with errors_in_words():
        active = search.is_active
        if was_active and not active:
            st.rerun()  # the whole page: it has other buttons now, and stops polling
        _heading(search, active)
        study = search.study()
        rows = search.rows(study)
        best = search.best(rows)
        _figures(search, rows, best)
        if active:
            _progress(search, rows)
        elif search.status != "finished":
            st.warning(plain(search.reason), icon=":material/info:")
        if best:
            _best(search, best)
        names = _names(search)
        if best:
            _charts(study, names)
        if rows:
            _trials_table(search, rows, names)
        if not active:
            _delete_button(search)


def _names(search: Search) -> dict[str, str]:
    """By key, what people call the settings that are varied."""
    labels = {field.key: setting_label(field) for field in setting_fields(search.settings)}
    return {varied.key: labels[varied.key] for varied in search.space}


def _heading(search: Search, active: bool) -> None:
    status = search.status
    colour, icon = BADGES[status]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(search.id), anchor=False, width="content")
        st.badge(status, color=colour, icon=icon)  # type: ignore[arg-type]
        words = f"{plain(search.request['recipe'])} on {plain(data_name(search))}, started {created(search):%d %b %H:%M}"
        st.caption(words, width="content")
        st.space("stretch")
        if active:
            stopping = status == "stopping"
            st.button("Stop", icon=":material/stop:", on_click=_stop, args=(search,), disabled=stopping, key="search_stop")
        elif status == "finished":
            words = f"{_MORE} more trials"
            st.button(words, icon=":material/add:", on_click=_go_on, args=(search, search.trials + _MORE), key="search_more")
        else:
            st.button("Resume", icon=":material/play_arrow:", on_click=_go_on, args=(search,), key="search_resume")


def _figures(search: Search, rows: Sequence[TrialRow], best: TrialRow | None) -> None:
    ended = [row for row in rows if row.state != "running"]
    with st.grid(4, min_column_width=150):
        st.metric("Trials", f"{len(ended)} of {search.trials}", border=True, height="stretch")
        own = next((row.accuracy for row in ended if row.number == 0 and row.state == "finished"), None)
        gain = None if own is None or not best or best.number == 0 else f"{100 * ((best.accuracy or 0) - own):+.1f} points"
        st.metric(
            "Best validation",
            percent(best.accuracy or 0) if best else "–",
            gain,
            border=True,
            height="stretch",
            help="Share of the validation images right, beside the recipe's own settings, which are the first trial.",
        )
        pruned = sum(row.state == "pruned" for row in ended)
        st.metric("Stopped early", count(pruned), border=True, height="stretch", help="Others were better by the same epoch.")
        took = [row.seconds for row in ended if row.seconds]
        if search.is_active:
            left = duration(mean(took) * (search.trials - len(ended))) if took else "–"
            st.metric("Time left", left, border=True, height="stretch")
        else:
            st.metric("Took", duration(sum(took)), border=True, height="stretch")


def _progress(search: Search, rows: Sequence[TrialRow]) -> None:
    going = next((row for row in rows if row.state == "running"), None)
    ended = len(rows) - (going is not None)
    if going is None:
        st.progress(ended / search.trials, "Proposing the next trial")
        return
    epochs = search.settings.training.epochs
    words = f"{ended} of {search.trials} trials done; trial {going.number} has done {going.epochs} of {epochs} epochs"
    with suppress(RunError):  # its folder is being made in this instant
        if Run(search.run_dir(going.number)).status == "queued":
            words = f"{ended} of {search.trials} trials done; trial {going.number} waits until another run has ended"
    st.progress(min((ended + going.epochs / epochs) / search.trials, 1.0), words)


def _best(search: Search, best: TrialRow) -> None:
    settings = ", ".join(f"`{key.partition('.')[2]} {value}`" for key, value in best.settings.items())
    so_far = "" if search.status == "finished" else " so far"
    st.markdown(f"**Best{so_far}: trial {best.number}** with {settings}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        epochs = st.number_input("Epochs", 1, 10_000, _own_epochs(search), key=f"search_best_epochs_{search.id}", width=120)
        if st.button("Train with the best settings", type="primary", icon=":material/play_arrow:", key="search_train"):
            show_run(_train(search, best, epochs).id)
        st.download_button(
            "Save as a recipe (TOML)",
            recipe_toml(search.recipe_with({**best.settings, "training.epochs": str(epochs)})),
            f"{search.id}-best.toml",
            "application/toml",
            icon=":material/download:",
            help="Open it in the form of a new run, or train with --recipe FILE.",
        )
    with st.expander("The same on the command line"):
        st.code(search.train_command({**best.settings, "training.epochs": str(epochs)}), language="bash", wrap_lines=True)


def _own_epochs(search: Search) -> int:
    """As many as the recipe has: a trial had fewer."""
    try:
        return load_recipe(search.request["recipe"]).settings.training.epochs
    except FerError:  # a file of the user's, opened in the form
        return search.settings.training.epochs


def _train(search: Search, best: TrialRow, epochs: int) -> Run:
    recipe, request = search.recipe_with(best.settings), search.request
    overrides = {"epochs": epochs}
    return start_run(
        recipe, request["data"], overrides=overrides, ferplus=request["ferplus"], cleaning=search.cleaning, queue=True
    )


def _charts(study: Study, names: Mapping[str, str]) -> None:
    """Optuna's charts, of which only the one that is looked at is made."""
    history, importance, slices = st.tabs(["History", "What matters", "Each setting"], on_change="rerun", key="search_charts")
    if history.open:
        with history:
            st.markdown("**Validation accuracy** of each trial, and the best so far as a line")
            st.plotly_chart(search_history(study), config=PLOTLY_CONFIG, key="search_history")
    if importance.open:
        with importance:
            _importance(study, names)
    if slices.open:
        with slices:
            st.caption("Validation accuracy of the finished trials; the later the trial, the stronger its colour.")
            with st.grid(3, min_column_width=230):
                for key, name in names.items():
                    with st.container(gap=None):
                        st.markdown(f"**{name}**")
                        st.plotly_chart(search_slice(study, key), config=PLOTLY_CONFIG, key=f"search_slice_{key}")


def _importance(study: Study, names: Mapping[str, str]) -> None:
    shares = importances(study)
    if not shares:
        st.caption(f"Told after {ENOUGH} finished trials that differ: fewer say nothing of what matters.")
        return
    first = max(shares, key=lambda key: shares[key])
    st.markdown(f"**{names[first]}** matters most: {percent(shares[first], 0)} of what tells the best trials from the others")
    st.plotly_chart(search_importance(study, names), config=PLOTLY_CONFIG, key="search_importance")


def _trials_table(search: Search, rows: Sequence[TrialRow], names: Mapping[str, str]) -> None:
    table = [
        {
            "trial": row.number,
            "state": row.state,
            "validation": None if row.accuracy is None else 100 * row.accuracy,
            "epochs": row.epochs,
            **{name: row.settings.get(key, "") for key, name in names.items()},
            "note": row.note,
        }
        for row in rows
    ]
    picked = st.dataframe(
        table,
        hide_index=True,
        key=f"search_trials_{search.id}",
        on_select="rerun",
        selection_mode="single-row",
        column_config={"validation": st.column_config.NumberColumn(format="%.1f %%")},
    )
    chosen = [rows[row] for row in picked["selection"]["rows"] if row < len(rows)]
    with st.container(horizontal=True, vertical_alignment="center"):
        if chosen and st.button(f"Open trial {chosen[0].number}", icon=":material/open_in_new:", key="search_open"):
            show_run(chosen[0].run_id)
        if not chosen:
            st.caption("Choose a trial to open its run.", width="content")
        name = f"{search.id}.csv"
        st.download_button("Download (CSV)", csv_text(table), name, "text/csv", icon=":material/download:", type="tertiary")


def _delete_button(search: Search) -> None:
    with st.popover("Delete this search", icon=":material/delete:", type="tertiary"):
        st.markdown("What it found and its charts would be gone for good; the runs of its trials stay.")
        if st.button("Delete for good", type="primary", key="search_delete"):
            search.delete()
            st.rerun()


def _stop(search: Search) -> None:
    with errors_in_words():
        search.stop()


def _go_on(search: Search, trials: int | None = None) -> None:
    with errors_in_words():
        if trials is not None:
            search.extend(trials)
        search.resume()
