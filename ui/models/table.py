"""Models: the list of them, with the figures of their cards; who is chosen there is shown below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from fer.bundles import Bundle, default_model, list_bundles
from fer.errors import BundleError
from fer.training.prepare import LABELS_HEAD, VOTES_HEAD
from ui.state import active_model, read_bundle
from ui.words import percent, plain, plus_minus

CHOSEN_KEY = "models_chosen"


def models_table() -> str | None:
    """The table; the name of the model that is chosen in it, the active one at first. None where there is none."""
    names = list_bundles()
    if not names:
        return None
    rows = [_row(name) for name in names]
    picked = st.dataframe(
        rows,
        hide_index=True,
        key=f"models_table_{'_'.join(names)}",  # rows mean other models where one has come or gone
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [_shown_first(names)]}},
        column_config={
            "size": st.column_config.NumberColumn(format="%.1f MB", help="Of the file that answers."),
            "parameters": st.column_config.NumberColumn(format="%.2f M"),
            "accuracy": st.column_config.TextColumn(
                help="On the validation part that chose the epoch, with its 95 % interval and the number of classes."
            ),
            "accuracy on FER+": st.column_config.TextColumn(
                help="Strict protocol: images of which more than half of the taggers agree. With its 95 % interval."
            ),
        },
    )
    (row,) = picked["selection"]["rows"] or [0]
    return names[row]


def _shown_first(names: list[str]) -> int:
    wished = st.session_state.pop(CHOSEN_KEY, None) or active_model()
    return names.index(wished) if wished in names else 0


def _row(name: str) -> dict[str, Any]:
    try:
        bundle = read_bundle(name)
    except BundleError:
        return {"name": name, "recipe": "damaged"}
    card = bundle.card
    return {
        "name": name,
        "default": "★" if name == default_model() else "",
        "accuracy": _accuracy(bundle, LABELS_HEAD),
        "accuracy on FER+": _accuracy(bundle, VOTES_HEAD),
        "size": file_size(bundle.network_path) / 1e6,
        "parameters": None if card["parameters"] is None else card["parameters"] / 1e6,
        "recipe": "made elsewhere" if bundle.is_foreign else card["recipe"],
        "learned from": "not known" if bundle.is_foreign else plain(str(card["data"]["name"])),
        "made": str(card["created"])[:10],
    }


def _accuracy(bundle: Bundle, head: str) -> str:
    """Of a head on the validation part: `69.7 % ± 1.5, 7 classes`; empty where there is no such head."""
    for row in bundle.card["heads"]:
        if row["name"] == head and "validation" in row:
            figures = row["validation"]
            return f"{percent(figures['accuracy'])} {plus_minus(figures['accuracy_ci95'])}, {len(row['labels'])} classes"
    return ""


def file_size(path: Path) -> int:
    """Bytes of a file."""
    return path.stat().st_size
