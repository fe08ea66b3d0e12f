"""Checks that need the answers alone: order of the classes, figures that mean nothing, guessing, collapse, too few images."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from fer.data.sources import is_litter
from fer.evaluation.checks.check import FEWEST, SURE, Check, Claim, Evidence, Kind, chance_of_lead, listed
from fer.evaluation.intervals import wilson_interval
from fer.evaluation.metrics import confusion_matrix
from fer.words import percent

_ORDER = Kind(
    "label order",
    "Were the classes trained in one order and read in another? Then whole classes are exchanged: each is answered by another's "
    "name. The order under which the answers fit the labels best is sought in one half of the images and tried on the other.",
)
_ARTEFACT = Kind(
    "metric",
    "Is a reported accuracy one? Binary accuracy on one-hot labels counts every 'no' to a wrong class as right: of K classes, "
    "who always answers 'none' scores 1 - 1/K, which is 87.5 % with eight. Accuracy is the share of images named rightly.",
)
_MAJORITY = Kind(
    "better than guessing",
    "Does the model know more than which class is the most frequent? Who always answers that scores its share of the images.",
)
_COLLAPSE = Kind(
    "every class answered",
    "Does the model answer one class nearly always, or another never? That comes of a class that was shown far more often than "
    "the others, or of a training that failed; the accuracy alone may hide it.",
)
_SIZE = Kind(
    "enough images",
    "How far may chance have moved the figure? Wilson's interval says where the accuracy on endlessly many such images lies, 19 "
    "times in 20. Of 30 images, 27 right ones mean 74 to 97 %.",
)

# A reported figure equals an artefact where it is nearer than its last printed digit: 87.5 and 87.46 % do, 87.6 % does not.
_EQUAL = 0.0005
# Half the width of an interval. A figure that may be 5 points off hardly tells two systems of a kind apart: worth a warning;
# one that may be 10 points off bears out nothing that anybody would claim.
_WIDE, _USELESS = 0.05, 0.10
# With 30 images, a recall of 50 % is known to 17 points either way: less tells a good class from a bad one hardly at all.
_FEWEST_OF_CLASS = 30
# As sure as an interval of 95 %: here chance accuses the sound model, which should be the rarer the fewer its images.
_BETTER = 0.05
# A class that is recognised one time in seven goes unanswered among 20 images one time in twenty.
_FEWEST_TO_MISS = 20
# At least so large a share of all answers is a collapse where the labels have less than _COLLAPSED_LABELS of the class.
_COLLAPSED, _COLLAPSED_LABELS = 0.95, 0.8
# The odds of being answered against those of being right. Sound models, our own on FER2013, exceed 1.5 for no class.
_OVERFED = 4.0


def check_label_order(evidence: Evidence) -> Check:
    """Is there a permutation of the classes that the answers fit significantly better than their own order?"""
    report = evidence.report
    litter = [name for name in evidence.question.head.label_set if is_litter(name)]
    if litter:
        return _ORDER.fails(
            f"The model answers with {len(evidence.question.head.label_set)} classes, of which {listed(litter)} is no class "
            "but what an operating system left in an archive.",
            "Leave that folder out of the training data and train again: every class behind it in the order may be shifted, too.",
        )
    labelled = len(np.unique(report.y_true))
    if report.n < FEWEST or labelled < 2:
        return _ORDER.skips(f"{report.n} images of {labelled} classes cannot tell; {FEWEST} of two classes are needed.")
    order = best_order(report.confusion)
    meant = order[report.y_pred]
    accuracy = float((meant == report.y_true).mean())
    own = percent(report.accuracy)
    if (order == np.arange(len(order))).all():
        return _ORDER.passes(f"The answers fit the labels best in the order that they have: {own} are right.")
    p = _out_of_sample(report.y_true, report.y_pred, len(order))
    # Without the second condition, who always answers one class would be told that he means the most frequent.
    if p < SURE and wilson_interval(round(accuracy * report.n), report.n)[0] > report.majority_accuracy:
        moved = sorted((report.labels[true], report.labels[said]) for said, true in enumerate(order.tolist()) if said != true)
        true_names, said_names = ([pair[side] for pair in moved] for side in (0, 1))
        return _ORDER.fails(
            f"{', '.join(true_names)} are answered as {', '.join(said_names)}: {own} are right as it is, "
            f"{percent(accuracy)} would be with these names exchanged.",
            "Compare the order of the classes in training (folders are read in the order of the alphabet) with the one in which "
            "the answers are named, and put the latter right; the network need not be trained again.",
        )
    return _ORDER.passes(
        f"{own} are right. The best of all other orders would give {percent(accuracy)}, which is no more than chance may find."
    )


def best_order(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which class each answer should mean so that most are right: int64 (K,), a permutation; of equally good ones, what stays.

    The assignment problem on the confusion matrix (Kuhn 1955, "The Hungarian method for the assignment problem").
    """
    from scipy.optimize import linear_sum_assignment

    k = len(confusion)
    # All K images that the diagonal may gain here are worth less than one image.
    _, true = linear_sum_assignment((confusion * (k + 1) + np.eye(k, dtype=np.int64)).T, maximize=True)
    return np.asarray(true, np.int64)


def _out_of_sample(y_true: NDArray[np.int16], y_pred: NDArray[np.int16], k: int) -> float:
    """p-value of the best other order being better, where it was sought on other images than it is tried on."""
    second = np.random.default_rng(0).permutation(len(y_true)) % 2 == 1
    better = worse = 0
    for sought, tried in ((second, ~second), (~second, second)):
        order = best_order(confusion_matrix(y_true[sought], y_pred[sought], k))
        right, would_be = y_pred[tried] == y_true[tried], order[y_pred[tried]] == y_true[tried]
        better += int((would_be & ~right).sum())
        worse += int((right & ~would_be).sum())
    return chance_of_lead(better, worse)


def check_metric(evidence: Evidence) -> Check:
    """Does a reported accuracy equal what a wrong metric gives?"""
    report = evidence.report
    k = len(report.labels)
    one_hot = np.eye(k, dtype=bool)[report.y_true]
    binary, none = float(((report.y_prob > 0.5) == one_hot).mean()), 1 - 1 / k
    if k == 2:
        return _ARTEFACT.passes(
            f"With two classes both are one: the accuracy is {percent(report.accuracy)}, and so is binary accuracy."
        )
    figures = (
        f"The accuracy is {percent(report.accuracy)}; binary accuracy on one-hot labels would say {percent(binary)} of the same "
        f"answers, and {percent(none)} of a model that always answers 'none'"
    )
    low, high = report.accuracy_ci95
    for claim in evidence.claims:
        # What the images bear out is no artefact, even where the numbers happen to meet.
        if min(abs(claim.share - none), abs(claim.share - binary)) <= _EQUAL and not low <= claim.share <= high:
            return _ARTEFACT.warns(
                f"{claim.who} reported {percent(claim.share)} ({claim.metric}), which is no accuracy. {figures}.",
                "Do not quote that figure. Measure accuracy (in Keras: CategoricalAccuracy, not BinaryAccuracy).",
            )
    return _ARTEFACT.passes(f"{figures}.")


def check_majority(evidence: Evidence) -> Check:
    """Is the model better than always answering the most frequent class?"""
    report = evidence.report
    if len(np.unique(report.y_true)) < 2:
        return _MAJORITY.skips(f"All {report.n:,} images are labelled {report.majority_label}: guessing that is always right.")
    most_frequent = np.asarray(report.y_true == report.labels.index(report.majority_label))
    p = chance_of_lead(int((evidence.right & ~most_frequent).sum()), int((most_frequent & ~evidence.right).sum()))
    blind = f"{percent(report.majority_accuracy)} would be for always answering {report.majority_label}"
    figures = f"{percent(report.accuracy)} are right, and {blind}"
    if p < _BETTER:
        return _MAJORITY.passes(f"{figures}.")
    # What answers as frequent as these would get right if they had nothing to do with the images.
    by_chance = float((report.confusion.sum(axis=0) * report.confusion.sum(axis=1)).sum() / report.n**2)
    if report.n >= _FEWEST_OF_CLASS and report.accuracy_ci95[0] <= by_chance:
        return _MAJORITY.fails(
            f"{figures}. Answers given blindly, as often each, would reach {percent(by_chance)}.",
            "The model has learned nothing, or what it says is read wrongly: look at the checks on label order, on scaling and "
            "on whether it was trained at all.",
        )
    return _MAJORITY.warns(
        f"{figures}; the difference may be chance. Balanced accuracy is {percent(report.balanced_accuracy)}.",
        "Judge by the classes' own recall. Balance the classes in training, or test on more images.",
    )


def check_collapse(evidence: Evidence) -> Check:
    """Is one class nearly always answered, or one never?"""
    report = evidence.report
    true, answered = report.confusion.sum(axis=1), report.confusion.sum(axis=0)
    if report.n < FEWEST or (true > 0).sum() < 2:
        return _COLLAPSE.skips(
            f"{report.n} images of {(true > 0).sum()} classes cannot tell; {FEWEST} of two classes are needed."
        )
    top = int(answered.argmax())
    share, labels = answered[top] / report.n, true[top] / report.n
    figures = f"{report.labels[top]} is answered for {percent(share)} of the images, and {percent(labels)} are labelled so"
    action = "See how often training showed each class, balance them, and train again; if nothing changes, the training failed."
    if share >= _COLLAPSED and labels < _COLLAPSED_LABELS:
        return _COLLAPSE.fails(f"{figures}: whatever the picture, nearly always the same.", action)
    missed = [
        f"{name} ({count:,} images)"
        for name, count, given in zip(report.labels, true.tolist(), answered.tolist(), strict=True)
        if count >= _FEWEST_TO_MISS and not given
    ]
    # The lower end, so that few images do not accuse.
    surely = wilson_interval(int(answered[top]), report.n)[0]
    overfed = surely >= 0.5 and surely * (1 - labels) >= _OVERFED * labels * (1 - surely)
    if missed or overfed:
        never = f"Never answered: {listed(missed)}. " if missed else ""
        return _COLLAPSE.warns(f"{never}{figures}.", action)
    return _COLLAPSE.passes(f"No class takes all: {figures}, the most of all.")


def check_size(evidence: Evidence) -> Check:
    """Are there enough images for what is claimed?"""
    report = evidence.report
    low, high = report.accuracy_ci95
    right = int(evidence.right.sum())
    sentences = [f"{right:,} of {report.n:,} images are right, {percent(report.accuracy)}: that means {_span(low, high)}."]
    doubtful = [claim for claim in evidence.claims if claim.n and images_for(claim.share) > claim.n]
    sentences += [_of_claim(claim) for claim in doubtful[:1]]
    claimed = max((report.accuracy, *(claim.share for claim in evidence.claims)), key=images_for)
    needed = images_for(claimed)
    counts = dict(zip(report.labels, report.confusion.sum(axis=1).tolist(), strict=True))
    rare = [f"{name} ({count})" for name, count in counts.items() if 0 < count < _FEWEST_OF_CLASS]
    few = report.n < needed
    if few:
        sentences.append(f"To tell {percent(claimed)} from {_WIDE * 100:.0f} points less takes {needed:,} images.")
    if rare:
        fewest = min(count for count in counts.values() if count)
        which = listed(rare) if len(rare) <= 3 else f"{len(rare)} classes, the smallest with {fewest}"
        sentences.append(f"Fewer than {_FEWEST_OF_CLASS} images: {which}.")
    finding = " ".join(sentences)
    if few and max(report.accuracy - low, high - report.accuracy) > _USELESS:
        return _SIZE.fails(finding, f"Test on {needed:,} images or more before naming a figure.")
    if few or rare or doubtful:
        more = f"Test on {needed:,} images or more" if few else f"Collect {_FEWEST_OF_CLASS} images or more of each class"
        return _SIZE.warns(finding, f"{more}, and always name the interval beside the figure.")
    return _SIZE.passes(finding)


def images_for(share: float) -> int:
    """Images that it takes until Wilson's interval of a share of right answers, 0…1, ends no more than 5 points below it."""
    # Its lower end solves (share - end)² = 1.96² end (1 - end) / n.
    end = max(share - _WIDE, 0.0)
    return max(ceil(1.96**2 * end * (1 - end) / _WIDE**2), 1)


def _of_claim(claim: Claim) -> str:
    span = _span(*wilson_interval(round(claim.share * claim.n), claim.n))
    return f"{claim.who} reported {percent(claim.share)} on {claim.n:,} images, which means {span}."


def _span(low: float, high: float) -> str:
    """An interval in words; whole points where it is so wide that more would pretend to know."""
    return f"{low * 100:.0f} to {percent(high, 0)}" if high - low > 2 * _WIDE else f"{low * 100:.1f} to {percent(high)}"
