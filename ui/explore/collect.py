"""Explore: a dataset of one's own from nothing, face by face, labelled in the page.

This module chooses the set, says what it still lacks and opens it. Pictures are taken in `collect_camera.py` and looked at in
`collect_review.py`; the library (`fer/data/collect.py`) keeps them as class folders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from fer.data.collect import (
    ENOUGH_PICTURES,
    ENOUGH_RECORDINGS,
    CollectedPicture,
    Collection,
    create_collection,
    list_collections,
)
from fer.data.dataset import Dataset
from fer.errors import FerError
from fer.labels import FER7, FER8, LabelSet
from fer.workspace import datasets_dir
from ui.explore.collect_camera import take_pictures
from ui.explore.collect_review import collected, review
from ui.explore.collect_state import errors_for_later, is_active, missing, reread, show_late_error, stop_waiting
from ui.popover import close_popover, closing_popover
from ui.state import DatasetChoice, choose_dataset, progress_on
from ui.words import counted, errors_in_words, plain, show_error

_SET_KEY, _NEW_KEY, _NAME_KEY, _DELETE_KEY = "collect_set", "collect_new", "collect_name", "collect_delete_set"
_WISH_KEY = "collect_wish"
_CLASSES = {"seven": "Seven, as FER2013", "eight": "Eight, with contempt", "own": "My choice"}


def draw(dataset: Dataset) -> None:
    """The view; the set that is collected need not be the active dataset."""
    sets = {collection.name: collection for collection in list_collections()}
    if not sets:
        with st.container(border=True):
            st.subheader("A dataset of your own, in two minutes", anchor=False)
            st.markdown(
                "Name it, choose the expressions, show each of them to the camera for a few seconds, and throw out what went "
                "wrong. Faces are found and cut out as the models expect them."
            )
            _privacy()
            show_late_error()
            _new_set()
        return
    collection = _choose_set(sets)
    show_late_error()
    pictures = collection.pictures()
    _shortage(collection, pictures)
    _privacy(collection)
    with st.container(border=True), errors_in_words():
        take_pictures(collection)
        review(collection)
    if pictures:
        collected(collection)


def _privacy(collection: Collection | None = None) -> None:
    place = plain(str(collection.path if collection else datasets_dir()))
    st.info(
        "Pictures are kept only when you press *Keep*: as files on the machine that runs this app, in "
        f"{place}. They are sent nowhere else. *Delete* takes single ones or the whole set away for good; so does deleting the "
        "folder. Ask everybody who is in view.",
        icon=":material/privacy_tip:",
    )


def _choose_set(sets: Mapping[str, Collection]) -> Collection:
    if st.session_state.get(_SET_KEY) not in sets:
        st.session_state.pop(_SET_KEY, None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Your set", list(sets), key=_SET_KEY, persist_state="session", width=260, on_change=stop_waiting)
        collection = sets[name or next(iter(sets))]
        with closing_popover("New set", key=_NEW_KEY, icon=":material/add:"):
            _new_set()
        with closing_popover("Delete", key=_DELETE_KEY, icon=":material/delete:"):
            n = counted(len(collection.pictures()), "picture")
            st.markdown(f"Delete **{plain(collection.name)}** with its {n} for good?")
            st.button(
                "Delete the set",
                icon=":material/delete_forever:",
                key="collect_delete_sure",
                on_click=_delete,
                args=(collection,),
            )
        st.space("stretch")
        _use(collection)
    return collection


def _new_set() -> None:
    name = st.text_input("Name", placeholder="my faces", max_chars=60, key=_NAME_KEY).strip()
    kind = st.segmented_control(
        "Expressions", list(_CLASSES), default="seven", required=True, format_func=_CLASSES.__getitem__, key="collect_classes"
    )
    labels: Sequence[str] = (FER8 if kind == "eight" else FER7).names
    if kind == "own":
        labels = st.pills(
            "Which",
            list(FER8),
            selection_mode="multi",
            default=["happy", "sad", "surprise", "neutral"],
            format_func=lambda label: f"{FER8.emoji(label)} {label}",
            key="collect_own_classes",
        )
        if len(labels) < 2:
            st.caption("A model can learn from two expressions or more.")
    st.button(
        "Begin",
        type="primary",
        icon=":material/add:",
        key="collect_create",
        disabled=not name or len(labels) < 2,
        on_click=_create,
        args=(name, tuple(labels)),
    )


def _create(name: str, labels: Sequence[str]) -> None:
    with errors_for_later():
        st.session_state[_SET_KEY] = create_collection(name, LabelSet.from_names(labels)).name
        st.session_state[_NAME_KEY] = ""
        stop_waiting()
        close_popover(_NEW_KEY)


def _delete(collection: Collection) -> None:
    with errors_for_later():
        collection.delete()
        stop_waiting()
        close_popover(_DELETE_KEY)
        reread(collection)


def _use(collection: Collection) -> None:
    """Make the set the active dataset; where it is that, say so and where to go on."""
    if is_active(collection):
        st.badge("active dataset", icon=":material/check:", color="green")
        st.page_link("pages/train.py", label="Train on it", icon=":material/model_training:", width="content")
        return
    st.button(
        "Use this dataset",
        type="primary",
        icon=":material/database:",
        key="collect_use",
        disabled=not collection.pictures(),
        on_click=st.session_state.__setitem__,
        args=(_WISH_KEY, collection.name),
    )
    # A wish, not the click itself: what the camera's component tells of its state starts the page afresh at any moment, and a
    # click that was being carried out then would be lost.
    if st.session_state.get(_WISH_KEY) == collection.name:
        bar = st.progress(0.0, "Reading")
        try:
            choose_dataset(DatasetChoice(str(collection.path)), progress_on(bar))
        except FerError as error:
            bar.empty()
            show_error(error)
            del st.session_state[_WISH_KEY]
        else:
            del st.session_state[_WISH_KEY]
            st.rerun()


def _shortage(collection: Collection, pictures: Sequence[CollectedPicture]) -> None:
    """How far each class has come, and what is still missing, in words."""
    with st.grid(len(collection.label_set), min_column_width=88, gap="small"):
        for label in collection.label_set:
            n = sum(picture.label == label for picture in pictures)
            st.progress(min(n / ENOUGH_PICTURES, 1.0), f"{collection.label_set.emoji(label)} {label} {n}")
    wanted = missing(collection, pictures)
    words = f"{ENOUGH_PICTURES} pictures in {ENOUGH_RECORDINGS} recordings of each expression are a start."
    if not wanted:
        words = "Enough for a first training; more people, light and angles make it better."
    elif pictures:
        lacking = sum(short for short, _ in wanted.values())
        words += f" {counted(lacking, 'picture')} to go." if lacking else f" One more recording of {', '.join(wanted)}."
    st.markdown(
        words,
        help="Pictures of one recording are nearly the same. So a recording goes into train or into validation as a whole: of "
        "each expression the second, and then every fourth, is for validation. All of one person, such figures tell how well a "
        "model knows that person, not how well it reads others.",
    )
