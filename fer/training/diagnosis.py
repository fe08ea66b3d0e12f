"""`diagnose`: what a run's curves say is going wrong, in words, and what to try next.

Rules over the rows of finished epochs, free of Keras, so that a page may ask after every one. The two rules of over-fitting are
those of the reference system `vgg16-3class`: accuracy that is high in training and low in validation, and a loss that falls in
training while it rises in validation. A rule speaks only where a difference is more than the chance of so few images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.recipes import Settings
from fer.words import percent

Rows = Sequence[Mapping[str, Any]]

_GAP = 0.10  # between the accuracies of training and validation, from which on the first rule speaks
_RISING = 0.02  # of the validation loss since its lowest, from which on the second does
_LONG = 3  # epochs in a row that make a trend
_NOISY = 0.05  # half an interval of the validation accuracy, in which no small gain can be seen
_ONE_CLASS = 0.95  # share of the answers that makes one class of them
_TOO_MANY = 1.5  # answers of a class, beside how many images it has


@dataclass(frozen=True, slots=True)
class Change:
    """Something to try: words for a button, and the settings that the next run is started with."""

    words: str
    overrides: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that the curves say.

    Args:
        kind: which rule spoke, e.g. `over_fitting`.
        title: what it is, in a few words.
        evidence: the figures that say so, in a sentence or two.
        changes: what to try, the likeliest first.
        is_problem: otherwise it only explains what may look like one.
    """

    kind: str
    title: str
    evidence: str
    changes: tuple[Change, ...] = ()
    is_problem: bool = True


@dataclass(frozen=True)
class Curves:
    """What a diagnosis is made from.

    Args:
        rows: of the finished epochs, as `Run.epoch_rows` gives them; at least one.
        settings: of the run.
        labels: the classes.
        train_counts: images of each class in training.
        val_counts: images of each class in validation.
        confusion: of the last epoch on the validation part, (K, K), rows are true; None where it is not known.
        is_over: no epoch will follow.
    """

    rows: Rows
    settings: Settings
    labels: Sequence[str]
    train_counts: Sequence[int]
    val_counts: Sequence[int]
    confusion: NDArray[np.integer] | None = None
    is_over: bool = False

    def column(self, name: str) -> NDArray[np.float64]:
        """One measure over the epochs, (E,)."""
        return np.array([float(row[name]) for row in self.rows])

    @property
    def n_val(self) -> int:
        return sum(self.val_counts)

    @property
    def chance_loss(self) -> float:
        """The loss of an answer that knows nothing: ln K."""
        return math.log(max(2, len(self.labels)))

    @property
    def val_noise(self) -> float:
        """Half the width of the 95 % interval of the last validation accuracy, a share (normal approximation)."""
        p = float(np.clip(self.rows[-1]["val_accuracy"], 0.05, 0.95))
        return 1.96 * math.sqrt(p * (1 - p) / max(1, self.n_val))


def diagnose(curves: Curves) -> list[Diagnosis]:
    """All that the curves say, problems first; an empty list where nothing stands out."""
    found = [diagnosis for rule in _RULES for diagnosis in rule(curves)]
    return sorted(found, key=lambda diagnosis: not diagnosis.is_problem)


def _collapsed(c: Curves) -> Iterator[Diagnosis]:
    if c.confusion is None or not c.confusion.sum():
        return
    answers = c.confusion.sum(axis=0) / c.confusion.sum()
    truth = c.confusion.sum(axis=1) / c.confusion.sum()
    top = int(answers.argmax())
    if answers[top] >= _ONE_CLASS and truth[top] < 0.8:
        yield Diagnosis(
            "collapsed",
            f"It always answers {c.labels[top]}",
            f"{percent(answers[top], 0)} of its answers are {c.labels[top]}, which {percent(truth[top], 0)} of the validation "
            "images are. What looks like accuracy is that class's share.",
            (
                _rate(c, 0.1, "A tenth of the learning rate"),
                Change("Class weights", {"data.balance": "class_weights"}),
            ),
        )


def _overfed(c: Curves) -> Iterator[Diagnosis]:
    if c.confusion is None or not c.confusion.sum() or min(c.train_counts, default=0) == 0:
        return
    answers, truth = c.confusion.sum(axis=0), c.confusion.sum(axis=1)
    shown = np.array(c.train_counts, float) * [c.settings.data.times_fed.get(label, 1) for label in c.labels]
    shares = shown / shown.sum()
    top = int((answers / np.maximum(truth, 1)).argmax())
    others = np.delete(np.diag(c.confusion) / np.maximum(truth, 1), top)
    own = c.confusion[top, top] / max(1, truth[top])
    if (
        _TOO_MANY * truth[top] < answers[top] < _ONE_CLASS * answers.sum()
        and shares[top] > 1.5 * np.median(shares)
        and own > others.mean() + 0.15
    ):
        yield Diagnosis(
            "overfed",
            f"{c.labels[top].capitalize()} is overfed",
            f"It makes up {percent(shares[top], 0)} of what training shows, and is answered "
            f"{answers[top] / max(1, truth[top]):.1f} times as often as it is there; its recall is {percent(own, 0)}, that of "
            f"the others {percent(others.mean(), 0)}.",
            (
                Change("Show all classes equally often", {"data.balance": "oversample_median", "data.overfeed": ""}),
                Change("Class weights", {"data.balance": "class_weights", "data.overfeed": ""}),
            ),
        )


def _over_fitting(c: Curves) -> Iterator[Diagnosis]:
    last = c.rows[-1]
    gap = last["accuracy"] - last["val_accuracy"]
    if gap > _GAP and gap > 2 * c.val_noise:
        yield Diagnosis(
            "over_fitting_accuracy",
            "Over-fitting: it knows the training images better than faces",
            f"Accuracy is {percent(last['accuracy'])} in training and {percent(last['val_accuracy'])} in validation, "
            f"{100 * gap:.0f} points less.",
            _against_over_fitting(c),
        )
    train, val = c.column("loss"), c.column("val_loss")
    lowest = int(val.argmin())
    since = len(val) - 1 - lowest
    if since >= _LONG and val[-1] > (1 + _RISING) * val[lowest] and train[-1] < (1 - _RISING) * train[lowest]:
        yield Diagnosis(
            "over_fitting_loss",
            "Over-fitting: training still gains, validation loses",
            f"Since epoch {lowest + 1} the loss has fallen from {train[lowest]:.3f} to {train[-1]:.3f} in training and risen "
            f"from {val[lowest]:.3f} to {val[-1]:.3f} in validation.",
            (
                Change(f"Stop after {_LONG} epochs without a gain", {"training.early_stopping": str(_LONG)}),
                *_against_over_fitting(c),
            ),
        )


def _against_over_fitting(c: Curves) -> tuple[Change, ...]:
    more = {"augmentation.flip": "true", "augmentation.rotation": "15", "augmentation.zoom": "0.15", "augmentation.shift": "0.1"}
    varied = c.settings.augmentation.rotation and c.settings.augmentation.zoom
    dropout = getattr(c.settings.network, "dropout", None)
    return (
        *([] if varied else [Change("Vary the images more", more)]),
        Change("More weight decay", {"training.weight_decay": f"{max(1e-4, 5 * c.settings.training.weight_decay):g}"}),
        *([Change("More dropout", {"network.dropout": f"{min(0.6, dropout + 0.2):g}"})] if dropout is not None else []),
    )


def _under_fitting(c: Curves) -> Iterator[Diagnosis]:
    if len(c.rows) < _LONG or _is_rate_too_high(c) or _is_rate_too_low(c):
        return
    val, best = c.column("val_accuracy"), int(c.column("val_loss").argmin())
    train = c.column("loss")
    gap = c.rows[-1]["accuracy"] - c.rows[-1]["val_accuracy"]
    if c.is_over and best >= len(c.rows) - max(1, len(c.rows) // 10) and train[-1] < 0.99 * train[-min(_LONG, len(train))]:
        epochs = c.settings.training.epochs
        yield Diagnosis(
            "under_fitting",
            "It was still learning at the end",
            f"Epoch {best + 1} of {len(c.rows)} was the best, the loss was falling, and training "
            f"({percent(c.rows[-1]['accuracy'])}) is {100 * gap:+.0f} points from validation ({percent(val[-1])}).",
            (
                Change(f"{2 * epochs} epochs", {"training.epochs": str(2 * epochs)}),
                _rate(c, 2, "Twice the learning rate"),
            ),
        )


def _is_rate_too_high(c: Curves) -> bool:
    """Losses that leap, or stay where knowing nothing would be."""
    train = c.column("loss")
    if len(train) < _LONG:
        return False
    leaps = np.abs(np.diff(train)) / np.maximum(train[:-1], 1e-9)
    ups = np.diff(train) > 0.05 * train[:-1]
    return bool(ups.sum() >= max(2, len(train) // 3) or (ups.any() and leaps.max() > 0.5 and train[-1] > 1.2 * train.min()))


def _is_rate_too_low(c: Curves) -> bool:
    """A loss that falls all the time, by next to nothing, and is near where it began."""
    train = c.column("loss")
    # A stretch that goes on from trained weights has little left to gain.
    if len(train) < _LONG or c.settings.training.start_from or _is_rate_too_high(c):
        return False
    steps = -np.diff(train) / np.maximum(train[:-1], 1e-9)
    return bool((steps > 0).mean() > 0.8 and np.median(steps) < 0.01 and train[-1] > 0.9 * train[0])


def _learning_rate(c: Curves) -> Iterator[Diagnosis]:
    train, rate = c.column("loss"), c.settings.training.learning_rate
    if _is_rate_too_high(c):
        yield Diagnosis(
            "rate_too_high",
            "The learning rate is too high",
            f"At {rate:g}, the training loss leaps instead of falling: {', '.join(f'{loss:.2f}' for loss in train[-5:])} "
            f"in the last epochs, {train.min():.2f} at its best.",
            (_rate(c, 0.3, "A third of the learning rate"), _rate(c, 0.1, "A tenth of the learning rate")),
        )
    elif _is_rate_too_low(c):
        yield Diagnosis(
            "rate_too_low",
            "The learning rate is too low",
            f"At {rate:g}, the training loss creeps from {train[0]:.3f} to {train[-1]:.3f} in {len(train)} epochs; "
            f"of {len(c.labels)} classes, knowing nothing costs {c.chance_loss:.2f}.",
            (_rate(c, 3, "Three times the learning rate"), _rate(c, 10, "Ten times the learning rate")),
        )


def _plateau(c: Curves) -> Iterator[Diagnosis]:
    train, val = c.column("loss"), c.column("val_loss")
    patience = max(5, len(val) // 5)
    since = len(val) - 1 - int(val.argmin())
    if since < patience or _is_rate_too_high(c):
        return
    if abs(train[-1] - train[-patience]) <= 0.01 * train[-patience] and val[-1] <= (1 + _RISING) * val.min():
        yield Diagnosis(
            "plateau",
            "Nothing moves any more",
            f"For {since} epochs neither loss has moved by more than a hundredth: {train[-1]:.3f} in training, "
            f"{val[-1]:.3f} in validation.",
            (
                Change("Let the rate fall to zero (cosine)", {"training.schedule": "cosine", "training.plateau_patience": "0"}),
                Change(
                    "Lower the rate when validation stalls",
                    {"training.schedule": "constant", "training.plateau_patience": "4"},
                ),
            ),
        )


def _validation_better(c: Curves) -> Iterator[Diagnosis]:
    last, training = c.rows[-1], c.settings.training
    lead = last["val_accuracy"] - last["accuracy"]
    if lead <= max(0.02, c.val_noise):
        return
    augmentation = any(bool(value) for value in c.settings.as_dict()["augmentation"].values())
    reasons = [
        reason
        for holds, reason in (
            (augmentation, "training images are varied, which makes them harder"),
            (training.mixup > 0, "training images are blended (mixup)"),
            (training.ema > 0, "validation is done by the averaged weights (EMA)"),
            (_drops_out(c.settings), "dropout is off in validation"),
            (True, "training accuracy is the mean over the epoch, validation stands at its end"),
        )
        if holds
    ]
    leaky = not c.settings.data.remove_leaks
    yield Diagnosis(
        "validation_better",
        "Validation is better than training",
        f"{percent(last['val_accuracy'])} beside {percent(last['accuracy'])}. That is to be expected: {'; '.join(reasons)}."
        + (" And leaks were left in: validation images that stand in train as well are known by heart." if leaky else ""),
        (Change("Take leaks out of train", {"data.remove_leaks": "true"}),) if leaky else (),
        is_problem=leaky,
    )


def _drops_out(settings: Settings) -> bool:
    network = settings.as_dict()["network"]
    rates = [network.get("dropout", 0), network.get("dense_dropout", 0), *network.get("dropouts", ())]
    return any(rate > 0 for rate in rates)


def _noisy_validation(c: Curves) -> Iterator[Diagnosis]:
    if c.val_noise > _NOISY:
        yield Diagnosis(
            "noisy_validation",
            "Validation is too small to see small gains",
            f"With {c.n_val:,} images, ± {100 * c.val_noise:.0f} points are chance. Smaller differences between epochs or runs "
            "mean nothing.",
            is_problem=False,
        )


def _rate(c: Curves, factor: float, words: str) -> Change:
    rate = c.settings.training.learning_rate * factor
    return Change(f"{words}: {rate:.2g}", {"training.learning_rate": f"{rate:.2g}"})


_RULES: tuple[Callable[[Curves], Iterator[Diagnosis]], ...] = (
    _collapsed,
    _learning_rate,
    _overfed,
    _over_fitting,
    _plateau,
    _under_fitting,
    _validation_better,
    _noisy_validation,
)
