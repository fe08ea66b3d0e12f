"""Forms that are too large, too many, cut short, or none at all; and pictures that are none."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.fer.api.helpers import client_of, encode

BOUNDARY = "----fer"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(data: bytes, disposition: str = 'form-data; name="image"; filename="a.png"') -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + data + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(3 * width + 1))) + chunk(b"IEND", b"")


def test_form_by_hand_is_read(client: TestClient, wall: bytes) -> None:
    for end in (END, END[:-2], END + b"\r\nan epilogue, which RFC 2046 allows"):
        assert client.post("/api/predict", content=part(wall) + end, headers=FORM).status_code == 200


@pytest.mark.parametrize(
    "cut",
    [
        lambda whole, second: whole[: len(whole) // 4],  # within the first picture
        lambda whole, second: whole[: second + 200],  # within the second, so that the first is whole
        lambda whole, second: whole[:second],  # between them
        lambda whole, second: whole[: -len(END)],  # all but the end
        lambda whole, second: b"",
    ],
)
def test_form_cut_short_is_refused_as_a_whole(client: TestClient, photo: bytes, cut) -> None:
    whole, second = part(photo) + part(photo) + END, len(part(photo))
    response = client.post("/api/predict", content=cut(whole, second), headers=FORM)
    assert (response.status_code, response.json()["type"]) == (400, "/api/docs#bad-request")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (None, 415),
        ("application/json", 415),
        ("image/png", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/mixed; boundary=x", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
    ],
)
def test_other_content_type_is_refused(client: TestClient, wall: bytes, content_type: str | None, status: int) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = client.post("/api/predict", content=wall, headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (END, "There is no file in the field 'image'"),
        (part(b"text", 'form-data; name="image"') + END, "The field 'image' takes files"),
        (part(b"x", 'form-data; name="picture"; filename="a.png"') + END, "Files belong into the field 'image'"),
    ],
)
def test_form_without_a_picture_is_refused_in_words(client: TestClient, body: bytes, words: str) -> None:
    response = client.post("/api/predict", content=body, headers=FORM)
    assert response.status_code == 422
    assert words in response.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        part(b"x", "form-data") + END,  # without a name
        b"\r\n\r\n".join([part(b"x"), b"--nonsense", END]),
        b"no form at all",
        part(b"x" * 2000, 'form-data; name="model"') + END,
        b"".join(part(b"x", f'form-data; name="o{i}"') for i in range(30)) + END,
    ],
)
def test_malformed_form_is_refused(client: TestClient, body: bytes) -> None:
    response = client.post("/api/predict", content=body, headers=FORM)
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"


def test_announced_too_large_is_refused_before_it_is_read(wall: bytes) -> None:
    client = client_of(max_upload_mb=0.01)
    response = client.post("/api/predict", content=part(bytes(20_000)) + END, headers=FORM)
    assert (response.status_code, response.json()["type"]) == (413, "/api/docs#too-large")
    assert "at most 0.01 MB" in response.json()["detail"]
    assert client.post("/api/predict", content=part(wall) + END, headers=FORM).status_code == 200


def test_unannounced_too_large_is_refused_while_it_streams() -> None:
    def chunks() -> Iterator[bytes]:
        yield part(b"")[:-2]
        for _ in range(30):
            yield bytes(1000)
        yield b"\r\n" + END

    response = client_of(max_upload_mb=0.01).post("/api/predict", content=chunks(), headers=FORM)
    assert "content-length" not in response.request.headers
    assert response.status_code == 413


def test_too_many_pictures_are_refused(wall: bytes) -> None:
    client = client_of(max_images=2)
    assert client.post("/api/predict", files=[("image", wall)] * 2).status_code == 200
    response = client.post("/api/predict", files=[("image", wall)] * 3)
    assert response.status_code == 400
    assert "Maximum number of files is 2" in response.json()["detail"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\x00" * 1000, "is no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Export it as PNG"),
        (b"GIF89a", "damaged"),
        (png_header(30_000, 30_000), "holds more than 64 million pixels"),
        (encode(np.zeros((1, 1, 3), np.uint8)), "too small"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(client: TestClient, data: bytes, words: str) -> None:
    for path in ("/api/predict", "/predict"):
        response = client.post(path, files={"image": ("a.jpg", data)})
        assert (response.status_code, response.json()["type"]) == (422, "/api/docs#bad-image")
        assert words in response.json()["detail"]


def test_picture_of_more_pixels_than_allowed_is_refused(photo: bytes, wall: bytes) -> None:
    client = client_of(max_megapixels=0.05)
    response = client.post("/api/predict", files={"image": photo})
    assert response.status_code == 422
    assert "is 320×320 pixels; at most 0.05 million are read" in response.json()["detail"]
    assert client.post("/api/predict", files={"image": wall}).status_code == 200
