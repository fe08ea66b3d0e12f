"""Pictures as tiles that can be clicked: Streamlit's own pictures cannot, so the grid is a small component of ours.

What it is given goes into the page as text and image sources, never as HTML: names of files may hold anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer.images import is_grey_image

_CSS = """
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); gap: .5rem; }
button {
  all: unset; cursor: zoom-in; box-sizing: border-box; min-width: 0; border-radius: var(--st-base-radius);
  outline-offset: 2px; font-family: var(--st-font); color: var(--st-gray-text-color, var(--st-text-color));
}
button:focus-visible { outline: 2px solid var(--st-primary-color); }
button:hover .picture { box-shadow: 0 0 0 2px var(--st-primary-color); }
.picture {
  display: flex; align-items: center; justify-content: center; aspect-ratio: 1; overflow: hidden;
  border-radius: var(--st-base-radius); background: var(--st-secondary-background-color);
}
img { width: 100%; height: 100%; object-fit: contain; display: block; }
.line {
  display: block; font-size: .75rem; line-height: 1.45; text-align: center;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
"""

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid");
  if (grid.dataset.shown === data.shown) return;  // the same pictures stay, and with them the keyboard's focus
  grid.dataset.shown = data.shown;
  grid.replaceChildren(...data.tiles.map((tile) => {
    const button = document.createElement("button");
    button.type = "button";
    button.title = tile.name;
    const picture = document.createElement("span");
    picture.className = "picture";
    const image = document.createElement("img");
    image.src = tile.source;
    image.alt = tile.name;
    picture.append(image);
    button.append(picture, ...[tile.caption, tile.note].filter(Boolean).map((words) => {
      const line = document.createElement("span");
      line.className = "line";
      line.textContent = words;
      return line;
    }));
    button.onclick = () => setTriggerValue("opened", tile.row);
    return button;
  }));
}
"""

TILE = 192
_component = st.components.v2.component("fer_tiles", html='<div class="grid"></div>', css=_CSS, js=_JS)


@dataclass(frozen=True)
class Tile:
    """A picture in a grid.

    Args:
        row: what a click answers.
        name: read aloud, and shown when the pointer rests on it.
        caption: below it, as much of it as has room.
        note: below that.
        source: a data URL.
    """

    row: int
    name: str
    caption: str
    note: str
    source: str


def tile(image: NDArray[np.uint8], side: int = TILE) -> NDArray[np.uint8]:
    """A square picture for a gallery: small images grow by whole pixels and stay crisp, large ones shrink, both keep their shape.

    Args:
        image: uint8 RGB (H, W, 3).
        side: longest side of the result in pixels, reached exactly where that keeps pixels whole or shrinks.
    """
    longest = max(image.shape[:2])
    if longest <= side:
        factor = max(1, side // longest)
        return np.repeat(np.repeat(image, factor, axis=0), factor, axis=1)
    scale = side / longest
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def data_url(image: NDArray[np.uint8], kind: str = "png") -> str:
    """An image, uint8 RGB (H, W, 3), encoded as `png` or `jpeg`, as a source that a page can show."""
    shown = image[..., :1] if is_grey_image(image) else image[..., ::-1]
    encoded = cv2.imencode(f".{kind}", np.ascontiguousarray(shown))[1].tobytes()
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode()}"


def tile_grid(tiles: Sequence[Tile], *, key: str | None = None) -> int | None:
    """Draw tiles, as many side by side as fit.

    Args:
        tiles: the pictures.
        key: of the widget; without one, other tiles are another widget.

    Returns:
        the row of the tile that was clicked just now; None where none was.
    """
    shown = hashlib.sha256("".join(part.name + part.note + part.source for part in tiles).encode()).hexdigest()
    data = {"shown": shown, "tiles": [asdict(part) for part in tiles]}
    opened = _component(key=key, data=data, on_opened_change=lambda: None).opened
    return None if opened is None else int(opened)
