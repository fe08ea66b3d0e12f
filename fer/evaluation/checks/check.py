"""What a reality check answers (`Check`), and what it looks at (`Evidence`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fer.errors import DataError, FerError

if TYPE_CHECKING:  # evaluate.py and report.py keep checks, and so import this module
    from fer.bundles import Bundle
    from fer.data.dataset import Dataset
    from fer.evaluation.evaluate import Question
    from fer.evaluation.report import Report
    from fer.inference.classifier import Answering

STATUSES = ("pass", "warn", "fail", "skipped", "pending")

# How rarely a sound model may be accused by chance. What is asked is whether another reading of the answers is *better*. With a
# sound model it is far worse, so that in practice the rate is much lower.
SURE = 0.01
# Fewer images than these say nothing about how they were read: with 20, even a lead of 15 to 5 comes by chance one time in fifty.
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One reality check of an evaluation, in words.

    Args:
        name: what was checked, in a few words.
        status: `pass`, `warn`, `fail`, `skipped` where it could not be checked, or `pending` where that is still going on.
        finding: what was found, with the figures; of a skipped check, why.
        explanation: what the check looks for, and why.
        action: what to do; empty where there is nothing to do.

    Raises:
        DataError: there is no such status.
    """

    name: str
    status: str
    finding: str
    explanation: str
    action: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise DataError(f"The status of a check is one of {', '.join(STATUSES)}. Received: {self.status!r}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A check before it has been made: its name, and what it looks for."""

    name: str
    explanation: str

    def passes(self, finding: str) -> Check:
        return Check(self.name, "pass", finding, self.explanation)

    def warns(self, finding: str, action: str) -> Check:
        return Check(self.name, "warn", finding, self.explanation, action)

    def fails(self, finding: str, action: str) -> Check:
        return Check(self.name, "fail", finding, self.explanation, action)

    def skips(self, reason: str, action: str = "") -> Check:
        return Check(self.name, "skipped", reason, self.explanation, action)

    def waits(self, reason: str) -> Check:
        return Check(self.name, "pending", reason, self.explanation)


@dataclass(frozen=True, slots=True)
class Claim:
    """An accuracy that somebody reported.

    Args:
        who: in words that a sentence begins with.
        metric: as they called it.
        share: 0…1.
        n: images that it was found on; 0 where that is not known.
    """

    who: str
    metric: str
    share: float
    n: int = 0


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the checks look at: a report, and all that it was made from.

    Args:
        bundle: who answered.
        dataset: as it was read, before its classes were picked or merged for the bundle.
        question: what the bundle was asked; its images stand in the order of the report's rows.
        report: what it answered.
        classifier: open on the bundle.
        claims: accuracies that were reported for the model, its recipe or by the user.
    """

    bundle: Bundle
    dataset: Dataset
    question: Question
    report: Report
    classifier: Answering
    claims: tuple[Claim, ...] = ()

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Which images were answered rightly, bool (N,)."""
        return np.asarray(self.report.y_pred == self.report.y_true)

    @cached_property
    def learned(self) -> Dataset | None:
        """The dataset as the bundle learned from it: split, and without leaks; None where that was another, or cannot be told.

        The card keeps no images, so the dataset is prepared as the training prepared it, and must come out as the card says.
        """
        from fer.recipes import Settings
        from fer.training.prepare import choose_data

        card = self.bundle.card
        if "data" not in card or "settings" not in card:  # a model that is not ours
            return None
        data = card["data"]
        try:
            prepared, leaks_removed = choose_data(self.dataset, Settings.from_dict(card["settings"]))
        except FerError:  # the settings are not of this version, or the data lacks what they ask for
            return None
        # The fingerprint covers votes, which may not have been given today. As many leaks, and then as many images of every class
        # in every split, are no accident either; without leaks, balanced sets of one size would be taken for one another.
        alike = leaks_removed > 0 and (data.get("leaks_removed"), data.get("counts")) == (leaks_removed, prepared.counts())
        return prepared if alike or data.get("fingerprint") == prepared.fingerprint else None

    @cached_property
    def train(self) -> Dataset | None:
        """The images that the bundle learned from where that is known, else the dataset's train part.

        None where there is neither, or where the train part itself is evaluated.
        """
        if self.learned is not None:
            return self.learned.split("train")
        part = self.question.part
        if "train" not in self.dataset.split_names or (part.splits == "train").any():
            return None
        return self.dataset.split("train")


def chance_of_lead(better: int, worse: int) -> float:
    """How often chance alone puts one way of answering so far ahead of another, 0…1; 1 where it is not ahead.

    Args:
        better: images that the one gets right and the other wrong.
        worse: the other way round.
    """
    from fer.evaluation.compare import mcnemar

    return mcnemar(better, worse) if better > worse else 1.0


def listed(names: list[str]) -> str:
    """Names in a sentence: `sad`, `sad and fear`, `sad, fear and happy`."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def claims_of(bundle: Bundle, reported: Mapping[str, float] | None) -> tuple[Claim, ...]:
    """Accuracies that were reported: by the user, and by the reference system that the bundle's recipe reproduces."""
    from fer.recipes import list_recipes

    claims = [Claim("The claim", metric, share) for metric, share in (reported or {}).items()]
    recipe = next((recipe for recipe in list_recipes() if recipe.name == bundle.card.get("recipe")), None)
    if recipe is not None:
        who = f"The reference system {recipe.name}"
        accuracies = {metric: share for metric, share in recipe.reported.items() if "accuracy" in metric.lower()}
        claims += [Claim(who, metric, share, recipe.reported_images) for metric, share in accuracies.items()]
    return tuple(claims)
