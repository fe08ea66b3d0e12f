"""Which report the Evaluate page shows, and the making of a new one in this process (LiteRT, so it takes seconds)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import streamlit as st

from fer.bundles import Bundle
from fer.data import Dataset
from fer.data.votes import BY_VOTES, with_labels_of_votes
from fer.errors import FerError
from fer.evaluation import Report, evaluate, list_reports, load_settled_report, reports_dir
from fer.evaluation.evaluate import choose_votes_head
from fer.foreign.packages import evaluate_package
from fer.labels import FER8
from ui.cleaning import cleaned, cleaning_toggle
from ui.popover import close_popover
from ui.state import active_choice, active_model, dataset_shelf, progress_on
from ui.theme import SPLIT_TITLES
from ui.words import count, percent, plain, show_error

EVALUATE_POPOVER = "evaluate_popover"
_SHOWN_KEY = "report_shown"
_MODEL_KEY = "report_model"
_AUTO = "auto"
_CLEANING = (
    "Leaves out what was dropped, and takes the labels and splits that were decided. Off, the figure compares with those of "
    "others, who have the data as they came. Both are worth knowing."
)


@dataclass(frozen=True)
class ReportItem:
    """A report in the list: where it is, how it is called there, and whose it is ("" where it is damaged)."""

    path: Path
    title: str
    model: str = ""


def report_items(bundle: Bundle | None) -> dict[str, ReportItem]:
    """The saved reports, the newest first, and the one that the active model brought along, by their path."""
    items = []
    for summary in list_reports():
        if summary.problem:
            items.append(ReportItem(summary.path, f"{summary.path.name}, damaged"))
        else:
            title = f"{summary.model} on {summary.dataset}, {split_words(summary.split)}: {percent(summary.accuracy)}"
            items.append(ReportItem(summary.path, f"{title}, {_when(summary.created)}", summary.model))
    if bundle and (bundle.path / "report").is_dir():
        items.append(ReportItem(bundle.path / "report", f"{bundle.name}, the report that came with it", bundle.name))
    return {str(item.path): item for item in items}


def shown_report(items: Mapping[str, ReportItem], model: str | None) -> Report | None:
    """The report that is chosen, else the active model's newest, else the newest.

    None where there is none, or where it is damaged, which is said in words.
    """
    if not items:
        return None
    # Another model was chosen in the sidebar: its report is wanted now, not the one looked at before.
    if st.session_state.get(_MODEL_KEY) != model or st.session_state.get(_SHOWN_KEY) not in items:
        own = (key for key, item in items.items() if item.model == model)
        st.session_state[_SHOWN_KEY] = next(own, next(iter(items)))
        st.session_state[_MODEL_KEY] = model
    st.selectbox("Report", list(items), format_func=lambda key: items[key].title, key=_SHOWN_KEY)
    try:
        return load_settled_report(items[st.session_state[_SHOWN_KEY]].path)
    except FerError as error:
        show_error(error)
        return None


def shown_folder() -> str:
    """The report that is shown, as `python -m fer report` takes it: its name in the workspace, or its folder."""
    folder = Path(st.session_state[_SHOWN_KEY])
    return folder.name if folder.parent == reports_dir() else str(folder)


def offer_evaluation(bundle: Bundle) -> None:
    """Say that the active model has no report yet, with the button that makes one."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(bundle.name)}** has not been evaluated yet.", width="stretch")
        if st.button(
            f"Evaluate it on {plain(active_choice().title)}", type="primary", icon=":material/play_arrow:", key="evaluate_offer"
        ):
            make_report(bundle)


def evaluation_form(bundle: Bundle) -> None:
    """What is evaluated on what, and the button; a new report is saved and shown."""
    choice = active_choice()
    dataset = dataset_shelf().peek(choice)
    st.markdown(f"**{plain(bundle.name)}** on **{plain(choice.title)}**, as chosen in the sidebar")
    splits = [_AUTO, *(dataset.split_names if dataset else ()), "all"]
    split = st.segmented_control(
        "Part", [name for name in splits if name], default=_AUTO, required=True, format_func=split_words, key="evaluate_split"
    )
    # Off by default: figures are compared with those of others, who have the data as they came. And a cleaned set flatters: what
    # a model helped to relabel is now as a model answers.
    cleaning = cleaning_toggle("evaluate_cleaning", default=False, explained=_CLEANING)
    st.caption(
        "Automatic takes test where there is one, else validation, else all. Where the data has FER+ votes, they are scored too."
    )
    by_votes = _by_votes(bundle, dataset)
    if st.button("Evaluate", type="primary", icon=":material/play_arrow:", key="evaluate_start"):
        make_report(bundle, None if split == _AUTO else split, cleaning, by_votes=by_votes)


def _by_votes(bundle: Bundle, dataset: Dataset | None) -> bool:
    """Whether FER+'s taggers say what is right: asked where there are votes, and a head that knows their classes."""
    head = choose_votes_head(bundle)
    if dataset is None or dataset.votes is None or head is None or set(head.label_set) != set(FER8):
        return False
    ways = {False: "the label", True: "what most FER+ taggers chose"}
    explained = (
        "The taggers' majority leaves doubtful images out and knows contempt. The calibration and the threshold of the head "
        f"*{plain(head.name)}* are measured by it."
    )
    chosen = st.segmented_control(
        "Right is", list(ways), default=False, required=True, format_func=ways.__getitem__, key="evaluate_by_votes",
        help=explained,
    )  # fmt: skip
    return bool(chosen)


def make_report(
    bundle: Bundle, split: str | None = None, cleaning: Path | None = None, *, by_votes: bool = False, show: bool = True
) -> None:
    """Evaluate the active dataset, with a progress bar, save the report and show it; a failure is said in words.

    Args:
        bundle: the model.
        split: `train`, `val`, `test` or `all`; None for what `evaluate` takes by itself.
        cleaning: the active dataset's list, through which it is seen; None for the data as they are.
        by_votes: right is what most FER+ taggers chose, and not the label.
        show: False keeps the report that is shown now.
    """
    _make(bundle.name, partial(evaluate, bundle, split=split, against_keras=True), cleaning, by_votes=by_votes, show=show)


def make_package_report(name: str, split: str) -> None:
    """The same of an installed package of somebody else's (see `fer/foreign/packages.py`); the report shown now stays."""
    _make(name, partial(evaluate_package, name, split=split), None, show=False)


def _make(who: str, answer: Callable[..., Report], cleaning: Path | None, *, by_votes: bool = False, show: bool = True) -> None:
    """Let `answer(dataset, progress=…)` make a report, save it and draw the page anew."""
    place = st.empty()
    advance = progress_on(place.progress(0.0, "Reading the dataset"))
    try:
        dataset = dataset_shelf().get(active_choice(), advance)
        summary = None
        if cleaning:
            dataset, summary = cleaned(dataset)
            dataset = replace(dataset, name=f"{dataset.name}, cleaned")
        if by_votes:
            dataset = replace(with_labels_of_votes(dataset), name=f"{dataset.name}{BY_VOTES}")
        report = answer(dataset, progress=lambda share: advance(f"Evaluating {who} on {dataset.name}", share))
        if summary and cleaning:
            report = replace(report, notes=(summary.note(cleaning), *report.notes))
        folder = report.save()
    except FerError as error:
        place.empty()
        show_error(error)
        return
    # Read by the next run before its widget is drawn; a drawn widget's value cannot be set.
    if show:
        st.session_state["report_made"] = str(folder)
    close_popover(EVALUATE_POPOVER)
    st.rerun()


def adopt_new_report() -> None:
    """Show the report that the last run of the page made."""
    made = st.session_state.pop("report_made", None)
    if made:
        st.session_state[_SHOWN_KEY] = made
        st.session_state[_MODEL_KEY] = active_model()


def split_words(split: str) -> str:
    """`validation`, `all images`, `automatic`."""
    return {_AUTO: "automatic", "all": "all images"}.get(split) or SPLIT_TITLES[split].lower()


def _when(created: str) -> str:
    try:
        return f"{datetime.fromisoformat(created).astimezone():%d %b %H:%M}"
    except ValueError:
        return created


def about_rows(report: Report) -> list[dict[str, str]]:
    """Where the figures come from."""
    leaks = "cannot be told" if report.leaks is None else f"{count(report.leaks)} of {count(report.n)}"
    return [
        {"what": "Model", "value": f"{report.model}, head {report.head}"},
        {"what": "Model's identity (sha256)", "value": report.bundle_sha256},
        {"what": "Dataset", "value": f"{report.dataset}, {split_words(report.split)}"},
        {"what": "Read from", "value": report.source},
        {"what": "Dataset's fingerprint", "value": report.fingerprint},
        {"what": "Made", "value": _when(report.created)},
        {"what": "Images with a twin in train", "value": leaks},
    ]
