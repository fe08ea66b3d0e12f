"""Explore's audit in a real browser: made on a button, reviewed by keyboard alone, and found again after a reload."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest

from fer.data import synthetic_dataset
from fer.quality.cleaning import CleaningList, default_place
from tests.browser.looking import assert_fine, open_page
from tools.running_app import RunningApp, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture
def faces(app: RunningApp, tmp_path: Path) -> Iterator[Path]:
    """A folder with four images twice, as the dataset that was chosen last; afterwards it is as if none ever was."""
    folder = tmp_path / "faces"
    drawn = synthetic_dataset(12, seed=3)
    for number in range(16):
        row = number % 12
        label = drawn.label_set.names[int(drawn.label_ids[row])]
        (folder / "train" / label).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "train" / label / f"{number}.png"), drawn.images[row])
    memory = Path(app.environment["FER_WORKSPACE"]) / "app.json"
    memory.parent.mkdir(parents=True, exist_ok=True)
    before = memory.read_bytes() if memory.exists() else None
    memory.write_text(json.dumps({"dataset": {"source": str(folder), "ferplus": None}}), encoding="utf-8")
    yield folder
    memory.unlink()
    if before is not None:
        memory.write_bytes(before)


@pytest.mark.timeout(420)
def test_review_by_keyboard(app: RunningApp, page: Page, faces: Path) -> None:
    open_page(page, app, "explore?explore_view=Audit")
    page.get_by_role("button", name="Audit 16 images").click()
    page.get_by_text("Nothing is decided yet").wait_for(timeout=240_000)  # it loads scikit-learn first
    page.locator(".st-key-look_identical button").click()
    page.get_by_role("button", name="Review one by one").click()
    for at, key in enumerate(("Enter", "k", "d", "ArrowRight")):
        page.locator(f".st-key-review_skip_{at} button").wait_for()
        settle(page)  # a key that comes before its button is there says nothing
        page.keyboard.press(key)
    page.get_by_role("button", name="Go through those").wait_for()
    settle(page)
    page.keyboard.press("Enter")
    page.locator(".st-key-review_skip_3 button").wait_for()
    settle(page)
    page.keyboard.press("k")
    page.get_by_text("All 4 findings settled.").wait_for()
    assert_fine(page)
    decisions = CleaningList.load(default_place(str(faces))).history
    assert [decision.action for decision in decisions] == ["drop", "keep", "drop", "keep"]
    page.reload()
    page.get_by_text("Cleaned: 2 dropped").wait_for()
    assert_fine(page)
