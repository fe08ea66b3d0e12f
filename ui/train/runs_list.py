"""All runs in a table: what is chosen there is renamed, noted, deleted, or, where it is more than one, compared."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import streamlit as st

from fer.errors import RunError
from fer.recipes.describe import setting_fields
from fer.training import Run, RunNotes, enqueue
from fer.training.history import best_row
from ui.tables import csv_text
from ui.theme import coloured
from ui.train.charts import RUN_COLOURS, compared_options
from ui.train.run_panel import RESUMABLE, RUN_KEY, STATES, created, data_name
from ui.words import counted, errors_in_words, percent, plain

Row = dict[str, object]  # by column of the table

_MOST_COMPARED = len(RUN_COLOURS)
_ASKED = "run_delete_asked"  # in the session: ids of the runs that may be deleted after a second word
# A list that is longer can be searched.
_SEEN_AT_ONCE = 8


def runs_list(runs: Sequence[Run]) -> None:
    """The table of all runs, newest first, and what can be done with those that are chosen."""
    rows = [(run, _table_row(run)) for run in runs]
    if len(runs) > _SEEN_AT_ONCE:
        rows = _found(rows)
        if not rows:
            st.caption("None of the runs is like that.")
            return
    runs, table = [run for run, _ in rows], [row for _, row in rows]
    picked = st.dataframe(
        table,
        hide_index=True,
        key=table_key(runs),
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "epochs": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "best on validation": st.column_config.NumberColumn(format="%.1f %%"),
        },
    )
    chosen = [runs[row] for row in picked["selection"]["rows"] if row < len(runs)]
    if not chosen:
        st.caption("Choose a run to rename, note or delete it; choose several to compare them.")
    with errors_in_words():
        if len(chosen) == 1:
            _notes_form(chosen[0])
        elif chosen:
            compare_runs(chosen[:_MOST_COMPARED])
            if len(chosen) > _MOST_COMPARED:
                st.caption(f"The first {_MOST_COMPARED} of {counted(len(chosen), 'run')} are compared.")
        if chosen:
            with st.container(horizontal=True):
                if len(chosen) == 1:
                    st.button("Show", icon=":material/visibility:", on_click=_show, args=(chosen[0],), key="run_show")
                _resume_button([run for run, row in rows if run in chosen and row["status"] in RESUMABLE])
                asked = _delete_button(chosen)
            if asked:
                _delete_question(chosen)


def table_key(runs: Sequence[Run]) -> str:
    """Another for other runs, in which the rows that were chosen would mean others."""
    return f"runs_table_{crc32(' '.join(run.id for run in runs).encode())}"


def _found(rows: Sequence[tuple[Run, Row]]) -> list[tuple[Run, Row]]:
    """Those that hold every word that is searched for, and have one of the states that are asked for."""
    there = {row["status"] for _, row in rows}
    with st.container(horizontal=True, vertical_alignment="center"):
        words = st.text_input(
            "Find runs",
            placeholder="Name, tag, recipe or data",
            key="runs_find",
            icon=":material/search:",
            width=280,
            label_visibility="collapsed",
        )
        states = st.pills(
            "Status",
            [state for state in STATES if state in there],
            selection_mode="multi",
            key="runs_status",
            label_visibility="collapsed",
        )
    return [
        (run, row)
        for run, row in rows
        if (not states or row["status"] in states) and all(word in _searched(run, row) for word in words.lower().split())
    ]


def _searched(run: Run, row: Row) -> str:
    return f"{run.id} {row['run']} {row['recipe']} {row['data']} {row['tags']}".lower()


def _table_row(run: Run) -> Row:
    try:
        epochs, notes = run.epoch_rows(), run.notes
        return {
            "run": notes.title or run.id,
            "recipe": run.recipe_name,
            "data": data_name(run),
            "status": run.status,
            "epochs": min(len(epochs) / max(run.epochs_total, 1), 1.0),
            "best on validation": max((100 * row["val_accuracy"] for row in epochs), default=None),
            "tags": notes.tags,
        }
    except RunError:
        return {
            "run": run.id,
            "recipe": "",
            "data": "",
            "status": "damaged",
            "epochs": 0.0,
            "best on validation": None,
            "tags": "",
        }


def _notes_form(run: Run) -> None:
    notes = run.notes
    with st.form(f"notes_{run.id}", border=False):
        left, right = st.columns(2)
        title = left.text_input("Name", notes.title, placeholder=run.id)
        tags = right.text_input("Tags", notes.tags, placeholder="baseline, cleaned")
        text = st.text_area("Notes", notes.notes, placeholder="What was tried, and why")
        if st.form_submit_button("Keep", icon=":material/check:"):
            run.annotate(RunNotes(title.strip(), tags.strip(), text.strip()))
            st.rerun()


def _show(run: Run) -> None:
    st.session_state[RUN_KEY] = run.id


def _resume_button(runs: Sequence[Run]) -> None:
    if runs:
        words = "Resume" if len(runs) == 1 else f"Resume {len(runs)}, one after the other"
        st.button(words, icon=":material/schedule:", on_click=_enqueue, args=(runs,), key="runs_queue")


def _enqueue(runs: Sequence[Run]) -> None:
    with errors_in_words():
        for run in reversed(runs):  # the oldest first, as they were asked for
            enqueue(run)


def _delete_button(runs: Sequence[Run]) -> bool:
    """Returns whether it was pressed for these very runs."""
    ids = [run.id for run in runs]
    if st.session_state.get(_ASKED) == ids:
        return True
    words = "Delete this run" if len(runs) == 1 else f"Delete these {len(runs)} runs"
    if st.button(words, icon=":material/delete:", key="run_delete"):
        st.session_state[_ASKED] = ids
        st.rerun()
    return False


def _delete_question(runs: Sequence[Run]) -> None:
    st.warning(
        f"{counted(len(runs), 'run')} with weights, curves and notes would be gone for good; models made of them stay.",
        icon=":material/delete_forever:",
    )
    with st.container(horizontal=True):
        sure = st.button("Delete for good", type="primary", key="run_delete_sure")
        if st.button("Keep", key="run_delete_not") or sure:
            del st.session_state[_ASKED]
            if sure:
                for run in runs:
                    run.delete()
            st.rerun()


def compare_runs(runs: Sequence[Run]) -> None:
    """Curves laid over each other, results side by side, and the settings in which the runs differ."""
    names = [f"{number} {run.notes.title or run.id}" for number, run in enumerate(runs, 1)]
    legend = " · ".join(coloured(f"**{plain(name)}**", colour) for name, colour in zip(names, RUN_COLOURS, strict=False))
    st.markdown(legend)
    rows = [run.epoch_rows() for run in runs]
    with st.grid(2, min_column_width=380):
        for measure, shares in (("val_accuracy", True), ("val_loss", False)):
            with st.container(gap=None):
                st.markdown(f"**Validation {'accuracy' if shares else 'loss'}**")
                curves = {name: [(row["epoch"], row[measure]) for row in run] for name, run in zip(names, rows, strict=True)}
                st.echarts_chart(compared_options(measure, curves, shares=shares), height=280, key=f"compared_{measure}")
    results = [_result(name, run) for name, run in zip(names, runs, strict=True)]
    st.dataframe(results, hide_index=True)
    differing = differing_settings(runs)
    if differing:
        st.markdown("**Settings that differ**")
        st.dataframe(
            [{"setting": key, **dict(zip(names, values, strict=True))} for key, values in differing.items()], hide_index=True
        )
    else:
        st.caption("Their settings are the same.")
    st.download_button("Download results (CSV)", csv_text(results), "runs.csv", "text/csv", icon=":material/download:")


def _result(name: str, run: Run) -> dict[str, object]:
    rows = run.epoch_rows()
    best = best_row(rows, run.settings.training.monitor) if rows else {}
    return {
        "run": name,
        "data": data_name(run),
        "started": f"{created(run):%d %b %H:%M}",
        "best epoch": best.get("epoch"),
        "validation": percent(best["val_accuracy"]) if best else "–",
        "votes": percent(best["val_votes_accuracy"]) if "val_votes_accuracy" in best else "–",
        "train": percent(best["accuracy"]) if best else "–",
        "validation loss": round(best["val_loss"], 4) if best else None,
        "minutes": round(sum(row["seconds"] for row in rows) / 60, 1),
    }


def differing_settings(runs: Sequence[Run]) -> dict[str, list[str]]:
    """By key, the values of all settings in which the runs are not alike; `–` where a network has no such setting."""
    tables = [
        {"recipe": run.recipe_name, "data": data_name(run), "network.architecture": run.settings.architecture}
        | {field.key: field.text for field in setting_fields(run.settings)}
        for run in runs
    ]
    keys = dict.fromkeys(key for table in tables for key in table)
    values = {key: [table.get(key, "–") for table in tables] for key in keys}
    return {key: row for key, row in values.items() if len(set(row)) > 1}
