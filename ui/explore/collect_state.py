"""What the modules of Collect share: the recording that waits to be looked at, and what a change of a set takes with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count as counter
from typing import TYPE_CHECKING

import streamlit as st

from fer.data.collect import ENOUGH_PICTURES, ENOUGH_RECORDINGS, CollectedPicture, Collection
from fer.errors import FerError
from ui.state import DatasetChoice, active_choice, choose_dataset
from ui.words import show_error

if TYPE_CHECKING:
    from fer.inference.burst import Shot

LABEL_KEY = "collect_label"
_TAKEN_KEY = "collect_taken"
_ERROR_KEY = "collect_error"
_numbers = counter()


@dataclass(frozen=True, eq=False)
class Taken:
    """Pictures that wait to be kept or discarded.

    Args:
        label: the expression that was chosen when they were taken.
        shots: their faces.
        faceless: how many more showed no face.
        problems: what could not be read at all, in words.
        number: tells these from those before.
    """

    label: str
    shots: Sequence[Shot]
    faceless: int
    problems: tuple[str, ...]
    number: int


def keep_waiting(label: str, shots: Sequence[Shot], faceless: int, problems: Sequence[str] = ()) -> None:
    """Let pictures wait to be looked at, in the place of those before."""
    st.session_state[_TAKEN_KEY] = Taken(label, shots, faceless, tuple(problems), next(_numbers))


def waiting() -> Taken | None:
    """The pictures that wait."""
    taken: Taken | None = st.session_state.get(_TAKEN_KEY)
    return taken


def stop_waiting() -> None:
    """Forget the pictures that wait."""
    st.session_state.pop(_TAKEN_KEY, None)


@contextmanager
def errors_for_later() -> Iterator[None]:
    """For callbacks, which run before anything is drawn: what goes wrong is said by the next `show_late_error`."""
    try:
        yield
    except FerError as error:
        st.session_state[_ERROR_KEY] = error


def show_late_error() -> None:
    """Say what went wrong in a callback, once."""
    error = st.session_state.pop(_ERROR_KEY, None)
    if error:
        show_error(error)


def is_active(collection: Collection) -> bool:
    """Whether the set is the active dataset."""
    return active_choice().source == str(collection.path)


def reread(collection: Collection) -> None:
    """After a change of its files, read the set again where it is the active dataset; without pictures it is so no more.

    Raises:
        FerError: it cannot be read.
    """
    if is_active(collection):
        has_pictures = collection.path.is_dir() and collection.pictures()
        choose_dataset(active_choice() if has_pictures else DatasetChoice())


def missing(collection: Collection, pictures: Sequence[CollectedPicture]) -> dict[str, tuple[int, int]]:
    """Pictures and recordings that each class still needs for a start; classes that have enough are left out."""
    wanted = {}
    for label in collection.label_set:
        of_class = [picture.recording for picture in pictures if picture.label == label]
        short = max(0, ENOUGH_PICTURES - len(of_class)), max(0, ENOUGH_RECORDINGS - len(set(of_class)))
        if any(short):
            wanted[label] = short
    return wanted
