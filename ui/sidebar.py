"""The sidebar under the navigation: which dataset and which model are active, and where they are changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fer.bundles import list_bundles
from fer.data.archives import MAX_MEMBERS
from fer.errors import DataError, FerError
from fer.files import replacing
from fer.images import MAX_IMAGE_BYTES
from fer.workspace import datasets_dir
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
Progress = Callable[[str, float], None]
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
        st.caption(
            f"{counted(len(dataset), 'image')} · {counted(len(dataset.label_set), 'class', 'classes')}"
            if dataset
            else "Not read yet"
        )
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
            wanted(progress_on(bar))
        except FerError as error:
            bar.empty()
            show_error(error)
        else:
            close_popover(_POPOVER)
            st.rerun()


Wanted = Callable[[Progress], object] | None


def _synthetic_form() -> Wanted:
    n = st.number_input("Images", 80, 50_000, 2_000, step=500, key="synthetic_n")
    st.caption("Faces drawn by this program, eight expressions, no download. About 2,000 a second.")
    choice = DatasetChoice("synthetic" if n == 2_000 else f"synthetic:{n}")
    return lambda progress: choose_dataset(choice, progress)


def _path_form() -> Wanted:
    source = st.text_input("Folder, archive or CSV", placeholder="~/data/fer2013.zip", key="dataset_path").strip()
    st.caption(
        "Class folders (`happy/1.png`, with or without `train`, `val`, `test` above), a ZIP or tar of those, FER2013's CSV, "
        "Parquet with images, or AffectNet."
    )
    ferplus = _ferplus_field("path_ferplus")
    return (lambda progress: choose_dataset(DatasetChoice(_absolute(source), ferplus), progress)) if source else None


def _upload_form() -> Wanted:
    st.caption(
        f"At most {st.get_option('server.maxUploadSize')} MB; the browser refuses more. At most {count(MAX_MEMBERS)} pictures of "
        f"{MAX_IMAGE_BYTES // 2**20} MB each. What is larger: copy it to this machine, and name it under *On this machine*."
    )
    upload = st.file_uploader("A ZIP with a folder a class", type=["zip"], key="dataset_upload")
    ferplus = _ferplus_field("upload_ferplus")
    return (lambda progress: _open_upload(upload, ferplus, progress)) if upload else None


def _kaggle_form() -> Wanted:
    name = st.text_input("Name on Kaggle", placeholder="msambare/fer2013", key="dataset_kaggle").strip()
    st.caption("Public sets need no account. The download goes to this machine's cache.")
    return (lambda progress: choose_dataset(DatasetChoice(f"kaggle:{name}"), progress)) if name else None


def _ferplus_field(key: str) -> str | None:
    path = st.text_input(
        "FER+ votes (CSV, optional)",
        key=key,
        help="`fer2013new.csv`: ten votes an image, joined by the row number in the file names.",
    ).strip()
    return _absolute(path) if path else None


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _open_upload(upload: UploadedFile, ferplus: str | None, progress: Progress) -> None:
    """Keep an upload in the workspace and make it the active dataset; what cannot be read is not kept.

    Raises:
        FerError: the workspace cannot be written, or there is no dataset in the upload.
    """
    progress("Keeping the upload", 0.0)
    path, is_new = _keep_upload(upload)
    try:
        choose_dataset(DatasetChoice(str(path), ferplus), progress)
    except FerError:
        if is_new:
            path.unlink(missing_ok=True)
        raise


def _keep_upload(upload: UploadedFile) -> tuple[Path, bool]:
    """Write an upload into the workspace once; its name carries its content's hash. Its path, and whether it is new there.

    Raises:
        DataError: the workspace cannot be written.
    """
    content = upload.getbuffer()
    stem = re.sub(r"[^\w.-]+", "-", Path(upload.name).stem).strip(".-")[:60] or "upload"
    path = datasets_dir() / f"{stem}-{hashlib.sha256(content).hexdigest()[:8]}.zip"
    try:
        is_new = not path.exists()
        if is_new:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as beside:
                beside.write_bytes(content)
    except OSError as error:
        raise DataError(
            f"The upload could not be kept in {path.parent}: {error.strerror}. Free some space, or set FER_WORKSPACE."
        ) from error
    return path, is_new


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
