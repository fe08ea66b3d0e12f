"""Which recipe is suggested: by how many images there are to learn from."""

from pathlib import Path

import numpy as np
import pytest

from fer.bundles import list_bundles
from fer.data import read_dataset
from fer.training import suggest
from fer.training.suggest import suggest_recipe


@pytest.mark.parametrize(("limit", "recipe"), [(160, "transfer"), (112, "transfer"), (111, "compact")])
def test_suggest_recipe_counts_what_is_learned_from(monkeypatch: pytest.MonkeyPatch, limit: int, recipe: str) -> None:
    dataset = read_dataset("synthetic:160")
    assert dataset.counts().keys() == {"train", "val", "test"}
    assert int((dataset.splits == "train").sum()) == 112
    monkeypatch.setattr(suggest, "SMALL_SET", limit)
    suggestion = suggest_recipe(dataset)
    assert suggestion.recipe == recipe
    assert suggestion.why.startswith("112 images")


def test_suggest_recipe_without_any_split_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest, "SMALL_SET", 159)
    dataset = read_dataset("synthetic:160")
    assert suggest_recipe(dataset.with_splits(np.full(160, ""))).recipe == "compact"


def test_suggest_recipe_without_the_flagship_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    assert list_bundles() == []
    suggestion = suggest_recipe(read_dataset("synthetic:160"))
    assert suggestion.recipe == "compact"
    assert "flagship is not in models/" in suggestion.why
