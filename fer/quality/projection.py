"""`face_map`: every image of a dataset as a point on a plane, near those that look alike to a network.

The network of a bundle describes each image by what its trunk sees; t-SNE (van der Maaten and Hinton 2008) lays these vectors out
on a plane, so that the nearest stay near. A class is an island then, and a wrong label a point of another colour on it.

openTSNE does that by interpolation and Fourier transforms (Linderman et al. 2019, https://arxiv.org/abs/1712.09005), in time that
grows with N alone. UMAP was left aside: it installs 210 MB more, and importing it loads TensorFlow. openTSNE has no wheels for
Linux on ARM; there, scikit-learn lays out a sample.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.data.read import Progress
from fer.errors import BundleError, DataError
from fer.files import replacing
from fer.labels import LabelSet
from fer.quality.audit import examine_images
from fer.workspace import cache_dir

if TYPE_CHECKING:
    from fer.bundles import Bundle

Floats = NDArray[np.float32]

MAP_VERSION = 1  # raise it whenever the same dataset would get another map
STEPS = ("Asking the model", "Finding neighbours", "Drawing the map")

# More points than pixels to tell them apart; beyond, a sample is drawn.
MOST_POINTS = 100_000
_MOST_POINTS_SLOWLY = 10_000  # scikit-learn's t-SNE takes minutes for more

# Measured on the embeddings of FER2013: of all 192 numbers of the flagship, 50 components have the same neighbours.
_COMPONENTS = 50
_PERPLEXITY = 30.0
_EARLY, _EARLY_EXAGGERATION = 125, 12.0
_LATE = 200
_EVERY = 10  # iterations between two reports
# Fewer have no neighbourhoods to keep; they are drawn by their two main components.
_LEAST_FOR_TSNE = 8
_CHUNK = 1024
_MOST_THREADS = 4
_WORTH_THREADS, _WORTH_FOURIER = 5000, 1000


@dataclass(frozen=True, eq=False)
class FaceMap:
    """M images of a dataset on a plane, in an order in which neighbours on the plane mostly follow each other.

    Args:
        rows: int32 (M,), which images; all of the dataset, or a sample.
        points: float32 (M, 2), x and y in the units of the layout, y upwards.
        answer_ids: int16 (M,), what the model takes each for.
        confidence: float32 (M,), how sure it is of that, 0…1.
        answers: the label set of these answers.
    """

    rows: NDArray[np.int32]
    points: Floats
    answer_ids: NDArray[np.int16]
    confidence: Floats
    answers: LabelSet

    def __post_init__(self) -> None:
        m = len(self.rows)
        if self.points.shape != (m, 2) or self.answer_ids.shape != (m,) or self.confidence.shape != (m,):
            raise DataError(f"Expected a point, an answer and a confidence for each of {m} images.")

    def __len__(self) -> int:
        return len(self.rows)


def most_points() -> int:
    """How many images a map shows at most; of more, it shows a sample."""
    return MOST_POINTS if _has_opentsne() else _MOST_POINTS_SLOWLY


def face_map(
    dataset: Dataset, bundle: Bundle, *, most: int | None = None, seed: int = 0, progress: Progress | None = None
) -> FaceMap:
    """The map of a dataset; the second time, it is read from the cache.

    Args:
        dataset: any, also of no image.
        bundle: the model whose network describes the images.
        most: of more images, a sample of this size is shown; default: `most_points()`.
        seed: of the sample and of the layout.
        progress: called with one of `STEPS` and the fraction of that done, 0…1. What it raises ends the work.

    Raises:
        BundleError: the network does not tell what its trunk sees; bundles of older versions do not.
        ImageError: a picture that was read before cannot be read any more.
    """
    kept = cached_face_map(dataset, bundle, most=most, seed=seed)
    if kept is not None:
        return kept
    made = _draw(dataset, bundle, most or most_points(), seed, progress or (lambda _what, _fraction: None))
    file = _file(dataset, bundle, most or most_points(), seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as beside:
        np.savez(beside, rows=made.rows, points=made.points, answer_ids=made.answer_ids, confidence=made.confidence)
    return made


def cached_face_map(dataset: Dataset, bundle: Bundle, *, most: int | None = None, seed: int = 0) -> FaceMap | None:
    """The map that an earlier call of `face_map` has left in the cache; None where there is none, or it is damaged."""
    file = _file(dataset, bundle, most or most_points(), seed)
    try:
        # Opened here, because np.load leaves its own file open when the archive is damaged.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as columns:
            return FaceMap(**columns, answers=bundle.default_head.label_set)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, DataError):
        return None


def _file(dataset: Dataset, bundle: Bundle, most: int, seed: int) -> Path:
    """Named after what a map depends on: pixels, model, size of the sample, seed and version. Labels change no point."""
    digest = hashlib.sha256(f"map {MAP_VERSION} {bundle.sha256} {most} {seed} {_has_opentsne()}\n".encode())
    digest.update(np.ascontiguousarray(dataset.content_ids).tobytes())
    return cache_dir() / "maps" / f"{digest.hexdigest()[:32]}.npz"


def _draw(dataset: Dataset, bundle: Bundle, most: int, seed: int, report: Progress) -> FaceMap:
    rows = np.arange(len(dataset))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))
    report(STEPS[0], 0.0)
    _check_embeddings(bundle)
    answers = examine_images(dataset.select(rows), bundle, lambda done: report(STEPS[0], done))
    assert answers.quarters is not None
    points = project(answers.quarters.mean(axis=1), seed=seed, progress=report)
    logits = answers.logits[bundle.default_head.name] / bundle.default_head.temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True, initial=0.0))
    order = along_a_curve(points)
    return FaceMap(
        rows=rows[order].astype(np.int32),
        points=points[order],
        answer_ids=logits.argmax(axis=1).astype(np.int16)[order],
        confidence=(shares.max(axis=1, initial=0.0) / shares.sum(axis=1)).astype(np.float32)[order],
        answers=bundle.default_head.label_set,
    )


def _check_embeddings(bundle: Bundle) -> None:
    """Say at once what would otherwise be known when all images have been looked at."""
    from fer.inference.classifier import Classifier

    if Classifier(bundle).embeddings(np.zeros((0, *bundle.preprocessing.input_shape), np.uint8)) is None:
        raise BundleError(
            f"A map needs what the network's trunk sees, and the model {bundle.name!r} does not tell. "
            "Choose another, or make its bundle again from its run."
        )


def project(features: Floats, *, seed: int = 0, progress: Progress | None = None) -> Floats:
    """Lay vectors out on a plane by t-SNE, so that the nearest stay near; the same again for the same vectors.

    Args:
        features: float32 (N, D), any N. Of fewer than eight, the two main components are drawn.
        seed: of a jitter that parts equal vectors.
        progress: called with one of `STEPS` and the fraction of that done, 0…1. What it raises ends the work.

    Returns:
        float32 (N, 2), around 0.
    """
    report = progress or (lambda _what, _fraction: None)
    n = len(features)
    components = _main_components(features, min(_COMPONENTS, n, features.shape[1]))
    plane = np.zeros((n, 2), np.float32)
    plane[:, : components.shape[1]] = components[:, :2]
    if n < _LEAST_FOR_TSNE:
        return plane
    # A small start, as t-SNE likes it. Equal vectors must not start at the same place: nothing would ever part them.
    spread = float(plane[:, 0].std())
    start = plane * (1e-4 / spread) if spread > 0 else plane
    start = start + np.random.default_rng(seed).normal(0, 1e-6, start.shape)
    points = (_by_opentsne if _has_opentsne() else _by_scikit_learn)(components, start, report)
    return np.asarray(points - points.mean(axis=0), np.float32)


def _by_opentsne(components: Floats, start: NDArray[np.float64], report: Progress) -> NDArray[np.float64]:
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    n, threads = len(components), _threads(len(components))
    perplexity = _perplexity(n)
    neighbours, distances = nearest_neighbours(components, min(round(3 * perplexity), n - 1), report)
    index = PrecomputedNeighbors(neighbours, distances)
    affinities = PerplexityBasedNN(knn_index=index, perplexity=perplexity, n_jobs=threads)
    layout = TSNEEmbedding(
        start, affinities, random_state=0, n_jobs=threads, negative_gradient_method="fft" if n > _WORTH_FOURIER else "bh"
    )
    done = 0

    def on_iterations(iterations: int) -> Callable[[int, float, NDArray[np.float64]], None]:
        before = done
        return lambda iteration, _error, _points: report(STEPS[2], (before + min(iteration, iterations)) / (_EARLY + _LATE))

    for iterations, momentum, exaggeration in ((_EARLY, 0.5, _EARLY_EXAGGERATION), (_LATE, 0.8, 1.0)):
        layout = layout.optimize(
            iterations,
            momentum=momentum,
            exaggeration=exaggeration,
            callbacks=on_iterations(iterations),
            callbacks_every_iters=_EVERY,
        )
        done += iterations
    return np.asarray(layout)


def _by_scikit_learn(components: Floats, start: NDArray[np.float64], report: Progress) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    report(STEPS[2], 0.0)
    layout = TSNE(perplexity=_perplexity(len(components)), init=start.astype(np.float32), max_iter=500, random_state=0)
    with threadpool_limits(_threads(len(components)), "openmp"):
        return np.asarray(layout.fit_transform(components))


def _threads(n: int) -> int:
    """Of few points, threads wait for each other longer than they work."""
    return 1 if n < _WORTH_THREADS else min(os.cpu_count() or 1, _MOST_THREADS)


def _perplexity(n: int) -> float:
    """How many neighbours count, more or less: fewer where there are few."""
    return min(_PERPLEXITY, (n - 1) / 3)


def nearest_neighbours(
    vectors: Floats, k: int, report: Progress = lambda _what, _fraction: None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k nearest others of each vector and their distances, nearest first, (N, k) each; exact, some seconds for 30,000."""
    from sklearn.neighbors import NearestNeighbors

    n = len(vectors)
    index = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(vectors)
    neighbours, distances = np.empty((n, k), np.int64), np.empty((n, k))
    for begin in range(0, n, _CHUNK):
        report(STEPS[1], begin / n)
        rows = np.arange(begin, min(begin + _CHUNK, n))
        near, found = index.kneighbors(vectors[rows])
        # Each vector's nearest is itself, unless others equal it: then it stands anywhere among these, or not at all.
        others = found != rows[:, None]
        others[others.all(axis=1), -1] = False
        neighbours[rows], distances[rows] = found[others].reshape(-1, k), near[others].reshape(-1, k)
    return neighbours, distances


def neighbour_agreement(points: Floats, label_ids: NDArray[np.integer], k: int = 10) -> Floats:
    """Of the k nearest others of each point, the share that has its label: float32 (N,) in [0, 1]; 1 for a point by itself."""
    from scipy.spatial import KDTree

    k = min(k, len(points) - 1)
    if k < 1:
        return np.ones(len(points), np.float32)
    _, nearest = KDTree(points).query(points, k + 1)
    others = nearest != np.arange(len(points))[:, None]
    others[others.all(axis=1), -1] = False
    near = nearest[others].reshape(-1, k)
    return np.asarray((label_ids[near] == label_ids[:, None]).mean(axis=1), np.float32)


def _main_components(features: Floats, most: int) -> Floats:
    """The main components of vectors (N, D), (N, most), the largest first; the signs are the same every time."""
    if not len(features):
        return np.zeros((0, most), np.float32)
    centred = features - features.mean(axis=0)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, ::-1][:, :most]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.asarray(centred @ axes, np.float32)


def along_a_curve(points: Floats) -> NDArray[np.intp]:
    """An order of points (N, 2) in which neighbours on the plane mostly follow each other: that of a Z-order curve."""
    if not len(points):
        return np.zeros(0, np.intp)
    extent = float(np.ptp(points, axis=0).max())
    cells = ((points - points.min(axis=0)) * (1023 / (extent or 1.0))).astype(np.int64)
    code = np.zeros(len(points), np.int64)
    for bit in range(10):
        code |= ((cells[:, 0] >> bit) & 1) << (2 * bit) | ((cells[:, 1] >> bit) & 1) << (2 * bit + 1)
    return np.argsort(code, kind="stable")


def _has_opentsne() -> bool:
    return importlib.util.find_spec("openTSNE") is not None
