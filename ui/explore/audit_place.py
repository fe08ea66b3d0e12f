"""Where in the Audit view a session is: at the list of findings, at one kind of them, at one finding, or at the cleaning list."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from fer.quality.settled import FindingTable


@dataclass(frozen=True)
class Place:
    """A screen of the view.

    Args:
        kind: of the findings that are looked at; None for the list of all kinds.
        at: number of the finding that is reviewed, 0…n, where n is the end of the review; None where all are shown.
        is_list: the cleaning list is looked at.
    """

    kind: str | None = None
    at: int | None = None
    is_list: bool = False


START = Place()
CLEANING_LIST = Place(is_list=True)


def place(table: FindingTable) -> Place:
    """Where the session is in an audit; another one starts at its beginning."""
    kept: Place = st.session_state.get(_key(table), START)
    if kept.kind is not None and kept.kind not in table.by_kind:  # another model has found other things
        return START
    return kept


def go(table: FindingTable, there: Place) -> None:
    """Go to another screen; the next run of the view shows it."""
    st.session_state[_key(table)] = there


def _key(table: FindingTable) -> str:
    return f"audit_place_{table.audit.fingerprint[:16]}"
