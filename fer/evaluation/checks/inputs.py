"""Do pixels reach the network as those did that it learned from? Other scalings and colours are tried on some of the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer.errors import BundleError
from fer.evaluation.checks.check import FEWEST, SURE, Check, Evidence, Kind, chance_of_lead
from fer.words import percent

_PREPROCESSING = Kind(
    "scaling and colour",
    "Does the model see pixels as in training: on the same scale, red and blue in their places, dark as dark? Some images are "
    "answered once more with other scales (0 to 1, -1 to 1, 0 to 255), with red and blue exchanged, and as negatives; none of "
    "these should fit better. A mirrored face is no fault, and is not tried.",
)

# What is not ahead after so many images is not tried on more: the first weed out all but the right reading of a wrongly fed
# network, and what is about as good as the right one; the last tell a lead of 4 points from chance. The flagship answers 1,100
# images a second.
_STAGES = (64, 256, 1024)
# From this lead on the input is another. Where pictures are of another kind than those of the training, half the contrast can be
# worth some points: drawn faces gain up to 7 so from a network of ours that learned from photographs.
_ANOTHER = 0.1
# Input of a network of 224 pixels and more: so many at a time keep it under 50 MB.
_BLOCK = 64

Pixels = NDArray[np.uint8]
Transform = Callable[[Pixels], NDArray[np.float32]]

# (offset, divisor) as in `Preprocessing.offset_and_divisor`, but also that of none at all.
_SCALES: Mapping[str, tuple[float, float]] = {
    "pixels from 0 to 1": (0.0, 255.0),
    "pixels from -1 to 1": (127.5, 127.5),
    "pixels from -2 to 2": (128.0, 64.0),
    "pixels from 0 to 255": (0.0, 1.0),
}


def check_preprocessing(evidence: Evidence) -> Check:
    """Does another preprocessing than the bundle's own fit the network better?"""
    part = evidence.question.part
    if len(part) < FEWEST:
        return _PREPROCESSING.skips(f"{len(part)} images cannot tell; {FEWEST} are needed.")
    rows = np.random.default_rng(0).permutation(len(part))[: _STAGES[-1]]
    variants = _variants(evidence)
    try:
        best = max((_try(evidence, rows, name, transform) for name, transform in variants.items()), key=lambda tried: tried.lead)
    except BundleError as error:  # it takes no scaled input
        return _PREPROCESSING.skips(str(error))
    own_scale = evidence.bundle.preprocessing.offset_and_divisor
    scale = next((name for name, scale in _SCALES.items() if scale == own_scale), evidence.bundle.preprocessing.scale)
    asked = rows[: best.n]
    as_it_is = (
        f"{percent(evidence.right[asked].mean())} of {len(asked):,} images are right with the model's own preprocessing ({scale})"
    )
    # Several variants are several chances to be better by accident (Bonferroni).
    if best.p * len(variants) >= SURE:
        by_chance = ", which may be chance" if best.lead > 0 else ""
        return _PREPROCESSING.passes(f"{as_it_is}; the best of the others, {best.name}, gets {_points(best.lead)}{by_chance}.")
    finding = f"{as_it_is}; {best.name} would get {_points(best.lead)}."
    if best.lead < _ANOTHER:
        return _PREPROCESSING.warns(
            finding,
            "Compare the model's preprocessing with the one it was trained with. If they are the same, these pictures are "
            "lighter, darker or of another contrast than those it was trained on.",
        )
    return _PREPROCESSING.fails(
        finding,
        "The network was trained on other input than it is given: put the preprocessing right that is stored with the model "
        "(scale, order of the colours); the network need not be trained again.",
    )


@dataclass(frozen=True)
class _Tried:
    """How another preprocessing fared against the bundle's own, on the same images.

    Args:
        name: of the variant.
        n: images, the first of those in question.
        lead: its accuracy less that of the bundle's own, -1…1.
        p: how often chance alone would put it so far ahead.
    """

    name: str
    n: int
    lead: float
    p: float


def _try(evidence: Evidence, rows: NDArray[np.intp], name: str, transform: Transform) -> _Tried:
    """Answer the images of these rows with another preprocessing, as far as it is ahead."""
    right = np.zeros(0, bool)
    for stage in _STAGES:
        right = np.concatenate([right, _right(evidence, rows[len(right) : stage], transform)])
        own = evidence.right[rows[: len(right)]]
        if len(right) == len(rows) or right.sum() <= own.sum():
            break
    p = chance_of_lead(int((right & ~own).sum()), int((own & ~right).sum()))
    return _Tried(name, len(right), float(right.mean() - own.mean()), p)


def _points(lead: float) -> str:
    return f"{abs(lead) * 100:.1f} points {'fewer' if lead < 0 else 'more'}"


def _variants(evidence: Evidence) -> dict[str, Transform]:
    """Other ways to feed the network, by their names."""
    preprocessing = evidence.bundle.preprocessing

    def rescaled(offset: float, divisor: float) -> Transform:
        change, shift = preprocessing.offset_and_divisor
        # Undone and done otherwise, so that what else the bundle's own does (equalisation) stays.
        return lambda pixels: (
            (preprocessing.normalise(pixels) * np.float32(shift) + np.float32(change - offset)) / np.float32(divisor)
        )

    variants = {name: rescaled(*scale) for name, scale in _SCALES.items() if scale != preprocessing.offset_and_divisor}
    # Of grey pictures, red and blue are the same.
    if preprocessing.channels == 3 and not evidence.question.part.is_grey.all():
        variants["red and blue exchanged"] = lambda pixels: preprocessing.normalise(np.ascontiguousarray(pixels[..., ::-1]))
    variants["negatives"] = lambda pixels: preprocessing.normalise(255 - pixels)
    return variants


def _right(evidence: Evidence, rows: NDArray[np.intp], transform: Transform) -> NDArray[np.bool_]:
    """Which images are answered rightly when they are fed so, bool (len(rows),)."""
    question, preprocessing = evidence.question, evidence.bundle.preprocessing
    right = []
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        model_input = transform(question.part.images.batch(block, preprocessing.size, preprocessing.channels))
        y_prob = question.y_prob({question.head.name: evidence.classifier.predict_inputs(model_input, question.head.name)})
        right.append(y_prob.argmax(axis=1) == question.part.label_ids[block])
    return np.concatenate(right)
