"""The cleaning list of the active dataset: where it lies, what it says now, and how a page changes it.

The file is the only memory: it is read again whenever it has changed, and written at once with every change, so a reload of the
browser, another tab and the command line see the same. What was read is kept beside the file's stamp, for all sessions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from fer.data.dataset import Dataset
from fer.errors import DataError, FerError
from fer.quality.cleaning import CleaningList, CleaningSummary, default_place
from ui.state import DatasetChoice, active_choice
from ui.words import counted, show_error

Stamp = tuple[int, int, int] | None

_ERROR_KEY = "cleaning_error"
_SAID_KEY = "cleaning_said"  # how long the history was when the sidebar told of it


class CleaningShelf:
    """The lists read or written last, by their file, each with the state of the file that it was read from."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # two sessions that decide at one moment must not lose a decision
        self._lists: dict[Path, tuple[Stamp, CleaningList]] = {}

    def read(self, path: Path) -> CleaningList:
        """The list in a file; an empty one where there is no file.

        Raises:
            DataError: the file is no cleaning list, or is damaged.
        """
        with self.lock:
            stamp = _stamp(path)
            if stamp is None:
                return CleaningList()
            if path not in self._lists or self._lists[path][0] != stamp:
                self._lists[path] = (stamp, CleaningList.load(path))
            return self._lists[path][1]

    def write(self, path: Path, cleaning: CleaningList) -> None:
        """Save a list.

        Raises:
            DataError: the file cannot be written.
        """
        with self.lock:
            cleaning.save(path)
            self._lists[path] = (_stamp(path), cleaning)


def _stamp(path: Path) -> Stamp:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


@st.cache_resource(show_spinner=False)
def _shelf() -> CleaningShelf:
    return CleaningShelf()


def cleaning_path(choice: DatasetChoice) -> Path:
    """Where the list of a dataset lies."""
    return default_place(choice.source)


def active_cleaning() -> CleaningList:
    """What is decided about the active dataset by now; an empty list where nothing is.

    Raises:
        DataError: its file is damaged.
    """
    return _shelf().read(cleaning_path(active_choice()))


def change_cleaning(change: Callable[[CleaningList], CleaningList]) -> CleaningList:
    """Change the list of the active dataset and write it; what another session decides meanwhile is not lost.

    Raises:
        DataError: the file is damaged, and stays as it is, or it cannot be written.
        FerError: what `change` raises; nothing is written.
    """
    shelf, path = _shelf(), cleaning_path(active_choice())
    with shelf.lock:
        changed = change(shelf.read(path))
        shelf.write(path, changed)
    return changed


def change_in_words(change: Callable[[CleaningList], CleaningList]) -> bool:
    """As `change_cleaning`, for callbacks: what went wrong is said by the next `show_change_error`. Whether all went well."""
    try:
        change_cleaning(change)
    except FerError as error:
        st.session_state[_ERROR_KEY] = error
        return False
    return True


def undo_step(seen: CleaningList, steps: int = 1) -> None:
    """Take back the last steps of a list, for callbacks; nothing where it is not any more as it was seen."""

    def undo(now: CleaningList) -> CleaningList:
        if now.history != seen.history:
            raise DataError("The cleaning list was changed elsewhere meanwhile. Look at it again before you undo.")
        return now.undo(steps)

    change_in_words(undo)


def show_change_error() -> None:
    """Say what went wrong with the last change, once."""
    error = st.session_state.pop(_ERROR_KEY, None)
    if error:
        show_error(error)


def cleaned(dataset: Dataset) -> tuple[Dataset, CleaningSummary | None]:
    """The active dataset as its list leaves it, and what the list has done; None where nothing is decided.

    Args:
        dataset: the active one, as it stands on disk.

    Raises:
        DataError: the list is damaged.
        LabelError: the list relabels to a class that the dataset lacks.
    """
    cleaning = active_cleaning()
    if not cleaning.history:
        return dataset, None
    path = cleaning_path(active_choice())
    return _apply(dataset, cleaning, (dataset.fingerprint, str(path), _stamp(path)))


@st.cache_resource(show_spinner=False, max_entries=2)
def _apply(_dataset: Dataset, _cleaning: CleaningList, key: tuple[str, str, Stamp]) -> tuple[Dataset, CleaningSummary]:
    return _cleaning.apply(_dataset)


def cleaning_words(dataset: Dataset) -> str:
    """What the list does to the active dataset, in a few words for the sidebar; empty where nothing is decided."""
    try:
        cleaning, (_, summary) = active_cleaning(), cleaned(dataset)
    except FerError:
        return "The cleaning list cannot be read"
    st.session_state[_SAID_KEY] = len(cleaning.history)
    if summary is None:
        return ""
    changes = [(summary.dropped, "−{:,} images"), (summary.relabelled, "{:,} relabelled"), (summary.moved, "{:,} moved")]
    return f"Cleaned: {', '.join(words.format(n) for n, words in changes if n) or 'nothing changed'}"


def keep_words_fresh(cleaning: CleaningList) -> None:
    """Run the page again from its top where the sidebar tells of an older list: a fragment cannot draw what stands outside."""
    if st.session_state.get(_SAID_KEY, len(cleaning.history)) != len(cleaning.history):
        st.session_state[_SAID_KEY] = len(cleaning.history)
        st.rerun()


def cleaning_toggle(key: str, *, default: bool, explained: str) -> Path | None:
    """A switch where something is decided about the active dataset; the file of the list where it is on."""
    path = cleaning_path(active_choice())
    try:
        decisions = len(active_cleaning())
    except FerError as error:
        wanted = st.toggle("Use the cleaning list", default, key=key, help=explained)
        if wanted:
            show_error(error)
        return path if wanted else None
    if not decisions:
        return None
    return (
        path if st.toggle(f"Use the cleaning list ({counted(decisions, 'decision')})", default, key=key, help=explained) else None
    )
