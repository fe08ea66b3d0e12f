"""Models: a model file from elsewhere: how it is asked and read, a try on faces, and then it is one of the models."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fer.bundles import Bundle
from fer.data.dataset import Dataset
from fer.errors import BundleError, LabelError
from fer.evaluation import Report, evaluate
from fer.foreign.adapter import ANSWERS
from fer.foreign.adopt import INPUTS, ORDERS, Reading, adopt_network
from fer.foreign.prepare import NetworkFacts, read_facts
from fer.inference.classifier import Classifier
from fer.labels import LabelSet
from fer.preprocessing import EQUALISATIONS
from fer.workspace import REPOSITORY, cache_dir
from ui.models.table import CHOSEN_KEY
from ui.state import active_choice, active_dataset
from ui.tiles import Tile, data_url, tile, tile_grid
from ui.words import count, errors_in_words, percent, plain, plus_minus

_PREPARED_KEY, _TRIED_KEY = "models_adopting", "models_tried"
_INPUT_TITLES = {
    "unit": "0 to 1",
    "signed": "-1 to 1",
    "raw": "0 to 255",
    "torch": "ImageNet's mean and spread, as in PyTorch",
    "caffe": "ImageNet's mean, blue first, as in Caffe",
}
_FACES = 8
# VGG16 takes a minute to be looked into; what takes longer than this was made so that it never ends.
_LONGEST_S = 600
_KEPT_S = 24 * 3600
# Faces that a try is measured on; a network of more than 20 MB takes a tenth of a second and more for one.
_MEASURED, _MEASURED_LARGE, _LARGE_BYTES = 120, 24, 20_000_000


def look_into(file: UploadedFile) -> None:
    """Look into an uploaded file in a process of its own, for the panel below the popover.

    Raises:
        BundleError: it is no model file, or could run a program; the text is what the command said.
    """
    place = cache_dir() / "foreign"
    place.mkdir(parents=True, exist_ok=True)
    for left in place.iterdir():  # by sessions that ended before they took it in
        if time.time() - left.stat().st_mtime > _KEPT_S:
            shutil.rmtree(left, ignore_errors=True)
    # A folder an upload: its name is the user's, and the command tells what the file is by its content.
    work = Path(tempfile.mkdtemp(dir=place))
    path = work / re.sub(r"[^\w.-]+", "_", file.name)[-80:]
    path.write_bytes(file.getvalue())
    command = [sys.executable, "-m", "fer", "models", "inspect", str(path.resolve()), "--to", str((work / "network").resolve())]
    try:
        done = subprocess.run(
            command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_LONGEST_S
        )
    except subprocess.TimeoutExpired as error:
        shutil.rmtree(work, ignore_errors=True)
        raise BundleError(
            f"Looking into {file.name} took longer than {_LONGEST_S // 60} minutes. It was not taken in."
        ) from error
    path.unlink()
    if done.returncode:
        shutil.rmtree(work, ignore_errors=True)
        errors = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
        raise BundleError(errors[-1] if errors else f"{file.name} made the program that opened it fail. It was not taken in.")
    forget()
    st.session_state[_PREPARED_KEY] = str(work)


def forget() -> None:
    """Put away what was looked into."""
    work = st.session_state.pop(_PREPARED_KEY, None)
    st.session_state.pop(_TRIED_KEY, None)
    if work:
        shutil.rmtree(work, ignore_errors=True)


@dataclass(frozen=True, eq=False)
class _Tried:
    """What came of a try.

    Args:
        reading: with which the network was asked.
        faces: rows of the dataset that are shown.
        y_prob: its answers on them, float32 (N, K).
        label_set: K classes.
        report: on more images; None where the dataset has other classes.
    """

    reading: Reading
    faces: list[int]
    y_prob: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
    label_set: LabelSet
    report: Report | None


def adopt_panel() -> None:
    """The form for the file that was looked into last; nothing where there is none."""
    work = st.session_state.get(_PREPARED_KEY)
    if not work:
        return
    try:
        facts = read_facts(Path(work) / "network")
    except OSError:  # the cache was cleared
        forget()
        return
    with st.container(border=True, key="models_adopt"):
        side = "any size" if facts.size is None else f"{facts.size}×{facts.size}"
        st.subheader(f"Take in {plain(facts.file)}", anchor=False)
        st.caption(
            f"{facts.format}, for {'grey' if facts.channels == 1 else 'colour'} pictures of {side}. What the file does not say, "
            "who made it knows: a wrong order of classes or a wrong scale makes a good model look bad."
        )
        form, trial = st.columns([5, 4], gap="large")
        with form:
            name = st.text_input("Name here", _name(facts.file), max_chars=64, key=f"adopt_name_{work}").strip()
            reading = _reading(facts, work)
            with st.container(horizontal=True):
                tries = st.button("Try it on faces", icon=":material/science:", key="adopt_try")
                takes = st.button("Take it in", type="primary", icon=":material/add:", key="adopt_take_in", disabled=not name)
                st.button("Not now", type="tertiary", key="adopt_forget", on_click=forget)
        with errors_in_words():
            if takes:
                bundle = adopt_network(Path(work) / "network", name, reading)
                st.session_state[CHOSEN_KEY] = bundle.name
                forget()
                st.rerun()
            if tries:
                with trial, st.spinner("Asking it"):
                    st.session_state[_TRIED_KEY] = _try(Path(work), reading)
            with trial:
                _show(st.session_state.get(_TRIED_KEY), reading)


def _name(file: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(file).stem).strip("-._") or "foreign"


def _reading(facts: NetworkFacts, work: str) -> Reading:
    output = next(iter(facts.outputs))
    if len(facts.outputs) > 1:
        output = st.selectbox(
            "Output that answers",
            list(facts.outputs),
            format_func=lambda name: f"{name} ({facts.outputs[name]} numbers)",
            key="adopt_output",
        )
    classes = max(facts.outputs[output], 2)
    labels = _labels(facts, output, classes, work)
    inputs = list(INPUTS) if facts.channels == 3 else ["unit", "signed", "raw"]
    given = st.selectbox("Pixels reach it as", inputs, format_func=_INPUT_TITLES.__getitem__, key="adopt_input")
    size = None
    if facts.size is None:
        size = st.number_input("Side of its pictures", 8, 1024, 48 if facts.channels == 1 else 224, key="adopt_size")
    scale, mean, std, colours = INPUTS[given]
    with st.expander("More"):
        if facts.channels == 3:
            bgr = st.checkbox("Blue first (BGR), as OpenCV reads pictures", value=colours == "bgr", key=f"adopt_bgr_{given}")
            colours = "bgr" if bgr else "rgb"
        equalise = st.selectbox("Equalise the brightness", EQUALISATIONS, key="adopt_equalise")
        mean = _numbers("Own mean, after scaling", "0.485, 0.456, 0.406", "adopt_mean") or mean
        std = _numbers("Own standard deviation", "0.229, 0.224, 0.225", "adopt_std") or std
        looks = facts.answers[output]
        answers = st.segmented_control("Its numbers are", ANSWERS, default=looks, required=True, key=f"adopt_answers_{output}")
    return Reading(labels, scale, size, equalise, colours, mean, std, output, answers)


def _labels(facts: NetworkFacts, output: str, classes: int, work: str) -> tuple[str, ...]:
    """The names of the classes, in the order of the answers."""
    fitting = {title: order for title, order in ORDERS.items() if len(order) == classes}
    title = ""
    if fitting:
        title = st.pills(
            "Its classes stand in the order of", list(fitting), default=next(iter(fitting)), required=True, key="adopt_order"
        )
    text = st.text_input(
        f"The {classes} classes, in the order of its answers",
        ", ".join(fitting.get(title, ())),
        placeholder=", ".join(("happy", "sad") if classes == 2 else ("first", "second", "…")),
        help="It answers one number: the second class is the one that it says yes to." if facts.outputs[output] == 1 else None,
        key=f"adopt_labels_{work}_{title}",
    )
    return tuple(part.strip() for part in text.split(","))


def _numbers(label: str, example: str, key: str) -> tuple[float, ...]:
    text = st.text_input(label, placeholder=example, key=key)
    try:
        return tuple(float(part) for part in text.split(",")) if text.strip() else ()
    except ValueError:
        st.error(f"Expected numbers with commas between, such as {example}.")
        return ()


def _try(work: Path, reading: Reading) -> _Tried:
    dataset = active_dataset()
    bundle = adopt_network(work / "network", "trial", reading, models=work, overwrite=True)
    most = _MEASURED if bundle.network_path.stat().st_size < _LARGE_BYTES else _MEASURED_LARGE
    rows = np.random.default_rng(0).permutation(len(dataset))[:most]
    faces = rows[:_FACES].tolist()
    head = bundle.default_head
    y_prob = Classifier(bundle).predict_crops([dataset.images[row] for row in faces])
    return _Tried(reading, faces, y_prob, head.label_set, _measured(bundle, dataset.select(np.sort(rows))))


def _measured(bundle: Bundle, sample: Dataset) -> Report | None:
    """Of the images whose class the model knows; None where it knows fewer than two of them: then the faces alone must tell."""
    try:
        return evaluate(bundle, sample, split="all")
    except LabelError:
        return None


def _show(tried: _Tried | None, reading: Reading) -> None:
    if tried is None or tried.reading != reading:
        st.caption(
            f"*Try it on faces* asks it about some of **{plain(active_choice().title)}**, before it is one of your models."
        )
        return
    dataset = active_dataset()
    report = tried.report
    if report is None:
        st.caption("The active dataset has other classes than this model, so only its answers can be shown.")
    else:
        st.markdown(
            f"**{percent(report.accuracy, 0)} {plus_minus(report.accuracy_ci95)}** of {count(report.n)} images of "
            f"{plain(active_choice().title)} are right."
        )
        for check in report.checks:
            if check.status in ("fail", "warn") and check.name in ("label order", "scaling and colour", "better than guessing"):
                st.warning(plain(f"{check.finding} {check.action}"), icon=":material/warning:")
    tiles = []
    for row, y_prob in zip(tried.faces, tried.y_prob, strict=True):
        answer = tried.label_set.names[int(y_prob.argmax())]
        true = dataset.label_set.names[int(dataset.label_ids[row])]
        source = data_url(tile(dataset.images[row]))
        tiles.append(Tile(row, str(dataset.names[row]), f"true: {true}", f"{answer} {percent(float(y_prob.max()), 0)}", source))
    tile_grid(tiles, key="adopt_faces")
