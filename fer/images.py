"""Pictures from bytes: guarded decoding to upright RGB, and the identity of pixels.

Every picture that enters the project (a dataset's file, an upload, a request's body) comes through `read_image`, so that what is
too large, cut short or no picture at all is refused here, once, in words.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fer.errors import ImageError

MAX_IMAGE_BYTES = 64 * 2**20
MAX_IMAGE_PIXELS = 64_000_000  # above the largest phone cameras' usual output; 192 MB once decoded
MIN_SIDE = 8  # no face can be told in less
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM")
# How names of such files end, in small letters, for who searches a folder; a picture itself is known by its content.
PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".png", ".webp", ".avif", ".heic", ".heif"),
    *(".gif", ".tif", ".tiff", ".bmp", ".ppm", ".pgm"),
)

_MOST_SIXTEEN = 65_535
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_EXPECTED = "Expected JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF or BMP."
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def read_image(source: str | Path | bytes, *, max_pixels: int = MAX_IMAGE_PIXELS) -> NDArray[np.uint8]:
    """Decode one picture, upright.

    EXIF orientation is applied; transparency is laid on white, as a browser and a sheet of paper show it; 16 bits are scaled to
    8, so that nothing is clipped; grey, palette and CMYK become RGB; of an animation the first frame is taken. The format is
    found by content, not by the file's name, and what follows the picture in its file is not looked at.

    Args:
        source: a path, or the bytes of the encoded picture.
        max_pixels: a picture of more is refused before it is decoded.

    Returns:
        uint8 RGB (H, W, 3), both sides at least 8 pixels.

    Raises:
        ImageError: there is no such file, it is no picture that can be read, or it is too large or too small.
    """
    name, data = _read_bytes(source)
    try:
        with Image.open(io.BytesIO(data), formats=_formats(data)) as picture:
            _check_size(picture.size, name, max_pixels)
            return _to_rgb(_upright(picture), name)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{name} holds more than {max_pixels / 10**6:g} million pixels, the most that are read. Scale it down."
        ) from error
    # Decoders meet broken bytes with anything from SyntaxError to struct.error; to the user all of it means one thing.
    except Exception as error:
        raise ImageError(f"{name} {_what_it_is(data)}") from error


def _formats(data: bytes) -> tuple[str, ...]:
    """What the bytes may be; HEIC's decoder is loaded when the first such file comes."""
    if not (data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS):
        return FORMATS
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return (*FORMATS, "HEIF")


def _what_it_is(data: bytes) -> str:
    """What people take for a picture, in words; by its first bytes."""
    head = data[:1024].lstrip().lower()
    if b"<svg" in head:
        return "is a drawing (SVG), which holds no pixels. Export it as PNG."
    is_box = data[4:8] == b"ftyp"  # what AVIF, HEIC, MP4 and QuickTime begin with
    if is_box and data[8:12] in (*_HEIF_BRANDS, b"avif", b"avis"):
        return f"is a damaged picture. {_EXPECTED}"
    if is_box or data.startswith(b"\x1a\x45\xdf\xa3") or (data[:4] == b"RIFF" and data[8:12] == b"AVI "):
        return "is a clip, not a picture. Its place is the view Clip, or `python -m fer clip`."
    if head.startswith(b"%pdf"):
        return "is a PDF document, not a picture. Export its page as PNG."
    return f"is no picture, or a damaged one. {_EXPECTED}"


def is_grey_image(image: NDArray[np.uint8]) -> bool:
    """Whether an image, uint8 (H, W, 1 or 3), has no colour: one channel, or three equal ones."""
    return bool((image == image[..., :1]).all())


def content_id(image: NDArray[np.uint8]) -> int:
    """64-bit BLAKE2b of an image's size and pixels, in 0…2⁶⁴-1.

    Args:
        image: uint8 (H, W, 1 or 3). One channel and three equal ones give the same id.
    """
    pixels = image[..., :1] if is_grey_image(image) else image
    digest = hashlib.blake2b(f"{pixels.shape}".encode(), digest_size=8)
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return int.from_bytes(digest.digest(), "little")


def _read_bytes(source: str | Path | bytes) -> tuple[str, bytes]:
    if isinstance(source, bytes):
        name, data = "The file", source
    else:
        path = Path(source)
        name = str(path)
        try:
            # One byte more than allowed tells "too large" without reading the rest.
            with path.open("rb") as file:
                data = file.read(MAX_IMAGE_BYTES + 1)
        except OSError as error:
            raise ImageError(f"Cannot read the picture {name}: {error.strerror or error}.") from error
    if not data:
        raise ImageError(f"{name} is empty (0 bytes).")
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageError(f"{name} is larger than the {MAX_IMAGE_BYTES // 2**20} MiB that are read. Save it smaller.")
    return name, data


def _check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(f"{name} is {width}×{height} pixels; at most {max_pixels / 10**6:g} million are read. Scale it down.")
    if min(size) < MIN_SIDE:
        raise ImageError(f"{name} is {width}×{height} pixels: too small to hold a face (at least {MIN_SIDE} a side).")


def _upright(picture: Image.Image) -> Image.Image:
    picture.load()  # outside the try: damaged pixels are an error, damaged EXIF is not
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # EXIF is free-form bytes; a picture without a readable orientation is taken as it stands
        return picture


def _to_rgb(picture: Image.Image, name: str) -> NDArray[np.uint8]:
    if picture.mode in _SIXTEEN_BIT:
        values = np.asarray(picture).astype(np.float32)
        if values.min() < 0 or values.max() > _MOST_SIXTEEN:
            raise ImageError(f"{name} holds 32-bit pixels, whose range is not known. Save it with 8 or 16 bits a channel.")
        grey = (values / 257.0).round().astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.mode == "F":
        raise ImageError(f"{name} holds floating-point pixels, whose range is not known. Save it with 8 bits a channel.")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))
