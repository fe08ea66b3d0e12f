"""Explore: faces from the webcam, labelled in the page."""

from __future__ import annotations

from fer.data.dataset import Dataset


def draw(dataset: Dataset) -> None:
    """The view."""
