"""Explore: the cleaned set to take home."""

from __future__ import annotations

from fer.data.dataset import Dataset


def draw(dataset: Dataset) -> None:
    """The view."""
