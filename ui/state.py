"""The active dataset and model: one of each a session, the same on every page, chosen in the sidebar (`ui/sidebar.py`).

A choice lives in the session and, so that a browser reload finds it again, in `app.json` of the workspace. With nothing chosen
the dataset is the synthetic set and the model is the bundle that ships, so that every page has something to show offline.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fer.bundles import Bundle, list_bundles, load_bundle
from fer.errors import BundleError, FerError
from fer.files import write_json
from fer.workspace import models_dir, workspace_dir
from ui.words import show_error

if TYPE_CHECKING:
    from fer.data import Dataset
    from fer.inference.classifier import Classifier

_DATASET_KEY = "active_dataset"
_MODEL_KEY = "active_model"


@dataclass(frozen=True)
class DatasetChoice:
    """What `read_dataset` needs to read a dataset again.

    Args:
        source: `synthetic`, `kaggle:owner/name`, or a path to a folder, an archive or a CSV.
        ferplus: path of a CSV with FER+ votes to join, or None.
    """

    source: str = "synthetic"
    ferplus: str | None = None

    @property
    def title(self) -> str:
        """Short name for people, known before the dataset is read."""
        if self.source.startswith("synthetic"):
            return "Synthetic faces"
        name = self.source.removeprefix("kaggle:") if self.source.startswith("kaggle:") else Path(self.source).name
        return f"{name} + FER+ votes" if self.ferplus else name


Stamp = tuple[DatasetChoice, *tuple[tuple[int, int, int] | None, ...]]


class DatasetShelf:
    """The datasets read last, shared by all sessions; one lock, so that two sessions never read the same one at once."""

    def __init__(self, keep: int = 3) -> None:
        self._keep = keep
        self._datasets: OrderedDict[Stamp, Dataset] = OrderedDict()
        self._lock = threading.Lock()

    def peek(self, choice: DatasetChoice) -> Dataset | None:
        """The dataset if it has been read, without waiting."""
        return self._datasets.get(_stamp(choice))

    @property
    def choices(self) -> list[DatasetChoice]:
        """What stands here, the newest first."""
        return list(dict.fromkeys(choice for choice, *_ in reversed(list(self._datasets))))

    def get(
        self, choice: DatasetChoice, progress: Callable[[str, float], None] | None = None, *, afresh: bool = False
    ) -> Dataset:
        """The dataset, read now unless it stands here already.

        Args:
            choice: what to read.
            progress: called with what is being done and a share in [0, 1].
            afresh: read again even if it stands here (files in a folder may have changed).

        Raises:
            FerError: it cannot be read.
        """
        from fer.data import read_dataset

        with self._lock:
            key = _stamp(choice)
            if afresh or key not in self._datasets:
                self._datasets[key] = read_dataset(choice.source, ferplus=choice.ferplus, progress=progress)
            self._datasets.move_to_end(key)
            while len(self._datasets) > self._keep:
                self._datasets.popitem(last=False)
            return self._datasets[key]


def _stamp(choice: DatasetChoice) -> Stamp:
    """Everything that tells one state of the chosen files from another without reading them."""
    parts: list[tuple[int, int, int] | None] = []
    for path in (choice.source, choice.ferplus):
        try:
            stat = Path(path).stat() if path else None
        except OSError:
            stat = None
        parts.append((stat.st_mtime_ns, stat.st_size, stat.st_ino) if stat else None)
    return choice, *parts


@st.cache_resource(show_spinner=False)
def dataset_shelf() -> DatasetShelf:
    """The shelf of this server."""
    return DatasetShelf()


def active_choice() -> DatasetChoice:
    """What is chosen in this session, else what was chosen last on this machine, else the synthetic set."""
    if _DATASET_KEY not in st.session_state:
        remembered = _remembered().get("dataset", {})
        try:
            st.session_state[_DATASET_KEY] = DatasetChoice(**remembered)
        except TypeError:  # the file was written by hand or by another version
            st.session_state[_DATASET_KEY] = DatasetChoice()
    choice: DatasetChoice = st.session_state[_DATASET_KEY]
    return choice


def choose_dataset(choice: DatasetChoice, progress: Callable[[str, float], None] | None = None) -> Dataset:
    """Read a dataset and make it the active one; the former stays active when it cannot be read.

    Raises:
        FerError: it cannot be read.
    """
    # Files may have changed under the same name; a drawing cannot.
    dataset = dataset_shelf().get(choice, progress, afresh=not choice.source.startswith("synthetic"))
    _set_choice(choice)
    return dataset


def _set_choice(choice: DatasetChoice) -> None:
    st.session_state[_DATASET_KEY] = choice
    _remember("dataset", asdict(choice))


def active_dataset() -> Dataset:
    """The active dataset, with a progress bar while it is read; says in words why it cannot be, and stops the page."""
    choice = active_choice()
    dataset = dataset_shelf().peek(choice)
    if dataset is not None:
        return dataset
    place = st.empty()
    bar = place.progress(0.0, f"Reading {choice.title}")
    try:
        dataset_shelf().get(choice, progress_on(bar))
    except FerError as error:
        place.empty()
        show_error(error)
        if choice != DatasetChoice():
            st.button("Use the synthetic faces", icon=":material/draw:", on_click=lambda: _set_choice(DatasetChoice()))
        st.stop()
    # Once more from the top: the sidebar, drawn before the page, can now say how large the dataset is.
    st.rerun()


def progress_on(bar: DeltaGenerator) -> Callable[[str, float], None]:
    """What a reader calls with its step and share done, to move a progress bar."""

    def advance(doing: str, share: float) -> None:
        bar.progress(min(max(share, 0.0), 1.0), doing)

    return advance


def active_model() -> str | None:
    """Name of the active bundle: the chosen one, else the default one, else the first there is; None where there is no bundle."""
    names = list_bundles()
    if st.session_state.get(_MODEL_KEY) not in names:
        wished = (_remembered().get("model"), *names)  # the bundle that ships is listed first
        st.session_state[_MODEL_KEY] = next((name for name in wished if name in names), None)
    name: str | None = st.session_state[_MODEL_KEY]
    return name


def choose_model(name: str) -> None:
    """Make a bundle the active one."""
    st.session_state[_MODEL_KEY] = name
    _remember("model", name)


def active_bundle() -> Bundle:
    """The active bundle, verified once a change of its card; says in words what is missing, and stops the page."""
    name = active_model()
    try:
        if name is None:
            raise BundleError(
                "There is no trained model yet. Train one and make a bundle of it, or put one into the models folder."
            )
        return read_bundle(name)
    except FerError as error:
        show_error(error)
        st.page_link("pages/train.py", label="Train a model", icon=":material/model_training:")
        st.stop()


def read_bundle(name: str) -> Bundle:
    """A verified bundle by name, kept while its card stays the same.

    Raises:
        BundleError: it is missing, damaged or does not match its card.
    """
    folder = models_dir() / name
    stamp = tuple(sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())) if folder.is_dir() else ()
    return _read_bundle(str(folder), name, stamp)


@st.cache_resource(show_spinner=False, max_entries=8)
def _read_bundle(folder: str, name: str, stamp: tuple[tuple[str, int], ...]) -> Bundle:
    return load_bundle(name)


def classifier_of(bundle: Bundle) -> Classifier:
    """The network of a bundle, opened once for all sessions.

    Raises:
        BundleError: it cannot be read.
    """
    return _classifier(bundle.sha256, bundle)


@st.cache_resource(show_spinner=False, max_entries=2)
def _classifier(sha256: str, _bundle: Bundle) -> Classifier:
    from fer.inference.classifier import Classifier

    return Classifier(_bundle)


def _memory_file() -> Path:
    return workspace_dir() / "app.json"


def _remembered() -> dict[str, Any]:
    try:
        memory = json.loads(_memory_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}


def _remember(key: str, value: object) -> None:
    """Keep a choice for the next session; a workspace that cannot be written costs no more than that."""
    path = _memory_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, _remembered() | {key: value})
    except OSError:
        pass
