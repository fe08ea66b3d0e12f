"""`example_zip`: a dozen drawn pictures, so that the page has something to read before anybody brings a folder."""

from __future__ import annotations

import io
import zipfile

import cv2

EXAMPLE_NAME = "A dozen drawn pictures.zip"
# By picture, who is in it.
_SCENES = (
    *(("happy",), ("sad",), ("surprise",), ("neutral",), ("angry",), ("fear",)),
    *(("happy", "happy"), ("neutral", "disgust"), ("sad", "angry"), ("surprise", "happy", "neutral")),
    *(("happy", "contempt", "sad"), ("neutral", "happy", "surprise", "happy")),
)
_SIZE_HW = (480, 640)


def example_zip() -> bytes:
    """Draw the pictures: JPEG, 640×480 pixels, one to four people in each."""
    from fer.data.synthetic import draw_scene

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as pictures:  # JPEG is compressed already
        for number, labels in enumerate(_SCENES, start=1):
            image, _ = draw_scene(number, labels, _SIZE_HW)
            _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            pictures.writestr(f"picture-{number:02d}.jpg", encoded.tobytes())
    return file.getvalue()
