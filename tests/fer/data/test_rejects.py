"""Rejects: pictures without a face, drawn again from the same seed, lit as faces are."""

import numpy as np
import pytest

from fer.data.rejects import Rejects, sample_photographs, shows_no_face

FACES = np.random.default_rng(1).integers(0, 256, (6, 48, 48, 1), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [36, 48])
def test_draw_gives_pictures_of_the_size_and_channels_asked_for(size: int, channels: int) -> None:
    rejects = Rejects(np.repeat(FACES, channels, axis=3), sample_photographs("train"))
    drawn = rejects.draw(np.random.default_rng(0), 40, size)
    assert drawn.shape == (40, size, size, channels)
    assert drawn.dtype == np.uint8
    assert np.array_equal(drawn, rejects.draw(np.random.default_rng(0), 40, size))
    assert not np.array_equal(drawn, rejects.draw(np.random.default_rng(1), 40, size))


def test_draw_lights_them_so_that_neither_contrast_nor_brightness_gives_them_away() -> None:
    drawn = Rejects(FACES, sample_photographs("train")).draw(np.random.default_rng(0), 300, 48).astype(float)
    brightness, contrast = drawn.mean(axis=(1, 2, 3)), drawn.std(axis=(1, 2, 3))
    assert np.quantile(brightness, 0.1) < 90 < 160 < np.quantile(brightness, 0.9)
    assert np.quantile(contrast, 0.1) < 20 < 50 < np.quantile(contrast, 0.9)


@pytest.mark.parametrize("kind", ["patch", "scrap", "joint", "jigsaw", "texture", "shapes"])
def test_each_kind_differs_from_picture_to_picture(kind: str) -> None:
    rejects, rng = Rejects(FACES, sample_photographs("val")), np.random.default_rng(0)
    pictures = [getattr(rejects, kind)(rng, 48) for _ in range(8)]
    assert all(picture.shape == (48, 48, 1) for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 8


def test_jigsaw_holds_the_pieces_of_one_face_in_another_order() -> None:
    face = np.arange(48 * 48, dtype=np.int64).reshape(1, 48, 48, 1) // 16 % 256  # no two tiles alike
    picture = Rejects(face.astype(np.uint8), []).jigsaw(np.random.default_rng(0), 48)
    assert not np.array_equal(picture, face[0])
    assert np.array_equal(np.sort(picture, axis=None), np.sort(face[0].astype(np.uint8), axis=None))


def test_sample_photographs_of_train_and_val_share_no_pixel() -> None:
    widths = [(train.shape[1], val.shape[1]) for train, val in zip(*map(sample_photographs, ("train", "val")), strict=True)]
    assert [sum(pair) for pair in widths] == [640, 640]
    assert not np.array_equal(sample_photographs("train")[0][:, :100], sample_photographs("val")[0][:, :100])


def test_shows_no_face_needs_more_votes_than_anything_else() -> None:
    votes = np.zeros((3, 10), np.uint8)
    votes[0, [0, 9]] = 3, 7
    votes[1, [0, 9]] = 5, 5
    votes[2, [8, 9]] = 6, 4
    assert shows_no_face(votes).tolist() == [True, False, False]
