"""Collect: the pictures just taken, to be kept or not, and those that the set holds already."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from fer.data.collect import CollectedPicture, Collection
from fer.images import read_image
from ui.explore.collect_state import LABEL_KEY, Taken, errors_for_later, missing, reread, stop_waiting, waiting
from ui.theme import SPLIT_TITLES
from ui.tiles import tile
from ui.words import counted, errors_in_words, plain

_SIDE = 160
_PER_PAGE = 16


def review(collection: Collection) -> None:
    """The pictures that wait, each with a tick; those with a fault have none."""
    taken = waiting()
    if taken is not None and taken.label in collection.label_set:
        _review(collection, taken)


@st.fragment
def _review(collection: Collection, taken: Taken) -> None:
    emoji = collection.label_set.emoji(taken.label)
    if not taken.shots:
        st.warning(f"No face found in any of {counted(taken.faceless, 'picture')}.", icon=":material/search_off:")
    else:
        st.markdown(
            f"**{emoji} {taken.label.capitalize()}: {counted(len(taken.shots), 'picture')}.** Untick what is not to be kept."
        )
        kept = _ticks(taken)
        with st.container(horizontal=True, vertical_alignment="center"):
            words = f"Keep {len(kept)} as {taken.label}"
            keep = st.button(
                words,
                type="primary",
                icon=":material/check:",
                key="collect_keep",
                disabled=not kept,
                on_click=_keep,
                args=(collection, taken, kept),
            )
            discard = st.button("Discard", icon=":material/delete:", key="collect_discard", on_click=stop_waiting)
            if taken.faceless:
                st.caption(
                    f"{counted(taken.faceless, 'picture')} without a face {'is' if taken.faceless == 1 else 'are'} left out."
                )
        if keep or discard:
            st.rerun()
    for problem in taken.problems:
        st.error(plain(problem), icon=":material/error:")


def _ticks(taken: Taken) -> list[int]:
    """Numbers of the shots that are ticked."""
    kept = []
    with st.grid(6, min_column_width=120, gap="small"):
        for number, shot in enumerate(taken.shots):
            with st.container(gap="xsmall"):
                alt = f"Picture {number + 1} of {taken.label}"
                st.image(tile(shot.face_crop, _SIDE), width="stretch", output_format="JPEG", alt=alt)
                key = f"collect_tick_{taken.number}_{number}"
                if st.checkbox(plain(shot.fault) or "keep", value=not shot.fault, key=key):
                    kept.append(number)
    return kept


def _keep(collection: Collection, taken: Taken, kept: Sequence[int]) -> None:
    with errors_for_later():
        collection.add(taken.label, [taken.shots[number].face_crop for number in kept])
        stop_waiting()
        wanted = missing(collection, collection.pictures())
        if wanted and taken.label not in wanted:  # enough of this one: on to the next
            st.session_state[LABEL_KEY] = next(iter(wanted))
        reread(collection)


@st.fragment
def collected(collection: Collection) -> None:
    """What the set holds of the expression that is chosen, the newest first, each picture with a way to delete it."""
    pictures = collection.pictures()
    label = st.session_state.get(LABEL_KEY)
    shown = [picture for picture in reversed(pictures) if picture.label == label]
    last = [picture for picture in pictures if picture.recording == pictures[-1].recording]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        heading = f"{collection.label_set.emoji(str(label))} {str(label).capitalize()}: {counted(len(shown), 'picture')}"
        st.subheader(heading, anchor=False, width="content")
        undone = st.button(
            f"Delete the last recording ({len(last)} of {last[-1].label})",
            icon=":material/undo:",
            key="collect_undo",
            on_click=_undo,
            args=(collection,),
        )
    if undone:
        st.rerun()
    if not shown:
        st.caption("None yet.")
        return
    pages = -(-len(shown) // _PER_PAGE)
    grid = st.container()
    page = st.pagination(pages, max_visible_pages=5, key=f"collect_page_{label}") if pages > 1 else 1
    with grid, st.grid(8, min_column_width=104, gap="small"):
        for picture in shown[(page - 1) * _PER_PAGE : page * _PER_PAGE]:
            _picture(collection, picture)


def _picture(collection: Collection, picture: CollectedPicture) -> None:
    with st.container(gap="xsmall"):
        with errors_in_words():
            alt = f"{picture.label}, {picture.path.stem}"
            st.image(tile(read_image(picture.path), _SIDE), width="stretch", output_format="JPEG", alt=alt)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap=None):
            st.caption(SPLIT_TITLES.get(picture.split, picture.split).lower(), width="content")
            if st.button(
                "",
                icon=":material/delete:",
                type="tertiary",
                key=f"collect_delete_{picture.label}_{picture.path.stem}",
                help="Delete this picture",
                on_click=_delete,
                args=(collection, picture),
            ):
                st.rerun()


def _undo(collection: Collection) -> None:
    with errors_for_later():
        if collection.pictures():
            collection.undo()
        reread(collection)


def _delete(collection: Collection, picture: CollectedPicture) -> None:
    with errors_for_later():
        collection.remove([picture])
        reread(collection)
