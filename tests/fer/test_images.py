"""Decoding: what is accepted, how it is laid out, and what is refused in words."""

from __future__ import annotations

import contextlib
import io
import warnings
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from fer import images
from fer.errors import ImageError
from fer.images import content_id, is_grey_image, read_image


def _encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_read_image_lossless_rgb(kind: str) -> None:
    pixels = _noise(10, 14, 3)
    image = read_image(_encoded(Image.fromarray(pixels), kind))
    np.testing.assert_array_equal(image, pixels)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


def _heic(picture: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer, quality=95, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "AVIF"])
def test_read_image_lossy_or_palette(kind: str) -> None:
    image = read_image(_encoded(Image.new("RGB", (20, 16), (200, 40, 90)), kind))
    assert image.shape == (16, 20, 3)
    assert np.abs(image.astype(int) - (200, 40, 90)).max() <= 6


def test_read_image_from_path_ignores_suffix(tmp_path: Path) -> None:
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(_encoded(Image.fromarray(_noise(9, 9, 3))))
    assert read_image(path).shape == read_image(str(path)).shape == (9, 9, 3)


def test_read_image_grey_has_three_equal_channels() -> None:
    pixels = _noise(9, 11)
    image = read_image(_encoded(Image.fromarray(pixels)))
    for channel in range(3):
        np.testing.assert_array_equal(image[..., channel], pixels)


def test_read_image_sixteen_bit_grey_is_scaled() -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    image = read_image(_encoded(Image.fromarray(values)))
    np.testing.assert_array_equal(image[..., 0].ravel(), np.arange(256))


def test_read_image_one_bit() -> None:
    bits = Image.fromarray(_noise(8, 8) > 127)
    assert set(np.unique(read_image(_encoded(bits))).tolist()) == {0, 255}


def test_read_image_transparent_lies_on_white() -> None:
    picture = Image.new("RGBA", (8, 8), (10, 20, 30, 0))
    picture.putpixel((3, 2), (10, 20, 30, 255))
    image = read_image(_encoded(picture))
    assert image[0, 0].tolist() == [255, 255, 255]
    assert image[2, 3].tolist() == [10, 20, 30]


def test_read_image_transparent_palette_lies_on_white() -> None:
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([0, 0, 0, 50, 60, 70])
    picture.putpixel((0, 0), 0)
    image = read_image(_encoded(picture, transparency=0))
    assert image[0, 0].tolist() == [255, 255, 255]
    assert image[5, 5].tolist() == [50, 60, 70]


def test_read_image_cmyk() -> None:
    image = read_image(
        _encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    )  # no cyan, all magenta and yellow: red
    red, green, blue = image[8, 8].tolist()
    assert red > 200
    assert max(green, blue) < 60


# EXIF orientation → where the red corner, top left as stored, must come to stand (row, column).
@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0))])
def test_read_image_exif_turns_upright(orientation: int, corner: tuple[int, int]) -> None:
    picture = Image.new("RGB", (12, 8), "black")
    picture.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_image(_encoded(picture, "PNG", exif=exif))
    assert image.shape == ((8, 12, 3) if orientation in (1, 3) else (12, 8, 3))
    assert image[corner].tolist() == [255, 0, 0]


def test_read_image_damaged_exif_is_taken_as_it_stands() -> None:
    data = _encoded(Image.new("RGB", (8, 8)), "PNG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    assert read_image(data).shape == (8, 8, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_read_image_animation_gives_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    image = read_image(_encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert np.abs(image[0, 0].astype(int) - (255, 0, 0)).max() <= 6


def test_read_image_heic_is_told_by_its_content_and_turned_upright() -> None:
    picture = Image.new("RGB", (48, 32), "black")
    picture.paste((255, 0, 0), (0, 0, 16, 16))  # the corner that is top left as stored
    exif = Image.Exif()
    exif[0x0112] = 6
    image = read_image(_heic(picture, exif=exif.tobytes()))
    assert image.shape == (48, 32, 3)
    assert image[4, -4, 0] > 200
    assert image[4, 4, 0] < 60


# What Pillow takes for 16 bits a channel and scales itself, beside grey, which is scaled here.
@pytest.mark.parametrize("channels", [3, 4])
def test_read_image_sixteen_bit_colour_is_scaled(channels: int) -> None:
    values = np.full((10, 10, channels), 0x8040, np.uint16)
    values[..., 3:] = 0xFFFF
    image = read_image(cv2.imencode(".png", values)[1].tobytes())
    assert np.unique(image).tolist() == [0x80]


def test_read_image_sixteen_bit_ppm_is_scaled() -> None:
    assert read_image(b"P5 8 8 65535 " + b"\x80\x40" * 64)[0, 0].tolist() == [128] * 3


def test_read_image_inverted_cmyk_of_photoshop() -> None:
    data = _encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 255)), "JPEG", quality=95)
    assert b"Adobe" in data[:200], "inverted, as Photoshop does"
    red, green, blue = read_image(data)[8, 8].tolist()
    assert max(red, green, blue) < 40


@pytest.mark.parametrize("payload", ["zip", "html"])
def test_read_image_polyglot_gives_its_picture_alone(payload: str) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("evil.py", "print('no')")
    more = {"zip": zipped.getvalue(), "html": b"<script>alert(1)</script>"}[payload]
    np.testing.assert_array_equal(read_image(_PNG + more), read_image(_PNG))


_PNG = _encoded(Image.fromarray(_noise(40, 40, 3)))
_AVIF = _encoded(Image.fromarray(_noise(40, 40, 3)), "AVIF")
_HEIC = _heic(Image.fromarray(_noise(40, 40, 3)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"this is a text named .jpg", "no picture"),
        (_PNG[: len(_PNG) // 2], "damaged"),
        (_PNG[:20], "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>", "drawing .SVG."),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "drawing .SVG."),
        (b"%PDF-1.7\n", "PDF document"),
        (b"\x00\x00\x00\x20ftypisom" + bytes(100), "is a clip"),
        (b"\x1a\x45\xdf\xa3" + bytes(100), "is a clip"),
        (b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(100), "is a clip"),
        (_HEIC[:300], "damaged picture"),
        (_AVIF[:300], "damaged picture"),
        (_encoded(Image.new("L", (1, 1))), "1×1 pixels: too small"),
        (_encoded(Image.new("L", (100, 7))), "100×7 pixels: too small"),
        (_encoded(Image.new("F", (10, 10)), "TIFF"), "floating-point"),
        (_encoded(Image.new("I", (10, 10), 70_000), "TIFF"), "32-bit pixels"),
    ],
    ids=[
        *("empty", "text", "cut", "header-only", "svg", "svg-with-xml", "pdf", "mp4", "webm", "avi", "heic-cut", "avif-cut"),
        *("one-pixel", "flat", "float", "32-bit"),
    ],
)
def test_read_image_refuses_in_words(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        read_image(data)


def test_read_image_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "face.jpg"
    path.write_text("no picture")
    with pytest.raises(ImageError, match=r"face\.jpg is no picture"):
        read_image(path)
    with pytest.raises(ImageError, match="No such file"):
        read_image(tmp_path / "missing.png")
    with pytest.raises(ImageError, match="directory"):
        read_image(tmp_path)


def test_read_image_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_IMAGE_BYTES", len(_PNG) - 1)
    with pytest.raises(ImageError, match="larger than"):
        read_image(_PNG)


# Bombs: sizes told by the header alone, below and above where Pillow itself warns (89 million) and refuses (179 million).
@pytest.mark.parametrize("side", [8_001, 10_000, 30_000])
@pytest.mark.parametrize("warn", ["error", "ignore"])
def test_read_image_too_many_pixels(side: int, warn: str) -> None:
    header = bytearray(_encoded(Image.new("L", (8, 8))))
    header[16:24] = side.to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    with warnings.catch_warnings():
        warnings.simplefilter(warn, Image.DecompressionBombWarning)
        with pytest.raises(ImageError, match="million"):
            read_image(bytes(header))


def test_read_image_damaged_bytes_never_crash() -> None:
    """Flipped and cut bytes of every format give a picture or an ImageError, nothing else."""
    rng = np.random.default_rng(3)
    picture = Image.fromarray(_noise(16, 16, 3))
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIC"):
        whole = _heic(picture) if kind == "HEIC" else _encoded(picture, kind)
        for _ in range(60):
            data = bytearray(whole[: rng.integers(1, len(whole) + 1)])
            for place in rng.integers(0, len(data), 3):
                data[place] = rng.integers(256)
            with contextlib.suppress(ImageError):
                assert read_image(bytes(data)).shape[2] == 3


def test_content_id_same_pixels_in_grey_and_rgb() -> None:
    grey = _noise(6, 5, 1)
    rgb = np.repeat(grey, 3, axis=2)
    assert content_id(grey) == content_id(rgb) == content_id(rgb[:, ::1])
    assert 0 <= content_id(grey) < 2**64


def test_content_id_differs_by_a_bit_by_shape_and_by_colour() -> None:
    grey = _noise(6, 4, 1)
    changed = grey.copy()
    changed[5, 3] ^= 1
    tinted = np.repeat(grey, 3, axis=2)
    tinted[0, 0, 2] ^= 1
    ids = {content_id(grey), content_id(changed), content_id(grey.reshape(4, 6, 1)), content_id(tinted)}
    assert len(ids) == 4


def test_is_grey_image() -> None:
    grey = _noise(4, 4, 1)
    assert is_grey_image(grey)
    assert is_grey_image(np.repeat(grey, 3, axis=2))
    assert not is_grey_image(_noise(4, 4, 3))
