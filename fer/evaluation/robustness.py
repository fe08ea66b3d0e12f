"""`measure_robustness`: a bundle answers the same images clean and under each corruption; how much accuracy each one costs.

The figures stand in a model's card, and `evaluate --robustness` prints them; `measure_severities` draws a curve a corruption, on
a sample, for the Evaluate page. What is done to an image is said in `fer/evaluation/corruptions.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.evaluation.corruptions import CORRUPTIONS, SEED, Corruption
from fer.evaluation.evaluate import Question, join_answers
from fer.evaluation.ferplus import FerPlusScore
from fer.evaluation.scores import Scores
from fer.words import percent, percent_range

if TYPE_CHECKING:  # as in evaluate.py: whoever describes stored figures needs no LiteRT
    from fer.bundles import Bundle
    from fer.inference.classifier import Classifier


@dataclass(frozen=True, slots=True)
class Answered:
    """How well images were answered.

    Args:
        n: images.
        accuracy, accuracy_ci95: right answers among them, 0…1, and Wilson's interval.
        ferplus: agreement with FER+ votes; None where there are none, or where they cannot be scored.
    """

    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    ferplus: FerPlusScore | None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        figures = {"n": self.n, "accuracy": self.accuracy, "accuracy_ci95": list(self.accuracy_ci95)}
        return {**figures, **({"ferplus": self.ferplus.as_dict()} if self.ferplus else {})}


@dataclass(frozen=True, slots=True)
class Robustness:
    """Accuracy of one bundle on the same images, clean and corrupted.

    Args:
        model, bundle_sha256, head: who answered; FER+ is answered by the head that fits it, as in a `Report`.
        dataset, fingerprint, split: on what; the fingerprint is that of the whole dataset.
        clean: as the images are.
        corrupted: every corruption at the severity of the cards, in the order of `CORRUPTIONS`.
    """

    model: str
    bundle_sha256: str
    head: str
    dataset: str
    fingerprint: str
    split: str
    clean: Answered
    corrupted: tuple[tuple[Corruption, Answered], ...]

    @property
    def mean_accuracy(self) -> float:
        """Mean over the corruptions, 0…1; the clean images are not among them."""
        return float(np.mean([answered.accuracy for _, answered in self.corrupted]))

    @property
    def mean_ferplus_accuracy(self) -> float | None:
        """The same of the accuracy under the strict FER+ protocol; None where that was not measured."""
        # Corruption changes no votes: all conditions have the figure, or none.
        shares = [answered.ferplus.accuracy for _, answered in self.corrupted if answered.ferplus]
        return float(np.mean(shares)) if shares else None

    def as_dict(self) -> dict[str, Any]:
        """All figures, and what was done to the images; ready for JSON, for cards, and for `describe_robustness`."""
        mean_ferplus = self.mean_ferplus_accuracy
        return {
            **{name: getattr(self, name) for name in ("model", "bundle_sha256", "head", "dataset", "fingerprint", "split")},
            "seed": SEED,
            "clean": self.clean.as_dict(),
            "corruptions": [
                {
                    "name": corruption.name,
                    "description": corruption.description,
                    "severity": corruption.severity,
                    "unit": corruption.unit,
                    **answered.as_dict(),
                }
                for corruption, answered in self.corrupted
            ],
            "mean_accuracy": self.mean_accuracy,
            **({} if mean_ferplus is None else {"mean_ferplus_accuracy": mean_ferplus}),
        }


def measure_robustness(
    bundle: Bundle,
    dataset: Dataset,
    *,
    split: str | None = None,
    head: str | None = None,
    progress: Callable[[float], None] | None = None,
    classifier: Classifier | None = None,
) -> Robustness:
    """Let a bundle answer a dataset clean and under each of `CORRUPTIONS`, at the severities of the cards.

    It takes as long as evaluating a dataset as many times; each image is read once. The clean figures are those of `evaluate`.

    Args:
        bundle: the trained model.
        dataset: with labels, and with FER+ votes for the strict FER+ figures too.
        split: `train`, `val`, `test`, or `all`; default: test where there is one, else val, else all.
        head: name of the bundle's head that answers; default: the one that fits the dataset's classes best (`choose_head`).
        progress: called with the share done, 0…1.
        classifier: one that is open already on this bundle; default: a new one.

    Raises:
        DataError: the dataset has no such split, or no image.
        LabelError: no head, or not the one named, knows all the dataset's classes.
    """
    question = Question.of(bundle, dataset, split, head)
    clean, *corrupted = _answer_all(question, [(each, each.severity) for each in CORRUPTIONS], progress, classifier)
    return Robustness(
        model=bundle.name,
        bundle_sha256=bundle.sha256,
        head=question.head.name,
        dataset=question.dataset.name,
        fingerprint=question.dataset.fingerprint,
        split=question.split,
        clean=clean,
        corrupted=tuple(zip(CORRUPTIONS, corrupted, strict=True)),
    )


@dataclass(frozen=True, slots=True)
class SeverityCurve:
    """Accuracy under one corruption from none to its limit.

    Args:
        corruption: what was done to the images.
        severities: rising, each above 0; the card's is among them.
        answered: how well the images were answered at each.
    """

    corruption: Corruption
    severities: tuple[float, ...]
    answered: tuple[Answered, ...]


@dataclass(frozen=True, slots=True)
class SeverityCurves:
    """Accuracy of one bundle on a sample of images, clean and under every corruption at several severities.

    Args:
        clean: as the images are.
        curves: a curve a corruption, in the order of `CORRUPTIONS`.
    """

    clean: Answered
    curves: tuple[SeverityCurve, ...]


def severities_of(corruption: Corruption) -> tuple[float, ...]:
    """Half the card's severity, the card's, and three on the way to the limit, the limit itself among them."""
    usual, rest = corruption.severity, corruption.limit - corruption.severity
    return (usual / 2, usual, *(usual + rest * step / 4 for step in (1, 2, 4)))


def measure_severities(
    bundle: Bundle,
    dataset: Dataset,
    *,
    split: str | None = None,
    head: str | None = None,
    most: int = 500,
    seed: int = SEED,
    progress: Callable[[float], None] | None = None,
    classifier: Classifier | None = None,
) -> SeverityCurves:
    """Let a bundle answer a sample of a dataset under each of `CORRUPTIONS`, at five severities each (`severities_of`).

    Args:
        bundle, dataset, split, head, progress, classifier: as of `measure_robustness`; votes are not scored.
        most: images; of more, so many are drawn.
        seed: of the sample.

    Raises:
        DataError: the dataset has no such split, or no image.
        LabelError: no head, or not the one named, knows all the dataset's classes.
    """
    question = Question.of(bundle, dataset, split, head)
    rows = np.sort(np.random.default_rng(seed).permutation(len(question.part))[:most])
    question = replace(question, part=question.part.select(rows), votes_head=None)
    conditions = [(each, severity) for each in CORRUPTIONS for severity in severities_of(each)]
    clean, *corrupted = _answer_all(question, conditions, progress, classifier)
    steps = len(conditions) // len(CORRUPTIONS)
    return SeverityCurves(
        clean,
        tuple(
            SeverityCurve(each, severities_of(each), tuple(corrupted[i * steps : (i + 1) * steps]))
            for i, each in enumerate(CORRUPTIONS)
        ),
    )


def _answer_all(
    question: Question,
    corruptions: Sequence[tuple[Corruption, float]],
    progress: Callable[[float], None] | None,
    classifier: Classifier | None,
) -> list[Answered]:
    """How well a question's images are answered: clean first, then under each corruption at its severity."""
    if classifier is None:
        from fer.inference.classifier import Classifier

        classifier = Classifier(question.bundle)
    conditions = [None, *corruptions]
    chunks: list[list[dict[str, NDArray[np.float32]]]] = [[] for _ in conditions]
    total = len(question.part) * len(conditions)
    for start, batch in question.batches():
        for i, condition in enumerate(conditions):
            images = condition[0].apply(batch, first=start, severity=condition[1]) if condition else batch
            chunks[i].append(classifier.predict_heads(images, question.head_names))
            if progress:
                progress((start * len(conditions) + len(batch) * (i + 1)) / total)
    return [_answered(question, join_answers(answers)) for answers in chunks]


def _answered(question: Question, answers: Mapping[str, NDArray[np.float32]]) -> Answered:
    scores = Scores(question.dataset.label_set, question.part.label_ids.astype(np.int16), question.y_prob(answers))
    return Answered(scores.n, scores.accuracy, scores.accuracy_ci95, question.score_votes(answers))


def describe_robustness(figures: Mapping[str, Any]) -> list[str]:
    """What `Robustness.as_dict` gave, as a section of Markdown for a model's card: lines from its heading to its last row."""
    clean = figures["clean"]
    lines = [
        "## Robustness",
        "",
        f"{clean['n']:,} images of {figures['dataset']} ({figures['split']}), all corrupted in one way at a time, with a fixed "
        f"seed, and answered by the head {figures['head']}. Changes are in percentage points.",
    ]
    if "ferplus" in clean:
        lines[-1] += f" FER+: {clean['ferplus']['n']:,} of the images, under the strict protocol."
    head, *rows = robustness_table(figures)
    for row, corruption in zip(rows[1:-1], figures["corruptions"], strict=True):
        row[0] += f": {corruption['description']} ({corruption['severity']:g} {corruption['unit']})"
    return [*lines, "", *(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))]


def robustness_table(figures: Mapping[str, Any]) -> list[list[str]]:
    """What `Robustness.as_dict` gave, as the cells of a table: its head, the clean images, each corruption, their mean."""
    clean, has_ferplus = figures["clean"], "ferplus" in figures["clean"]
    table = [["corruption", "accuracy", "95 % interval", "change", *(["FER+", "95 % interval", "change"] if has_ferplus else [])]]
    mean = {"accuracy": figures["mean_accuracy"], "ferplus": {"accuracy": figures.get("mean_ferplus_accuracy")}}
    for name, row in [("none", clean), *((row["name"], row) for row in figures["corruptions"]), ("mean", mean)]:
        table.append([name, *_cells(row, clean), *(_cells(row["ferplus"], clean["ferplus"]) if has_ferplus else [])])
    return table


def _cells(row: Mapping[str, Any], clean: Mapping[str, Any]) -> list[str]:
    """Accuracy, its interval where it has one, and how far it is from the clean images'."""
    interval = percent_range(row["accuracy_ci95"]) if "accuracy_ci95" in row else ""
    change = "" if row is clean else f"{100 * (row['accuracy'] - clean['accuracy']):+.1f}"
    return [percent(row["accuracy"]), interval, change]
