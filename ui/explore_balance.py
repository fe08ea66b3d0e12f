"""Explore: what sampling and weights would give."""

from __future__ import annotations

from fer.data.dataset import Dataset


def draw(dataset: Dataset) -> None:
    """The view."""
