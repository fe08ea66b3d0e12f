"""Explore: the embeddings of the faces in two dimensions."""

from __future__ import annotations

from fer.data.dataset import Dataset


def draw(dataset: Dataset) -> None:
    """The view."""
