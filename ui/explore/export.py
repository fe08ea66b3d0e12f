"""Explore: the dataset to take home, cleaned through its list, in a layout that other tools open."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import streamlit as st

from fer.data.dataset import UNSPLIT, Dataset
from fer.data.read import Progress
from fer.errors import DataError
from fer.labels import FER7
from fer.quality.export import CSV_SIDE, LAYOUTS, export_dataset
from fer.quality.pack import estimate_bytes, pack_export
from fer.workspace import workspace_dir
from ui.cleaning import cleaned, cleaning_toggle
from ui.going import Work, show_going
from ui.state import active_choice
from ui.theme import SPLIT_TITLES
from ui.words import count, counted, errors_in_words, plain, show_error

# The download goes through the server's memory and the browser's; more than this is better copied as a file.
DOWNLOAD_LIMIT = 512 * 2**20
_JOB_KEY, _DONE_KEY, _ZIP_KEY = "export_job", "export_done", "export_zip"
_TITLES = {"folders": "Class folders", "csv": "Official CSV", "parquet": "Parquet with images"}
_CAPTIONS = {name: words.partition(": ")[2] or words for name, words in LAYOUTS.items()} | {
    "parquet": "one file a split; opens as images and classes in Hugging Face datasets"
}
_CLEANING = "What you decided in Audit: images dropped, relabelled and moved. Off writes the images as they are on disk."


@dataclass(frozen=True)
class _Job:
    """An export that goes on, or its packing.

    Args:
        work: does it, and returns what was written.
        layout: one of `LAYOUTS`.
        packs: whether it makes a ZIP of an export that stands already.
    """

    work: Work[Path]
    layout: str
    packs: bool


def draw(dataset: Dataset) -> None:
    """The view."""
    with errors_in_words():
        cleaning = cleaning_toggle("export_cleaning", default=True, explained=_CLEANING)
        exported = dataset
        if cleaning is not None:
            exported, summary = cleaned(dataset)
            if summary is not None:
                st.caption(plain(str(summary)))
        if not len(exported):
            st.info("There are no images to export.", icon=":material/search_off:")
            return
        job: _Job | None = st.session_state.get(_JOB_KEY)
        if job is not None and not job.work.ended.is_set():
            show_going(job.work, key="export_stop")
            return
        if job is not None:
            _take_over(job)
        _form(exported, cleaning)
        _done()


def _take_over(job: _Job) -> None:
    """What a job has come to."""
    del st.session_state[_JOB_KEY]
    work = job.work
    if work.error:
        show_error(DataError(work.error))
    elif work.result is None:
        st.info("Stopped. Nothing was left behind.", icon=":material/stop_circle:")
    elif job.packs:
        st.session_state[_ZIP_KEY] = work.result
    else:
        st.session_state[_DONE_KEY] = (work.result, job.layout)
        st.session_state.pop(_ZIP_KEY, None)


def _form(dataset: Dataset, cleaning: Path | None) -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        layout = st.radio(
            "Layout",
            list(_TITLES),
            format_func=_TITLES.__getitem__,
            captions=[_CAPTIONS[name] for name in _TITLES],
            key="export_layout",
        )
    with right:
        _holds(dataset, layout)
        resize = layout == "csv" and _csv_notes(dataset)
        name = st.text_input("Name", f"{_safe(dataset.name)}-{layout}", max_chars=100, key=f"export_name_{layout}_{dataset.name}")
        place = exports_dir() / (_safe(name) + (".csv" if layout == "csv" else ""))

        def write(progress: Progress) -> Path:
            return export_dataset(dataset, place, layout, resize=resize, overwrite=overwrite, progress=progress)

        overwrite = place.exists() and st.checkbox(
            "Replace the export that stands there", key="export_overwrite", help=plain(str(place))
        )
        st.button(
            "Export",
            type="primary",
            icon=":material/download:",
            key="export_start",
            disabled=not name.strip() or (place.exists() and not overwrite),
            on_click=_start,
            args=(write, layout),
        )
    st.caption(f"It is written to {plain(str(place))}. The same on the command line:")
    st.code(command_line(place, layout, cleaning, resize=resize, overwrite=overwrite), language="bash", wrap_lines=True)


def _holds(dataset: Dataset, layout: str) -> None:
    counts = {split: sum(by_class.values()) for split, by_class in dataset.counts().items()}
    with st.grid(3, min_column_width=130):
        st.metric("Images", count(len(dataset)), border=True, help=", ".join(_split_count(*item) for item in counts.items()))
        n = len(np.unique(dataset.label_ids))
        st.metric("Classes", n, border=True, help=", ".join(dataset.label_set))
        st.metric("Size, about", size_words(_estimate(dataset, layout, dataset.fingerprint)), border=True)


def _split_count(split: str, n: int) -> str:
    return f"{count(n)} {SPLIT_TITLES[split].lower()}"


@st.cache_data(show_spinner=False, max_entries=16)
def _estimate(_dataset: Dataset, layout: str, fingerprint: str) -> int:
    return estimate_bytes(_dataset, layout)


def _csv_notes(dataset: Dataset) -> bool:
    """Say beforehand what the table has no room for; whether images are to be resized."""
    strange = [label for label, n in _totals(dataset).items() if n and label not in FER7]
    if strange:
        st.warning(
            f"The table knows seven classes. Drop or relabel the images of {', '.join(strange)}, or choose another layout.",
            icon=":material/label_off:",
        )
    unsplit = int((dataset.splits == UNSPLIT).sum())
    if unsplit:
        st.warning(
            f"In the table every image is in a split. {counted(unsplit, 'image')} of these {'is' if unsplit == 1 else 'are'} in "
            "none: split the dataset anew in Audit, or choose another layout.",
            icon=":material/call_split:",
        )
    return st.toggle(
        f"Make every image grey and {CSV_SIDE}×{CSV_SIDE}",
        key="export_resize",
        help="The table holds nothing else; without this, the export ends at an image in colour or of another size.",
    )


def _totals(dataset: Dataset) -> dict[str, int]:
    return dict(zip(dataset.label_set, np.bincount(dataset.label_ids, minlength=len(dataset.label_set)).tolist(), strict=True))


def _start(do: Callable[[Progress], Path], layout: str, packs: bool = False) -> None:
    job = _Job(Work(do, "export"), layout, packs)
    st.session_state[_JOB_KEY] = job
    st.session_state["export_overwrite"] = False
    job.work.start()


def _done() -> None:
    """What was exported last: where it is, how it is opened, and the download."""
    done: tuple[Path, str] | None = st.session_state.get(_DONE_KEY)
    if done is None or not done[0].exists():
        return
    place, layout = done
    with st.container(border=True):
        st.markdown(f"**:material/check_circle: Exported** to {plain(str(place))}")
        st.caption("To open it in Python:")
        st.code(opening_line(place, layout), language="python", wrap_lines=True)
        packed: Path | None = st.session_state.get(_ZIP_KEY)
        if packed is None or not packed.is_file() or packed.with_suffix("") != place:
            st.button(
                "Pack as a ZIP to download",
                icon=":material/folder_zip:",
                key="export_pack",
                on_click=_start,
                args=(partial(pack_export, place), layout, True),
            )
            return
        size = packed.stat().st_size
        if size > DOWNLOAD_LIMIT:
            st.caption(
                f"The ZIP is at {plain(str(packed))}. Too large to go through a browser ({size_words(size)}): copy the file."
            )
            return
        st.download_button(
            f"Download the ZIP ({size_words(size)})",
            lambda: _opened(packed),
            file_name=packed.name,
            mime="application/zip",
            icon=":material/download:",
            key="export_download",
            on_click="ignore",
        )


def _opened(path: Path) -> BinaryIO:
    """The ZIP, opened when somebody clicks and not before."""
    return path.open("rb")


def exports_dir() -> Path:
    """Where exports go."""
    return workspace_dir() / "exports"


def opening_line(place: Path, layout: str) -> str:
    """One line of Python that opens an export."""
    if layout == "csv":
        return f"from fer.data import read_dataset; faces = read_dataset({str(place)!r})"
    builder = "parquet" if layout == "parquet" else "imagefolder"
    return f'import datasets; faces = datasets.load_dataset("{builder}", data_dir={str(place)!r})'


def command_line(place: Path, layout: str, cleaning: Path | None, *, resize: bool, overwrite: bool) -> str:
    """What to type to export the same, an option a line."""
    choice = active_choice()
    options = [(choice.source, str(place)), ("--format", layout)]
    if choice.ferplus:
        options.append(("--ferplus", choice.ferplus))
    if cleaning:
        options.append(("--cleaning", str(cleaning)))
    flags = [(flag,) for flag, wanted in (("--resize", resize), ("--overwrite", overwrite)) if wanted]
    return " \\\n  ".join(["python -m fer data export", *map(shlex.join, [*options, *flags])])


def size_words(n: int) -> str:
    """`740 KB`, `61 MB`, `2.1 GB`."""
    for unit, factor in (("GB", 2**30), ("MB", 2**20)):
        if n >= factor:
            return f"{n / factor:.1f} {unit}" if n < 10 * factor else f"{n / factor:.0f} {unit}"
    return f"{max(1, round(n / 2**10))} KB"


def _safe(name: str) -> str:
    """A name as that of a file."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "faces"
