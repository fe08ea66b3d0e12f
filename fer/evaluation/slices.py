"""Slices: is the model as good on dark, blurred or tilted pictures, or on any group that the user's own table names?

A column gives every image of a report a value; `slice_report` cuts the images by it and says whether the accuracies differ by
more than chance. Columns are measured of the pictures (`picture_columns`, `roll_column`) or read from a user's table
(`fer/evaluation/slice_table.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.errors import DataError, SettingsError
from fer.evaluation.bootstrap import SEED
from fer.evaluation.compare import holm
from fer.evaluation.intervals import wilson_interval
from fer.evaluation.scores import Scores
from fer.words import percent

if TYPE_CHECKING:
    from fer.detection import FaceDetector

FEWEST = 30
BINS = 4
# A column of numbers with no more different ones than this holds codes, such as 0 and 1: each is a slice.
CODES = 6
PERMUTATIONS = 10_000
NOISE = 0.05


@dataclass(frozen=True, eq=False)
class Column:
    """A value for each of N images.

    Args:
        name: of the column, for people.
        values: float64 (N,), NaN where there is none; or str (N,), empty where there is none.
        unit: of numbers, such as `°`; empty where there is none.
    """

    name: str
    values: NDArray[np.float64] | NDArray[np.str_]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """Images with one value, or with numbers in one range.

    Args:
        name: the value, or the range.
        n: images, at least 1.
        accuracy, accuracy_ci95: right answers among them, 0…1, and Wilson's interval.
    """

    name: str
    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SlicedColumn:
    """A report cut by one column.

    Args:
        column: its name.
        slices: those of enough images; numbers from low to high, texts by name.
        too_few: all images of smaller slices together; None where there are none.
        without: images that have no value.
        p_value: how often chance alone makes accuracies differ as much as these; None with fewer than two slices.
        p_adjusted: the same, with all columns that were looked at taken into account (Holm).
    """

    column: str
    slices: tuple[Slice, ...]
    too_few: Slice | None
    without: int
    p_value: float | None
    p_adjusted: float | None

    @property
    def is_more_than_noise(self) -> bool:
        """Whether chance explains the differences in less than one of twenty cases, all columns taken into account."""
        return self.p_adjusted is not None and self.p_adjusted < NOISE

    @property
    def words(self) -> str:
        """The finding in a sentence."""
        if self.p_adjusted is None:
            return f"By {self.column} there is nothing to compare: fewer than two slices have enough images."
        worst, best = (choose(self.slices, key=lambda part: part.accuracy) for choose in (min, max))
        ends = f"from {percent(worst.accuracy)} ({worst.name}) to {percent(best.accuracy)} ({best.name})"
        chance = "p < 0.001" if self.p_adjusted < 0.001 else f"p = {self.p_adjusted:.2g}"
        if self.is_more_than_noise:
            return f"Accuracy differs by {self.column}: {ends}. That is more than noise ({chance})."
        return f"By {self.column} accuracy goes {ends}, which is no more than noise ({chance})."

    def as_dict(self) -> dict[str, object]:
        """All of it, ready for JSON."""
        return {**asdict(self), "is_more_than_noise": self.is_more_than_noise, "words": self.words}


def slice_report(
    report: Scores, columns: Sequence[Column], *, fewest: int = FEWEST, bins: int = BINS, seed: int = SEED
) -> list[SlicedColumn]:
    """Cut a report's images by each column.

    Numbers are cut at their quantiles, so that slices are about equally large; few different numbers, and texts, by value.

    Differences are tested by permutation: the right answers are dealt out to the slices at random, and p is how often chi-square
    comes out as large as it did, the one that was seen counted (Phipson and Smyth 2010, "Permutation p-values should never be
    zero", Statistical Applications in Genetics and Molecular Biology 9(1)). Unlike the chi-square table it holds where mistakes
    are few. As many columns invite a find by chance, p is adjusted for their number after Holm.

    Args:
        report: N images, answered.
        columns: a value for each of the N images.
        fewest: smaller slices are put together, and not tested.
        bins: into how many numbers are cut.
        seed: of the permutations.

    Returns:
        a `SlicedColumn` a column, in the same order.

    Raises:
        DataError: a column has another number of values.
        SettingsError: a number lies outside its range.
    """
    if fewest < 1 or bins < 2:
        raise SettingsError(f"Expected at least 1 image a slice and 2 bins. Received: {fewest} and {bins}")
    right = report.y_pred == report.y_true
    cuts = [_cut(right, column, fewest, bins) for column in columns]
    p_values = [_chance(slices, seed) if len(slices) > 1 else None for slices, _, _ in cuts]
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [
        SlicedColumn(column.name, slices, too_few, without, p, None if p is None else next(adjusted))
        for column, (slices, too_few, without), p in zip(columns, cuts, p_values, strict=True)
    ]


def picture_columns(dataset: Dataset, progress: Callable[[float], None] | None = None) -> list[Column]:
    """Brightness, contrast, sharpness and size of a dataset's pictures, as `fer.quality.images.measure_images` has them.

    Args:
        dataset: the images of the report, in its order.
        progress: called with the share done, 0…1.

    Returns:
        four columns, or those of them that differ between images: FER2013's pictures all have one size.

    Raises:
        ImageError: a picture that was read before cannot be read any more.
    """
    from fer.quality.images import measure_images

    measures = measure_images(dataset, progress)
    columns = [
        Column("brightness", measures.brightness.astype(np.float64)),
        Column("contrast", measures.contrast.astype(np.float64)),
        Column("sharpness", measures.sharpness.astype(np.float64)),
        Column("size", measures.sides.min(axis=1).astype(np.float64), " px"),
    ]
    return [column for column in columns if len(np.unique(column.values)) > 1]


def roll_column(
    dataset: Dataset,
    detector: FaceDetector,
    progress: Callable[[float], None] | None = None,
    *,
    most: int | None = None,
    seed: int = SEED,
) -> Column:
    """By how many degrees each face is tilted, from the line between its eyes; either way alike, 0…90.

    Args:
        dataset: the images of the report, in its order; the largest face of each counts.
        detector: one that finds landmarks (YuNet and MTCNN do). It takes some milliseconds a picture.
        progress: called with the share done, 0…1.
        most: look at no more images than this, drawn at random; None for all.
        seed: of the drawing.

    Returns:
        a column without a value where no face was found, or where none was looked for.

    Raises:
        DataError: the detector found no landmarks in any picture: the tilt cannot be told.
    """
    degrees = np.full(len(dataset), np.nan)
    looked_at = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:most]).tolist()
    for done, row in enumerate(looked_at, start=1):
        faces = detector.detect(dataset.images[row])
        if len(faces) and faces.landmarks is not None:
            across, down = faces.landmarks[0, 1] - faces.landmarks[0, 0]
            degrees[row] = abs(np.degrees(np.arctan2(down, across)))
        if progress:
            progress(done / len(looked_at))
    if np.isnan(degrees).all():
        raise DataError(
            f"The tilt of the faces cannot be told: the detector {detector.name!r} found no eyes. Take yunet or mtcnn, which do."
        )
    return Column("roll", np.round(np.minimum(degrees, 180 - degrees), 1), "°")


def _cut(right: NDArray[np.bool_], column: Column, fewest: int, bins: int) -> tuple[tuple[Slice, ...], Slice | None, int]:
    """Slices of enough images, the rest of them together, and how many images have no value."""
    values = column.values
    if len(values) != len(right):
        raise DataError(f"The column {column.name!r} has {len(values):,} values, the report {len(right):,} images.")
    if values.dtype.kind == "f":
        known = ~np.isnan(values)
        names, ids = _number_slices(values[known].astype(np.float64), bins, column.unit)
    else:
        known = values != ""
        different, ids = np.unique(values[known], return_inverse=True)
        names = [str(name) for name in different]
    n = np.bincount(ids, minlength=len(names))
    hits = np.bincount(ids[right[known]], minlength=len(names))
    enough = n >= fewest
    slices = tuple(_slice(names[i], int(hits[i]), int(n[i])) for i in np.flatnonzero(enough).tolist())
    rest = int(n[~enough].sum())
    return slices, _slice("too few", int(hits[~enough].sum()), rest) if rest else None, int((~known).sum())


def _slice(name: str, hits: int, n: int) -> Slice:
    return Slice(name, n, hits / n, wilson_interval(hits, n))


def _number_slices(values: NDArray[np.float64], bins: int, unit: str) -> tuple[list[str], NDArray[np.int64]]:
    """Names of the slices of numbers, and in which each number falls."""
    different, ids = np.unique(values, return_inverse=True)
    if len(different) <= CODES:
        return [f"{value:.12g}{unit}" for value in different], ids
    quantiles = np.quantile(values, np.linspace(0, 1, bins + 1), method="inverted_cdf")
    # An edge that many numbers share is one edge, so there may be fewer slices; the lowest is a slice itself where many have it.
    edges = np.unique(quantiles)[0 if quantiles[0] == quantiles[1] else 1 :]
    ids = np.searchsorted(edges, values, side="left")
    parts = [values[ids == i] for i in range(len(edges))]
    digits = _digits(values)
    return [_range(part.min(), part.max(), digits) + unit for part in parts], ids


def _range(low: float, high: float, digits: int) -> str:
    return f"{low:.{digits}f}" if low == high else f"{low:.{digits}f} to {high:.{digits}f}"


def _digits(values: NDArray[np.float64]) -> int:
    """Behind the point, so that some thousands of steps show between the ends; none for whole numbers, such as years."""
    if (values == np.round(values)).all():
        return 0
    return int(np.clip(3 - np.ceil(np.log10(np.ptp(values))), 0, 12))


def _chance(slices: Sequence[Slice], seed: int) -> float:
    """p-value of the permutation test of `slice_report` for two slices or more."""
    n = np.array([part.n for part in slices])
    hits = np.array([round(part.n * part.accuracy) for part in slices])
    total, all_hits = int(n.sum()), int(hits.sum())
    # Dealing right answers out to slices of fixed sizes is a multivariate hypergeometric draw.
    dealt = np.random.default_rng(seed).multivariate_hypergeometric(n, all_hits, size=PERMUTATIONS)
    # Chi-square but for a factor that no permutation changes.
    seen, by_chance = (np.square(x - n * (all_hits / total)) @ (1 / n) for x in (hits, dealt))
    # A permutation of the same counts may come out lower in the last digits.
    return float((1 + (by_chance >= seen * (1 - 1e-9)).sum()) / (1 + PERMUTATIONS))
