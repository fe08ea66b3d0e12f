"""Explore: what is wrong with a dataset, and its mending."""

from __future__ import annotations

from fer.data.dataset import Dataset


def draw(dataset: Dataset) -> None:
    """The view."""
