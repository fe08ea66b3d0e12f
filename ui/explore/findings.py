"""The findings of one kind, a page at a time, the worst first; a click on one opens it (`review.py`)."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.errors import FerError
from fer.quality.cleaning import CleaningList
from fer.quality.findings import KINDS, Action, Finding
from fer.quality.settled import FindingTable
from ui.cleaning import active_cleaning, change_in_words
from ui.explore.audit_place import START, Place, go
from ui.popover import close_popover, closing_popover
from ui.theme import SPLIT_TITLES
from ui.tiles import TILE, Tile, data_url, tile, tile_grid
from ui.words import count, counted, percent, plain

_SINGLES_A_PAGE, _GROUPS_A_PAGE = 24, 9
_SAID = "audit_said"
MOVE_ICON = ":material/drive_file_move:"
_PICTURES_SHOWN = 4  # of a group, beside each other
_FILTERS = {"open": "To decide", "settled": "Settled", "all": "All"}


def findings_screen(dataset: Dataset, table: FindingTable, cleaning: CleaningList, kind: str) -> None:
    """All findings of a kind."""
    findings, settled = table.by_kind[kind], table.settled(cleaning)[kind]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("All findings", icon=":material/arrow_back:", key="findings_back", on_click=go, args=(table, START))
        st.subheader(f"{KINDS[kind].title}: {counted(len(findings), 'finding')}", anchor=False, width="content")
        st.space("stretch")
        if table.images[kind]:
            first = int(np.argmin(settled))  # the first that is not settled, else the very first
            st.button(
                "Review one by one",
                type="primary",
                icon=":material/keyboard:",
                key="findings_review",
                on_click=go,
                args=(table, Place(kind, first)),
            )
            accept_button(dataset, table, kind, bool(settled.all()))
            _all_at_once(dataset, table, kind, settled)
    st.caption(KINDS[kind].meaning)
    if not table.images[kind]:  # files that could not be read: there is nothing to look at, and nothing to decide
        st.dataframe([{"file": finding.detail} for finding in findings], hide_index=True)
        return
    shown = st.segmented_control(
        "Which", list(_FILTERS), default="all", required=True, label_visibility="collapsed", key=f"findings_filter_{kind}",
        format_func=lambda name: f"{_FILTERS[name]} {count(int(_chosen(settled, name).sum()))}",
    )  # fmt: skip
    numbers = np.flatnonzero(_chosen(settled, shown))
    if not len(numbers):
        st.info("None of them.", icon=":material/check:")
        return
    is_single = max(len(finding.indices) for finding in findings) == 1
    per_page = _SINGLES_A_PAGE if is_single else _GROUPS_A_PAGE
    pages = -(-len(numbers) // per_page)
    # The pictures come first and the pages below them, but their number must be known to draw the pictures.
    pictures, foot = st.container(), st.container(horizontal=True, horizontal_alignment="right")
    with foot:
        page = st.pagination(pages, max_visible_pages=5, key=f"findings_page_{kind}_{shown}") if pages > 1 else 1
    with pictures:
        (_singles if is_single else _groups)(dataset, table, kind, numbers[(page - 1) * per_page : page * per_page], settled)


def _chosen(settled: NDArray[np.bool_], which: str) -> NDArray[np.bool_]:
    return {"open": ~settled, "settled": settled}.get(which, np.ones_like(settled))


def _all_at_once(dataset: Dataset, table: FindingTable, kind: str, settled: NDArray[np.bool_]) -> None:
    """One decision about all images of the findings that are not settled yet."""
    rows = sorted({row for number in np.flatnonzero(~settled) for row in table.by_kind[kind][number].targets})

    def decide(action: Action, value: str = "") -> None:
        close_popover("all_popover")
        change_in_words(lambda now: now.decide(dataset, rows, action, value, reason=KINDS[kind].title))

    choices: list[tuple[str, str, Action, str]] = [
        ("Keep", ":material/check:", "keep", ""),
        ("Drop", ":material/delete:", "drop", ""),
        *((f"Move to {SPLIT_TITLES[split].lower()}", MOVE_ICON, "move", split) for split in dataset.split_names if split),
    ]
    with closing_popover("All at once", key="all_popover", icon=":material/select_all:"):
        st.markdown(f"About {counted(len(rows), 'image')} of findings that are not settled yet:")
        for words, icon, action, value in choices:
            key = f"all_{value or action}"
            st.button(words, icon=icon, key=key, width="stretch", disabled=not rows, on_click=decide, args=(action, value))


def _singles(dataset: Dataset, table: FindingTable, kind: str, numbers: NDArray[np.intp], settled: NDArray[np.bool_]) -> None:
    """Findings about one image each, as tiles."""
    tiles = []
    for number in numbers.tolist():
        finding = table.by_kind[kind][number]
        (row,) = finding.indices
        tiles.append(
            Tile(
                row=number,
                name=f"{dataset.names[row]}: {finding.detail}",
                caption=_short(dataset, finding),
                note="✓ settled" if settled[number] else percent(finding.severity, 0),
                source=picture(dataset, row),
            )
        )
    opened = tile_grid(tiles, key=f"findings_tiles_{kind}")
    if opened is not None and opened in numbers:
        go(table, Place(kind, opened))
        st.rerun(scope="fragment")


def _short(dataset: Dataset, finding: Finding) -> str:
    """What is proposed for a single image, in a few letters: `sad → fear`."""
    label = dataset.label_set.names[int(dataset.label_ids[finding.indices[0]])]
    return f"{label} → {finding.value or finding.action}" if finding.action != "keep" else label


def _groups(dataset: Dataset, table: FindingTable, kind: str, numbers: NDArray[np.intp], settled: NDArray[np.bool_]) -> None:
    """Findings about several images each: those that stay, then those that go."""
    with st.grid(3, min_column_width=270, gap="small"):
        for number in numbers.tolist():
            finding = table.by_kind[kind][number]
            with st.container(border=True):
                with st.container(horizontal=True, gap="xsmall"):
                    for place, row in enumerate(finding.indices[:_PICTURES_SHOWN]):
                        image_of(dataset, row, 56, what_becomes(finding, place))
                with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                    done = ":green-badge[:material/check: settled] " if settled[number] else ""
                    st.caption(done + plain(finding.detail), width="stretch")
                    st.button("Open", key=f"open_{kind}_{number}", on_click=go, args=(table, Place(kind, number)))


def what_becomes(finding: Finding, place: int) -> str:
    """What is proposed for the image at a place of a finding: `stays`, `drop`, `sad`."""
    return "stays" if place < finding.kept else finding.value or finding.action


def image_of(dataset: Dataset, row: int, width: int, caption: str | None = None) -> None:
    """One image of the dataset, or why it cannot be shown."""
    try:
        image = dataset.images[row]
    except FerError as error:
        st.caption(plain(str(error)))
        return
    st.image(tile(image, max(width, TILE)), caption=caption, width=width, output_format="PNG", alt=str(dataset.names[row]))


def picture(dataset: Dataset, row: int) -> str:
    """One image of the dataset as a source for a tile; nothing where its file has gone."""
    try:
        image = dataset.images[row]
    except FerError:
        return ""
    return data_url(tile(image), "png" if max(image.shape[:2]) <= TILE else "jpeg")


def accept_button(dataset: Dataset, table: FindingTable, kind: str, all_settled: bool) -> None:
    """Decide as proposed about all that is not decided yet; no button where nothing is proposed."""
    if set(table.proposals[kind]) - {"keep"}:
        st.button(
            "Accept all",
            icon=":material/done_all:",
            key=f"accept_{kind}",
            disabled=all_settled,
            help="Decide as proposed about all that is not decided yet.",
            on_click=_accept_all,
            args=(dataset, table, kind),
        )


def _accept_all(dataset: Dataset, table: FindingTable, kind: str) -> None:
    """Decide as proposed about all findings of a kind, and say how many images that were."""
    before = len(active_cleaning())
    if change_in_words(lambda cleaning: cleaning.accept(dataset, table.audit, kinds=[kind])):
        st.session_state[_SAID] = f"{KINDS[kind].title}: {counted(len(active_cleaning()) - before, 'decision')} made."


def show_said() -> None:
    """Say what was accepted just now; a callback of a fragment cannot."""
    if said := st.session_state.pop(_SAID, None):
        st.toast(said, icon=":material/done_all:")
