"""Why a face got its answer: a map over the face, whether it can be believed, and the answer under small changes.

Worked out when somebody opens it, and kept in the session: pictures of people go when their owner's tab goes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.explain import METHODS, Belief, Change, Heatmap, ask, explain, lay_over, measure_belief, methods_for, what_if
from fer.explain.question import face_crop_of
from fer.images import read_image
from fer.inference.recognizer import FacePrediction, Recognizer
from ui.charts import PLOTLY_CONFIG
from ui.picture import enlarged
from ui.predict.answers import Answer
from ui.predict.faces import from_left
from ui.predict.why_chart import belief_chart
from ui.tiles import tile
from ui.words import errors_in_words, percent, plain

Kept = TypeVar("Kept")

_KEPT_KEY = "predict_why"
_MOST_KEPT = 60
_HOW = {
    "cam": "What each place adds to the answer, read from the network's last layer in the pass that answered. Coarse by nature.",
    "occlusion": "Each place is covered in turn: bright is where covering it costs the answer most. Works with any model.",
    "grad-cam": "The activation map as Keras' gradients give it, for any layout of a network. Starts Keras, so it takes a while.",
}


def draw_why(answer: Answer, recognizer: Recognizer) -> None:
    """A part of the page that opens on request.

    Args:
        answer: a picture with at least one face.
        recognizer: the one that answered.
    """
    key = f"{answer.picture.digest[:16]}_{recognizer.bundle.sha256[:8]}_{answer.whole_image}"
    part = st.expander("Why this answer?", icon=":material/troubleshoot:", key=f"why_{key}", on_change="rerun")
    if part.open:  # what is closed costs nothing
        with part, errors_in_words():
            _explanation(_Asked(answer, recognizer, key))


class _Asked:
    """One picture's faces, and what has been worked out about the one chosen."""

    def __init__(self, answer: Answer, recognizer: Recognizer, key: str) -> None:
        self.recognizer, self.key = recognizer, key
        self.content = answer.picture.content
        faces = [answer.predictions[i] for i in from_left(answer.predictions) if answer.predictions[i].is_face]
        self.number = _choose_face(faces, key) if len(faces) > 1 else 0
        self.face: FacePrediction = faces[self.number]
        # All that an explanation depends on.
        self._known_by = (
            answer.picture.digest,
            recognizer.bundle.sha256,
            self.face.label_set.names,
            self.face.crop_xyxy,
            self.face.roll_degrees,
        )

    def kept(self, what: tuple[str, ...], make: Callable[[NDArray[np.uint8]], Kept], words: str) -> Kept:
        """What `make` gives of the picture, worked out once a session."""
        kept: OrderedDict[object, Kept] = st.session_state.setdefault(_KEPT_KEY, OrderedDict())
        known = (*self._known_by, *what)
        if known not in kept:
            with st.spinner(words, show_time=True):
                kept[known] = make(read_image(self.content))
        kept.move_to_end(known)
        while len(kept) > _MOST_KEPT:
            kept.popitem(last=False)
        return kept[known]

    def crop(self) -> NDArray[np.uint8]:
        return self.kept(("crop",), lambda image: np.array(face_crop_of(image, self.face)), "Cutting the face")

    def heatmap(self, method: str, label: str) -> Heatmap:
        words = "Starting Keras" if method == "grad-cam" else "Looking at the face"
        maps = self.kept(("maps", method), lambda image: explain(self.recognizer, image, self.face, method=method), words)
        return maps[label]

    def belief(self, heatmap: Heatmap) -> Belief:
        def measure(image: NDArray[np.uint8]) -> Belief:
            return measure_belief(ask(self.recognizer, image, self.face), heatmap)

        return self.kept(("belief", heatmap.method, heatmap.label), measure, "Testing the map")

    def changes(self) -> tuple[Change, ...]:
        return self.kept(("changes",), lambda image: what_if(self.recognizer, image, self.face), "Changing the face a little")


def _choose_face(faces: list[FacePrediction], key: str) -> int:
    chosen = st.pills(
        "Face",
        range(len(faces)),
        default=0,
        required=True,
        format_func=lambda i: f"{i + 1} · {_named(faces[i], faces[i].label)}",
        key=f"why_face_{key}",
    )
    return chosen or 0


def _named(face: FacePrediction, label: str) -> str:
    return f"{face.label_set.emoji(label)} {plain(label)}" if label in face.label_set else plain(label)


def _explanation(asked: _Asked) -> None:
    face = asked.face
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        classes = [label for label, _ in face.ranked]
        label = st.selectbox(
            "What speaks for",
            classes,
            format_func=lambda label: f"{_named(face, label)}, {percent(dict(face.ranked)[label], 0)}",
            key=f"why_class_{asked.key}_{asked.number}",  # another face begins with its own answer
            width=220,
        )
        methods = methods_for(asked.recognizer, face)
        method = st.segmented_control(
            "By", methods, default=methods[0], required=True, format_func=METHODS.__getitem__, key=f"why_method_{asked.key}"
        )
    heatmap = asked.heatmap(method or methods[0], label or classes[0])
    picture, curves = st.columns([2, 3], gap="medium")
    with picture:
        _map(asked, heatmap)
    with curves:
        _belief(asked, heatmap)
    _strip(asked)


def _map(asked: _Asked, heatmap: Heatmap) -> None:
    name = _named(asked.face, heatmap.label)
    crop = enlarged(asked.crop())
    if heatmap.is_blank:
        st.markdown(f"**Nothing in this face speaks for {name}**")
    else:
        st.markdown(f"**Bright: what speaks for {name}**")
    with st.grid(2, min_column_width=120):
        st.image(crop, width="stretch", output_format="JPEG", alt="The face that the network saw")
        st.image(lay_over(crop, heatmap), width="stretch", output_format="JPEG", alt=f"What speaks for {heatmap.label}")
    st.caption(_HOW[heatmap.method])
    st.caption("It shows what this model used, right or wrong. It says nothing about the person.")


def _belief(asked: _Asked, heatmap: Heatmap) -> None:
    if heatmap.is_blank:
        st.caption("An empty map is not tested.")
        return
    belief = asked.belief(heatmap)
    st.markdown(f"**{plain(belief.verdict)}**")
    st.plotly_chart(belief_chart(belief), config=PLOTLY_CONFIG, key=f"why_curves_{asked.key}")
    st.caption(
        f"The face is hidden, or shown out of a blur, brightest places first: the probability of {plain(heatmap.label)} should "
        f"fall at once (area {belief.deletion_area:.2f}), or rise at once (area {belief.insertion_area:.2f}). Grey: in the order "
        "of random maps."
    )


def _strip(asked: _Asked) -> None:
    unchanged, *changes = asked.changes()
    same = sum(change.label == unchanged.label for change in changes)
    name = _named(asked.face, unchanged.label)
    st.markdown(f"**What if? The answer stays {name} in {same} of {len(changes)} small changes**")
    with st.grid(7, min_column_width=88):
        for change in (unchanged, *changes):
            with st.container(gap="xsmall"):
                st.image(_shown(change.image), width=104, alt=change.name)
                turned = "" if change.label == unchanged.label else ":material/swap_horiz: "
                st.caption(f"{change.name}  \n{turned}**{_named(asked.face, change.label)}** {percent(change.confidence, 0)}")


def _shown(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return tile(np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image, 104)
