"""Predict in a real browser: the example, uploads good and bad, the camera, the clipboard, downloads."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pillow_heif
import pytest
from PIL import Image

from fer.data.synthetic import draw_scene
from tests.browser.looking import assert_fine, open_page, take_photo, wait_until
from tools.running_app import RunningApp, settle

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

pytestmark = pytest.mark.browser


def scene(*labels: str, kind: str = "PNG") -> bytes:
    """A drawn picture of people, encoded."""
    stream = io.BytesIO()
    Image.fromarray(draw_scene(3, labels)[0]).save(stream, kind)
    return stream.getvalue()


def heic(*labels: str) -> bytes:
    """The same as telephones take it."""
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(draw_scene(3, labels)[0])).save(stream)
    return stream.getvalue()


def upload(page: Page, *files: tuple[str, str, bytes]) -> None:
    """Give files (name, type, content) to the page, and wait until it has answered."""
    payload: list[FilePayload] = [{"name": name, "mimeType": mime, "buffer": content} for name, mime, content in files]
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(payload)
    for name, _, _ in files:
        page.get_by_test_id("stMarkdown").filter(has_text=name).first.wait_for()
    settle(page)


def metric(page: Page, label: str) -> str:
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue").inner_text()


def test_predict_opens_with_an_answered_example(app: RunningApp, page: Page) -> None:
    open_page(page, app, "predict")
    assert page.get_by_text("Example, drawn by this program").is_visible()
    assert metric(page, "Faces") == "3"
    assert_fine(page)


def test_predict_answers_uploads_and_names_the_broken_one(app: RunningApp, page: Page) -> None:
    open_page(page, app, "predict")
    upload(
        page,
        ("two.png", "image/png", scene("happy", "sad")),
        ("one.webp", "image/webp", scene("surprise", kind="WEBP")),
        ("phone.heic", "image/heic", heic("happy")),
        ("notes.jpg", "image/jpeg", b"these are no pixels"),
    )
    assert metric(page, "Pictures") == "4"
    assert metric(page, "Faces") == "4"
    error = page.get_by_test_id("stAlertContentError")
    assert error.count() == 1
    assert "is no picture" in error.inner_text()


def test_predict_without_a_face_offers_the_whole_picture(app: RunningApp, page: Page) -> None:
    wall = io.BytesIO()
    Image.new("RGB", (320, 240), (120, 130, 140)).save(wall, "PNG")
    open_page(page, app, "predict")
    upload(page, ("wall.png", "image/png", wall.getvalue()))
    page.get_by_text("No face found.").wait_for()
    page.get_by_text("Take the whole picture as one face").click()
    page.get_by_text("taken as one face").wait_for()  # and it may say that it is none
    assert_fine(page)


def test_predict_takes_a_picture(app: RunningApp, page: Page) -> None:
    open_page(page, app, "predict")
    page.get_by_role("button", name="Take a picture").click()
    take_photo(page)
    settle(page)
    assert page.get_by_test_id("stCameraInput").count() == 0, "the camera is let go"
    assert metric(page, "Faces") == "1"
    assert_fine(page)


def test_predict_takes_a_pasted_picture(app: RunningApp, page: Page) -> None:
    open_page(page, app, "predict")
    field = page.get_by_test_id("stChatInputTextArea")
    field.click()
    field.evaluate(
        """(element, content) => {
            const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], 'pasted.png', {type: 'image/png'}));
            element.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
        }""",
        base64.b64encode(scene("happy", "sad")).decode(),
    )
    page.get_by_test_id("stChatInput").get_by_text("pasted.png").wait_for()
    send = page.get_by_test_id("stChatInputSubmitButton")
    wait_until("the pasted picture is uploaded", send.is_enabled)
    send.click()
    page.get_by_test_id("stMarkdown").filter(has_text="pasted.png").first.wait_for()
    settle(page)
    assert metric(page, "Faces") == "2"
    assert_fine(page)


def test_predict_downloads_hold_every_face(app: RunningApp, page: Page) -> None:
    open_page(page, app, "predict")
    upload(page, ("two.png", "image/png", scene("happy", "sad")))
    contents = {}
    for button in ("Annotated picture", "Table (CSV)", "Everything (JSON)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        contents[download.value.suggested_filename] = download.value.path().read_bytes()
    assert Image.open(io.BytesIO(contents["two-annotated.png"])).size == (640, 480)
    assert len(contents["faces.csv"].decode().splitlines()) == 3  # a head and two faces
    (listed,) = json.loads(contents["faces.json"])
    assert listed["path"] == "two.png"
    assert len(listed["faces"]) == 2


def test_predict_keeps_pictures_while_another_view_is_looked_at(app: RunningApp, page: Page) -> None:
    open_page(page, app, "predict")
    upload(page, ("one.png", "image/png", scene("surprise")))
    page.get_by_role("tab", name="Clip").click()
    settle(page)
    page.get_by_role("tab", name="Pictures").click()
    page.get_by_test_id("stMarkdown").filter(has_text="one.png").first.wait_for()
    page.get_by_role("button", name="Remove earlier pictures").click()
    page.get_by_text("Example, drawn by this program").wait_for()
    assert_fine(page)


def test_predict_shows_each_face_large(app: RunningApp, page: Page) -> None:
    open_page(page, app, "predict")
    page.get_by_text("Faces", exact=True).last.click()
    page.get_by_text("Surest first").click()
    page.get_by_title("drawn by this program").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("pixels at").wait_for()
    dialog.get_by_text("happy", exact=True).first.wait_for()
    assert_fine(page)


def test_predict_reads_a_folder_through_a_reload(app: RunningApp, page: Page, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02d}.png").write_bytes(scene("happy", "sad"))
    (tmp_path / "notes.jpg").write_text("no picture")
    open_page(page, app, "predict?predict_view=Folder")
    page.get_by_role("textbox", name="A folder, ZIP or tar").fill(str(tmp_path))
    page.keyboard.press("Tab")
    start = page.get_by_role("button", name="Read the faces")
    wait_until("the button can be pressed", start.is_enabled)
    start.click()
    page.get_by_test_id("stTabs").get_by_role("button", name="Stop").wait_for()
    page.reload()
    page.get_by_text("finished").wait_for(timeout=60_000)
    settle(page)
    assert (metric(page, "Pictures"), metric(page, "Faces"), metric(page, "Unreadable")) == ("13", "24", "1")
    page.get_by_title("00.png").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("img").first.wait_for()
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV, 25 rows").click()
    assert download.value.suggested_filename.endswith("-faces.csv")
    assert len(download.value.path().read_text().splitlines()) == 26
    assert_fine(page)
