"""The cleaning list on the page: what it does in words, its history, and how it is shared, begun anew or mended.

Every change is written at once (`ui/cleaning.py`).
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import streamlit as st

from fer.data.dataset import Dataset
from fer.errors import DataError, FerError
from fer.quality.cleaning import CleaningList
from fer.quality.decisions import Decision
from fer.quality.settled import FindingTable
from ui.cleaning import active_cleaning, change_in_words, cleaned, cleaning_path, undo_step
from ui.explore.audit_place import CLEANING_LIST, START, go
from ui.explore.resplit import resplit_popover
from ui.state import active_choice
from ui.words import count, counted, errors_in_words, plain, show_error

_STEPS_SHOWN = 10
_ASKED = "cleaning_start_over"


def cleaning_strip(dataset: Dataset, table: FindingTable, cleaning: CleaningList) -> None:
    """One line: what the list does, and the way to it."""
    last = f"Takes back: {plain(_words(cleaning.steps[-1]))}" if cleaning.history else None
    icon = ":material/undo:"
    with st.container(border=True):
        words, buttons = st.columns([4, 5], vertical_alignment="center")
        words.markdown(_summary(dataset, cleaning))
        with buttons, st.container(horizontal=True, horizontal_alignment="right"):
            st.button("Undo", icon=icon, key="strip_undo", disabled=not last, help=last, on_click=undo_step, args=(cleaning,))
            resplit_popover(dataset, table)
            st.button("Cleaning list", icon=":material/list:", key="strip_list", on_click=go, args=(table, CLEANING_LIST))


def _summary(dataset: Dataset, cleaning: CleaningList) -> str:
    if not cleaning.history:
        return "Nothing is decided yet. Decisions go into a small file, the cleaning list; images are never touched."
    try:
        return plain(str(cleaned(dataset)[1]))
    except FerError as error:
        return plain(str(error))


def cleaning_screen(dataset: Dataset, table: FindingTable, cleaning: CleaningList) -> None:
    """All about the list."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("All findings", icon=":material/arrow_back:", key="list_back", on_click=go, args=(table, START))
        st.subheader(f"Cleaning list: {counted(len(cleaning), 'decision')}", anchor=False, width="content")
    _figures(dataset, cleaning)
    _place()
    history, share = st.columns([3, 2], gap="large")
    with history:
        _history(cleaning)
    with share:
        _take(cleaning)
        _bring(dataset, cleaning)


def _figures(dataset: Dataset, cleaning: CleaningList) -> None:
    """How often each action is in force, and what the list cannot do."""
    with errors_in_words():
        left, summary = cleaned(dataset)
        actions: Counter[str] = Counter(decision.action for decision in cleaning.in_force.values())
        with st.grid(5, min_column_width=130):
            st.metric("Images left", count(len(left)), border=True, help=f"Of {counted(len(dataset), 'image')}.")
            for action, name in (("drop", "Drop"), ("relabel", "Relabel"), ("move", "Move"), ("keep", "Keep as it is")):
                st.metric(name, count(actions[action]), border=True)
        if summary and (summary.absent or summary.replaced or summary.emptied):
            st.warning(plain(str(summary)), icon=":material/warning:")


def _place() -> None:
    path = cleaning_path(active_choice())
    st.caption("Where it lies; Train and Evaluate offer it, and every command that takes a dataset has this option:")
    st.code(f"--cleaning {path}", language="bash", wrap_lines=True)


def _history(cleaning: CleaningList) -> None:
    """The last steps, each with the way back to it."""
    st.markdown("**Last steps**")
    if not cleaning.history:
        st.caption("None yet.")
        return
    with st.container(border=True, gap="xsmall"):
        steps = cleaning.steps[::-1]
        for back, step in enumerate(steps[:_STEPS_SHOWN]):
            with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                st.caption(_when(step[0].decided), width=100)
                st.markdown(plain(_words(step)), width="stretch")
                if back:
                    later = sum(len(each) for each in steps[:back])
                    st.button("Back to here", type="tertiary", icon=":material/history:", key=f"back_{back}", on_click=undo_step,
                              args=(cleaning, back), help=f"Takes back {counted(later, 'decision')} made after it.")  # fmt: skip
                else:
                    st.button("Undo", type="tertiary", icon=":material/undo:", key="back_0", on_click=undo_step, args=(cleaning,))
        if len(steps) > _STEPS_SHOWN:
            st.caption(f"and {counted(len(steps) - _STEPS_SHOWN, 'step')} before")


def _words(step: Sequence[Decision]) -> str:
    """What a step decided, and why: `drop 1,538 images (Identical images)`."""
    actions = Counter(f"{decision.action} to {decision.value}" if decision.value else decision.action for decision in step)
    what = ", ".join(f"{action} {count(n)}" if len(step) > 1 else action for action, n in actions.most_common(4))
    more = f" and {len(actions) - 4} more" if len(actions) > 4 else ""
    title = step[0].reason.split(":")[0]
    why = f" ({title})" if title else ""
    return f"{what}{more}{why}" if len(step) > 1 else f"{step[0].name.rsplit('/', 1)[-1]}: {what}{why}"


def _when(moment: datetime) -> str:
    return f"{moment.astimezone():%d %b %H:%M}"


def _take(cleaning: CleaningList) -> None:
    st.markdown("**Take it along**")
    path = cleaning_path(active_choice())
    with st.container(horizontal=True):
        st.download_button("Download (CSV)", lambda: path.read_bytes(), path.name, "text/csv", icon=":material/download:",
                           on_click="ignore", disabled=not cleaning.history, key="list_download")  # fmt: skip
        st.button(
            "Start over", icon=":material/restart_alt:", disabled=not cleaning.history, key="list_start_over", on_click=_ask
        )
    if st.session_state.get(_ASKED) and cleaning.history:
        with st.container(border=True):
            st.markdown(f"Take back all {counted(len(cleaning.history), 'decision')}? That cannot be undone.")
            with st.container(horizontal=True):
                st.button("Yes, start over", type="primary", key="start_over_yes", on_click=_start_over)
                st.button("No", key="start_over_no", on_click=_ask, args=(False,))


def _ask(asked: bool = True) -> None:
    st.session_state[_ASKED] = asked


def _start_over() -> None:
    _ask(False)
    change_in_words(lambda _now: CleaningList())


def _bring(dataset: Dataset, cleaning: CleaningList) -> None:
    """Another person's list: what it would change, before it does."""
    st.markdown("**Bring another list**")
    number = st.session_state.get("list_uploads", 0)  # a new number empties the uploader
    upload = st.file_uploader("A cleaning list (CSV)", type=["csv"], max_upload_size=50, key=f"list_upload_{number}")
    if upload is None:
        return
    try:
        other = _load(upload.getvalue())
        merged, conflicts = cleaning.merge(other)
        _, summary = other.apply(dataset)
    except FerError as error:
        show_error(error)
        return
    new = len(merged.history) - len(cleaning.history)
    st.markdown(f"It has {counted(len(other), 'decision')}; {counted(new, 'line')} of it are new here.")
    if summary.absent or summary.replaced:
        st.warning(plain(str(summary)), icon=":material/warning:")
    if conflicts:
        st.markdown(f"**{counted(len(conflicts), 'conflict')}**: both lists decide about the image; the later decision holds.")
        st.dataframe(
            [{"image": c.ours.name, "here": str(c.ours), "there": str(c.theirs)} for c in conflicts],
            hide_index=True,
            height=220,
        )
    with st.container(horizontal=True):
        st.button("Merge", type="primary", icon=":material/merge:", key="list_merge", on_click=_adopt, args=(other, True))
        st.button("Use it instead", key="list_replace", on_click=_adopt, args=(other, False))


def _load(content: bytes) -> CleaningList:
    """An uploaded list.

    Raises:
        DataError: it is no cleaning list, or lines of it cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload.csv"
        path.write_bytes(content)
        try:
            return CleaningList.load(path)
        except DataError as error:
            raise DataError(str(error).replace(str(path), "the upload")) from error


def _adopt(other: CleaningList, merge: bool) -> None:
    if change_in_words(lambda now: now.merge(other)[0] if merge else other):
        st.session_state["list_uploads"] = st.session_state.get("list_uploads", 0) + 1


def damaged_list(error: DataError) -> None:
    """The list cannot be read: why, and what to do. It stays as it is until somebody decides otherwise."""
    path = cleaning_path(active_choice())
    show_error(error)
    st.markdown(
        "Mend the file by hand and read it again, or set it aside, under another name in its folder, and begin a new list."
    )
    with st.container(horizontal=True):
        st.button("Read it again", icon=":material/refresh:", key="list_reread")
        st.button("Set it aside", icon=":material/drive_file_move:", key="list_set_aside", on_click=_set_aside, args=(path,))


def _set_aside(path: Path) -> None:
    try:
        active_cleaning()
    except DataError:  # it is damaged still
        path.rename(path.with_name(f"{path.stem}.damaged-{datetime.now():%Y%m%d-%H%M%S}{path.suffix}"))
