"""The search for near duplicates on plain arrays: its parts on worked examples, the whole on drawn faces with planted copies."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
import pytest

from fer.data import synthetic_dataset
from fer.quality.similarity import (
    SAME_PHOTOGRAPH,
    SIDE,
    edge_correlation,
    image_codes,
    low_frequencies,
    moved_fit,
    near_groups,
    near_pairs,
    nearest_codes,
)

Alter = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def mirror(_: np.random.Generator, image: np.ndarray) -> np.ndarray:
    return image[:, ::-1].copy()


def encode_again(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))))[1]
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def crop(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Cut off up to four of 48 pixels each way, anywhere, and enlarge to the old size."""
    side = SIDE - int(rng.integers(1, 5))
    top, left = rng.integers(0, SIDE - side + 1, 2)
    return cv2.resize(image[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def brighten(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    lit = 255 * (image / 255) ** rng.uniform(0.75, 1.3) * rng.uniform(0.8, 1.2) + rng.uniform(-20, 20)
    return np.clip(lit, 0, 255).round().astype(np.uint8)


def several(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    for step in rng.permutation([mirror, crop, brighten, encode_again])[: rng.integers(2, 5)]:
        image = step(rng, image)
    return image


KINDS: tuple[Alter, ...] = (mirror, encode_again, crop, brighten, several)


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Drawn faces, uint8 (2000, 48, 48): far more alike than photographs are."""
    return synthetic_dataset(2000, seed=11).images.array[..., 0]


def test_near_groups_of_planted_copies(faces) -> None:
    """3 % of altered copies, a fifth of each kind: recall and precision at least 0.95."""
    rng = np.random.default_rng(5)
    n = len(faces)
    originals = rng.choice(n, 3 * n // 100, replace=False)
    copies = np.stack([KINDS[k % len(KINDS)](rng, faces[row]) for k, row in enumerate(originals)])
    planted = set(zip(originals.tolist(), range(n, n + len(copies)), strict=True))
    groups = near_groups(np.concatenate([faces, copies]))
    found = {(group.members[0], other) for group in groups for other in group.members[1:]}
    assert len(found & planted) >= 0.95 * len(planted)
    assert len(found & planted) >= 0.95 * len(found)
    assert all(SAME_PHOTOGRAPH <= group.score <= 1 for group in groups)


@pytest.mark.parametrize("alter", KINDS)
def test_edge_correlation_of_a_copy_and_of_another(alter, faces) -> None:
    rng = np.random.default_rng(2)
    for row in range(0, 40, 4):
        turned = alter is mirror
        copy = alter(rng, faces[row]) if alter is not several else brighten(rng, crop(rng, faces[row]))
        assert edge_correlation(faces[row], copy[:, ::-1] if turned else copy) > SAME_PHOTOGRAPH
        assert edge_correlation(faces[row + 1], copy) < 0.9


def test_edge_correlation_of_what_cannot_be_compared(faces) -> None:
    flat = np.full((SIDE, SIDE), 90, np.uint8)
    assert edge_correlation(flat, faces[0]) == 0
    assert edge_correlation(faces[0], flat) == 0
    assert edge_correlation(faces[0], faces[0]) == pytest.approx(1)


def test_near_groups_do_not_chain(faces) -> None:
    """A face that turns into another in small steps: each step is alike, the ends are not, and no group holds both."""
    share = np.linspace(0, 1, 13)[:, None, None]
    steps = ((1 - share) * faces[3] + share * faces[4]).round().astype(np.uint8)
    assert min(edge_correlation(a, b) for a, b in pairwise(steps)) > SAME_PHOTOGRAPH
    assert edge_correlation(steps[0], steps[-1]) < SAME_PHOTOGRAPH
    groups = near_groups(np.concatenate([steps, faces[100:300]]))
    of_steps = [group.members for group in groups if group.members[0] < len(steps)]
    assert len(of_steps) >= 2
    assert len(of_steps[0]) >= 3
    for first, *others in of_steps:
        assert min(edge_correlation(steps[first], steps[other]) for other in others) >= SAME_PHOTOGRAPH - 0.01
    members = [row for group in groups for row in group.members]
    assert len(members) == len(set(members))


def test_near_groups_of_many_copies(faces) -> None:
    """More copies than each image is given neighbours, half of them mirrored, are one group with the first row first."""
    rng = np.random.default_rng(3)
    copies = [(mirror(rng, image) if k % 2 else image) for k in range(12) for image in [brighten(rng, faces[7])]]
    (group,) = near_groups(np.stack([*faces[20:60], *copies]))
    assert group.members[0] == 40
    assert sorted(group.members) == list(range(40, 52))


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_near_groups_of_few_images(n, faces) -> None:
    assert near_groups(faces[:n]) == []
    if n:
        lit = brighten(np.random.default_rng(1), faces[0])
        assert [group.members for group in near_groups(np.stack([*faces[:n], lit]))] == [(0, n)]


def test_near_pairs_leave_blank_images_out() -> None:
    """Squares of one grey, and of one grey as JPEG leaves it, are alike by any measure; they are no copies of a photograph."""
    rng = np.random.default_rng(0)
    flat = np.stack([np.full((SIDE, SIDE), grey, np.uint8) for grey in range(0, 250, 10)])
    noisy = np.clip(rng.normal(90, 1.5, (20, SIDE, SIDE)), 0, 255).astype(np.uint8)
    assert len(near_pairs(np.concatenate([flat, noisy])).score) == 0
    assert near_groups(rng.integers(0, 256, (200, SIDE, SIDE), dtype=np.uint8)) == []


def test_near_pairs_report_progress(faces) -> None:
    fractions: list[float] = []
    near_pairs(faces[:400], fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


def test_low_frequencies_are_as_long_as_the_contrast_says() -> None:
    """A wave of the second frequency down the image: all of its deviation in one number; what is added to it does not count."""
    wave = np.cos(np.pi * 2 * (np.arange(SIDE) + 0.5) / SIDE)[:, None] * np.ones(SIDE)
    image = (128 + 100 * wave).round().astype(np.uint8)
    (row,) = low_frequencies(image[None])
    assert np.abs(row).argmax() == 2 * 8 - 1  # two down, none across; the constant is left out
    assert np.linalg.norm(row) == pytest.approx(SIDE * image.std(), rel=1e-3)


def test_image_codes_of_the_mirror_image(faces) -> None:
    images = np.concatenate([faces[:200], faces[:200, :, ::-1]])
    codes, mirrored = image_codes(images, np.arange(400), low_frequencies(images))
    np.testing.assert_allclose(codes[200:], mirrored[:200], atol=0.01)
    np.testing.assert_allclose(mirrored[200:], codes[:200], atol=0.01)


def test_nearest_codes_find_what_all_pairs_would() -> None:
    """Among 3,000 codes each has its copy, moved a little, half of them mirrored: found as comparing all pairs finds them."""
    rng = np.random.default_rng(8)
    signs = np.where(np.arange(24) % 3 == 1, -1, 1).astype(np.float32)
    codes = (4 * rng.standard_normal((3000, 24))).astype(np.float32)
    turned = np.arange(3000) % 2
    copies = codes * np.where(turned[:, None] == 1, signs, 1) + 0.5 * rng.standard_normal((3000, 24)).astype(np.float32)
    both = np.concatenate([codes, copies])
    candidates = nearest_codes(both, both * signs)
    found = set(map(tuple, candidates.tolist()))
    wanted = {(row, row + 3000, int(turned[row])) for row in range(3000)}
    assert len(found & wanted) >= 0.99 * len(wanted)
    assert len(found) == len(candidates)
    assert (candidates[:, 0] < candidates[:, 1]).all()
    one, other, flip = candidates.T
    gaps = np.linalg.norm(both[one] * np.where(flip[:, None] == 1, signs, 1) - both[other], axis=1)
    assert gaps.max() < 10


def test_moved_fit_explains_moves_and_light_alone(faces) -> None:
    """A smooth picture moved by half a pixel, stretched, lit otherwise is explained; another picture is not."""
    small = np.stack([cv2.resize(cv2.GaussianBlur(face, (0, 0), 3), (12, 12)) for face in faces[:50]]).astype(np.float32)
    step = np.array([[1.03, 0, 0.4], [0, 0.98, -0.3]], np.float32)
    moved = np.stack([0.7 * cv2.warpAffine(face, step, (12, 12), borderMode=cv2.BORDER_REPLICATE) + 20 for face in small])
    same, other = moved_fit(small, moved), moved_fit(small, np.roll(moved, 1, axis=0))
    assert same.min() > 0.9
    assert np.median(same) > 0.96
    assert np.median(other) < 0.9
    assert ((same >= 0) & (same <= 1.001)).all()
