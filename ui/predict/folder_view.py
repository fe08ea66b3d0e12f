"""What came out of a folder: figures, how the answers are distributed, every face as a tile or a row, and files to take home."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from fer.drawing import annotate
from fer.folders.crops import read_crops, read_one
from fer.folders.job import FolderJob
from fer.folders.table import NO_FACE, UNREADABLE, labels_of, prediction_of, table_bytes
from fer.inference.recognizer import NOT_A_FACE, FacePrediction
from fer.labels import LabelSet
from ui.bars import Bar, bars_html
from ui.choice import choose_way
from ui.predict.faces import bars_html as face_bars_html
from ui.predict.faces import heading_html
from ui.theme import palette
from ui.tiles import TILE, Tile, data_url, tile, tile_grid
from ui.words import count, counted, errors_in_words, percent, plain

if TYPE_CHECKING:
    import pyarrow as pa

_PER_PAGE = 24
_ROW_HEIGHT = 64
_TILES_KEY = "folder_tiles"
_WITHOUT = (NOT_A_FACE, NO_FACE, UNREADABLE)
# In what order rows stand, by which column; None as they were read.
_ORDERS: dict[str, tuple[str, str] | None] = {
    "By picture": None,
    "By emotion": ("label", "ascending"),
    "Surest first": ("confidence", "descending"),
    "Least sure first": ("confidence", "ascending"),
}
_EMPTY = np.full((8, 8, 3), 128, np.uint8)


def folder_view(job: FolderJob) -> None:
    """A finished reading."""
    table = _table(str(job.table_path), job.table_path.stat().st_mtime_ns, job)
    label_set = labels_of(table.schema)
    counts = Counter(table["label"].to_pylist())
    _figures(table, counts)
    left, right = st.columns([1, 2], gap="medium")
    with left:
        _distribution(counts, label_set)
    with right:
        chosen = _chosen(table, [name for name in (*label_set, *_WITHOUT) if counts[name]], label_set, job.id)
        _faces(job, chosen, label_set)
    _downloads(job, chosen)


@st.cache_resource(show_spinner=False, max_entries=2)
def _table(path: str, stamp: int, _job: FolderJob) -> pa.Table:
    return _job.table()


def _figures(table: pa.Table, counts: Counter[str]) -> None:
    import pyarrow.compute as pc

    faces = sum(counts.values()) - sum(counts[name] for name in _WITHOUT)
    mean = pc.mean(table.filter(pc.invert(pc.is_in(table["label"], _strings(_WITHOUT))))["confidence"]).as_py()
    with st.grid(5, min_column_width=130):
        st.metric("Pictures", count(pc.count_distinct(table["picture"]).as_py()), border=True)
        st.metric("Faces", count(faces), border=True)
        st.metric("Mean confidence", "–" if mean is None else percent(mean, 0), border=True)
        st.metric("Without a face", count(counts[NO_FACE]), border=True, help="Pictures in which none was found.")
        st.metric("Unreadable", count(counts[UNREADABLE]), border=True, help="The table says why, of each.")


def _distribution(counts: Counter[str], label_set: LabelSet) -> None:
    """A bar for every class, and for what is no face."""
    faces = sum(counts[label] for label in label_set)
    if not faces:
        st.markdown("**No face was read**")
    else:
        first = max(label_set, key=lambda label: counts[label])
        share = percent(counts[first] / faces, 0)
        st.markdown(f"**{label_set.emoji(first)} {plain(first)} is the most frequent: {share} of the faces**")
    most = max(counts.values())
    names = [*label_set, *(name for name in _WITHOUT if counts[name])]
    st.html(bars_html(_bar(name, counts[name], most, label_set) for name in names))


def _bar(name: str, n: int, most: int, label_set: LabelSet) -> Bar:
    known = name in label_set
    return Bar(
        label_set.emoji(name) if known else "", name, label_set.colour(name) if known else palette().muted, n / most, count(n)
    )


def _chosen(table: pa.Table, there: Sequence[str], label_set: LabelSet, job_id: str) -> pa.Table:
    """The rows that the filters leave, in the order that is chosen."""
    import pyarrow.compute as pc

    labels = st.pills(
        "Only",
        there,
        selection_mode="multi",
        format_func=lambda name: f"{label_set.emoji(name)} {name}" if name in label_set else name,
        key=f"folder_labels_{job_id}",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = st.selectbox("Order", list(_ORDERS), key="folder_order", width=180, persist_state="session")
        wanted = st.text_input("Search by file name", placeholder="part of a name", key=f"folder_search_{job_id}", width=220)
    if labels:
        table = table.filter(pc.is_in(table["label"], _strings(labels)))
    if wanted.strip():
        table = table.filter(pc.match_substring(table["picture"], wanted.strip(), ignore_case=True))
    by = _ORDERS[order]
    return table if by is None else table.take(pc.sort_indices(table, sort_keys=[by]))


def _strings(names: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array(names, pa.string())


def _faces(job: FolderJob, rows: pa.Table, label_set: LabelSet) -> None:
    """The rows as tiles, a page at a time, or as a table."""
    if not len(rows):
        st.info("Nothing is left by these filters.", icon=":material/search_off:")
        return
    layout = choose_way("Show", ["Tiles", "Table"], key="folder_layout")
    pages = -(-len(rows) // _PER_PAGE)
    grid, foot = st.container(), st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    with foot:
        st.caption(counted(len(rows), "row"), width="content")
        page = st.pagination(pages, max_visible_pages=5, key=f"folder_page_{job.id}_{len(rows)}") if pages > 1 else 1
    part = rows.slice((page - 1) * _PER_PAGE, _PER_PAGE)
    with grid:
        if layout == "Table":
            _draw_table(job, part, label_set)
        else:
            _draw_tiles(job, part.to_pylist(), label_set)


def _draw_table(job: FolderJob, rows: pa.Table, label_set: LabelSet) -> None:
    """One page of the table, with each face before its row; without them where the pictures went."""
    import pyarrow as pa
    import pyarrow.compute as pc

    shares = ("confidence", "face_probability", *label_set)
    for name in shares:
        rows = rows.set_column(rows.column_names.index(name), name, pc.multiply(rows[name], 100.0))
    with errors_in_words():
        rows = rows.add_column(0, "thumbnail", pa.array(_thumbnails(job, rows.to_pylist())))
    formats = {**dict.fromkeys(shares, "%.1f %%"), **dict.fromkeys(("x1", "y1", "x2", "y2"), "%.0f")}
    numbers = {name: st.column_config.NumberColumn(format=form) for name, form in formats.items()}
    first = [name for name in ("thumbnail", "label", "confidence", "picture") if name in rows.column_names]
    st.dataframe(
        rows,
        hide_index=True,
        column_order=[*first, *(name for name in rows.column_names if name not in first)],
        height="content",
        row_height=_ROW_HEIGHT,
        column_config={"thumbnail": st.column_config.ImageColumn("", width=_ROW_HEIGHT), **numbers},
        key=f"folder_table_{job.id}",
    )


def _draw_tiles(job: FolderJob, rows: Sequence[dict[str, Any]], label_set: LabelSet) -> None:
    with errors_in_words():
        sources = _thumbnails(job, rows)
        tiles = [_tile(number, row, source, label_set) for number, (row, source) in enumerate(zip(rows, sources, strict=True))]
        opened = tile_grid(tiles, key="folder_faces")
        if opened is not None and opened < len(rows):
            _enlarge(job, rows[opened], label_set)


def _thumbnails(job: FolderJob, rows: Sequence[dict[str, Any]]) -> list[str]:
    """The faces of one page as addresses for a browser; the pictures are read again when another page is turned to.

    Raises:
        DataError: the pictures are not there any more.
    """
    key = (job.id, tuple((row["picture"], row["face"]) for row in rows))
    kept = st.session_state.get(_TILES_KEY)
    if kept is None or kept[0] != key:
        with st.spinner("Reading the pictures"):
            crops = read_crops(job.pictures_path, rows, side=TILE)
        kept = (key, [data_url(tile(_EMPTY if crop is None else crop), "jpeg") for crop in crops])
        st.session_state[_TILES_KEY] = kept
    thumbnails: list[str] = kept[1]
    return thumbnails


def _tile(number: int, row: dict[str, Any], source: str, label_set: LabelSet) -> Tile:
    label = row["label"]
    words = label if label in _WITHOUT else f"{label_set.emoji(label)} {label} {percent(row['confidence'], 0)}"
    name = str(row["picture"])
    note = name.rsplit("/", 1)[-1]
    return Tile(number, f"{words}, {name}", words, f"unsure · {note}" if row["unsure"] else note, source)


@st.dialog("Picture", width="large")
def _enlarge(job: FolderJob, row: dict[str, Any], label_set: LabelSet) -> None:
    st.caption(plain(row["picture"]))
    if row["label"] == UNREADABLE:
        st.error(plain(row["error"]), icon=":material/broken_image:")
        return
    with errors_in_words():
        image = read_one(job.pictures_path, row["picture"])
        if image is None:
            st.warning("This picture is not there any more.", icon=":material/broken_image:")
            return
        face = None if row["face"] is None else prediction_of(row, label_set)
        shown: list[FacePrediction] = [face] if face else []
        picture, words = st.columns([3, 2], gap="medium")
        picture.image(annotate(image, shown), output_format="JPEG", alt=f"{row['picture']}: {row['label']}")
        with words:
            if face is None:
                st.markdown("No face was found in it.")
            else:
                st.html(heading_html(face))
                st.html(face_bars_html(face) if face.is_face else "")


def _downloads(job: FolderJob, rows: pa.Table) -> None:
    """The rows that are shown, as files, made when they are asked for."""
    stem = job.name.rsplit(".", 1)[0]
    with st.container(horizontal=True):
        for name, mime, icon in (("CSV", "text/csv", "table"), ("Parquet", "application/vnd.apache.parquet", "database")):
            st.download_button(
                f"{name}, {counted(len(rows), 'row')}",
                partial(table_bytes, rows, f".{name.lower()}"),
                f"{stem}-faces.{name.lower()}",
                mime,
                icon=f":material/{icon}:",
                on_click="ignore",
                key=f"folder_{name.lower()}",
            )
