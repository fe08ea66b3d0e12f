"""Is the model what it should be: trained at all, the same network as its Keras file, calibrated on other images than these?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fer.bundles import AGREEMENT, load_bundle
from fer.data.votes import BY_VOTES
from fer.errors import BundleError, RunError
from fer.evaluation.agreement import Agreement, find_agreement
from fer.evaluation.checks.check import FEWEST, Check, Evidence, Kind
from fer.litert import constant_vectors
from fer.words import percent

if TYPE_CHECKING:  # report.py keeps checks, and so imports this package
    from fer.bundles import Bundle
    from fer.evaluation.report import Report

_CALIBRATION = Kind(
    "calibration on other images",
    "Were the model's probabilities fitted to the very images on which their error is measured? Then the error is too small, and "
    "an epoch that was chosen there makes the accuracy a little too good as well.",
)
_LITERT = Kind(
    "LiteRT against Keras",
    "Is the network that answers the one that was trained? It is converted from Keras to LiteRT, which can go wrong, or take the "
    "weights of another. Both files are given the same images, spread over those that are evaluated.",
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
    # Cleaned, or under the labels of FER+, most of its images are still those.
    first, other = (name.removesuffix(BY_VOTES).removesuffix(", cleaned") for name in (again["dataset"], report.dataset))
    if first != other:
        return 0
    # All images hold every part.
    shared = again["split"] == report.split or "all" in (again["split"], report.split)
    return min(int(again["n"]), report.n) if shared else 0


def check_litert(evidence: Evidence) -> Check:
    """Does the bundle's LiteRT network agree with its Keras network on these images?"""
    return compare_networks(evidence.bundle, evidence.report)


def compare_networks(bundle: Bundle, report: Report) -> Check:
    """What is known of that by now: the comparison goes on in a process of its own (`fer.evaluation.agreement`).

    Args:
        bundle: who answered.
        report: what it answered, and which images these were.
    """
    if bundle.is_foreign or not bundle.path.is_dir():
        return _LITERT.skips(f"The model has no Keras file to compare with.{_told(bundle)}")
    try:
        unchanged = load_bundle(bundle.path).sha256 == report.bundle_sha256
    except BundleError as error:
        return _LITERT.fails(str(error), "Copy the model again from where it came, or make the bundle again from its run.")
    if not unchanged:
        return _LITERT.fails("The model's files were replaced while it was evaluated.", "Evaluate again.")
    job = find_agreement(bundle, report.fingerprint, report.split)
    if job.is_going:
        return _LITERT.waits("Both networks are being asked, in a process of its own. It takes some seconds.")
    try:
        found = job.agreement
    except RunError as error:
        return _LITERT.skips(str(error), "Delete that folder, and evaluate again.")
    if found is None:
        begun = job.path.is_dir()
        why = job.reason if begun else "The two were not asked about these images."
        return _LITERT.skips(f"{why}{_told(bundle)}", "" if begun else "The Evaluate page and `python -m fer evaluate` do that.")
    return _judged(found, bundle)


def _judged(found: Agreement, bundle: Bundle) -> Check:
    weights = bundle.card.get("settings", {}).get("serving", {}).get("weights", "float32")
    allowed = AGREEMENT.get(weights, AGREEMENT["int8"])
    finding = (
        f"On {found.faces} of these images, probabilities of the two differ by {found.largest_difference:.2g} at most "
        f"({weights}; {allowed:.2g} is allowed)."
    )
    if found.largest_difference > allowed:
        return _LITERT.fails(finding, "Make the bundle again from its run: this LiteRT file is another network.")
    return _LITERT.passes(finding)


def _told(bundle: Bundle) -> str:
    """What the card says of the day when the model was made, for want of a measurement."""
    gap = bundle.card.get("litert_disagreement")
    return "" if gap is None else f" When the model was made, probabilities of the two differed by {gap:.2g} at most."


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
            f"Whatever the picture, the answer is the same: from one to another, probabilities move by {percent(spread, 2)} on "
            "average.",
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
    return _TRAINED.passes(f"The answers depend on the picture: probabilities move by {percent(spread)} on average{weights}.")
