"""The form of a new run: a recipe, the settings that matter most, and the same as a command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from fer.errors import FerError
from fer.recipes import Recipe, list_recipes
from fer.recipes.settings import PRECISIONS
from fer.training import Run, start_run
from ui.cleaning import cleaning_toggle
from ui.state import DatasetChoice, active_choice
from ui.words import percent, plain, show_error

_CLEANING = "What Explore's audit has led to: images dropped, relabelled or moved. The run keeps a copy of the list as it is now."


def run_form() -> Run | None:
    """Draw the form; returns the run that it has just started."""
    recipes = {recipe.name: recipe for recipe in list_recipes()}
    name = st.selectbox(
        "Recipe", list(recipes), format_func=lambda key: recipes[key].title, key="recipe", persist_state="session"
    )
    recipe = recipes[name or next(iter(recipes))]
    st.caption(recipe.summary)
    if "accuracy" in recipe.reported:
        st.caption(f"The original reported {percent(recipe.reported['accuracy'])} accuracy.")
    overrides = _overrides(recipe)
    choice = active_choice()
    cleaning = cleaning_toggle("run_cleaning", default=True, explained=_CLEANING)
    try:
        recipe.with_overrides(overrides)
    except FerError as error:
        show_error(error)
        return None
    started = None
    if st.button("Start training", type="primary", icon=":material/play_arrow:", width="stretch", key="run_start"):
        try:
            started = start_run(recipe, choice.source, overrides=overrides, ferplus=choice.ferplus, cleaning=cleaning)
        except FerError as error:
            show_error(error)
    st.caption(f"On **{plain(choice.title)}**, the active dataset. The same on the command line:")
    st.code(command_line(recipe, choice, overrides, cleaning), language="bash")
    return started


def _overrides(recipe: Recipe) -> dict[str, str]:
    """The settings that differ from the recipe's, as `--set` would take them."""
    training = recipe.settings.training
    key = f"setting_{recipe.name}_"  # each recipe keeps its own entries
    left, right = st.columns(2)
    epochs = left.number_input("Epochs", 1, 10_000, training.epochs, key=f"{key}epochs")
    batch_size = right.number_input("Batch size", 1, 4_096, training.batch_size, key=f"{key}batch")
    rate = left.number_input(
        "Learning rate", 1e-6, 10.0, training.learning_rate, format="%g", step=training.learning_rate / 2, key=f"{key}rate"
    )
    seed = right.number_input("Seed", 0, 2**31 - 1, training.seed, key=f"{key}seed")
    with st.expander("More settings"):
        stopping = st.number_input(
            "Stop early after epochs without a better validation loss",
            0,
            1_000,
            training.early_stopping,
            help="0 never stops early.",
            key=f"{key}stop",
        )
        precision = st.selectbox("Precision", PRECISIONS, PRECISIONS.index(training.precision), key=f"{key}precision")
        lines = st.text_area(
            "Any other setting, one a line", placeholder="training.weight_decay=1e-4\ndata.classes=happy,sad", key=f"{key}other"
        )
    wished: Mapping[str, tuple[object, object]] = {
        "epochs": (epochs, training.epochs),
        "batch_size": (batch_size, training.batch_size),
        "learning_rate": (rate, training.learning_rate),
        "seed": (seed, training.seed),
        "early_stopping": (stopping, training.early_stopping),
        "precision": (precision, training.precision),
    }
    changed = {
        name: f"{value:g}" if isinstance(value, float) else str(value)
        for name, (value, usual) in wished.items()
        if value != usual
    }
    return changed | _other_settings(lines)


def _other_settings(lines: str) -> dict[str, str]:
    pairs = [line.partition("=") for line in lines.splitlines() if line.strip()]
    # A line without "=" is left for the recipe to refuse, which lists the settings that there are.
    return {name.strip(): value.strip() for name, _, value in pairs}


def command_line(recipe: Recipe, choice: DatasetChoice, overrides: Mapping[str, str], cleaning: Path | None = None) -> str:
    """What to type to train the same, an option a line."""
    options = [("--recipe", recipe.name), ("--data", choice.source)]
    if choice.ferplus:
        options.append(("--ferplus", choice.ferplus))
    if cleaning:
        options.append(("--cleaning", str(cleaning)))
    options += [("--set", f"{name}={value}") for name, value in overrides.items()]
    return " \\\n  ".join(["python -m fer train", *map(shlex.join, options)])
