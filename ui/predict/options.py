"""The choices that Predict and Webcam share (face detector, classes) and the recognizer that they make."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from fer.bundles import list_bundles
from fer.detection import MIN_FACE_SIZE, DetectorInfo, available_detectors, default_detector_name, fetch_yunet
from fer.errors import FerError
from ui.words import plain, show_error

if TYPE_CHECKING:
    from fer.bundles import Bundle, Head
    from fer.inference.recognizer import Recognizer

_MIN_SIZES = (10, 200)


@dataclass(frozen=True)
class Options:
    """How a picture is read; with its bundle's hash it says all that an answer depends on.

    Args:
        detector: name of the face detector.
        head: name of the bundle's head that answers.
        whole_image: take every picture as one face, without looking for any.
        min_size: leave out faces narrower than this many pixels.
        blur: make the faces of shown and annotated pictures unrecognisable.
        rival: name of a second bundle, whose answers stand beside; None for one alone.
    """

    detector: str
    head: str
    whole_image: bool = False
    min_size: int = MIN_FACE_SIZE
    blur: bool = False
    rival: str | None = None


def choose_options(bundle: Bundle, offers: Collection[str] = ()) -> Options:
    """A popover with the choices; they hold for the session, on both pages.

    Args:
        bundle: offers the heads to choose from.
        offers: which of `min_size`, `whole_image`, `blur` and `rival` there are to choose; the others have their defaults.
    """
    with st.popover("Options", icon=":material/tune:"):
        return Options(
            _choose_detector(),
            _choose_head(bundle),
            whole_image="whole_image" in offers
            and st.toggle(
                "Every picture is one face",
                key="option_whole_image",
                persist_state="session",
                help="Skips the face detector. For pictures that are cropped to a face already, such as those of FER2013.",
            ),
            min_size=_choose_min_size() if "min_size" in offers else MIN_FACE_SIZE,
            blur="blur" in offers
            and st.toggle(
                "Hide who it is",
                key="option_blur",
                persist_state="session",
                help="Faces become a few patches of colour, in what is shown here and in annotated pictures to download.",
            ),
            rival=_choose_rival(bundle) if "rival" in offers else None,
        )


def _choose_min_size() -> int:
    return int(
        st.slider(
            "Smallest face",
            *_MIN_SIZES,
            MIN_FACE_SIZE,
            format="%d px",
            key="option_min_size",
            persist_state="session",
            help="Width in pixels of the picture. Smaller ones are left out, such as people in the background.",
        )
    )


def _choose_rival(bundle: Bundle) -> str | None:
    others = [name for name in list_bundles() if name != bundle.name]
    if st.session_state.get("option_rival") not in others:
        st.session_state.pop("option_rival", None)  # it was deleted, or is the active one now
    return st.selectbox(
        "Compare with",
        others,
        index=None,
        placeholder="No second model",
        key="option_rival",
        persist_state="session",
        help="Both models read the same faces, and their answers stand side by side. The first one is chosen in the sidebar.",
    )


def _choose_detector() -> str:
    detectors = {detector.name: detector for detector in available_detectors()}
    names = [name for name, detector in detectors.items() if detector.available]
    default = default_detector_name()
    if st.session_state.get("option_detector") not in names:
        st.session_state["option_detector"] = default
    name = st.radio(
        "Face detector",
        names,
        format_func=lambda name: detectors[name].title,
        captions=[_note(detectors[name]) for name in names],
        key="option_detector",
        persist_state="session",
    )
    for detector in detectors.values():
        if detector.name == "yunet" and not detector.available:
            st.caption(f"**{detector.title}** · {plain(detector.note)}")
            _fetch_button(detector)
        elif not detector.available:
            st.caption(f"**{detector.title}** · {plain(detector.state)}")
    return name or default


def _note(detector: DetectorInfo) -> str:
    return detector.note if detector.ready else f"{detector.note} Its first use takes some ten seconds."


def _fetch_button(yunet: DetectorInfo) -> None:
    if st.button("Fetch YuNet (317 KB)", icon=":material/download:", key="fetch_yunet", help=plain(yunet.state)):
        bar = st.progress(0.0, "Fetching YuNet")
        try:
            fetch_yunet(lambda doing, share: _advance(bar, doing, share))
        except FerError as error:
            bar.empty()
            show_error(error)
        else:
            del st.session_state["option_detector"]  # the better detector is the default from now on
            st.rerun()


def _advance(bar: st.delta_generator.DeltaGenerator, doing: str, share: float) -> None:
    bar.progress(min(max(share, 0.0), 1.0), doing)


def _choose_head(bundle: Bundle) -> str:
    heads = {head.name: head for head in bundle.heads}
    if len(heads) == 1:
        return bundle.default_head.name
    if st.session_state.get("option_head") not in heads:
        st.session_state["option_head"] = bundle.default_head.name
    name = st.segmented_control(
        "Classes",
        list(heads),
        format_func=lambda name: f"{len(heads[name].label_set)} · {name}",
        required=True,
        key="option_head",
        persist_state="session",
        help="\n".join(f"- {_head_words(head)}" for head in heads.values()),
    )
    return name or bundle.default_head.name


def _head_words(head: Head) -> str:
    learned = "FER+ votes" if head.name == "votes" else "the labels of the data"
    return f"**{head.name}**, learned from {learned}: {', '.join(head.label_set)}"


def recognizer_for(bundle: Bundle, detector: str) -> Recognizer:
    """The recognizer of a bundle and a detector, made once and shared by all sessions.

    Raises:
        FerError: the bundle or the detector cannot be loaded.
    """
    return _recognizer(bundle.sha256, detector, bundle)


@st.cache_resource(show_spinner="Loading the model and the face detector…", max_entries=6)
def _recognizer(sha256: str, detector: str, _bundle: Bundle) -> Recognizer:
    from fer.inference.recognizer import Recognizer

    return Recognizer(_bundle, detector)
