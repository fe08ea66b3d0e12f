"""The form of a new search: a recipe, what is varied, how many trials, and the same as a command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from fer.errors import FerError
from fer.recipes import Settings
from fer.recipes.describe import setting_fields
from fer.training.search import TRIALS, Search, create_search
from fer.training.search_space import Varied, default_space, offered_space, read_space
from ui.cleaning import cleaning_toggle
from ui.state import active_choice
from ui.train.form import chosen_recipe, command_line
from ui.train.settings_form import setting_label, settings_form
from ui.words import count, plain, show_error

# A search compares; the best settings are trained for longer afterwards.
_EPOCHS = 10
_CLEANING = "What Explore's audit has led to: images dropped, relabelled or moved. All trials see the list as it is now."
_RANGES = (
    "From one number to another (`0..0.5`), over the orders of magnitude (`1e-4..1e-2:log`), or one of several (`32,64,128`; "
    "with `|` where a value has commas). They take the place of the usual ones."
)
_EXAMPLES = "learning_rate=1e-4..1e-2:log\nbatch_size=32,64,128\nema=0.9..0.999"


def search_form() -> Search | None:
    """Draw the form; returns the search that it has just started."""
    recipe = chosen_recipe()
    st.caption(recipe.summary)
    key = f"search_{recipe.name}_"  # each recipe keeps its own entries
    left, right = st.columns(2)
    trials = left.number_input("Trials", 2, 1_000, TRIALS, key="search_trials", help="Trainings in all, one after the other.")
    epochs = right.number_input(
        "Epochs a trial", 1, 10_000, min(_EPOCHS, recipe.settings.training.epochs), key=f"{key}epochs", help="At most."
    )
    offered = {varied.key: varied for varied in offered_space(recipe.settings)}
    names = {field.key: setting_label(field) for field in setting_fields(recipe.settings)}
    st.markdown("Settings to vary", help="Each between sensible ends around the recipe's own value, shown in the command below.")
    usual = default_space(recipe.settings)
    with st.grid(2, min_column_width=140, gap="xsmall"):
        chosen = [name for name, varied in offered.items() if st.checkbox(names[name], varied in usual, key=f"{key}{name}")]
    with st.expander("Ranges of your own", key="search_ranges"):
        own = st.text_area("One setting a line", placeholder=_EXAMPLES, key=f"{key}ranges", help=_RANGES)
    with st.expander("All other settings", key="search_settings"):
        overrides = {"epochs": str(epochs), **settings_form(recipe, shown=("training.epochs",))}
    choice = active_choice()
    cleaning = cleaning_toggle("search_cleaning", default=True, explained=_CLEANING)
    try:
        vary = _with_own_ranges(offered, chosen, own, recipe.with_overrides(overrides).settings)
    except FerError as error:
        show_error(error)
        return None
    started = None
    if st.button("Start the search", type="primary", icon=":material/manage_search:", width="stretch", key="search_start"):
        try:
            made = create_search(
                recipe,
                choice.source,
                overrides=overrides,
                vary=vary,
                trials=trials,
                ferplus=choice.ferplus,
                cleaning=cleaning,
            )
            made.launch()
            started = made
        except FerError as error:
            show_error(error)
    st.caption(
        f"At most {count(trials * epochs)} epochs on **{plain(choice.title)}**, the active dataset; trials that lag are stopped "
        "early. The same on the command line:"
    )
    more = [*(("--vary", text) for text in vary), ("--trials", str(trials))]
    st.code(command_line(recipe, choice, overrides, cleaning, verb="search", more=more), language="bash", wrap_lines=True)
    return started


def _with_own_ranges(offered: Mapping[str, Varied], chosen: Iterable[str], own: str, settings: Settings) -> list[str]:
    """What varies, as `--vary` takes it: what was chosen, and the user's own ranges, which come first.

    Raises:
        SettingsError: a range cannot be read, or does not fit.
    """
    lines = [line.strip() for line in own.splitlines() if line.strip()]
    keys = {varied.key for varied in read_space(lines, settings)}
    # Without the section: the names that are offered stand in one section each.
    usual = [offered[key].text.partition(".")[2] for key in chosen if key not in keys]
    read_space(usual, settings)
    return lines + usual
