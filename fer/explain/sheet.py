"""`explanation_sheet`: a picture with the reasons beside it, as one picture to take home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fer.detection import require_image
from fer.inference.heatmap import Heatmap, lay_over

_GROUND, _INK = "#FFFFFF", "#10131A"
# A tile is the face and its map side by side, with two lines of words below.
_SIDES, _TILE_SHARE = (150, 320), 1 / 3
_TEXT_SHARE, _GAP_SHARE = 1 / 11, 1 / 16


@dataclass(frozen=True, eq=False)
class Tile:
    """One face on a sheet.

    Args:
        face_crop: uint8 RGB (h, w, 3), what the network saw.
        heatmap: laid over it.
        lines: at most two, below.
    """

    face_crop: NDArray[np.uint8]
    heatmap: Heatmap
    lines: Sequence[str]


def explanation_sheet(picture: NDArray[np.uint8], tiles: Sequence[Tile]) -> NDArray[np.uint8]:
    """A picture, and beside it a tile a face, in as many columns as its height asks for.

    Args:
        picture: uint8 RGB (H, W, 3), annotated or not.
        tiles: none gives the picture itself.

    Returns:
        uint8 RGB (H', W', 3), no smaller than the picture.

    Raises:
        ImageError: the picture has another shape or dtype.
    """
    require_image(picture)
    if not tiles:
        return picture
    height, width = picture.shape[:2]
    side = int(np.clip(height * _TILE_SHARE, *_SIDES))
    gap, text = round(side * _GAP_SHARE), round(side * _TEXT_SHARE)
    tile_wh = (2 * side + 2 * gap, side + 3 * text + gap)
    rows = max(1, min(len(tiles), height // tile_wh[1]))
    columns = -(-len(tiles) // rows)
    sheet = Image.new("RGB", (width + gap + columns * tile_wh[0], max(height, rows * tile_wh[1])), _GROUND)
    sheet.paste(Image.fromarray(picture), (0, 0))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(text)
    for number, tile in enumerate(tiles):
        left, top = width + gap + number // rows * tile_wh[0], number % rows * tile_wh[1]
        crop = np.asarray(cv2.resize(tile.face_crop, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
        sheet.paste(Image.fromarray(crop), (left, top))
        sheet.paste(Image.fromarray(lay_over(crop, tile.heatmap)), (left + side + gap // 2, top))
        for line, words in enumerate(tile.lines):
            draw.text((left, top + side + text // 4 + round(1.3 * line * text)), words, _INK, font)
    return np.asarray(sheet, np.uint8)
