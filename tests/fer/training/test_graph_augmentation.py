"""Augmentation in the graph: the same pictures as OpenCV makes from the same numbers, and within the same ranges."""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer.augmentation import Augmentation
from fer.training.graph_augmentation import GraphAugmentation


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    """Soft clouds, 32 of 48 pixels: structure everywhere, and nothing so sharp that resampling would differ by its rounding."""
    noise = np.random.default_rng(0).uniform(0, 255, (32, 48, 48)).astype(np.float32)
    clouds = np.stack([cv2.GaussianBlur(image, (0, 0), 3) for image in noise])
    spread = (clouds - clouds.min()) / (clouds.max() - clouds.min()) * 255
    return spread.astype(np.uint8)[..., None]


def _varied(graph: GraphAugmentation, images: NDArray[np.uint8], seed: int = 0) -> NDArray[np.float32]:
    return np.asarray(graph.apply(images, graph.draw(np.random.default_rng(seed), len(images))))


def _with(graph: GraphAugmentation, images: NDArray[np.uint8], **columns: float) -> NDArray[np.float32]:
    """What `apply` makes where these numbers are given instead of drawn."""
    from fer.training import graph_augmentation

    drawn = graph.draw(np.random.default_rng(0), len(images))
    for name, value in columns.items():
        drawn[:, graph_augmentation._DRAWN.index(name)] = value
    return np.asarray(graph.apply(images, drawn))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [48, 36])
def test_apply_everything_keeps_shape_type_and_range(images: NDArray[np.uint8], channels: int, size: int) -> None:
    everything = Augmentation(True, 15, 0.2, 0.1, 0.2, 0.3, 0.3, 1.0, 0.5)
    out = _varied(GraphAugmentation(everything, 48, size, channels), images.repeat(channels, axis=3))
    assert out.shape == (32, size, size, channels)
    assert out.dtype == np.float32
    assert out.min() >= 0
    assert out.max() <= 255


def test_apply_nothing_asked_gives_the_same_pixels(images: NDArray[np.uint8]) -> None:
    assert np.array_equal(_varied(GraphAugmentation(Augmentation(), 48, 48, 1), images), images)


def test_apply_same_seed_same_pictures(images: NDArray[np.uint8]) -> None:
    graph = GraphAugmentation(Augmentation(True, 15, 0.2, 0.1, 0.2, 0.3, 0.3, 0.5, 0.5), 48, 48, 1)
    first, again, other = (_varied(graph, images, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [48, 36])
@pytest.mark.parametrize(
    "settings",
    [
        {"flip": True},
        {"rotation": 30.0},
        {"zoom": 0.3, "shift": 0.1},
        {"flip": True, "rotation": 15.0, "zoom": 0.15, "shift": 0.1, "shear": 0.2, "brightness": 0.3, "contrast": 0.3},
    ],
    ids=["flip", "rotation", "zoom and shift", "all that is drawn alike"],
)
def test_apply_geometry_and_light_are_those_of_the_cpu(images: NDArray[np.uint8], settings: dict[str, Any], size: int) -> None:
    augmentation = Augmentation(**settings)
    expected = augmentation.apply(images, np.random.default_rng(3), size=size).astype(np.float32)
    gap = np.abs(_varied(GraphAugmentation(augmentation, 48, size, 1), images, 3) - expected)
    # OpenCV places samples on a grid of 1/32 pixel and rounds to whole numbers; and smooths beyond the border before it shrinks.
    assert gap.mean() < 1
    assert np.quantile(gap, 0.99) < 4


def test_apply_flip_mirrors_about_half(images: NDArray[np.uint8]) -> None:
    many = images[:1].repeat(200, axis=0)
    out = _varied(GraphAugmentation(Augmentation(flip=True), 48, 48, 1), many)
    mirrored = [np.array_equal(picture, images[0, :, ::-1]) for picture in out]
    kept = [np.array_equal(picture, images[0]) for picture in out]
    assert sum(mirrored) + sum(kept) == 200
    assert 70 < sum(mirrored) < 130


def test_apply_rotation_moves_a_dot_along_its_circle() -> None:
    dot = np.zeros((64, 48, 48, 1), np.uint8)
    dot[:, 23:25, 38:40] = 255  # 15 pixels right of the centre
    out = _varied(GraphAugmentation(Augmentation(rotation=30), 48, 48, 1), dot)[..., 0]
    rows, columns = np.indices((48, 48)) - 23.5
    weight = out.sum(axis=(1, 2))
    y, x = (rows * out).sum(axis=(1, 2)) / weight, (columns * out).sum(axis=(1, 2)) / weight
    angles = np.rad2deg(np.arctan2(y, x))
    assert np.allclose(np.hypot(x, y), 15, atol=0.5)
    assert np.abs(angles).max() <= 31
    assert angles.max() > 20
    assert angles.min() < -20


@pytest.mark.parametrize("quality", [25, 60])
@pytest.mark.parametrize("size", [48, 36])  # 36 is no multiple of JPEG's blocks
def test_apply_jpeg_leaves_what_jpeg_leaves(images: NDArray[np.uint8], quality: int, size: int) -> None:
    pictures = np.ascontiguousarray(images[:, :size, :size])
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    graph = GraphAugmentation(Augmentation(degrade=1), size, size, 1)
    out = _with(graph, pictures, jpeg=scale, resolution=0, blur=0, noise=0, gamma=1)[..., 0]
    for picture, made in zip(pictures, out, strict=True):
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        expected = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32)
        inner = (slice(0, size // 8 * 8),) * 2  # beyond, encoders fill up the last block as they like
        assert np.abs(made[inner] - expected[inner]).mean() < 1


def test_apply_blur_and_low_resolution_are_those_of_opencv(images: NDArray[np.uint8]) -> None:
    graph = GraphAugmentation(Augmentation(degrade=1), 48, 48, 1)
    calm = {"noise": 0, "gamma": 1, "jpeg": 0}
    blurred = _with(graph, images, blur=1.2, resolution=0, **calm)[0, ..., 0]
    expected = cv2.GaussianBlur(images[0].astype(np.float32), (0, 0), 1.2)
    assert np.abs(blurred - expected)[5:-5, 5:-5].max() < 0.5
    coarse = _with(graph, images, blur=0, resolution=1, **calm)[0, ..., 0]  # the coarsest: 19 pixels a side
    expected = cv2.resize(cv2.resize(images[0].astype(np.float32), (19, 19), interpolation=cv2.INTER_AREA), (48, 48))
    assert np.abs(coarse - expected).max() < 0.5


def test_apply_noise_has_the_strength_drawn_and_differs_between_images() -> None:
    grey = np.full((32, 48, 48, 1), 128, np.uint8)
    graph = GraphAugmentation(Augmentation(degrade=1), 48, 48, 1)
    out = _with(graph, grey, noise=10, blur=0, resolution=0, gamma=1, jpeg=0)
    assert out.std() == pytest.approx(10, rel=0.05)
    assert len({picture.tobytes() for picture in out}) > 30


def test_apply_erasing_covers_a_rectangle_of_one_value_in_its_share(images: NDArray[np.uint8]) -> None:
    many = images[:1].repeat(400, axis=0)
    out = _varied(GraphAugmentation(Augmentation(erasing=0.3), 48, 48, 1), many)[..., 0]
    changed = out != images[0, ..., 0]
    touched = changed.any(axis=(1, 2))
    assert 80 < touched.sum() < 160
    for picture, where in zip(out[touched], changed[touched], strict=True):
        rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
        inside = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert np.ptp(inside) == 0
        assert 6 <= inside.shape[0] <= 22
        assert 6 <= inside.shape[1] <= 22
