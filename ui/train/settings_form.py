"""Every setting of a recipe as a form: one tab a section, drawn from what the library says of its settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from fer.errors import FerError
from fer.preprocessing import equalise_image
from fer.recipes import Recipe
from fer.recipes.describe import SettingField, setting_fields
from ui.state import active_choice, dataset_shelf
from ui.tiles import tile
from ui.words import show_error

_TITLES: Mapping[str, str] = {
    "data": "Data",
    "preprocessing": "Input",
    "augmentation": "Variation",
    "network": "Network",
    "training": "Training",
    "serving": "Serving",
}
_FACES, _WAYS = 4, 3
# Words that a name alone does not make.
_LABELS: Mapping[str, str] = {
    "data.rejects": "Pictures without a face",
    "data.labels_from": "Labels of",
    "data.overfeed": "Overfeed a class",
    "preprocessing.equalise": "Histogram equalisation",
    "training.ema": "Average of weights (EMA)",
    "training.monitor": "Best epoch by",
    "training.frozen": "Frozen share of the trunk",
    "serving.mirror": "Mirror image too",
}


def settings_form(recipe: Recipe, shown: tuple[str, ...] = ()) -> dict[str, str]:
    """Draw the settings of a recipe; returns those that differ from it, as `--set` takes them.

    Args:
        recipe: whose values the fields begin with; each recipe keeps its own entries.
        shown: keys of settings that stand elsewhere, and not here.
    """
    by_section: dict[str, list[SettingField]] = {section: [] for section in _TITLES}
    for field in setting_fields(recipe.settings):
        if field.key not in shown:
            by_section[field.section].append(field)
    changed: dict[str, str] = {}
    for tab, fields in zip(st.tabs(list(_TITLES.values())), by_section.values(), strict=True):
        with tab, st.grid(2, min_column_width=150):
            for field in fields:
                text = _widget(field, f"setting_{recipe.name}_{field.key}")
                if text != field.text:
                    changed[field.key] = text
    return changed


def variation_preview(recipe: Recipe, overrides: Mapping[str, str]) -> None:
    """Faces of the active dataset as training would see them: each is varied in three ways."""
    dataset = dataset_shelf().peek(active_choice())
    try:
        settings = recipe.with_overrides(overrides).settings
    except FerError:
        return  # the form says what does not fit
    if dataset is None or not len(dataset):
        st.caption("Open the dataset (Explore) to see how images are varied.")
        return
    st.markdown("**As training sees them**")
    rng = np.random.default_rng(st.session_state.setdefault("variation_seed", 0))
    rows = np.random.default_rng(0).integers(0, len(dataset), _FACES)
    images = dataset.images.batch(rows, settings.preprocessing.size, settings.preprocessing.channels)
    shown = np.concatenate([images, *(settings.augmentation.apply(images, rng) for _ in range(_WAYS))])
    if settings.preprocessing.equalise != "none":
        shown = np.stack([equalise_image(image, settings.preprocessing.equalise) for image in shown])
    with st.grid(_FACES, min_column_width=44, gap="xsmall"):
        for number, image in enumerate(shown):
            picture = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
            what = "As it is" if number < _FACES else "Varied"
            st.image(
                tile(picture, 96), width="stretch", output_format="PNG", alt=f"{what}: {dataset.names[rows[number % _FACES]]}"
            )
    if st.button("Vary again", icon=":material/casino:", key="variation_again", type="tertiary"):
        st.session_state["variation_seed"] += 1
        st.rerun()


def _widget(field: SettingField, key: str) -> str:
    """The field's widget; returns its value as `--set` takes it."""
    label, help_ = setting_label(field), f"`{field.key}`: {field.words}"
    value: Any = field.value
    if field.choices:
        return str(st.selectbox(label, field.choices, field.choices.index(value), key=key, help=help_))
    if field.kind is bool:
        return str(st.toggle(label, value, key=key, help=help_)).lower()
    if field.kind is int:
        return str(st.number_input(label, value=value, min_value=0, key=key, help=help_))
    # Rates span six orders of magnitude, and lists are short: both are typed as the command line takes them.
    return st.text_input(label, field.text, key=key, help=help_).strip()


def setting_label(field: SettingField) -> str:
    """What people call it."""
    return _LABELS.get(field.key) or re.sub("_", " ", field.name).capitalize()


def checked(recipe: Recipe, overrides: Mapping[str, str]) -> Recipe | None:
    """The recipe with these settings, or None after saying in words what does not fit."""
    try:
        return recipe.with_overrides(overrides)
    except FerError as error:
        show_error(error)
        return None
