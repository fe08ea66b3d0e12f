"""fer/preprocessing.py: sizes, colours, scales, and what it refuses."""

import numpy as np
import pytest

from fer.errors import ImageError, SettingsError
from fer.preprocessing import SCALES, Preprocessing


def grey_ramp(size: int = 48) -> np.ndarray:
    row = np.linspace(0, 255, size).astype(np.uint8)
    return np.repeat(np.tile(row, (size, 1))[:, :, None], 3, axis=2)


def test_prepare_gives_one_batch_of_crops_of_any_size() -> None:
    crops = [grey_ramp(20), grey_ramp(48), np.zeros((200, 120, 3), np.uint8)]
    batch = Preprocessing(size=48, channels=1).prepare(crops)
    assert batch.dtype == np.uint8
    assert batch.shape == (3, 48, 48, 1)


def test_prepare_leaves_grey_pixels_of_the_right_size_as_they_are() -> None:
    image = grey_ramp()
    np.testing.assert_array_equal(Preprocessing(channels=1).prepare([image])[0, :, :, 0], image[:, :, 0])


def test_prepare_of_no_crops_is_an_empty_batch() -> None:
    preprocessing = Preprocessing(size=64, channels=3)
    assert preprocessing.normalise(preprocessing.prepare([])).shape == (0, 64, 64, 3)


def test_prepare_takes_rgb_weights_not_bgr() -> None:
    red = np.zeros((48, 48, 3), np.uint8)
    red[..., 0] = 255
    assert Preprocessing(channels=1).prepare([red])[0, 0, 0, 0] == 76  # BT.601: 0.299 × 255


@pytest.mark.parametrize(
    "crop",
    [
        np.zeros((48, 48, 3), np.float32),
        np.zeros((48, 48), np.uint8),
        np.zeros((48, 48, 4), np.uint8),
        np.zeros((0, 48, 3), np.uint8),
    ],
    ids=["float", "two axes", "alpha", "empty"],
)
def test_prepare_refuses_what_is_no_image(crop: np.ndarray) -> None:
    with pytest.raises(ImageError, match="Expected a face crop as uint8"):
        Preprocessing().prepare([crop])


@pytest.mark.parametrize(
    ("scale", "expected"),  # for the pixels 0, 128, 255
    [("unit", [0, 128 / 255, 1]), ("signed", [-1, 0.5 / 127.5, 1]), ("standard", [-2, 0, 127 / 64])],
)
def test_normalise_maps_pixels_as_the_scale_says(scale: str, expected: list[float]) -> None:
    batch = np.zeros((1, 8, 8, 1), np.uint8)
    batch[0, 0, :3, 0] = [0, 128, 255]
    model_input = Preprocessing(size=8, scale=scale).normalise(batch)
    assert model_input.dtype == np.float32
    np.testing.assert_allclose(model_input[0, 0, :3, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_normalise_is_monotonic_over_all_pixel_values(scale: str) -> None:
    # Arithmetic left in uint8 would wrap around somewhere between 0 and 255.
    batch = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert (np.diff(Preprocessing(size=16, scale=scale).normalise(batch).ravel()) > 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int8])
def test_normalise_refuses_another_dtype(dtype: type) -> None:
    with pytest.raises(ImageError, match="takes pixels as uint8"):
        Preprocessing().normalise(np.zeros((1, 48, 48, 1), dtype))


def test_normalise_refuses_another_shape() -> None:
    with pytest.raises(ImageError, match=r"\(N, 48, 48, 1\).*\(1, 48, 48, 3\)"):
        Preprocessing().normalise(np.zeros((1, 48, 48, 3), np.uint8))


def test_from_dict_reads_back_as_dict() -> None:
    preprocessing = Preprocessing(size=56, channels=3, scale="signed")
    assert Preprocessing.from_dict(preprocessing.as_dict()) == preprocessing


def test_from_dict_names_an_unknown_key() -> None:
    with pytest.raises(SettingsError, match=r"image_size.*Known: size, channels, scale"):
        Preprocessing.from_dict({"image_size": 48})


@pytest.mark.parametrize(
    "settings",
    [{"size": 0}, {"size": 4096}, {"size": 48.0}, {"size": True}, {"channels": 2}, {"channels": True}, {"scale": "zscore"}],
    ids=str,
)
def test_preprocessing_refuses_values_out_of_range(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        Preprocessing.from_dict(settings)


@pytest.mark.parametrize("how", ["global", "clahe"])
@pytest.mark.parametrize("channels", [1, 3])
def test_normalise_equalises_a_dull_face_and_keeps_its_colours(how: str, channels: int) -> None:
    dull = np.random.default_rng(0).integers(100, 140, (2, 48, 48, channels), dtype=np.uint8)
    plain, spread = (Preprocessing(channels=channels, equalise=equalise).normalise(dull) for equalise in ("none", how))
    assert spread.shape == plain.shape
    assert spread.std() > 1.5 * plain.std()
    if channels == 3:
        red = np.zeros((1, 48, 48, 3), np.uint8)
        red[..., 0] = np.linspace(50, 200, 48, dtype=np.uint8)
        shown = Preprocessing(channels=3, equalise=how).normalise(red)
        assert (shown[..., 0] >= shown[..., 2]).all()


def test_normalise_global_equalisation_is_blind_to_brightness() -> None:
    image = np.random.default_rng(0).integers(0, 100, (1, 48, 48, 1), dtype=np.uint8)
    settings = Preprocessing(equalise="global")
    assert np.array_equal(settings.normalise(image), settings.normalise(image + 100))
