"""Pictures of which nothing can be learned: blank, too dark, too bright, blurred, tiny, broken, or of something else than a face.

`measure_images` looks at every picture once; its table serves the searches here and the charts of the Explore page alike. Sets
differ, so what counts as dark, bright or blurred is judged by the other pictures of the set, within absolute guards: a set of
blurred pictures does not pass for sharp, nor does a fine one lose its softest.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset, fit_image
from fer.data.rejects import shows_no_face
from fer.errors import DataError
from fer.files import replacing
from fer.labels import VOTE_COLUMNS
from fer.quality.findings import KINDS, Finding
from fer.words import percent
from fer.workspace import cache_dir

if TYPE_CHECKING:
    from fer.bundles import FaceTest

# Everything is measured at FER2013's own size, about what a network of ours is given: blur that is gone when a picture is shrunk
# to that does no harm, and a thumbnail that is enlarged to it shows as blurred.
MEASURED_SIDE = 48

# Standard deviation of grey levels. FER2013's eleven black squares have 0 and a nearly black one 4; the faintest face has 9.
BLANK_CONTRAST = 5.0

# A picture is an outlier where it lies this many standard deviations from the middle of its set (median and MAD, which outliers
# do not move): 2 in 10,000 of a normal distribution.
OUTLYING = 3.5

# Mean grey level, 0…255: below the first always too dark, above the second never. In FER2013 half of what lies below 20 shows no
# face; from about 30 dark skin in poor light begins, and a stricter rule would take faces out by their colour.
DARK = (20.0, 30.0)

# Below the first never too bright, above the second always. In FER2013 all 18 above 230 are pages of text and placeholders, while
# 215 is a fair child before a white wall.
BRIGHT = (215.0, 230.0)

# Sharpness (see `ImageMeasures`): below the first always blurred, above the second never. Of FER2013's faces 99.9 % lie above
# 0.44; a Gaussian blur with a sigma of 1.5 pixels leaves them at 0.29, one of 2 pixels at 0.22.
BLURRED = (0.30, 0.50)

# Pixels of the shorter side. Below 32 the mouth of a face crop is narrower than 12 pixels.
TINY_SIDE = 32

MEASURES_VERSION = 1  # raise it whenever the same picture would be measured differently
_CHUNK = 1024
_NOT_A_FACE = VOTE_COLUMNS.index("not_a_face")

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ImageMeasures:
    """What N pictures look like, a row a picture of the dataset.

    Args:
        brightness: float32 (N,), mean grey level, 0…255.
        contrast: float32 (N,), standard deviation of the grey levels, 0…127.5.
        sharpness: float32 (N,), 0 and more: how strong the detail of about one pixel is (at 48 pixels a side) beside the slopes
            that blurring leaves. Neither the picture's size nor its contrast changes it, and little noise does not hide blur.
        sides: int32 (N, 2), height and width in the file.
    """

    brightness: Floats
    contrast: Floats
    sharpness: Floats
    sides: NDArray[np.int32]

    def __post_init__(self) -> None:
        n = len(self.brightness)
        if any(getattr(self, column.name).shape[:1] != (n,) for column in fields(self)) or self.sides.shape != (n, 2):
            raise DataError(f"Expected measures of {n} images in every column, and two sides each.")

    def __len__(self) -> int:
        return len(self.brightness)


def measure_images(dataset: Dataset, progress: Callable[[float], None] | None = None) -> ImageMeasures:
    """Measure every picture, in one pass; the second time the same pixels are asked for, the answer is read from the cache.

    Args:
        dataset: any, also of no image.
        progress: called with the share done, 0…1.

    Raises:
        ImageError: a picture that was read before cannot be read any more.
    """
    digest = hashlib.sha256(f"measures {MEASURES_VERSION}\n".encode())
    digest.update(np.ascontiguousarray(dataset.content_ids).tobytes())
    file = cache_dir() / "measures" / f"{digest.hexdigest()[:32]}.npz"
    try:
        # Opened here, because np.load leaves its own file open when the archive is damaged.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as columns:
            return ImageMeasures(**columns)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, DataError):
        measures = _measure(dataset, progress)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as beside:
        np.savez(beside, **{column.name: getattr(measures, column.name) for column in fields(measures)})
    return measures


def measure_pictures(images: Iterable[NDArray[np.uint8]]) -> ImageMeasures:
    """Measure pictures, uint8 (H, W, 1 or 3) each; only their small copies are held, all at once."""
    small, sides = [], []
    for image in images:
        small.append(fit_image(image, MEASURED_SIDE, 1)[..., 0])
        sides.append(image.shape[:2])
    grey = np.array(small, np.float32)
    return ImageMeasures(grey.mean(axis=(1, 2)), grey.std(axis=(1, 2)), _sharpness(grey), np.array(sides, np.int32))


def _measure(dataset: Dataset, progress: Callable[[float], None] | None) -> ImageMeasures:
    n = len(dataset)
    chunks = []
    for start in range(0, n, _CHUNK):
        rows = range(start, min(start + _CHUNK, n))
        chunks.append(measure_pictures(dataset.images[row] for row in rows))
        if progress:
            progress(rows.stop / n)
    if not chunks:
        nothing = np.zeros(0, np.float32)
        return ImageMeasures(nothing, nothing, nothing, np.zeros((0, 2), np.int32))
    return ImageMeasures(*(np.concatenate([getattr(chunk, column.name) for chunk in chunks]) for column in fields(ImageMeasures)))


def _sharpness(grey: Floats) -> Floats:
    """Sharpness of pictures (N, H, W), see `ImageMeasures`.

    Detail is the difference of Gaussians of 0.5 and 1 pixels, so that the noise of single pixels counts little; slopes are those
    of the picture under a Gaussian of 2 pixels. Of the measures tried on FER2013 and on synthetic faces (Laplacian by contrast or
    by gradient; Crete et al. 2007), it told blurred copies, with noise and without, from the originals best.
    """
    fine, middle, coarse = (np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in grey]) for sigma in (0.5, 1.0, 2.0))
    detail = np.sqrt(np.square(fine - middle).mean(axis=(1, 2)))
    slopes = np.sqrt(sum(np.square(np.diff(coarse, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)))
    # Half a grey level a pixel is all that rounding makes of a picture without slopes.
    sharpness: Floats = (detail / np.maximum(slopes, 0.5)).astype(np.float32)
    return sharpness


def find_unusable_images(measures: ImageMeasures) -> list[Finding]:
    """Blank, too dark, too bright, blurred and tiny pictures.

    A picture is named once for each of these, except that of a blank one nothing else can be said, and that a tiny one is blurred
    without saying.
    """
    blank = measures.contrast < BLANK_CONTRAST
    shorter = measures.sides.min(axis=1)
    tiny = shorter < TINY_SIDE
    dark_below, bright_above, blurred_below = limits(measures)
    dark = ~blank & (measures.brightness < dark_below)
    bright = ~blank & (measures.brightness > bright_above)
    blurred = ~blank & ~tiny & (measures.sharpness < blurred_below)
    usual = float(np.median(measures.sharpness)) if len(measures) else 0.0

    def grey_level(row: int) -> str:
        return f"mean grey level {measures.brightness[row]:.0f} of 255"

    checks: tuple[tuple[str, NDArray[np.bool_], NDArray[np.floating], Callable[[int], str]], ...] = (
        ("blank", blank, 1 - measures.contrast / BLANK_CONTRAST / 2, lambda row: f"contrast {measures.contrast[row]:.1f} of 127"),
        ("tiny", tiny, 1 - shorter / TINY_SIDE, lambda row: "{1}×{0} pixels".format(*measures.sides[row])),
        ("dark", dark, 1 - measures.brightness / dark_below, grey_level),
        ("bright", bright, (measures.brightness - bright_above) / (255 - bright_above), grey_level),
        (
            "blurred",
            blurred,
            1 - measures.sharpness / blurred_below,
            lambda row: f"sharpness {measures.sharpness[row]:.2f}; usual in this set: {usual:.2f}",
        ),
    )
    return [
        _of_image(kind, row, severity[row], detail(row))
        for kind, found, severity, detail in checks
        for row in np.flatnonzero(found).tolist()
    ]


def limits(measures: ImageMeasures) -> tuple[float, float, float]:
    """Mean grey level below which a picture is too dark, above which it is too bright, and sharpness below which it is blurred.

    They are the set's own, 3.5 standard deviations from its middle, within the guards `DARK`, `BRIGHT` and `BLURRED`.
    """
    shown = measures.contrast >= BLANK_CONTRAST
    if not shown.any():
        return DARK[0], BRIGHT[1], BLURRED[0]
    middle, spread = _middle_and_spread(measures.brightness[shown])
    # Sharpness is a ratio, and its distribution is even only in logarithms.
    log_middle, log_spread = _middle_and_spread(np.log(np.maximum(measures.sharpness[shown], 1e-3)))
    return (
        float(np.clip(middle - OUTLYING * spread, *DARK)),
        float(np.clip(middle + OUTLYING * spread, *BRIGHT)),
        float(np.clip(np.exp(log_middle - OUTLYING * log_spread), *BLURRED)),
    )


def _middle_and_spread(values: Floats) -> tuple[float, float]:
    """Median, and the standard deviation that a normal distribution with this median absolute deviation would have."""
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))


def find_broken_files(dataset: Dataset) -> list[Finding]:
    """What was left out when the dataset was read; none of it has a row."""
    return [Finding("broken", (), 1.0, "drop", detail=f"{problem.name}: {problem.reason}") for problem in dataset.problems]


def find_faceless_images(
    dataset: Dataset, face_probability: NDArray[np.floating] | None, face_test: FaceTest | None
) -> list[Finding]:
    """Pictures that show no face, by the model's face test or by the votes of FER+'s taggers, whichever there is.

    Args:
        dataset: N images.
        face_probability: (N,) in [0, 1], as `Classifier.examine` gives it; None where the model has no face test.
        face_test: that of the model.
    """
    findings: dict[int, Finding] = {}
    if face_probability is not None and face_test is not None:
        for row in np.flatnonzero(face_probability < face_test.threshold).tolist():
            probability = float(face_probability[row])
            findings[row] = _of_image("no_face", row, 1 - probability, f"the model: a face with {percent(probability, 0)}")
    if dataset.votes is not None:
        for row in np.flatnonzero(shows_no_face(dataset.votes)).tolist():
            votes = dataset.votes[row].astype(int)
            share = votes[_NOT_A_FACE] / votes.sum()
            said = f"FER+: not a face with {votes[_NOT_A_FACE]} of {votes.sum()} votes"
            seen = findings.get(row)
            findings[row] = (
                _of_image("no_face", row, max(share, seen.severity), f"{seen.detail}; {said}")
                if seen
                else _of_image("no_face", row, share, said)
            )
    return list(findings.values())


def _of_image(kind: str, row: int, severity: float, detail: str) -> Finding:
    """A finding about one picture, with the usual action of its kind."""
    return Finding(kind, (row,), float(np.clip(severity, 0, 1)), KINDS[kind].action, detail=detail)
