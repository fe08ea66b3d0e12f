"""`evaluate`: a bundle answers a dataset, and the answers become a `Report`.

Its main decision is which of the bundle's heads speaks for the dataset's classes; every step from that head's classes to the
dataset's is by name, and a step that changes what the figures mean is said in the report's notes.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.errors import DataError, LabelError, RunError
from fer.evaluation.agreement import begin_agreement
from fer.evaluation.checks import run_checks
from fer.evaluation.ferplus import FerPlusScore, score_votes
from fer.evaluation.report import Report, pixels_sha256
from fer.evaluation.taggers import TaggerFigures, judge_by_taggers
from fer.labels import FER7, FER8, ClassMap, LabelSet
from fer.version import __version__

if TYPE_CHECKING:  # the classifier opens LiteRT, and training, which takes only the votes from this package, needs neither
    from fer.bundles import Bundle, Head
    from fer.inference.classifier import Answering

WHOLE = "all"
CHUNK = 256


def evaluate(
    bundle: Bundle,
    dataset: Dataset,
    *,
    split: str | None = None,
    head: str | None = None,
    progress: Callable[[float], None] | None = None,
    classifier: Answering | None = None,
    reported: Mapping[str, float] | None = None,
    against_keras: bool = False,
) -> Report:
    """Let a bundle answer a dataset.

    A bundle that was trained on picked or merged classes is held against the dataset's images with their labels picked and
    merged alike, unless the head that answers knows the dataset's own classes. One from elsewhere is held against the images
    whose class it knows.

    Args:
        bundle: the trained model.
        dataset: with labels, and with FER+ votes for the strict FER+ figure too.
        split: `train`, `val`, `test`, or `all`; default: test where there is one, else val, else all.
        head: name of the bundle's head that answers; default: the one that fits the dataset's classes best (`choose_head`).
        progress: called with the share done, 0…1.
        classifier: one that is open already on this bundle; default: a new one.
        reported: accuracies that are claimed for the model, for the checks (see `run_checks`).
        against_keras: also start a process that asks the bundle's Keras network (see `fer.evaluation.agreement`). Its check is
            `pending` until that ends, and `settle` says what came out.

    Returns:
        The report, its checks included, not saved yet.

    Raises:
        DataError: the dataset has no such split, or no image.
        LabelError: no head, or not the one named, knows all the dataset's classes.
    """
    question = Question.of(bundle, dataset, split, head)
    whole, dataset, part = dataset, question.dataset, question.part
    problems = _ask_keras(bundle, question) if against_keras else []
    if classifier is None:
        from fer.inference.classifier import Classifier

        classifier = Classifier(bundle)
    chunks: list[dict[str, NDArray[np.float32]]] = []
    for start, batch in question.batches():
        chunks.append(classifier.predict_heads(batch, question.head_names))
        if progress:
            progress((start + len(batch)) / len(part))
    answers = join_answers(chunks)
    ferplus = question.score_votes(answers)
    notes = [*question.notes, *problems, *_drawn_note(bundle, dataset), *_notes(part, question.split, question.head)]
    if part.votes is not None:
        notes.append(_ferplus_note(ferplus, question.votes_head))
    report = Report(
        label_set=dataset.label_set,
        y_true=part.label_ids.astype(np.int16),
        y_prob=question.y_prob(answers),
        names=part.names,
        model=bundle.name,
        bundle_sha256=bundle.sha256,
        head=question.head.name,
        dataset=dataset.name,
        source=dataset.source,
        fingerprint=dataset.fingerprint,
        split=question.split,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        has_train_twin=_train_twins(dataset, part),
        ferplus=ferplus,
        taggers=question.judge_by_taggers(answers),
        notes=tuple(notes),
        pixels=pixels_sha256(part),
        versions=_versions(),
    )
    return replace(report, checks=run_checks(bundle, whole, report, classifier=classifier, reported=reported))


def _ask_keras(bundle: Bundle, question: Question) -> list[str]:
    """Have the bundle's Keras network asked beside this; why that cannot be, as a note: the figures hold all the same."""
    try:
        begin_agreement(bundle, question.part, question.dataset.fingerprint, question.split)
    except RunError as error:
        return [f"LiteRT was not held against Keras. {error}"]
    return []


@dataclass(frozen=True)
class Question:
    """What a bundle is asked: which images, and which of its heads answer. `robustness.py` asks it of corrupted images too.

    Args:
        bundle: who is asked.
        dataset: the whole of it, with its classes picked and merged as the bundle's were where the head needs it.
        part: the images of the split, at least one.
        split: `train`, `val`, `test` or `all`.
        head: answers for the dataset's classes.
        votes_head: is held against FER+ votes; None where there are no votes, or no head fits them.
        notes: what a reader of the figures should know.
    """

    bundle: Bundle
    dataset: Dataset
    part: Dataset
    split: str
    head: Head
    votes_head: Head | None
    notes: tuple[str, ...]

    @classmethod
    def of(cls, bundle: Bundle, dataset: Dataset, split: str | None, head: str | None) -> Question:
        """Decide what was left open; arguments and errors are those of `evaluate`."""
        dataset, notes = _with_trained_classes(bundle, dataset, head)
        split = split or next((name for name in ("test", "val") if name in dataset.split_names), WHOLE)
        part = dataset if split == WHOLE else dataset.split(split)
        if not len(part):
            raise DataError(f"Dataset {dataset.name!r} holds no images to evaluate.")
        votes_head = None if part.votes is None else choose_votes_head(bundle)
        return cls(bundle, dataset, part, split, choose_head(bundle, dataset.label_set, head), votes_head, notes)

    @property
    def head_names(self) -> list[str]:
        """The heads that answer, each once."""
        return list(dict.fromkeys(head.name for head in (self.head, self.votes_head) if head))

    def batches(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Position of the first image, and images uint8 (N, size, size, channels): each read once, only a chunk in memory."""
        size, channels = self.bundle.preprocessing.size, self.bundle.preprocessing.channels
        for start in range(0, len(self.part), CHUNK):
            yield start, self.part.images.batch(np.arange(start, min(start + CHUNK, len(self.part))), size, channels)

    def y_prob(self, answers: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Probabilities of the dataset's classes, float32 (N, K), from those of the heads for all images."""
        return restrict_classes(answers[self.head.name], self.head.label_set, self.dataset.label_set)

    def score_votes(self, answers: Mapping[str, NDArray[np.float32]]) -> FerPlusScore | None:
        """Agreement with FER+ votes, from the probabilities of the heads for all images; None where it cannot be told."""
        if self.part.votes is None or self.votes_head is None:
            return None
        return score_votes(self.part.votes, _as_ferplus(answers, self.votes_head))

    def judge_by_taggers(self, answers: Mapping[str, NDArray[np.float32]]) -> TaggerFigures | None:
        """The model beside FER+'s taggers; None where `score_votes` is."""
        if self.part.votes is None or self.votes_head is None:
            return None
        return judge_by_taggers(self.part.votes, _as_ferplus(answers, self.votes_head))


def _as_ferplus(answers: Mapping[str, NDArray[np.float32]], head: Head) -> NDArray[np.float32]:
    """A head's probabilities in the columns of `FER8`."""
    return spread_classes(answers[head.name], head.label_set, FER8)


def join_answers(chunks: Sequence[Mapping[str, NDArray[np.float32]]]) -> dict[str, NDArray[np.float32]]:
    """The heads' probabilities for all images, from those for each chunk of them; at least one chunk."""
    return {head: np.concatenate([chunk[head] for chunk in chunks]) for head in chunks[0]}


def choose_head(bundle: Bundle, label_set: LabelSet, name: str | None = None) -> Head:
    """The head that answers for these classes: one with just these, in any order, else one that knows them all; default first.

    Args:
        bundle: the trained model.
        label_set: the dataset's classes.
        name: take this head, if it knows all the classes.

    Raises:
        LabelError: no head fits.
        FerError: the bundle has no head of that name.
    """
    wished = set(label_set)
    candidates = [bundle.head(name)] if name else sorted(bundle.heads, key=lambda head: head != bundle.default_head)
    fitting = [head for head in candidates if wished <= set(head.label_set)]
    if not fitting:
        known = "; ".join(f"{head.name}: {', '.join(head.label_set)}" for head in candidates)
        raise LabelError(
            f"The model {bundle.name!r} cannot answer for the classes {', '.join(label_set)}. "
            f"Its heads know {known}. Keep only classes that one head knows, or train a model on yours."
        )
    return min(fitting, key=lambda head: wished != set(head.label_set))


def choose_votes_head(bundle: Bundle) -> Head | None:
    """The head that is held against FER+ votes: one with the eight classes, else one with FER2013's seven, else none."""
    ordered = sorted(bundle.heads, key=lambda head: head != bundle.default_head)
    return next((head for wished in (FER8, FER7) for head in ordered if set(head.label_set) == set(wished)), None)


def restrict_classes(y_prob: NDArray[np.floating], source: LabelSet, target: LabelSet) -> NDArray[np.float32]:
    """Probabilities (N, K) of a label set, given that the answer is one of the target's classes: float32 (N, T), rows sum to 1.

    Raises:
        LabelError: the source lacks a class of the target.
    """
    kept = y_prob[:, [source.label_id(name) for name in target]].astype(np.float64)
    totals = kept.sum(axis=1, keepdims=True)
    # Where every kept class has underflowed to 0, nothing is known about which of them it is.
    return np.where(totals > 0, kept / np.where(totals > 0, totals, 1), 1 / len(target)).astype(np.float32)


def spread_classes(y_prob: NDArray[np.floating], source: LabelSet, target: LabelSet) -> NDArray[np.float32]:
    """Probabilities (N, K) of a label set in the columns of a larger one, float32 (N, T); classes that the source lacks get 0.

    Raises:
        LabelError: the target lacks a class of the source.
    """
    spread = np.zeros((len(y_prob), len(target)), np.float32)
    spread[:, [target.label_id(name) for name in source]] = y_prob
    return spread


def _with_trained_classes(bundle: Bundle, dataset: Dataset, head: str | None) -> tuple[Dataset, tuple[str, ...]]:
    """The dataset with its classes picked and merged as the bundle's were where the head needs it, and a note that says so."""
    if bundle.is_foreign:
        return _with_known_classes(dataset, bundle.head(head).label_set)
    if not bundle.classes or set(dataset.label_set) <= set(bundle.head(head).label_set):
        return dataset, ()
    mapped = dataset.with_classes(ClassMap.parse(dataset.label_set, bundle.classes))
    left_out = "; images of other classes were left out" if len(mapped) < len(dataset) else ""
    return mapped, (f"The dataset's classes were picked and merged as in training: {', '.join(bundle.classes)}{left_out}.",)


def _with_known_classes(dataset: Dataset, label_set: LabelSet) -> tuple[Dataset, tuple[str, ...]]:
    """The images of classes that a model from elsewhere knows, and a note that says which are left out."""
    known = [name for name in dataset.label_set if name in label_set]
    if len(known) < 2 or len(known) == len(dataset.label_set):
        return dataset, ()
    unknown = ", ".join(name for name in dataset.label_set if name not in label_set)
    kept = dataset.with_classes(ClassMap.parse(dataset.label_set, known))
    return kept, (f"The model does not know {unknown}: {len(dataset) - len(kept):,} images so labelled were left out.",)


def _versions() -> dict[str, str]:
    """What the figures may depend on beside the model and the data."""
    return {
        "fer": __version__,
        "Python": platform.python_version(),
        "LiteRT": version("ai-edge-litert"),
        "NumPy": np.__version__,
        "OpenCV": cv2.__version__,
    }


def _train_twins(dataset: Dataset, part: Dataset) -> NDArray[np.bool_] | None:
    train = dataset.splits == "train"
    if not train.any() or (part.splits == "train").any():
        return None
    return np.isin(part.content_ids, dataset.content_ids[train])


def _drawn_note(bundle: Bundle, dataset: Dataset) -> Iterable[str]:
    learned_from = bundle.card.get("data", {}).get("name", "")
    if dataset.source.startswith("synthetic") and learned_from and not learned_from.startswith("synthetic"):
        yield f"These faces are drawn, and the model learned from {learned_from}: the figures say little about photographs."


def _notes(part: Dataset, split: str, head: Head) -> Iterable[str]:
    extra = [name for name in head.label_set if name not in part.label_set]
    if extra:
        yield (
            f"The head {head.name!r} also knows {', '.join(extra)}, which this dataset lacks: "
            "its probabilities were restricted to the dataset's classes and scaled to the sum 1."
        )
    empty = [name for i, name in enumerate(part.label_set) if not (part.label_ids == i).any()]
    if empty:
        yield f"No image evaluated is labelled {', '.join(empty)}."
    if split in ("train", WHOLE) and (part.splits == "train").any():
        yield "Images of the dataset's train part were evaluated: a model that was trained on them looks better here than it is."


def _ferplus_note(ferplus: FerPlusScore | None, head: Head | None) -> str:
    if head is None:
        return "FER+ votes were given, but no head of the model has the eight classes of FER+ or the seven of FER2013."
    if ferplus is None:
        return "FER+ votes were given, but the strict protocol keeps none of these images."
    lacking = "" if set(head.label_set) == set(FER8) else f", which lacks {', '.join(n for n in FER8 if n not in head.label_set)}"
    return f"FER+ (strict protocol, {ferplus.n:,} images) was answered by the head {head.name!r}{lacking}."
