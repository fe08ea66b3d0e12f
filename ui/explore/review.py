"""Findings one by one, fast: a key decides, and the next one is there.

Keys of the buttons carry the place in the review, so a key that is pressed twice before the next picture is drawn decides once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from fer.bundles import Bundle
from fer.data.dataset import UNSPLIT, Dataset
from fer.quality.cleaning import CleaningList
from fer.quality.findings import KINDS, Action, Finding
from fer.quality.settled import FindingTable
from ui.cleaning import active_cleaning, change_in_words, undo_step
from ui.explore.audit_place import Place, go, place
from ui.explore.findings import MOVE_ICON, image_of, what_becomes
from ui.explore.review_facts import finding_facts, label_words
from ui.theme import SPLIT_TITLES
from ui.words import count, counted, plain

_ONE, _SOME = 336, 112  # pixels of the only picture, and of one among others
_PICTURES_SHOWN = 8
_SPLIT_KEYS = {"train": "T", "val": "V", "test": "E"}


@dataclass(frozen=True)
class _About:
    """The images of a finding that are decided about, and those that are kept with that decision."""

    rows: tuple[int, ...]
    kept: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Decided:
    """A decision of a review: where it was made, how many steps of the list it was, and how long the history was after it."""

    place: Place
    steps: int
    history: int


def review_screen(dataset: Dataset, bundle: Bundle, table: FindingTable, cleaning: CleaningList, kind: str, at: int) -> None:
    """One finding, large, with all that helps to decide about it."""
    findings, settled = table.by_kind[kind], table.settled(cleaning)[kind]
    decided = int(settled.sum())
    at = min(at, len(findings))
    with st.container(horizontal=True, vertical_alignment="center"):
        back = Place(kind)
        st.button(
            KINDS[kind].title, icon=":material/arrow_back:", key="review_close", shortcut="Esc", on_click=go, args=(table, back)
        )
        where = f"**{count(at + 1)} of {count(len(findings))}**" if at < len(findings) else "**The end**"
        st.markdown(f"{where}, {count(decided)} settled", width="content")
        st.progress(decided / len(findings))
    if at == len(findings):
        _end(table, kind, settled.tolist())
        return
    finding = findings[at]
    pictures, facts = st.columns([2, 3] if len(finding.indices) == 1 else [1, 1], gap="large")
    with pictures:
        about = _pictures(dataset, cleaning, finding, kind, at)
    with facts:
        finding_facts(dataset, bundle, cleaning, finding)
    with st.container(horizontal=True, vertical_alignment="center"):
        _main_buttons(dataset, table, kind, at, about)
        st.space("stretch")
        _steps(table, cleaning, kind, at)
    _other_buttons(dataset, table, kind, at, about)


def _end(table: FindingTable, kind: str, settled: Sequence[bool]) -> None:
    skipped = settled.count(False)
    if skipped:
        st.info(f"That was the last one. {counted(skipped, 'finding')} not decided yet.", icon=":material/flag:")
        again = Place(kind, settled.index(False))
        st.button("Go through those", type="primary", key="review_again", shortcut="Enter", on_click=go, args=(table, again))
    else:
        st.success(f"All {counted(len(settled), 'finding')} settled.", icon=":material/check_circle:")
        st.button("All findings", type="primary", key="review_finished", shortcut="Enter", on_click=go, args=(table, Place()))


def _pictures(dataset: Dataset, cleaning: CleaningList, finding: Finding, kind: str, at: int) -> _About:
    """The pictures of a finding; returns which of them are decided about."""
    if len(finding.indices) == 1:
        with st.container(horizontal_alignment="center"):
            image_of(dataset, finding.indices[0], _ONE)
        return _About(finding.indices)
    with st.container(horizontal=True):
        for number, row in enumerate(finding.indices[:_PICTURES_SHOWN]):
            image_of(dataset, row, _SOME, f"**{number + 1}: {what_becomes(finding, number)}**  \n{label_words(dataset, row)}")
    usual = _usual(dataset, cleaning, finding)
    if len(finding.indices) > _PICTURES_SHOWN:
        st.caption(f"and {len(finding.indices) - _PICTURES_SHOWN} more")
        return _About(usual)
    chosen = st.pills(
        "Decide about",
        list(range(len(finding.indices))),
        selection_mode="multi",
        default=[finding.indices.index(row) for row in usual],
        format_func=lambda number: str(number + 1),
        help="What would go and is taken out here is kept.",
        key=f"review_rows_{kind}_{at}",
    )
    rows = tuple(finding.indices[number] for number in sorted(chosen))
    return _About(rows, tuple(row for row in usual if row in finding.targets and row not in rows))


def _usual(dataset: Dataset, cleaning: CleaningList, finding: Finding) -> tuple[int, ...]:
    """What is decided about unless somebody picks others: what would go; a label, for all copies alike; never what has gone."""
    rows = finding.indices if finding.kind == "conflict" else finding.targets
    gone = {
        row
        for row in rows
        if (decision := cleaning.in_force.get((str(dataset.names[row]), int(dataset.content_ids[row]), False)))
        and decision.action == "drop"
    }
    return tuple(row for row in rows if row not in gone) or rows


def _main_buttons(dataset: Dataset, table: FindingTable, kind: str, at: int, about: _About) -> None:
    """What is decided most often, each with its key."""
    finding = table.by_kind[kind][at]
    decide, nothing = partial(_decide, dataset, table, kind, at, about), not about.rows
    proposed = f"{finding.action.capitalize()} to {finding.value}" if finding.value else finding.action.capitalize()
    icons = {"keep": ":material/check:", "drop": ":material/delete:", "relabel": ":material/label:", "move": MOVE_ICON}
    st.button(
        f"{proposed}, as proposed",
        type="primary",
        icon=icons[finding.action],
        key=f"review_proposed_{at}",
        shortcut="Enter",
        disabled=nothing,
        on_click=decide,
        args=(finding.action, finding.value),
    )
    for action, key in (("keep", "K"), ("drop", "D")):
        st.button(
            action.capitalize(),
            icon=icons[action],
            key=f"review_{action}_{at}",
            shortcut=key,
            disabled=nothing,
            on_click=decide,
            args=(action,),
        )


def _other_buttons(dataset: Dataset, table: FindingTable, kind: str, at: int, about: _About) -> None:
    """Any label and any split."""
    decide, nothing = partial(_decide, dataset, table, kind, at, about), not about.rows
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Relabel to", width="content")
        for number, label in enumerate(dataset.label_set, start=1):
            st.button(
                f"{dataset.label_set.emoji(label)} {plain(label)}",
                key=f"review_label_{number}_{at}",
                shortcut=str(number) if number < 10 else None,
                disabled=nothing,
                on_click=decide,
                args=("relabel", label),
            )
    if dataset.split_names == (UNSPLIT,):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Move to", width="content")
        for split, key in _SPLIT_KEYS.items():
            st.button(
                SPLIT_TITLES[split],
                key=f"review_{split}_{at}",
                shortcut=key,
                disabled=nothing,
                on_click=decide,
                args=("move", split),
            )


def _steps(table: FindingTable, cleaning: CleaningList, kind: str, at: int) -> None:
    """To the neighbours, and back in time."""
    trail = _trail(table)
    can_undo = bool(trail) and trail[-1].history == len(cleaning.history)  # and not something that was decided elsewhere
    undo, place_before, place_after = (table, cleaning), Place(kind, at - 1), Place(kind, at + 1)
    for name, icon, key, possible, action, args in (
        ("Back", ":material/chevron_left:", "Left", at > 0, go, (table, place_before)),
        ("Skip", ":material/chevron_right:", "Right", True, go, (table, place_after)),
        ("Undo", ":material/undo:", "U", can_undo, _undo, undo),
    ):
        st.button(
            name, icon=icon, key=f"review_{name.lower()}_{at}", shortcut=key, disabled=not possible, on_click=action, args=args
        )


def _decide(dataset: Dataset, table: FindingTable, kind: str, at: int, about: _About, action: Action, value: str = "") -> None:
    """Decide about images of a finding, and go to the next one that is not settled; for a move that settles nothing, stay."""
    here = Place(kind, at)
    if place(table) != here:
        return
    finding = table.by_kind[kind][at]
    reason = f"{KINDS[kind].title}: {finding.detail}" if finding.detail else KINDS[kind].title

    def change(cleaning: CleaningList) -> CleaningList:
        changed = cleaning.decide(dataset, about.rows, action, value, reason=reason)
        return changed.decide(dataset, about.kept, "keep", reason=reason) if about.kept else changed

    if not change_in_words(change):
        return
    cleaning = active_cleaning()
    _trail(table).append(_Decided(here, 2 if about.kept else 1, len(cleaning.history)))
    settled = table.settled(cleaning)[kind]
    if settled[at]:
        later = np.flatnonzero(~settled[at + 1 :])
        go(table, Place(kind, at + 1 + int(later[0]) if len(later) else len(settled)))


def _undo(table: FindingTable, seen: CleaningList) -> None:
    """Take back what was decided last in this review, and go back there."""
    last = _trail(table).pop()
    undo_step(seen, last.steps)
    go(table, last.place)


def _trail(table: FindingTable) -> list[_Decided]:
    """What was decided in this session's reviews of an audit."""
    trail: list[_Decided] = st.session_state.setdefault(f"review_trail_{table.audit.fingerprint[:16]}", [])
    return trail
