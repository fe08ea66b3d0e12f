"""The API's documentation in a browser: its own policy lets it run, and the form reads a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fer.data.synthetic import draw_scene
from tests.fer.api.helpers import encode
from tools.running_app import RunningApp

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_docs_page_lists_all_addresses_and_reads_pictures(app: RunningApp, page: Page, tmp_path: Path) -> None:
    scene, _ = draw_scene(seed=1, labels=("happy",))
    (tmp_path / "scene.png").write_bytes(encode(scene))
    (tmp_path / "notes.png").write_bytes(b"no picture")
    page.goto(f"{app.url}/api/docs")
    page.get_by_text("/api/clips/{id}/timeline.{kind}").wait_for()
    page.get_by_text("The expression of every face in one or more pictures").click()
    page.get_by_text("images[].faces[].label", exact=True).wait_for()
    page.get_by_label("Pictures", exact=True).set_input_files([tmp_path / "scene.png", tmp_path / "notes.png"])
    page.get_by_role("button", name="Read").click()
    page.get_by_text("notes.png: The file is no picture").wait_for()
    page.get_by_text("scene.png: happy").wait_for()
    assert page.locator("canvas").count() == 1
    assert not page.get_by_label("API key").is_visible()
