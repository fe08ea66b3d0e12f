"""The form of a new run: a recipe, the settings that matter most, and the same as a command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from fer.errors import FerError
from fer.recipes import Recipe, list_recipes, read_recipe, recipe_toml
from fer.training import Run, start_run
from fer.training.queue import is_free
from fer.training.suggest import FROM_SCRATCH, TRANSFER, Suggestion, suggest_recipe
from ui.cleaning import cleaning_toggle
from ui.state import DatasetChoice, active_choice, dataset_shelf
from ui.train.estimate import estimate_button
from ui.train.reported import reported_words
from ui.train.run_panel import history_charts
from ui.train.settings_form import checked, settings_form, variation_preview
from ui.words import plain, show_error

_SUGGESTED = "recipe_suggested"  # in the session: the recipe that was preselected last; another one is the user's choice
_CLEANING = "What Explore's audit has led to: images dropped, relabelled or moved. The run keeps a copy of the list as it is now."


def run_form() -> Run | None:
    """Draw the form; returns the run that it has just started."""
    recipe = chosen_recipe()
    st.caption(recipe.summary)
    if recipe.reported:
        st.caption(reported_words(recipe))
    if recipe.reported_curve:
        with st.expander("The curve that it reported"):
            history_charts([], [], len(recipe.reported_curve), key=f"reported_{recipe.name}", recipe=recipe)
    overrides = _overrides(recipe)
    choice = active_choice()
    cleaning = cleaning_toggle("run_cleaning", default=True, explained=_CLEANING)
    changed = checked(recipe, overrides)
    if changed is None:
        return None
    estimate_button(changed, choice, cleaning)
    started = None
    free = is_free()
    pressed, queue = _start_buttons(free)
    if pressed:
        try:
            started = start_run(
                recipe, choice.source, overrides=overrides, ferplus=choice.ferplus, cleaning=cleaning, queue=queue
            )
        except FerError as error:
            show_error(error)
    st.caption(f"On **{plain(choice.title)}**, the active dataset. The same on the command line:")
    st.code(command_line(recipe, choice, overrides, cleaning, more=() if free else [("--queue",)]), language="bash")
    st.download_button(
        "Save settings (TOML)",
        recipe_toml(changed),
        f"{recipe.name}.toml",
        "application/toml",
        icon=":material/download:",
        key="settings_file",
        help="A recipe of your own: open it here again, or train with --recipe FILE.",
    )
    return started


def _start_buttons(free: bool) -> tuple[bool, bool]:
    """Whether one was pressed, and whether the run is to wait for its turn, which comes at once where nothing is going."""
    if free:
        return st.button("Start training", type="primary", icon=":material/play_arrow:", width="stretch", key="run_start"), True
    with st.container(horizontal=True):
        waits = st.button("Add to the queue", type="primary", icon=":material/schedule:", width="stretch", key="run_start")
        at_once = st.button(
            "Start now", icon=":material/play_arrow:", key="run_start_now", help="Beside the one that is going: both get slower."
        )
    return waits or at_once, not at_once


def chosen_recipe() -> Recipe:
    """The recipe picked, or the user's own file in its place."""
    recipes = {recipe.name: recipe for recipe in list_recipes()}
    suggestion = _suggestion()
    name = st.selectbox(
        "Recipe", list(recipes), format_func=lambda key: recipes[key].title, key="recipe", persist_state="session"
    )
    if suggestion and name == suggestion.recipe == TRANSFER:
        st.caption(f"Chosen because {plain(suggestion.why)} The list has others.")
    with st.expander("Open a settings file"):
        upload = st.file_uploader("A recipe as TOML", type=["toml"], key="recipe_file", label_visibility="collapsed")
    if upload is not None:
        try:
            return read_recipe(upload.getvalue(), Path(upload.name).stem)
        except FerError as error:
            show_error(error)
    return recipes[name or next(iter(recipes))]


def _suggestion() -> Suggestion | None:
    """What suits the active dataset, preselected for who has not chosen otherwise; None where it has not been read yet."""
    dataset = dataset_shelf().peek(active_choice())
    suggestion = None if dataset is None else suggest_recipe(dataset)
    if st.session_state.get("recipe") in (None, st.session_state.get(_SUGGESTED)):
        st.session_state["recipe"] = st.session_state[_SUGGESTED] = suggestion.recipe if suggestion else FROM_SCRATCH
    return suggestion


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
    wished = {"epochs": epochs, "batch_size": batch_size, "learning_rate": rate, "seed": seed}
    changed = {name: str(value) for name, value in wished.items() if value != getattr(training, name)}
    everything = st.expander("All settings", key="all_settings", on_change="rerun")
    with everything:
        changed |= settings_form(recipe, shown=tuple(f"training.{name}" for name in wished))
        if everything.open:
            variation_preview(recipe, changed)
    return changed


def command_line(
    recipe: Recipe,
    choice: DatasetChoice,
    overrides: Mapping[str, str],
    cleaning: Path | None = None,
    *,
    verb: str = "train",
    more: Sequence[tuple[str, ...]] = (),
) -> str:
    """What to type to do the same, an option a line; `more` are options of that verb alone."""
    shipped = {known.name for known in list_recipes()}
    options = [("--recipe", recipe.name if recipe.name in shipped else f"{recipe.name}.toml"), ("--data", choice.source)]
    if choice.ferplus:
        options.append(("--ferplus", choice.ferplus))
    if cleaning:
        options.append(("--cleaning", str(cleaning)))
    options += [("--set", f"{name}={value}") for name, value in overrides.items()]
    return " \\\n  ".join([f"python -m fer {verb}", *map(shlex.join, [*options, *more])])
