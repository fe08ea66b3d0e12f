"""The sidebar under the navigation: which dataset and which model are active, and where they are changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fer.bundles import list_bundles
from fer.errors import DataError, FerError
from fer.workspace import workspace_dir
from ui.cleaning import cleaning_words
from ui.popover import close_popover, closing_popover
from ui.state import (
    DatasetChoice,
    active_choice,
    active_model,
    choose_dataset,
    choose_model,
    dataset_shelf,
    progress_on,
)
from ui.words import count, counted, show_error

_POPOVER = "dataset_popover"
_SOURCES = {"synthetic": "Synthetic", "path": "On this machine", "upload": "Upload", "kaggle": "Kaggle"}


def draw_sidebar() -> None:
    """The active dataset and model, each with its way to change it."""
    with st.sidebar:
        _dataset_section()
        st.space("small")
        _model_section()


def _dataset_section() -> None:
    choice = active_choice()
    dataset = dataset_shelf().peek(choice)
    st.caption("Dataset")
    with st.container(gap=None):
        st.markdown(f"**{choice.title}**")
        st.caption(f"{counted(len(dataset), 'image')} · {len(dataset.label_set)} classes" if dataset else "Not read yet")
        if dataset and (words := cleaning_words(dataset)):
            st.caption(words)
    with closing_popover("Change dataset", key=_POPOVER, icon=":material/database:", stretch=True):
        _dataset_chooser()


def _dataset_chooser() -> None:
    kind = st.segmented_control(
        "Where from", list(_SOURCES), default="synthetic", required=True, format_func=_SOURCES.__getitem__, key="dataset_kind"
    )
    wanted = {"synthetic": _synthetic_form, "path": _path_form, "upload": _upload_form, "kaggle": _kaggle_form}[
        kind or "synthetic"
    ]()
    if st.button("Open", type="primary", icon=":material/folder_open:", key="dataset_open", disabled=wanted is None) and wanted:
        bar = st.progress(0.0, "Reading")
        try:
            choose_dataset(wanted(), progress_on(bar))
        except FerError as error:
            bar.empty()
            show_error(error)
        else:
            close_popover(_POPOVER)
            st.rerun()


Wanted = Callable[[], DatasetChoice] | None


def _synthetic_form() -> Wanted:
    n = st.number_input("Images", 80, 50_000, 2_000, step=500, key="synthetic_n")
    st.caption("Faces drawn by this program, eight expressions, no download.")
    return lambda: DatasetChoice("synthetic" if n == 2_000 else f"synthetic:{n}")


def _path_form() -> Wanted:
    source = st.text_input("Folder, archive or CSV", placeholder="~/data/fer2013.zip", key="dataset_path").strip()
    ferplus = _ferplus_field("path_ferplus")
    return (lambda: DatasetChoice(_absolute(source), ferplus)) if source else None


def _upload_form() -> Wanted:
    upload = st.file_uploader("A ZIP with a folder a class", type=["zip"], key="dataset_upload")
    ferplus = _ferplus_field("upload_ferplus")
    return (lambda: DatasetChoice(str(_keep_upload(upload)), ferplus)) if upload else None


def _kaggle_form() -> Wanted:
    name = st.text_input("Name on Kaggle", placeholder="msambare/fer2013", key="dataset_kaggle").strip()
    st.caption("Public sets need no account. The download goes to this machine's cache.")
    return (lambda: DatasetChoice(f"kaggle:{name}")) if name else None


def _ferplus_field(key: str) -> str | None:
    path = st.text_input(
        "FER+ votes (CSV, optional)",
        key=key,
        help="`fer2013new.csv`: ten votes an image, joined by the row number in the file names.",
    ).strip()
    return _absolute(path) if path else None


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _keep_upload(upload: UploadedFile) -> Path:
    """Write an upload into the workspace once; its name carries its content's hash.

    Raises:
        DataError: the workspace cannot be written.
    """
    content = upload.getbuffer()
    stem = re.sub(r"[^\w.-]+", "-", Path(upload.name).stem)[:60] or "upload"
    path = workspace_dir() / "datasets" / f"{stem}-{hashlib.sha256(content).hexdigest()[:8]}.zip"
    part = path.with_suffix(".part")
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DataError(
            f"The upload could not be kept in {path.parent}: {error.strerror}. Free some space, or set FER_WORKSPACE."
        ) from error
    return path


def _model_section() -> None:
    st.caption("Model")
    names = list_bundles()
    name = active_model()
    if name is None:
        st.markdown("None yet")
        st.page_link("pages/train.py", label="Train one", icon=":material/model_training:")
        return
    picked = st.selectbox(
        "Model", names, index=names.index(name), label_visibility="collapsed", help=f"{count(len(names))} on this machine"
    )
    if picked != name:
        choose_model(picked)
        st.rerun()
