"""Corruptions: drawn alike each time, and each one does what its name says."""

import re

import numpy as np
import pytest

from fer.errors import ImageError, SettingsError
from fer.evaluation.corruptions import CORRUPTIONS, Corruption

BY_NAME = {corruption.name: corruption for corruption in CORRUPTIONS}
OF_CHANCE = {"noise", "occlusion", "roll", "shift"}
each_corruption = pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.name)


def noisy(count: int = 6, size: int = 48, channels: int = 1) -> np.ndarray:
    """Pictures with detail at every scale, mid grey on average."""
    pixels = np.random.default_rng(0).normal(128, 25, (count, size, size, channels))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def flat(value: int, count: int = 40, size: int = 48, channels: int = 1) -> np.ndarray:
    return np.full((count, size, size, channels), value, np.uint8)


def spot(count: int = 40, size: int = 48, *, x: float = 0.5, y: float = 0.5, radius: float = 0.08) -> np.ndarray:
    """A soft bright spot on black; `x`, `y` and `radius` as shares of the side."""
    rows, columns = (np.indices((size, size)) + 0.5) / size
    pixels = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))
    return np.repeat(pixels.astype(np.uint8)[None, ..., None], count, axis=0)


def centroids(images: np.ndarray) -> np.ndarray:
    """Where the light is, (N, 2) as (x, y) from the centre in shares of the side, y upwards."""
    light, size = images[..., 0].astype(float), images.shape[1]
    rows, columns = (np.indices((size, size)) + 0.5) / size - 0.5
    total = light.sum(axis=(1, 2))
    return np.stack([(light * columns).sum(axis=(1, 2)) / total, -(light * rows).sum(axis=(1, 2)) / total], axis=1)


def spread(images: np.ndarray) -> np.ndarray:
    """Standard deviation of each picture, float (N,)."""
    return images.astype(float).std(axis=(1, 2, 3))


def test_corruptions_are_the_ones_of_the_cards() -> None:
    assert list(BY_NAME) == [
        "blur", "noise", "dark", "bright", "jpeg", "occlusion", "roll", "shift", "scale_down", "scale_up", "low_resolution",
    ]  # fmt: skip
    assert all(0 < corruption.severity <= corruption.limit for corruption in CORRUPTIONS)


@each_corruption
@pytest.mark.parametrize(("size", "channels"), [(48, 1), (48, 3), (64, 1), (31, 3)])
def test_apply_keeps_shape_and_type_and_its_argument(corruption: Corruption, size: int, channels: int) -> None:
    batch = noisy(size=size, channels=channels)
    before = batch.copy()
    corrupted = corruption.apply(batch)
    assert (corrupted.shape, corrupted.dtype) == (batch.shape, np.uint8)
    assert all((image != original).any() for image, original in zip(corrupted, batch, strict=True))
    assert np.array_equal(batch, before)


@each_corruption
def test_apply_in_chunks_gives_the_same_pixels(corruption: Corruption) -> None:
    batch = noisy(7)
    whole = corruption.apply(batch, first=100)
    chunks = [corruption.apply(batch[start : start + 3], first=100 + start) for start in (0, 3, 6)]
    assert np.array_equal(np.concatenate(chunks), whole)
    assert corruption.apply(batch[:0]).shape == (0, 48, 48, 1)


@each_corruption
def test_apply_draws_by_position_and_seed(corruption: Corruption) -> None:
    images = noisy(1).repeat(8, axis=0)
    corrupted = corruption.apply(images)
    assert np.array_equal(corrupted, corruption.apply(images))
    is_of_chance = corruption.name in OF_CHANCE
    assert (corrupted != corrupted[:1]).any() == is_of_chance
    assert (corrupted != corruption.apply(images, first=8)).any() == is_of_chance
    assert (corrupted != corruption.apply(images, seed=1)).any() == is_of_chance


def test_apply_draws_what_it_drew_when_the_first_cards_were_written() -> None:
    # Another seed, severity or way to draw would make figures incomparable between models, without failing anywhere else.
    ramp = np.add.outer(np.arange(48) * 2, np.arange(48) * 3).astype(np.uint8)
    batch = np.repeat(ramp[None, ..., None], 8, axis=0)
    drawn = {corruption.name: corruption.apply(batch) for corruption in CORRUPTIONS}
    left_and_right = {name: (images[:, :, :24].mean(), images[:, :, 24:].mean()) for name, images in drawn.items()}
    expected = {
        "blur": (81.6, 153.4),
        "noise": (81.5, 153.5),
        "dark": (30.7, 97.1),
        "bright": (140.2, 196.5),
        "jpeg": (81.3, 153.6),
        "occlusion": (87.7, 153.4),
        "roll": (84.2, 150.8),
        "shift": (75.3, 145.5),
        "scale_down": (86.9, 148.1),
        "scale_up": (77.0, 158.0),
        "low_resolution": (81.6, 153.5),
    }
    for name, means in expected.items():
        assert left_and_right[name] == pytest.approx(means, abs=0.2), name


@each_corruption
def test_apply_with_severity_0_changes_nothing(corruption: Corruption) -> None:
    batch = noisy(channels=3)
    unchanged = corruption.apply(batch, severity=0)
    assert np.array_equal(unchanged, batch)
    assert unchanged is not batch


@each_corruption
def test_apply_changes_more_the_more_severe(corruption: Corruption) -> None:
    batch = spot(4, x=0.4, y=0.55, radius=0.15) // 2 + noisy(4) // 2
    severities = [corruption.severity / 3, corruption.severity, min(2 * corruption.severity, corruption.limit)]
    changes = [np.abs(corruption.apply(batch, severity=s).astype(int) - batch).mean() for s in severities]
    assert changes == sorted(changes)
    assert changes[0] < changes[-1]


@each_corruption
def test_apply_to_the_limit_keeps_the_shape(corruption: Corruption) -> None:
    for size in (8, 48):
        assert corruption.apply(noisy(20, size), severity=corruption.limit).shape == (20, size, size, 1)


@pytest.mark.parametrize("severity", [-1, 6.1, float("nan")])
def test_apply_with_a_severity_out_of_range_is_refused(severity: float) -> None:
    with pytest.raises(
        SettingsError, match=re.escape(f"'blur' lies in 0…6 pixels of 48, standard deviation. Received: {severity}")
    ):
        BY_NAME["blur"].apply(noisy(), severity=severity)


@pytest.mark.parametrize(
    "batch", [noisy() / np.float32(255), noisy()[0], noisy()[:, :40], noisy(channels=4)], ids=["float", "one", "oblong", "alpha"]
)
def test_apply_to_anything_but_face_crops_is_refused(batch: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"Expected face crops as uint8 \(N, S, S, 1 or 3\). Received: " + str(batch.dtype)):
        BY_NAME["noise"].apply(batch)


@pytest.mark.parametrize("name", ["blur", "noise", "jpeg", "scale_down", "scale_up", "low_resolution"])
def test_apply_without_a_change_of_light_keeps_the_mean(name: str) -> None:
    batch = noisy(channels=3)
    assert BY_NAME[name].apply(batch).mean() == pytest.approx(batch.mean(), abs=1)


@pytest.mark.parametrize("size", [48, 96])
def test_blur_spreads_a_line_by_its_standard_deviation_at_any_size(size: int) -> None:
    line = flat(0, 1, size)
    line[:, :, size // 2] = 255
    light = BY_NAME["blur"].apply(line, severity=2)[0, 0, :, 0].astype(float)
    variance = (light * (np.arange(size) - size // 2) ** 2).sum() / light.sum()
    assert np.sqrt(variance) == pytest.approx(2 * size / 48, rel=0.1)


def test_noise_has_its_standard_deviation_and_is_another_for_each_image_and_channel() -> None:
    noise = BY_NAME["noise"].apply(flat(128, channels=3), severity=20).astype(float) - 128
    assert noise.std() == pytest.approx(20, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.3)
    columns = noise.transpose(0, 3, 1, 2).reshape(120, -1)
    assert np.abs(np.corrcoef(columns) - np.eye(120)).max() < 0.15


@pytest.mark.parametrize(("name", "expected"), [("dark", [0, 16, 64, 255]), ("bright", [0, 128, 181, 255])])
def test_gamma_moves_the_middle_and_keeps_the_ends(name: str, expected: list[int]) -> None:
    levels = np.zeros((1, 2, 2, 1), np.uint8)
    levels.ravel()[:] = [0, 64, 128, 255]
    assert BY_NAME[name].apply(levels).ravel().tolist() == expected  # 255 * (level / 255) ** 2, or ** 0.5


def test_jpeg_leaves_blocks_and_keeps_colours() -> None:
    patches = np.zeros((1, 48, 48, 3), np.uint8)
    patches[:, :, :16], patches[:, :, 16:32], patches[:, :, 32:] = (200, 30, 30), (30, 200, 30), (30, 30, 200)
    corrupted = BY_NAME["jpeg"].apply(patches).astype(int)
    assert np.abs(corrupted[0, :, [4, 24, 44]].mean(axis=1) - patches[0, 0, [4, 24, 44]]).max() < 12
    # Detail is dropped by blocks of 8 pixels, so neighbours differ more across a block's edge than within.
    steps = np.abs(np.diff(BY_NAME["jpeg"].apply(noisy(40), severity=95)[..., 0].astype(int), axis=2)).mean(axis=(0, 1))
    across = np.arange(47) % 8 == 7
    assert steps[across].mean() > 1.3 * steps[~across].mean()


@pytest.mark.parametrize("size", [48, 64])
@pytest.mark.parametrize("severity", [15, 30])
def test_occlusion_covers_its_area_with_one_flat_bar_over_eyes_or_mouth(size: int, severity: float) -> None:
    batch = noisy(60, size)
    # Two grounds, for a bar may be as grey as the one.
    covered = np.ones((60, size, size), bool)
    for value in (0, 255):
        covered &= BY_NAME["occlusion"].apply(flat(value, 60, size), severity=severity)[..., 0] != value
    bars = {"eyes": 0, "mouth": 0}
    corrupted = BY_NAME["occlusion"].apply(batch, severity=severity)
    for image, original, mask in zip(corrupted, batch, covered, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):  # pure black or pure white
            continue
        assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all(), "a rectangle"
        assert mask.mean() == pytest.approx(severity / 100, rel=0.12)
        assert np.ptp(image[mask]) == 0
        assert np.array_equal(image[~mask], original[~mask])
        x, y = columns.mean() / size, rows.mean() / size
        assert x == pytest.approx(0.5, abs=0.07)
        bars["eyes" if y < 0.58 else "mouth"] += 1
        assert min(abs(y - 0.39), abs(y - 0.77)) < 0.07
    assert min(bars.values()) > 15


@pytest.mark.parametrize("size", [48, 80])
@pytest.mark.parametrize("severity", [20, 45])
def test_roll_turns_by_its_angle_to_either_side(size: int, severity: float) -> None:
    x, y = centroids(BY_NAME["roll"].apply(spot(size=size, x=0.75), severity=severity)).T
    degrees = np.rad2deg(np.arctan2(y, x))
    assert np.abs(degrees) == pytest.approx(severity, abs=1.5)
    assert 10 < (degrees > 0).sum() < 30
    assert np.hypot(x, y) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("size", [48, 80])
@pytest.mark.parametrize("severity", [5, 15])
def test_shift_moves_by_its_share_of_the_side_in_all_directions(size: int, severity: float) -> None:
    moved = centroids(BY_NAME["shift"].apply(spot(size=size), severity=severity))
    assert np.hypot(*moved.T) == pytest.approx(severity / 100, abs=0.005)
    quadrants = {(x > 0, y > 0) for x, y in moved}
    assert len(quadrants) == 4


def test_shift_keeps_an_images_direction_when_the_severity_changes() -> None:
    near, far = (centroids(BY_NAME["shift"].apply(spot(), severity=severity)) for severity in (5, 15))
    assert 3 * near == pytest.approx(far, abs=0.015)


@pytest.mark.parametrize(("name", "zoom"), [("scale_down", 1 / 0.85), ("scale_up", 1 / 1.15)])
def test_scale_changes_the_side_of_the_crop_about_its_centre(name: str, zoom: float) -> None:
    corrupted = BY_NAME[name].apply(spot(1, x=0.7, y=0.35))
    assert centroids(corrupted)[0] == pytest.approx(zoom * np.array([0.2, 0.15]), abs=0.005)
    assert corrupted.sum() / spot(1).sum() == pytest.approx(zoom**2, rel=0.03)


@pytest.mark.parametrize("name", ["roll", "shift", "scale_up"])
def test_geometry_replicates_borders(name: str) -> None:
    assert (BY_NAME[name].apply(flat(200)) == 200).all()


@pytest.mark.parametrize("size", [48, 64])
def test_low_resolution_loses_fine_detail_and_keeps_coarse(size: int) -> None:
    columns = np.arange(size)
    finest, coarse = (128 + 100 * np.cos(2 * np.pi * columns * periods / size) for periods in (size // 2, 2))
    fine_image, coarse_image = (np.tile(wave, (1, size, 1)).astype(np.uint8)[..., None] for wave in (finest, coarse))
    assert spread(fine_image) > 90
    assert spread(BY_NAME["low_resolution"].apply(fine_image)) < 2
    assert spread(BY_NAME["low_resolution"].apply(coarse_image)) == pytest.approx(spread(coarse_image), rel=0.1)


def test_low_resolution_sees_only_the_means_of_24_by_24_blocks() -> None:
    batch = noisy()
    means = batch.reshape(6, 24, 2, 24, 2, 1).mean(axis=(2, 4))
    blocks = np.rint(means).astype(np.uint8).repeat(2, axis=1).repeat(2, axis=2)
    assert (blocks != batch).mean() > 0.9
    corrupted, same = (BY_NAME["low_resolution"].apply(images).astype(int) for images in (batch, blocks))
    assert np.abs(corrupted - same).max() <= 1
