"""Models: one of them, with what its card says and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from fer.bundles import Bundle, default_model, list_bundles
from fer.errors import BundleError
from fer.model_folder import delete_bundle, rename_bundle, set_default_model
from ui.models.export import export_panel
from ui.models.table import CHOSEN_KEY, file_size
from ui.popover import close_popover, closing_popover
from ui.state import active_model, choose_model
from ui.words import errors_in_words, plain, show_error

_RENAME_KEY, _DELETE_KEY = "models_rename", "models_delete"


def details(bundle: Bundle) -> None:
    """What can be done with a model, its card, and its files to take away."""
    _actions(bundle)
    card, export, files = st.tabs(["Card", "Export", "Files"])
    with card:
        # Its own title is the heading above. A picture in it would be fetched from wherever the one who packed the model says.
        text = (bundle.path / "README.md").read_text(encoding="utf-8", errors="replace")
        _card(text.partition("\n")[2].replace("![", "!\\["))
    with export:
        export_panel(bundle)
    with files:
        _files(bundle)


def _card(text: str) -> None:
    """A card's Markdown, its tables apart: they scroll sideways where they have no room, which those of Markdown do not."""
    for is_table, lines in groupby(text.splitlines(), key=lambda line: line.startswith("|")):
        if is_table:
            st.dataframe(table_rows(list(lines)), hide_index=True, height="content")
        else:
            st.markdown("\n".join(lines), width=860)


def table_rows(lines: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a Markdown table; where two columns have one name, the second is told from it by the new name before it."""
    head, _, *rows = ([cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines)
    names: list[str] = []
    newest = ""
    for name in head:
        newest = newest if name in names else name
        names.append(f"{newest}: {name}" if name in names else name)
    return [dict(zip(names, row, strict=False)) for row in rows]


def _actions(bundle: Bundle) -> None:
    name = bundle.name
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(name), anchor=False, width="content")
        if name == active_model():
            st.badge("active", icon=":material/check:", color="green")
        if name == default_model():
            st.badge("default", icon=":material/star:", color="blue")
        st.space("stretch")
        if name != active_model():
            st.button("Use it", icon=":material/check:", key="models_use", type="primary", on_click=choose_model, args=(name,))
        if name != default_model() and st.button(
            "Make it the default",
            icon=":material/star:",
            key="models_default",
            help="It then answers wherever none is named: in new sessions, on the command line and in programs.",
        ):
            with errors_in_words():
                set_default_model(name)
                st.session_state[CHOSEN_KEY] = name
                st.rerun()
        with closing_popover("Rename", key=_RENAME_KEY, icon=":material/edit:"):
            _rename(name)
        with closing_popover("Delete", key=_DELETE_KEY, icon=":material/delete:"):
            _delete(name)


def damaged(name: str, error: BundleError) -> None:
    """Why a model cannot be opened, and the way to be rid of it."""
    show_error(error)
    with closing_popover("Delete", key=_DELETE_KEY, icon=":material/delete:"):
        _delete(name)


def _rename(name: str) -> None:
    new = st.text_input("New name", value=name, max_chars=64, key=f"models_new_name_{name}").strip()
    if st.button("Rename it", type="primary", key="models_rename_now", disabled=not new or new == name):
        with errors_in_words():
            rename_bundle(name, new)
            if active_model() == name:
                choose_model(new)
            st.session_state[CHOSEN_KEY] = new
            close_popover(_RENAME_KEY)
            st.rerun()


def _delete(name: str) -> None:
    st.markdown(f"Delete **{plain(name)}** for good? The run that it was made of stays, and so do reports about it.")
    if len(list_bundles()) == 1:
        st.caption("It is the only model: without it, nothing can be predicted until another is trained or imported.")
    if st.button("Delete the model", icon=":material/delete_forever:", key="models_delete_now"):
        with errors_in_words():
            delete_bundle(name)
            close_popover(_DELETE_KEY)
            st.rerun()


def _files(bundle: Bundle) -> None:
    rows = [
        {"file": path.name, "size": file_size(path) / 1e6, "what it is": _MEANINGS.get(path.name, "")}
        for path in sorted(bundle.path.iterdir())
        if path.is_file()
    ]
    st.dataframe(rows, hide_index=True, column_config={"size": st.column_config.NumberColumn(format="%.2f MB")})
    st.caption(f"In {plain(str(bundle.path))}. Identity (sha256 of SHA256SUMS): {bundle.sha256}")


_MEANINGS = {
    "card.json": "everything that prediction needs to know, and how the model was made and measured",
    "model.litert": "the network that answers",
    "model.onnx": "the network that answers",
    "model.keras": "the same network for Keras, to train on with",
    "README.md": "the card for people",
    "SHA256SUMS": "hashes of the files, checked whenever the model is opened",
}
