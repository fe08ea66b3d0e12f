"""One picture of a dataset, large, with all that is known about it; and from it to the next."""

from __future__ import annotations

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.labels import FER8, VOTE_COLUMNS
from fer.quality.images import ImageMeasures
from ui.bars import Bar, bars_html
from ui.measures import image_measures
from ui.theme import SPLIT_TITLES, coloured, palette
from ui.words import counted, errors_in_words, percent, plain

_SIDE = 432  # nine times 48
_AT = "enlarged"
_MOST_TWINS = 8


def enlarge(dataset: Dataset, rows: NDArray[np.integer], row: int) -> None:
    """Show one of some images in a dialog, in which the others are a key away.

    Args:
        dataset: where they stand.
        rows: the images that "previous" and "next" go through.
        row: the one to begin with, one of `rows`.
    """
    st.session_state[_AT] = rows.tolist().index(row)
    _dialog(dataset, rows)


@st.dialog("Picture", width="medium")
def _dialog(dataset: Dataset, rows: NDArray[np.integer]) -> None:
    at = min(int(st.session_state.get(_AT, 0)), len(rows) - 1)
    row = int(rows[at])
    picture, facts = st.columns([5, 4], gap="medium")
    with errors_in_words():  # a file may have gone since it was read
        with picture:
            image = dataset.images[row]
            st.image(enlarged(image), width="stretch", output_format="PNG", alt=str(dataset.names[row]))
        with facts:
            _facts(dataset, row, image)
    with picture:
        _steps(at, len(rows))


def enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image, uint8 RGB (H, W, 3), with a longest side of 432 pixels; smooth, for a face is read better so than in squares."""
    scale = _SIDE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA), np.uint8)


def _steps(at: int, n: int) -> None:
    def to(place: int) -> None:
        st.session_state[_AT] = place

    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        before, after = ":material/chevron_left:", ":material/chevron_right:"
        st.button("Previous", icon=before, key="picture_before", shortcut="Left", disabled=at == 0, on_click=to, args=(at - 1,))
        st.caption(f"{at + 1} of {n}", width="content")
        st.button("Next", icon=after, key="picture_next", shortcut="Right", disabled=at == n - 1, on_click=to, args=(at + 1,))


def _facts(dataset: Dataset, row: int, image: NDArray[np.uint8]) -> None:
    label = dataset.label_set.names[int(dataset.label_ids[row])]
    st.subheader(f"{dataset.label_set.emoji(label)} {plain(label)}", anchor=False)
    st.caption(plain(str(dataset.names[row])))
    height, width = image.shape[:2]
    colour = "grey" if dataset.is_grey[row] else "colour"
    st.markdown(f"**{SPLIT_TITLES[str(dataset.splits[row])]}** · {width} × {height} pixels, {colour}")
    st.markdown(_light(image_measures(dataset), row))
    if dataset.votes is not None:
        st.markdown("**Votes of the taggers (FER+)**")
        st.html(votes_html(dataset.votes[row]))
    _twins(dataset, row)


def _light(measures: ImageMeasures, row: int) -> str:
    """Brightness, contrast and sharpness, each with where that stands among all images of the dataset."""
    lines = []
    for name, unit in (("brightness", " of 255"), ("contrast", ""), ("sharpness", "")):
        values = getattr(measures, name)
        figure = f"{values[row]:.2f}" if name == "sharpness" else f"{values[row]:.0f}"
        lines.append(f"- {name.capitalize()} **{figure}**{unit}: above {percent(float((values < values[row]).mean()), 0)} of all")
    return "\n".join(lines)


def votes_html(votes: NDArray[np.integer]) -> str:
    """A bar for every class that was voted for, as HTML, the most frequent first.

    Args:
        votes: (10,) in the order of `VOTE_COLUMNS`.
    """
    total, grey = max(int(votes.sum()), 1), palette().muted
    order = [int(column) for column in np.argsort(-votes.astype(int), kind="stable") if votes[column]]
    return bars_html(
        Bar(
            FER8.emoji(name) if name in FER8 else "",
            name.replace("_", " "),
            FER8.colour(name) if name in FER8 else grey,
            votes[column] / total,
            str(votes[column]),
            strong=column == order[0],
        )
        for column in order
        for name in [VOTE_COLUMNS[column]]
    )


def _twins(dataset: Dataset, row: int) -> None:
    """Other images with the same pixels."""
    twins = np.flatnonzero(dataset.content_ids == dataset.content_ids[row])
    twins = twins[twins != row]
    if not len(twins):
        return
    labels = set(dataset.label_ids[twins].tolist()) - {int(dataset.label_ids[row])}
    splits = set(dataset.splits[twins].tolist()) - {str(dataset.splits[row])}
    faults = [words for words, found in (("under another label", labels), ("in another split", splits)) if found]
    st.markdown(f"**The same pixels stand in {counted(len(twins), 'more image')}{', ' if faults else ''}{' and '.join(faults)}**")
    lines = []
    for twin in twins[:_MOST_TWINS].tolist():
        label = dataset.label_set.names[int(dataset.label_ids[twin])]
        split = str(dataset.splits[twin])
        place = coloured(SPLIT_TITLES[split].lower(), palette().splits[split])
        lines.append(f"- {plain(str(dataset.names[twin]).rsplit('/', 1)[-1])}: {dataset.label_set.emoji(label)} {label}, {place}")
    if len(twins) > _MOST_TWINS:
        lines.append(f"- and {len(twins) - _MOST_TWINS} more")
    st.markdown("\n".join(lines))
