"""Explore: what class weights, under- and over-sampling would each make of the training part, and how to train with them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from fer.data.dataset import SPLITS, UNSPLIT, Dataset
from fer.errors import FerError
from fer.quality.balance import METHODS, BalancedClass, balance
from ui.charts import PLOTLY_CONFIG
from ui.cleaning import cleaned, cleaning_path
from ui.explore.data_charts import balance_bars
from ui.state import DatasetChoice, active_choice
from ui.tables import csv_text
from ui.theme import plain_metric
from ui.words import count, counted, percent, plain, show_error

_TITLES = {
    "class_weights": "Class weights",
    "undersample": "Under-sampling",
    "oversample_median": "Over-sampling to the median",
    "oversample_largest": "Over-sampling to the largest",
}
_RECIPE = "compact"
_TOO_OFTEN = 5  # times an epoch from which images are rather learned by heart


@st.fragment
def draw(dataset: Dataset) -> None:
    """The view."""
    try:
        after_cleaning, summary = cleaned(dataset)
        split, counts = training_counts(after_cleaning)
        rows = balance(counts)
    except FerError as error:
        show_error(error)
        return
    method = st.pills(
        "Method", list(METHODS), default="oversample_median", required=True, format_func=_TITLES.__getitem__, key="balance_method"
    )
    chosen = [row for row in rows if row.method == method]
    st.subheader(balance_finding(chosen), anchor=False)
    whole = "train part" if split == SPLITS[0] else "whole set, which has no train part yet"
    decided = f", as the cleaning list leaves it ({count(summary.before - summary.after)} dropped)" if summary else ""
    st.caption(plain(f"{METHODS[method]}. Counted in the {whole}{decided}. Grey is how it stands now."))
    st.plotly_chart(balance_bars(chosen, dataset.label_set), config=PLOTLY_CONFIG, key="balance_bars")
    _figures(chosen)
    _training(method, counts, is_cleaned=summary is not None)
    _all_methods(rows, dataset.name)


def training_counts(dataset: Dataset) -> tuple[str, dict[str, int]]:
    """Images a class of what is learned from: the train part, or all where nothing has a split; and which of the two it is."""
    counts = dataset.counts()
    split = SPLITS[0] if SPLITS[0] in counts else UNSPLIT
    return split, counts.get(split, dict.fromkeys(dataset.label_set, 0))


def balance_finding(rows: list[BalancedClass]) -> str:
    """What a method does, in a sentence, of the class that it changes most: `Disgust would be seen 16 times an epoch`."""
    present = [row for row in rows if row.before]
    most = max(present, key=lambda row: row.repeats * row.weight)
    least = min(present, key=lambda row: row.repeats * row.weight)
    if most.share == most.before and least.share == least.before:
        return "The classes are equally large already: there is nothing to do"
    if any(row.weight != 1 for row in present):
        times = most.weight / least.weight
        return f"An image of {most.label} would count {_times(times)} as much as one of {least.label}"
    if most.repeats > 1:
        return f"Each image of {most.label} would be seen {_times(most.repeats)} an epoch"
    return f"{percent(1 - least.repeats, 0)} of {least.label} would be left out of an epoch"


def _times(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 3 else f"{ratio:.1f} times"


def _figures(rows: list[BalancedClass]) -> None:
    before, after = sum(row.before for row in rows), sum(row.after for row in rows)
    repeated = max(rows, key=lambda row: row.repeats)
    unused = sum(max(row.before - row.after, 0) for row in rows)
    with st.grid(3, min_column_width=190):
        plain_metric("Images an epoch", count(after), f"{count(before)} now", "What an epoch takes grows and falls with it.")
        often = "learned by heart: vary them well" if repeated.repeats > _TOO_OFTEN else repeated.label
        words = often if repeated.repeats > 1 else "none is repeated"
        plain_metric("Most repeated", f"{repeated.repeats:.1f} ×", words, "How often an epoch sees the images of one class.")
        words = f"{percent(unused / max(before, 1), 0)} of all" if unused else "all are seen"
        plain_metric("Left out of an epoch", count(unused), words, "Images that an epoch does not see.")


def training_command(method: str, choice: DatasetChoice, cleaning: Path | None) -> str:
    """The command line that trains with a method.

    Args:
        method: one of `METHODS`.
        choice: the data.
        cleaning: the list that it is seen through; None for none.
    """
    files = {"--data": choice.source, "--ferplus": choice.ferplus, "--cleaning": cleaning}
    given = " ".join(f"{option} {shlex.quote(str(value))}" for option, value in files.items() if value)
    return f"python -m fer train --recipe {_RECIPE} {given} --set balance={method}"


def _training(method: str, counts: Mapping[str, int], *, is_cleaned: bool) -> None:
    st.markdown("**Train with it**: `balance` in a recipe's section `[data]`, or on the command line")
    choice = active_choice()
    cleaning = cleaning_path(choice) if is_cleaned else None
    st.code(training_command(method, choice, cleaning), language="bash", wrap_lines=True)
    rare = [label for label, n in counts.items() if 0 < n < max(counts.values()) / _TOO_OFTEN]
    if rare:
        st.caption(
            f"Balanced accuracy usually gains by it, plain accuracy loses: {plain(', '.join(rare))} "
            f"{'is' if len(rare) == 1 else 'are'} rare where the score is measured, too. Compare both on Evaluate."
        )


def _all_methods(rows: list[BalancedClass], name: str) -> None:
    with st.expander(f"All {counted(len(METHODS), 'method')} in figures"):
        table = [
            {
                "method": _TITLES[row.method],
                "class": row.label,
                "images now": row.before,
                "images an epoch": row.after,
                "each seen": round(row.repeats, 2),
                "each counts": round(row.weight, 3),
            }
            for row in rows
        ]
        st.dataframe(table, hide_index=True)
        file = f"{name}-balance.csv".replace("/", "-")
        st.download_button("Download (CSV)", csv_text(table), file, "text/csv", icon=":material/download:")
