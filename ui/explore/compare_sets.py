"""Explore, comparing two datasets: what stands in both, leaks and is relabelled; classes, sizes and light side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from fer.data.dataset import Dataset
from fer.errors import FerError
from fer.labels import EMOTIONS, LabelSet
from fer.quality.comparison import Overlap, Relabelling, overlap, relabelled_elsewhere
from fer.quality.images import ImageMeasures
from ui.charts import PLOTLY_CONFIG
from ui.explore.data_charts import share_bars
from ui.explore.headlines import imbalance, totals
from ui.explore.relabelling import draw_relabelling
from ui.gallery import paged_grid
from ui.measures import image_measures
from ui.state import DatasetChoice, active_choice, dataset_shelf, progress_on
from ui.theme import SPLIT_TITLES, coloured, palette
from ui.words import count, counted, errors_in_words, percent, plain, show_error

Share = tuple[str, float | None, float | None]


def compare_with_another(dataset: Dataset) -> None:
    """A choice of the other dataset, and the two side by side."""
    other = _other_dataset()
    if other is None:
        return
    _common(dataset, other)
    _side_by_side(dataset, other)


def _other_dataset() -> Dataset | None:
    """The dataset that is chosen to compare with; None where none is, or it cannot be read."""
    recent = {choice.source: choice for choice in dataset_shelf().choices if choice != active_choice()}
    source = st.selectbox(
        "Compare with",
        list(recent),
        index=None,
        format_func=lambda text: recent[text].title if text in recent else text,
        placeholder="A dataset opened before, or a path typed in",
        accept_new_options=True,
        key="compare_with",
        help="A folder, an archive, a CSV or Parquet; `synthetic:2000:7` for drawn faces; `kaggle:owner/name`.",
    )
    if not source:
        st.info("Choose a second dataset, or type where it lies.", icon=":material/compare_arrows:")
        return None
    choice = recent.get(source) or DatasetChoice(_as_source(source))
    dataset = dataset_shelf().peek(choice)
    if dataset is not None:
        return dataset
    bar = st.progress(0.0, f"Reading {plain(choice.title)}")
    try:
        return dataset_shelf().get(choice, progress_on(bar))
    except FerError as error:
        show_error(error)
        return None
    finally:
        bar.empty()


def _as_source(text: str) -> str:
    text = text.strip()
    is_path = not text.startswith(("synthetic", "kaggle:"))
    return str(Path(text).expanduser().absolute()) if is_path else text


def _titles(dataset: Dataset, other: Dataset) -> tuple[str, str]:
    """Names that tell the two apart."""
    return (dataset.name, other.name) if dataset.name != other.name else (dataset.name, f"{other.name} (other)")


def _common(dataset: Dataset, other: Dataset) -> None:
    """What stands in both, the leaks that follow, and labels that differ."""
    found = overlap(dataset, other)
    st.subheader(common_finding(found, dataset, other), anchor=False)
    if not found.pictures:
        st.caption("Compared pixel for pixel: the same photograph, encoded again or resized, is another picture.")
        return
    for words in leak_words(found, dataset, other):
        st.markdown(f":material/warning: {words}")
    labels = relabelled_elsewhere(dataset, other)
    st.markdown(f"**{plain(labels_finding(labels))}**")
    if not labels.changed.any():
        paged_grid(dataset, found.rows, "common")
        return
    titles = _titles(dataset, other)
    draw_relabelling(dataset, labels, (f"label in {titles[0]}", f"label in {titles[1]}"), "datasets")


def common_finding(found: Overlap, dataset: Dataset, other: Dataset) -> str:
    """`280 pictures stand in both: 0.9 % of fer2013, 8 % of mine`."""
    if not found.pictures:
        return "The two datasets have no picture in common"
    ours, theirs = len(found.rows) / len(dataset), len(found.other_rows) / len(other)
    first, second = _titles(dataset, other)
    stand = "picture stands" if found.pictures == 1 else "pictures stand"
    return f"{count(found.pictures)} {stand} in both: {percent(ours)} of {first}, {percent(theirs)} of {second}"


def leak_words(found: Overlap, dataset: Dataset, other: Dataset) -> list[str]:
    """Each leak in a sentence, as Markdown."""
    first, second = _titles(dataset, other)
    sentences = []
    for leak in found.leaks:
        learned, tested = (first, second) if leak.in_other else (second, first)
        sentences.append(
            f"Trained on {plain(learned)}, the {SPLIT_TITLES[leak.split].lower()} score on {plain(tested)} would flatter: "
            f"**{count(leak.images)} of its {counted(leak.n, 'image')}** stand in that training part."
        )
    return sentences


def labels_finding(labels: Relabelling) -> str:
    """`12 % of the common images carry another label; most often fear → surprise`."""
    most = labels.most_changed()
    if most is None:
        return "All common images carry the same label in both"
    return f"{percent(labels.changed_share)} of the common images carry another label; most often {most[0]} → {most[1]}"


def _side_by_side(dataset: Dataset, other: Dataset) -> None:
    names, inks = _titles(dataset, other), (palette().splits["val"], palette().splits["test"])
    shares = class_shares(dataset, other)
    st.subheader(plain(shares_finding(shares, names)), anchor=False)
    st.markdown(" · ".join(coloured(f"**{plain(name)}**", ink) for name, ink in zip(names, inks, strict=True)))
    classes = LabelSet(tuple(label for label, *_ in shares))
    st.plotly_chart(share_bars(shares, classes, names, inks), config=PLOTLY_CONFIG, key="compare_shares")
    with errors_in_words():
        st.dataframe(figure_rows((dataset, other), names, (image_measures(dataset), image_measures(other))), hide_index=True)


def class_shares(dataset: Dataset, other: Dataset) -> list[Share]:
    """Each class of either, and its share of the images of both, 0…1; None where a dataset has no such class."""
    classes = [*dataset.label_set, *(label for label in other.label_set if label not in dataset.label_set)]
    order = list(EMOTIONS)
    classes.sort(key=lambda label: order.index(label) if label in order else len(order))
    by_label = [{label: n / max(len(each), 1) for label, n in totals(each).items()} for each in (dataset, other)]
    return [(label, by_label[0].get(label), by_label[1].get(label)) for label in classes]


def shares_finding(shares: list[Share], names: tuple[str, str]) -> str:
    """`Happy is 25 % of fer2013 and 13 % of mine`, of the class whose shares differ most; or that none does."""
    both = [(label, ours, theirs) for label, ours, theirs in shares if ours is not None and theirs is not None]
    if not both:
        return "The two datasets have no class in common"
    label, ours, theirs = max(both, key=lambda row: abs(row[1] - row[2]))
    if abs(ours - theirs) < 0.02:
        return "The classes have about the same shares in both"
    return f"{label.capitalize()} is {percent(ours, 0)} of {names[0]} and {percent(theirs, 0)} of {names[1]}"


def figure_rows(
    datasets: tuple[Dataset, Dataset], names: tuple[str, str], measures: tuple[ImageMeasures, ImageMeasures]
) -> list[dict[str, str]]:
    """Number, balance, colour, size and light of two datasets, a figure a row."""
    columns = [_figures(dataset, measured) for dataset, measured in zip(datasets, measures, strict=True)]
    return [
        {"": figure, names[0]: ours, names[1]: theirs}
        for (figure, ours), theirs in zip(columns[0].items(), columns[1].values(), strict=True)
    ]


def _figures(dataset: Dataset, measures: ImageMeasures) -> dict[str, str]:
    ratio = imbalance(totals(dataset))
    n = max(len(dataset), 1)
    middle = np.median(measures.sides, axis=0) if len(dataset) else (0, 0)
    light = {name: float(np.median(getattr(measures, name))) if len(dataset) else 0.0 for name in ("brightness", "contrast")}
    sharpness = float(np.median(measures.sharpness)) if len(dataset) else 0.0
    return {
        "images": count(len(dataset)),
        "of them different pictures": count(len(np.unique(dataset.content_ids))),
        "classes": str(len(dataset.label_set)),
        "imbalance": f"{ratio:.1f} : 1" if ratio else "–",
        "grey": percent(float(dataset.is_grey.sum()) / n, 0),
        "size, median": f"{middle[1]:.0f} × {middle[0]:.0f} pixels",
        "brightness, median": f"{light['brightness']:.0f} of 255",
        "contrast, median": f"{light['contrast']:.0f}",
        "sharpness, median": f"{sharpness:.2f}",
        "left out": count(len(dataset.problems)),
    }
