"""Is the model what it should be: trained at all, the same network as its Keras file, calibrated on other images than these?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fer.bundles import AGREEMENT, load_bundle
from fer.errors import BundleError
from fer.evaluation.checks.check import FEWEST, Check, Evidence, Kind
from fer.litert import constant_vectors

if TYPE_CHECKING:  # report.py keeps checks, and so imports this package
    from fer.evaluation.report import Report

_CALIBRATION = Kind(
    "calibration on other images",
    "Were the model's probabilities fitted to the very images on which their error is measured? Then the error is too small, and "
    "an epoch that was chosen there makes the accuracy a little too good as well.",
)
_LITERT = Kind(
    "LiteRT against Keras",
    "Is the network that answers the one that was trained? It is converted from Keras to LiteRT; when the model was made, both "
    "answered the same faces, and hashes show whether a file has changed since.",
)
_TRAINED = Kind(
    "trained at all",
    "Do the answers depend on the picture, and has any layer moved from where it began? A checkpoint that waits for a figure of "
    "the wrong name never saves, and what is loaded later was never trained.",
)

# On average over images and classes, probabilities move by less than a hundredth from one picture to another. Networks of ours
# that were never trained move by 0.001 (plain) to 0.1 (with normalised layers), trained ones by 0.3 and more.
_SAME_ANSWER = 0.01


def check_calibration(evidence: Evidence) -> Check:
    """Is the calibration error measured on the images that the temperature was fitted to?"""
    report, card, name = evidence.report, evidence.bundle.card, evidence.dataset.name
    error = f"The calibration error is {report.ece:.3f}"
    # Where a head was calibrated once more since the bundle was made.
    again = {head["name"]: head.get("calibration") for head in card.get("heads", ())}.get(report.head)
    if again is None and not card.get("data"):
        return _CALIBRATION.skips("The model's card does not say what it was fitted to.")
    if again is not None:
        fitted = _fitted_again(report, again)
    elif evidence.learned is not None:
        learned_on = evidence.learned.split("val").content_ids
        fitted = int(np.isin(evidence.question.part.content_ids, learned_on).sum())
    elif card["data"].get("name") == name:
        return _CALIBRATION.skips(f"The dataset is called {name} like the one it was fitted to, but is another version of it.")
    else:
        fitted = 0
    if not fitted:
        return _CALIBRATION.passes(f"The probabilities were fitted to other images than these. {error}.")
    crossed = report.recalibrated
    fair = "" if crossed is None else f"; fitted on one half and measured on the other, it is {crossed.ece:.3f}"
    return _CALIBRATION.warns(
        f"The probabilities were fitted to {fitted:,} of these {report.n:,} images. {error}{fair}.",
        "Quote calibration, and accuracy where the epoch was chosen here too, from a part that served for nothing else, such as "
        "test.",
    )


def _fitted_again(report: Report, again: Mapping[str, Any]) -> int:
    """How many of a report's images a head was calibrated to since: by name, as the card keeps no images."""
    # Cleaned, most of its images are still those.
    first, other = (name.removesuffix(", cleaned") for name in (again["dataset"], report.dataset))
    if first != other:
        return 0
    # All images hold every part.
    shared = again["split"] == report.split or "all" in (again["split"], report.split)
    return min(int(again["n"]), report.n) if shared else 0


def check_litert(evidence: Evidence) -> Check:
    """Does the bundle's LiteRT network agree with its Keras network, and are both files those that were compared?"""
    card = evidence.bundle.card
    gap = card.get("litert_disagreement")
    if gap is None and evidence.bundle.is_foreign:
        return _LITERT.skips("The network answers in the format in which it came; no Keras network of it is known.")
    if gap is None:
        return _LITERT.skips("The model's card does not say how far the two agreed.", "Make the bundle again from its run.")
    try:
        unchanged = load_bundle(evidence.bundle.path).sha256 == evidence.bundle.sha256
    except BundleError as error:
        return _LITERT.fails(str(error), "Copy the model again from where it came, or make the bundle again from its run.")
    if not unchanged:
        return _LITERT.fails("The model's files were replaced while it was evaluated.", "Evaluate again.")
    weights = card.get("settings", {}).get("serving", {}).get("weights", "float32")
    allowed = AGREEMENT.get(weights, AGREEMENT["int8"])
    finding = f"When the model was made, its probabilities differed by {gap:.2g} at most ({weights}; {allowed:.2g} is allowed)"
    if gap > allowed:
        return _LITERT.fails(f"{finding}.", "Make the bundle again from its run: this LiteRT file is another network.")
    return _LITERT.passes(f"{finding}, and its files are unchanged since.")


def check_trained(evidence: Evidence) -> Check:
    """Has the network learned anything, by its weights and by its answers?"""
    report = evidence.report
    if report.n < FEWEST:
        return _TRAINED.skips(f"{report.n} images cannot tell; {FEWEST} are needed.")
    action = (
        "Look at what the training kept: in Keras, a checkpoint that watches 'val_acc' never saves, because the figure is called "
        "'val_accuracy'. Train again, and load what was saved."
    )
    spread = float(np.abs(report.y_prob - report.y_prob.mean(axis=0)).sum(axis=1).mean() / 2)
    if spread < _SAME_ANSWER:
        return _TRAINED.fails(
            f"Whatever the picture, the answer is the same: from one to another, probabilities move by {spread:.2%} on average.",
            action,
        )
    try:
        vectors = constant_vectors(evidence.bundle.litert_path.read_bytes())
    except (OSError, ValueError):
        vectors = []
    moved = sum(bool(vector.any()) for vector in vectors)
    # Biases and shifts begin at 0, and no training leaves all of them there to the last bit.
    if len(vectors) > 1 and not moved:
        return _TRAINED.fails(f"All {len(vectors)} biases of the network are still 0, where every training begins.", action)
    weights = f"; {moved} of the network's {len(vectors)} biases have moved from 0" if vectors else ""
    return _TRAINED.passes(f"The answers depend on the picture: probabilities move by {spread:.1%} on average{weights}.")
