"""What the images of a dataset look like in numbers, with a bar while they are measured; the library keeps the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from fer.data.dataset import Dataset
from fer.quality.images import ImageMeasures, measure_images
from fer.quality.mean_faces import MeanFaces, mean_faces

T = TypeVar("T")


def image_measures(dataset: Dataset) -> ImageMeasures:
    """Brightness, contrast, sharpness and size of every image.

    Raises:
        ImageError: a picture that was read before cannot be read any more.
    """
    return with_bar("Measuring the light and sharpness of the images", lambda report: measure_images(dataset, report))


def class_faces(dataset: Dataset) -> MeanFaces:
    """The mean face of each class and its spread.

    Raises:
        ImageError: a picture that was read before cannot be read any more.
    """
    return with_bar("Averaging the faces of each class", lambda report: mean_faces(dataset, report))


def with_bar(words: str, work: Callable[[Callable[[float], None]], T]) -> T:
    """What `work` returns; a bar stands there from its first report on, so that there is none for what comes from the cache."""
    place = st.empty()

    def report(share: float) -> None:
        place.progress(share, words)

    try:
        return work(report)
    finally:
        place.empty()
