"""Train: a recipe and the active dataset become a run, shown live; it goes on when the page is closed."""

import streamlit as st

from fer.errors import FerError
from fer.training import Run, list_runs
from fer.training.queue import queued_runs, start_next
from ui.popover import close_popover, closing_popover
from ui.state import active_model, read_bundle
from ui.theme import page_header
from ui.train.form import run_form
from ui.train.queue_panel import queue_popover
from ui.train.run_panel import RUN_KEY, history_charts, run_panel, run_titles
from ui.train.runs_list import runs_list
from ui.train.search import search_view
from ui.train.view import views
from ui.words import errors_in_words, percent, plain

POPOVER = "run_popover"


def shown_run(runs: list[Run]) -> Run:
    """The run that is looked at: the one chosen, else one that is going, else the newest."""
    by_id = {run.id: run for run in runs}
    if st.session_state.get(RUN_KEY) not in by_id:
        st.session_state[RUN_KEY] = next((run.id for run in runs if run.is_active), runs[0].id)
    if len(runs) > 1:
        titles = run_titles(runs)
        st.selectbox("Run", list(by_id), format_func=lambda key: titles[key], key=RUN_KEY)
    return by_id[st.session_state[RUN_KEY]]


def example_history() -> None:
    """With no run yet: how the active model was trained, from its card."""
    name = active_model()
    try:
        training = read_bundle(name).card.get("training", {}) if name else {}
    except FerError:
        training = {}
    if not training.get("history"):
        st.info("Nothing has been trained here yet. Start a run: its curves grow here.", icon=":material/show_chart:")
        return
    best = max(training["history"], key=lambda row: row["val_accuracy"])
    st.subheader(f"How {plain(name or '')} was trained", anchor=False)
    st.caption(
        f"Nothing has been trained here yet. This is the history of the active model: {percent(best['val_accuracy'])} "
        f"of the validation images right at epoch {best['epoch']}, after {training['hours']:g} hours in all."
    )
    history_charts(training["history"], [], training["epochs"], key="card")


def runs_view() -> None:
    """A new run, the run that is looked at, and the list of all."""
    with errors_in_words():
        start_next()  # where the training process that should have done it was killed
    runs = list_runs()
    waiting = queued_runs()
    if waiting or any(run.is_active for run in runs):  # what goes on comes first, and fills the page
        row, result = st.container(horizontal=True, vertical_alignment="bottom"), st.container()
        chooser = row.container()
        with row:
            form = closing_popover("New run", key=POPOVER, icon=":material/add:")
            if waiting:
                queue_popover(waiting)
    else:
        form, result = st.columns([2, 5], gap="large")
        chooser = result
    with form:
        started = run_form()
    if started:
        if started.place is None:
            st.session_state[RUN_KEY] = started.id
        else:  # what is going stays in view
            st.toast(f"{plain(started.id)} waits in the queue.", icon=":material/schedule:")
        close_popover(POPOVER)
        st.rerun()
    if runs:
        with chooser:
            run = shown_run(runs)
        with result:
            run_panel(run)
            with st.expander(f"All runs ({len(runs)})", key="all_runs"):
                runs_list(runs)
    else:
        with result:
            example_history()


page_header("Train", "A recipe and the active dataset become a run, which goes on when this page is closed.")
runs_tab, search_tab = views()
if runs_tab.open:
    with runs_tab:
        runs_view()
if search_tab.open:
    with search_tab:
        search_view()
