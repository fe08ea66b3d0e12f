"""Augmentation: reproducible, within its ranges, and harmless where nothing is asked."""

import numpy as np
import pytest

from fer.augmentation import Augmentation
from fer.errors import SettingsError

EVERYTHING = Augmentation(
    flip=True, rotation=15, zoom=0.2, shift=0.1, shear=0.2, brightness=0.3, contrast=0.3, degrade=1.0, erasing=0.5
)


def _images(count: int = 8, size: int = 48, channels: int = 1) -> np.ndarray:
    """A smooth ramp: interpolation keeps it, and left differs from right."""
    ramp = np.linspace(20, 220, size)
    image = (ramp[None, :] * 0.7 + ramp[:, None] * 0.3).astype(np.uint8)
    return np.repeat(image[None, :, :, None], channels, axis=3).repeat(count, axis=0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [None, 32])
def test_apply_everything_keeps_shape_and_type(channels: int, size: int | None) -> None:
    out = EVERYTHING.apply(_images(channels=channels), np.random.default_rng(0), size=size)
    assert out.shape == (8, size or 48, size or 48, channels)
    assert out.dtype == np.uint8


def test_apply_same_seed_same_pictures() -> None:
    first, again, other = (EVERYTHING.apply(_images(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_apply_nothing_asked_changes_nothing() -> None:
    images = _images()
    assert np.array_equal(Augmentation().apply(images, np.random.default_rng(0)), images)


def test_apply_flip_mirrors_about_half() -> None:
    images = _images(200)
    out = Augmentation(flip=True).apply(images, np.random.default_rng(0))
    mirrored = [np.abs(picture.astype(int) - images[0, :, ::-1]).max() <= 1 for picture in out]
    kept = [np.array_equal(picture, images[0]) for picture in out]
    assert sum(mirrored) + sum(kept) == 200
    assert 70 < sum(mirrored) < 130


def test_apply_shift_moves_by_at_most_its_fraction() -> None:
    image = np.zeros((1, 48, 48, 1), np.uint8)
    image[0, 24, 24] = 255
    for seed in range(50):
        out = Augmentation(shift=0.1).apply(image, np.random.default_rng(seed))[0, :, :, 0]
        row, column = np.unravel_index(out.argmax(), out.shape)
        assert abs(row - 24) <= 6
        assert abs(column - 24) <= 6


def test_apply_to_fewer_pixels_keeps_the_picture_centred() -> None:
    image = np.zeros((1, 48, 48, 1), np.uint8)
    image[0, 20:28, 20:28] = 255
    out = Augmentation().apply(image, np.random.default_rng(0), size=24)[0, :, :, 0].astype(float)
    rows, columns = np.indices(out.shape)
    assert (rows * out).sum() / out.sum() == pytest.approx(11.5, abs=0.3)
    assert (columns * out).sum() / out.sum() == pytest.approx(11.5, abs=0.3)


def test_apply_erasing_covers_a_rectangle_of_one_value() -> None:
    out = Augmentation(erasing=1.0).apply(_images(), np.random.default_rng(3))
    assert all(np.bincount(picture.ravel()).max() >= (0.15 * 48) ** 2 - 20 for picture in out)


def test_augmentation_out_of_range_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"augmentation.zoom lies in 0…0.9. Received: 2"):
        Augmentation(zoom=2)
