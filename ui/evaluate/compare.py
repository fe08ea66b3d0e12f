"""Evaluate: models on the same images: is one better by more than noise, and who mends whose mistakes?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.bundles import list_bundles
from fer.data.dataset import Dataset
from fer.errors import FerError
from fer.evaluation import PairComparison, Report, ReportSummary, compare_reports, differences, list_reports, load_report
from fer.evaluation.report import pixels_sha256
from fer.foreign.packages import installed_packages
from ui.evaluate.checks import summary
from ui.evaluate.confusion import images_of
from ui.evaluate.images import evaluated_images
from ui.evaluate.reference import reference_table
from ui.evaluate.reports import make_package_report, make_report
from ui.gallery import paged_grid
from ui.state import active_choice, dataset_shelf, read_bundle
from ui.words import count, counted, errors_in_words, percent, plain, plus_minus

_PER_PAGE = 16
_PACKAGE = "package "


def draw(report: Report) -> None:
    """The choice of others, the table, the pairs with their faces, and the table of the reference systems."""
    fitting, unfit = _others(report)
    chosen = _choice(report, fitting)
    if unfit:
        with st.expander(f"{counted(len(unfit), 'report')} of other images", icon=":material/block:"):
            st.dataframe(unfit, hide_index=True)
    _offer(report, {other.model for other in fitting.values()} | {report.model})
    if chosen:
        reports = [report, *chosen]
        with errors_in_words():
            pairs = compare_reports(reports)
            names = _names(reports)
            st.subheader(_finding(pairs, names), anchor=False)
            _figures(reports, names)
            _pairs(pairs, names)
            _faces(reports, pairs, names)
    reference_table()


def _others(report: Report) -> tuple[dict[str, Report], list[dict[str, str]]]:
    """Saved reports of the same images, by their folder, the newest first; and of the rest, why they do not fit."""
    fitting: dict[str, Report] = {}
    unfit = []
    for item in list_reports():
        if item.problem or (item.model, item.created) == (report.model, report.created):
            continue
        why = _told_apart(report, item)
        if not why:
            try:
                other = _read(str(item.path), (item.path / "report.json").stat().st_mtime_ns)
            except (FerError, OSError) as error:
                why = [str(error)]
            else:
                why = differences(report, other)
        if why:
            unfit.append({"report": f"{item.model} on {item.dataset}, {percent(item.accuracy)}", "differs in": "; ".join(why)})
        else:
            fitting[str(item.path)] = other
    return fitting, unfit


def _told_apart(report: Report, item: ReportSummary) -> list[str]:
    """What differs by the list alone, so that most reports need not be opened."""
    facts = (("the data", report.dataset, item.dataset), ("the split", report.split, item.split))
    why = [f"{what} ({ours} and {theirs})" for what, ours, theirs in facts if ours != theirs]
    return why or ([f"the images ({count(report.n)} and {count(item.n)})"] if report.n != item.n else [])


@st.cache_resource(show_spinner=False, max_entries=32)
def _read(path: str, _changed: int) -> Report:
    return load_report(path)


def _choice(report: Report, fitting: dict[str, Report]) -> list[Report]:
    if not fitting:
        st.info(f"No other report is of the same images as this one of **{plain(report.model)}**.", icon=":material/balance:")
        return []
    newest: dict[tuple[str, str], str] = {}
    for path, other in fitting.items():
        newest.setdefault((other.model, other.bundle_sha256), path)
    own = (report.model, report.bundle_sha256)
    picked = st.multiselect(
        f"Compare {plain(report.model)} with",
        list(fitting),
        default=[path for model, path in newest.items() if model != own][:3],
        format_func=lambda path: f"{fitting[path].model}, {percent(fitting[path].accuracy)}, {_made(fitting[path])}",
        key=f"compare_with_{report.id}_{len(fitting)}",
        help="Reports of the same images with the same labels.",
    )
    return [fitting[path] for path in picked]


def _offer(report: Report, known: set[str]) -> None:
    """Evaluate another model on the same images, where the active dataset holds them."""
    others = [name for name in list_bundles() if name not in known]
    versions = installed_packages()
    others += [_PACKAGE + name for name, version in versions.items() if f"{name} {version}" not in known]
    if not others:
        return
    if evaluated_images(report, needed_for="Other models can be evaluated on the same images", key="compare_open") is None:
        return
    dataset = dataset_shelf().peek(active_choice())
    if dataset is None or not _holds(dataset, report):
        st.caption(
            f"These are images of **{plain(report.dataset)}**. To compare another model on them, choose it in the sidebar and "
            "evaluate it as this one was."
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Not evaluated on these images yet", others, key="compare_other", width=280)
        if st.button(f"Evaluate {plain(name)} on the same images", icon=":material/play_arrow:", key="compare_evaluate"):
            with errors_in_words():
                if name.startswith(_PACKAGE):
                    make_package_report(name.removeprefix(_PACKAGE), report.split)
                else:
                    make_report(read_bundle(name), report.split, show=False)


def _holds(dataset: Dataset, report: Report) -> bool:
    """Whether evaluating it again gives a report of the same images, with votes or without."""
    if dataset.fingerprint == report.fingerprint:
        return True
    if report.split not in ("all", *dataset.split_names):
        return False
    return report.pixels == pixels_sha256(dataset if report.split == "all" else dataset.split(report.split))


def _names(reports: Sequence[Report]) -> list[str]:
    """A name each; where a model stands there twice, with the time of its report."""
    models = [report.model for report in reports]
    return [report.model if models.count(report.model) == 1 else f"{report.model} ({_made(report)})" for report in reports]


def _made(report: Report) -> str:
    return report.created[:16].replace("T", " ")


def _finding(pairs: Sequence[PairComparison], names: Sequence[str]) -> str:
    """The largest difference in a sentence."""
    pair = max(pairs, key=lambda pair: (pair.is_more_than_noise, abs(pair.difference)))
    better, worse = (pair.first, pair.second) if pair.difference >= 0 else (pair.second, pair.first)
    if pair.is_more_than_noise:
        points = f"{abs(100 * pair.difference):.1f} points"
        return f"{plain(names[better])} is {points} better than {plain(names[worse])}: more than noise"
    if len(pairs) == 1:
        return f"{plain(names[0])} and {plain(names[1])} cannot be told apart on these images"
    return "None of these models can be told from another on these images"


def _figures(reports: Sequence[Report], names: Sequence[str]) -> None:
    st.dataframe(
        [
            {
                "model": name,
                "accuracy": f"{percent(report.accuracy)} {plus_minus(report.accuracy_ci95)}",
                "balanced": percent(report.balanced_accuracy),
                "macro F1": percent(report.macro_f1),
                "calibration error": percent(report.ece),
                "checks": summary(report.checks) if report.checks else "none made",
            }
            for report, name in zip(reports, names, strict=True)
        ],
        hide_index=True,
    )


def _pairs(pairs: Sequence[PairComparison], names: Sequence[str]) -> None:
    rows = []
    for pair in pairs:
        low, high = pair.difference_ci95
        rows.append(
            {
                "pair": f"{names[pair.first]} − {names[pair.second]}",
                "difference": f"{100 * pair.difference:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})",
                "p (McNemar)": pair.p_adjusted,
                "verdict": "more than noise" if pair.is_more_than_noise else "may be chance",
                "only the first is right": len(pair.only_first),
                "only the second is right": len(pair.only_second),
                "both wrong": len(pair.both_wrong),
            }
        )
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "difference": st.column_config.TextColumn(help="Of the accuracies, with the 95 % interval of a paired bootstrap."),
            "p (McNemar)": st.column_config.NumberColumn(
                format="%.2g",
                help="How often two equally good models differ so much by chance; with several pairs, corrected for their "
                "number (Holm).",
            ),
        },
    )


def _faces(reports: Sequence[Report], pairs: Sequence[PairComparison], names: Sequence[str]) -> None:
    """The images on which two models part, or both fail."""
    report = reports[0]
    st.subheader("Who mends whose mistakes", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        at = 0
        if len(pairs) > 1:
            at = st.selectbox(
                "Pair",
                range(len(pairs)),
                format_func=lambda at: f"{names[pairs[at].first]} and {names[pairs[at].second]}",
                key="compare_pair",
                width=320,
            )
        pair = pairs[at]
        kinds = {
            f"Only {names[pair.first]} is right": pair.only_first,
            f"Only {names[pair.second]} is right": pair.only_second,
            "Both are wrong": pair.both_wrong,
        }
        kind = st.segmented_control(
            "Images",
            list(kinds),
            default=next(iter(kinds)),
            required=True,
            format_func=lambda kind: f"{plain(kind)} ({count(len(kinds[kind]))})",
            label_visibility="collapsed",
            key=f"compare_kind_{'_'.join(names)}_{at}",
        )
    rows = kinds[kind]
    dataset = dataset_shelf().peek(active_choice())
    places = None if dataset is None else images_of(report, dataset)
    if not len(rows):
        st.caption("No image.")
    elif dataset is None or places is None:
        st.info(
            f"The faces are shown while **{plain(report.dataset)}** is the active dataset: choose it in the sidebar.",
            icon=":material/database:",
        )
    else:
        told = dict(zip(places[rows].tolist(), mistakes_words(reports[pair.first], reports[pair.second], rows), strict=True))
        paged_grid(
            dataset, places[rows], "compare", of=f"{report.id} {at} {kind}", per_page=_PER_PAGE, told=told,
            telling="each with its label, and what was answered instead",
        )  # fmt: skip


def mistakes_words(first: Report, second: Report, rows: NDArray[np.integer]) -> list[str]:
    """Of each image, its label and the wrong answers of two models: `😢 not 😐`."""
    emoji = first.label_set.emoji
    words = []
    for row in rows.tolist():
        true = first.labels[first.y_true[row]]
        answers = dict.fromkeys(report.labels[report.y_pred[row]] for report in (first, second))
        words.append(f"{emoji(true)} not {' or '.join(emoji(answer) for answer in answers if answer != true)}")
    return words
