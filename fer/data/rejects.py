"""`Rejects`: pictures without a face, from which a network learns to answer "not a face".

A face detector errs on textures, on clutter, on a part of a face. FER+ marks only 162 images of FER2013 as no face, so more are
drawn: patches of photographs without people, scraps of faces, faces taken apart, textures, shapes. A detector's own errors are
not among them, which is why refusal has to be measured on other photographs than these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.labels import VOTE_COLUMNS

Image = NDArray[np.uint8]
Chance = np.random.Generator


def shows_no_face(votes: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Where "not a face" has more FER+ votes than anything else: bool (N,) of votes (N, 10) in the order of `VOTE_COLUMNS`."""
    column = VOTE_COLUMNS.index("not_a_face")
    return np.asarray(votes[:, column] > np.delete(votes, column, axis=1).max(axis=1))


def sample_photographs(part: str) -> list[Image]:
    """The two photographs in scikit-learn's wheel, a temple and a flower, without people: RGB uint8 (H, W, 3).

    Args:
        part: `train` takes their left two thirds, `val` the rest, so that the one is not measured on the other's pixels.
    """
    from sklearn.datasets import load_sample_image

    photographs = [np.asarray(load_sample_image(name), np.uint8) for name in ("china.jpg", "flower.jpg")]
    border = photographs[0].shape[1] * 2 // 3
    return [photo[:, :border] if part == "train" else photo[:, border:] for photo in photographs]


class Rejects:
    """Draws pictures without a face.

    Args:
        faces: uint8 (N, S, S, C); parts of them are used.
        photographs: RGB uint8 (H, W, 3), each at least 64 pixels high and wide, without people.
    """

    def __init__(self, faces: Image, photographs: Sequence[Image]) -> None:
        self.faces = faces
        self.channels = faces.shape[3]
        self.photographs = [
            np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)[..., None] if self.channels == 1 else photo
            for photo in photographs
        ]
        self.kinds: tuple[Callable[[Chance, int], Image], ...] = (
            self.patch,
            self.patch,  # twice: nothing else is as near to what a detector sees
            self.scrap,
            self.joint,
            self.jigsaw,
            self.texture,
            self.shapes,
        )

    def draw(self, rng: Chance, count: int, size: int) -> Image:
        """Draw pictures.

        Args:
            rng: the only source of chance.
            count: how many, 0 or more.
            size: their side in pixels.

        Returns:
            uint8 (count, size, size, C).
        """
        drawn = np.empty((count, size, size, self.channels), np.uint8)
        for row in range(count):
            picture = self.kinds[rng.integers(len(self.kinds))](rng, size)
            if rng.random() < 0.5:
                picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.5) * size / 48), np.uint8)
            # Lit as variously as faces are, so that neither the contrast nor the brightness gives them away.
            spread = max(float(picture.std()), 1.0)
            pixels = (picture.astype(np.float32) - picture.mean()) * (rng.uniform(5, 70) / spread) + rng.uniform(70, 180)
            drawn[row] = np.clip(pixels, 0, 255).astype(np.uint8).reshape(size, size, self.channels)
        return drawn

    def patch(self, rng: Chance, size: int) -> Image:
        """A piece of a photograph, 24 pixels wide or as large as fits, mirrored by chance."""
        photo = self.photographs[rng.integers(len(self.photographs))]
        side = int(np.exp(rng.uniform(np.log(24), np.log(min(photo.shape[:2])))))
        piece = _resized(_window(rng, photo, side), size)
        return piece[:, ::-1] if rng.random() < 0.5 else piece

    def scrap(self, rng: Chance, size: int) -> Image:
        """A fifth to two fifths of a face's side, enlarged: a cheek, an eye, hair."""
        face = self._face(rng)
        return _resized(_window(rng, face, int(face.shape[0] * rng.uniform(0.2, 0.4))), size)

    def joint(self, rng: Chance, size: int) -> Image:
        """Where four pictures meet: a window that holds a corner of each."""
        rows = [np.concatenate([self._face(rng), self._face(rng)], axis=1) for _ in range(2)]
        side = rows[0].shape[0]
        top, left = (int(side * rng.uniform(0.35, 0.65)) for _ in range(2))
        return _resized(np.concatenate(rows)[top : top + side, left : left + side], size)

    def jigsaw(self, rng: Chance, size: int) -> Image:
        """A face cut into 9 or 16 squares in another order."""
        pieces = int(rng.integers(3, 5))
        tile = -(-size // pieces)
        face = _resized(self._face(rng), tile * pieces)
        tiles = [
            face[row : row + tile, column : column + tile]
            for row in range(0, tile * pieces, tile)
            for column in range(0, tile * pieces, tile)
        ]
        order = rng.permutation(len(tiles))
        rows = [np.concatenate([tiles[place] for place in order[row * pieces : (row + 1) * pieces]], 1) for row in range(pieces)]
        return np.concatenate(rows)[:size, :size]

    def texture(self, rng: Chance, size: int) -> Image:
        """Noise whose power falls with frequency as 1/f^a: from television snow (a = 0) to clouds (a = 3)."""
        frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
        frequency[0, 0] = 1 / size
        spectrum = np.fft.rfft2(rng.standard_normal((size, size))) / frequency ** rng.uniform(0, 1.5)
        noise = np.fft.irfft2(spectrum, (size, size))
        return _grey(128 + 50 * (noise - noise.mean()) / max(noise.std(), 1e-6), self.channels)

    def shapes(self, rng: Chance, size: int) -> Image:
        """A wall with edges, discs and strokes on it; without any of them, a plain gradient."""
        slope_x, slope_y = rng.uniform(-80, 80, 2)
        ramp = np.linspace(-0.5, 0.5, size)
        canvas = np.asarray(np.clip(128 + slope_x * ramp[None, :] + slope_y * ramp[:, None], 0, 255), np.uint8)
        for _ in range(rng.integers(0, 9)):
            colour = int(rng.integers(0, 256))
            first, second = (tuple(rng.integers(-size // 4, size + size // 4, 2).tolist()) for _ in range(2))
            kind = rng.integers(3)
            if kind == 0:
                cv2.rectangle(canvas, first, second, colour, -1)
            elif kind == 1:
                cv2.circle(canvas, first, int(rng.integers(1, size // 2)), colour, int(rng.choice((-1, 1, 2))))
            else:
                cv2.line(canvas, first, second, colour, int(rng.integers(1, 4)))
        return _grey(canvas, self.channels)

    def _face(self, rng: Chance) -> Image:
        return np.asarray(self.faces[rng.integers(len(self.faces))])


def _window(rng: Chance, image: Image, side: int) -> Image:
    side = max(2, min(side, *image.shape[:2]))
    top, left = (int(rng.integers(0, length - side + 1)) for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def _resized(image: Image, size: int) -> Image:
    shrinking = image.shape[0] > size
    # OpenCV drops the axis of a single channel.
    resized = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8).reshape(size, size, image.shape[2])


def _grey(values: NDArray[np.generic], channels: int) -> Image:
    return np.repeat(np.clip(values, 0, 255).astype(np.uint8)[..., None], channels, axis=2)
