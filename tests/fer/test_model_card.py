"""The card for people is never stale: what stands in a bundle is what its card gives today."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fer.bundles import load_bundle
from fer.bundling import amend_card
from fer.model_card import describe_card
from fer.model_folder import rename_bundle
from fer.workspace import REPOSITORY


@pytest.mark.parametrize("name", sorted(path.parent.name for path in (REPOSITORY / "models").glob("*/card.json")))
def test_describe_card_is_what_stands_in_the_models_that_ship(name: str) -> None:
    bundle = load_bundle(REPOSITORY / "models" / name)
    told = (bundle.path / "README.md").read_text(encoding="utf-8")
    assert told == describe_card(bundle.card), "amend_card(bundle, {}) writes it anew"


def test_describe_card_is_what_stands_in_a_model_after_every_change(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    shutil.copytree(tiny_bundle, tmp_path / "tiny")
    bundle = amend_card(load_bundle("tiny"), {"limits": ["Only for this test."]})
    assert (bundle.path / "README.md").read_text(encoding="utf-8") == describe_card(bundle.card)
    bundle = rename_bundle("tiny", "other")
    assert (bundle.path / "README.md").read_text(encoding="utf-8") == describe_card(bundle.card)
