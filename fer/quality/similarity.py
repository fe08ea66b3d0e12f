"""Which images show the same photograph? Mirrored, encoded again, cropped a little, brightened, or several of these.

`duplicates.py` makes findings of what this module finds on plain arrays. Three steps, each of which leaves less to the next:

1. A code of 24 numbers an image: the low frequencies, whatever brightness and contrast, in the directions in which alterations
   move an image least and other images are farthest. The directions are learned from the set itself and altered copies of it.
2. The nearest codes of each image and of its mirror image, from a k-d tree: some N log N, never all pairs.
3. Pixels: the one is laid over the other and the edges of the two are compared. Alike faces have alike shades, but only the same
   photograph has the same edges.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]  # (N, SIDE, SIDE), luma
Codes = NDArray[np.float32]

SIDE = 48  # pixels at which images are compared
# Least `edge_correlation`. Of FER2013's pairs above 0.9 nearly all show one photograph; drawn faces, which are far more alike,
# set the limit: of 3,000 a handful of pairs exceed 0.96. Nineteen in twenty altered copies do.
SAME_PHOTOGRAPH = 0.96

_FREQUENCIES = 8  # lowest of the cosine transform, each way
_CODE_LENGTH = 24
_TREE_LENGTH = 12  # leading numbers of a code that the tree sees; beyond about that many, a k-d tree visits most of its leaves
_NEIGHBOURS = 4
# The tree may miss what is up to 1 + 2 times as near as what it has: a quarter of the time, for one copy in a thousand among
# 30,000 images and a few in a hundred among a million.
_TREE_HASTE = 2.0
_TREE_REACH = 8.0  # distance in the leading numbers; 98 % of altered copies are nearer
_CODE_REACH = 9.5  # distance in all numbers
_SMALL = 12  # pixels at which the first look at a candidate is taken
_LEAST_FIT = 0.88  # in that look
_LEAST_CONTRAST = 3.0  # standard deviation in grey levels; less is a blank, and blanks are alike whatever they show
_SAMPLES = 1500
_CHUNK = 4096
_BLUR = 5  # pixels, of the Gaussian that the alignment sees the images through
_STEPS = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 5, 3e-3)
_LEAST_ALIGNED = 0.9
_LEAST_OVERLAP = 0.6


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of images, each once.

    Args:
        first: int64 (P,), the lower row.
        second: int64 (P,), the higher row.
        mirrored: bool (P,), whether the second has to be mirrored to look like the first.
        score: float32 (P,), correlation of their edges, `SAME_PHOTOGRAPH`…1.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    score: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Group:
    """Images that show one photograph.

    Args:
        members: their rows, two or more, the lowest first.
        score: least correlation of the edges of the first with those of another, `SAME_PHOTOGRAPH`…1.
    """

    members: tuple[int, ...]
    score: float


def near_groups(images: Images, report: Callable[[float], None] = lambda _: None) -> list[Group]:
    """Groups of images that show the same photograph; each image is in one at most.

    Every member was compared with the group's first, so that no chain of small steps joins what is not alike: an image that is
    like a member but not like the first stays outside, or begins a group of its own.

    Args:
        images: uint8 (N, 48, 48), luma; no two of them equal. The lower the row, the rather it comes first in a group.
        report: called with the fraction done, 0…1.
    """
    pairs = near_pairs(images, report)
    neighbours: dict[int, list[tuple[int, bool, float]]] = {}
    for one, other, flip, score in zip(*(column.tolist() for column in astuple(pairs)), strict=True):
        neighbours.setdefault(one, []).append((other, flip, score))
        neighbours.setdefault(other, []).append((one, flip, score))
    groups: list[Group] = []
    taken: set[int] = set()
    for first in sorted(neighbours):
        if first in taken:
            continue
        mirrored, scores = {first: False}, [1.0]
        queue = [first]
        for row in queue:  # it grows meanwhile: those found through others come after those found directly
            for other, flip, pair_score in neighbours[row]:
                if other in taken or other in mirrored:
                    continue
                turned = mirrored[row] != flip
                score = pair_score if row == first else edge_correlation(images[first], _turn(images[other], turned))
                if score >= SAME_PHOTOGRAPH:
                    mirrored[other] = turned
                    scores.append(score)
                    queue.append(other)
        if len(queue) > 1:
            groups.append(Group(tuple(queue), min(scores)))
            taken.update(queue)
    return groups


def near_pairs(images: Images, report: Callable[[float], None] = lambda _: None) -> Pairs:
    """Pairs that show the same photograph.

    Of a group of many alike images each is paired with those nearest to it, not with all.

    Args:
        images: uint8 (N, 48, 48), luma; no two of them equal.
        report: called with the fraction done, 0…1.

    Returns:
        pairs with a score of at least `SAME_PHOTOGRAPH`.
    """
    waves = low_frequencies(images)
    usable = np.flatnonzero(np.linalg.norm(waves, axis=1) >= _LEAST_CONTRAST * SIDE)
    candidates = np.zeros((0, 3), np.int64)
    if len(usable) > 1:
        candidates = nearest_codes(*image_codes(images, usable, waves[usable]))
        candidates[:, :2] = usable[candidates[:, :2]]
        candidates = candidates[_moved_fits(images, candidates) >= _LEAST_FIT]
    report(0.4)
    score = np.empty(len(candidates), np.float32)

    def work(part: NDArray[np.intp]) -> None:
        score[part] = [edge_correlation(images[a], _turn(images[b], flip)) for a, b, flip in candidates[part]]

    parts = np.array_split(np.arange(len(candidates)), max(len(candidates) // 512, 1))
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # OpenCV works outside the interpreter's lock
        for done, _ in enumerate(pool.map(work, parts), 1):
            report(0.4 + 0.6 * done / len(parts))
    same = score >= SAME_PHOTOGRAPH
    first, second, flip = candidates[same].T
    return Pairs(first, second, flip == 1, score[same])


def low_frequencies(images: Images) -> Codes:
    """Lowest frequencies of the cosine transform without the constant, float32 (N, 63). Rows are 48 standard deviations long."""
    from scipy.fft import dct

    basis = dct(np.eye(SIDE), axis=0, norm="ortho")[:_FREQUENCIES].astype(np.float32)
    return _in_chunks(lambda chunk: (basis @ chunk @ basis.T).reshape(-1, _FREQUENCIES**2)[:, 1:], images)


def _in_chunks(transform: Callable[[Codes], Codes], images: Images) -> Codes:
    """A transform of float32 images, with only some thousands of them as floats at a time."""
    parts = np.array_split(images, len(images) // _CHUNK + 1)
    return np.concatenate([transform(part.astype(np.float32)) for part in parts])


def image_codes(images: Images, rows: NDArray[np.intp], waves: Codes) -> tuple[Codes, Codes]:
    """Codes of images and of their mirror images; alterations change each number by about 1.

    The directions are those of linear discriminant analysis with each image and its altered copies as one class (Fisher 1936).

    Args:
        images: uint8 (N, 48, 48).
        rows: intp (M,), those to make codes of, two or more.
        waves: float32 (M, 63), their `low_frequencies`, none of them all 0.

    Returns:
        two arrays float32 (M, 24).
    """
    features = waves / np.linalg.norm(waves, axis=1, keepdims=True)
    rng = np.random.default_rng(0)
    originals = np.resize(rng.permutation(len(rows)), _SAMPLES)
    altered = low_frequencies(np.stack([_altered(rng, images[row]) for row in rows[originals]]))
    altered /= np.maximum(np.linalg.norm(altered, axis=1, keepdims=True), 1e-6)
    change = altered - features[originals]
    within = change.T @ change / _SAMPLES
    within += np.eye(len(within)) * (0.02 * np.trace(within) / len(within))
    from scipy.linalg import eigh

    _, directions = eigh(np.cov(features.T), within)
    directions = directions[:, : -_CODE_LENGTH - 1 : -1].astype(np.float32)
    # The mirror image of a cosine is itself, or its negative where the frequency across is odd.
    signs = np.tile((-1.0) ** np.arange(_FREQUENCIES), _FREQUENCIES)[1:].astype(np.float32)
    return features @ directions, (features * signs) @ directions


def _altered(rng: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy as others may have made it: up to a tenth cut off, lighter or darker, and JPEG."""
    side = SIDE - int(rng.integers(1, 6))
    left, top = rng.integers(0, SIDE - side + 1, 2)
    copy = cv2.resize(image[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    copy = cv2.convertScaleAbs(copy, alpha=rng.uniform(0.75, 1.3), beta=rng.uniform(0, 30))
    encoded = cv2.imencode(".jpg", copy, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 90))))[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


def nearest_codes(codes: Codes, mirrored: Codes) -> NDArray[np.int64]:
    """Candidates for `edge_correlation`: the few nearest codes of each code and of its mirror image, where they are near.

    Args:
        codes: float32 (N, D).
        mirrored: float32 (N, D), of the mirror images.

    Returns:
        int64 (P, 3): lower row, higher row, 1 where the second is mirrored, else 0; each once.
    """
    from scipy.spatial import cKDTree

    tree = cKDTree(codes[:, :_TREE_LENGTH], leafsize=16)
    order = tree.indices  # neighbours ask one after the other and find the branches that they need in the processor's cache
    found = []
    for flip, queries in enumerate((codes[order], mirrored[order])):
        distances, others = tree.query(
            queries[:, :_TREE_LENGTH],
            k=_NEIGHBOURS + 1 - flip,  # a code finds itself
            eps=_TREE_HASTE,
            distance_upper_bound=_TREE_REACH,
            workers=-1,
        )
        asked, column = np.nonzero(np.isfinite(distances))
        one, other = order[asked], others[asked, column]
        near = (one != other) & (((queries[asked] - codes[other]) ** 2).sum(axis=1) <= _CODE_REACH**2)
        one, other = one[near], other[near]
        found.append(np.stack([np.minimum(one, other), np.maximum(one, other), np.full(len(one), flip)], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def moved_fit(first: Codes, second: Codes) -> Codes:
    """What share of each second image is explained by the first one, a little moved and stretched, lighter or darker.

    To the first order, by its values and their slopes, so that it takes one small system of equations a pair (the tangent
    distance of Simard, LeCun and Denker 1993, NIPS 5).

    Args:
        first: float32 (P, S, S), small and blurred, so that a move is a small step.
        second: the same.

    Returns:
        float32 (P,), 0…1.
    """
    u = np.linspace(-1, 1, first.shape[1], dtype=np.float32)[1:-1]
    inner = first[:, 1:-1, 1:-1]
    along_x, along_y = first[:, 1:-1, 2:] - first[:, 1:-1, :-2], first[:, 2:, 1:-1] - first[:, :-2, 1:-1]
    causes = (np.ones_like(inner), inner, along_x, along_x * u, along_y, along_y * u[:, None])
    by_cause = np.stack(causes, axis=1).reshape(len(first), len(causes), -1)
    by_cause /= np.linalg.norm(by_cause, axis=2, keepdims=True) + 1e-6
    target = second[:, 1:-1, 1:-1].reshape(len(first), -1, 1)
    target = target - target.mean(axis=1, keepdims=True)
    target /= np.linalg.norm(target, axis=1, keepdims=True) + 1e-6
    shared = by_cause @ target
    gram = by_cause @ by_cause.transpose(0, 2, 1) + 1e-4 * np.eye(len(causes), dtype=np.float32)
    return np.asarray((shared * np.linalg.solve(gram, shared)).sum(axis=(1, 2)), np.float32)


def _moved_fits(images: Images, candidates: NDArray[np.int64]) -> NDArray[np.float32]:
    """`moved_fit` of candidates as `nearest_codes` gives them, float32 (P,)."""
    # Blurring and shrinking as one matrix, applied along both sides.
    shrink = cv2.resize(
        cv2.GaussianBlur(np.eye(SIDE, dtype=np.float32), (17, 1), 2.0), (_SMALL, SIDE), interpolation=cv2.INTER_AREA
    )
    small = _in_chunks(lambda chunk: np.asarray(shrink.T @ chunk @ shrink, np.float32), images)
    fits = np.empty(len(candidates), np.float32)
    for start in range(0, len(candidates), _CHUNK):
        first, second, flip = candidates[start : start + _CHUNK].T
        others = np.where(flip[:, None, None] == 1, small[second, :, ::-1], small[second])
        fits[start : start + _CHUNK] = moved_fit(small[first], others)
    return fits


def _turn(image: NDArray[np.uint8], mirrored: bool) -> NDArray[np.uint8]:
    return image[:, ::-1] if mirrored else image


def edge_correlation(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """How far two images have the same edges at the same places, once the first is laid over the second.

    It is laid over by the affine map of the largest enhanced correlation coefficient (Evangelidis and Psarakis 2008, IEEE TPAMI
    30(10), 1858–1865).

    Args:
        first: uint8 (48, 48).
        second: uint8 (48, 48).

    Returns:
        correlation of their gradients where they overlap, -1…1; 0 where they cannot be laid over one another.
    """
    everywhere = np.ones_like(second)
    try:
        aligned, affine = cv2.findTransformECC(
            second, first, np.eye(2, 3, dtype=np.float32), cv2.MOTION_AFFINE, _STEPS, everywhere, _BLUR
        )
    except cv2.error:  # it did not converge
        return 0.0
    if aligned < _LEAST_ALIGNED:
        return 0.0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(first, affine, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    overlap = cv2.warpAffine(np.full_like(first, 255), affine, (SIDE, SIDE), flags=flags)
    inside = cv2.erode(overlap, np.ones((5, 5), np.uint8)) == 255
    if inside.mean() < _LEAST_OVERLAP:
        return 0.0
    a, b = _edges(moved) * inside, _edges(second) * inside
    return min(float(np.vdot(a, b) / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-6)), 1.0)  # rounding may exceed 1


def _edges(image: cv2.typing.MatLike) -> Codes:
    """Gradient of an image, a little blurred, float32 (2, 48, 48)."""
    return np.stack([cv2.Sobel(image, cv2.CV_32F, dx, 1 - dx, ksize=5) for dx in (0, 1)])
