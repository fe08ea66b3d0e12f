"""A photograph of one face, a picture of none, and a client of the API as it comes."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from starlette.testclient import TestClient

from fer.images import read_image
from tests.fer.api.helpers import client_of, encode


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A photograph with one smiling face, in the public domain, as JPEG."""
    return encode(skimage.data.astronaut()[:320, 60:380], "JPEG")


@pytest.fixture(scope="session")
def photo_pixels(photo: bytes) -> NDArray[np.uint8]:
    """Its pixels, uint8 RGB (320, 320, 3)."""
    return read_image(photo)


@pytest.fixture(scope="session")
def wall() -> bytes:
    """A picture without a face, as PNG."""
    return encode(np.full((120, 160, 3), 127, np.uint8))


@pytest.fixture(scope="session")
def client() -> TestClient:
    """A client of the API as it comes; it keeps its models from test to test."""
    return client_of()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tell schemathesis' tests apart: under pytest 9.2 all have one id, and xdist runs only one test an id, without a word."""
    if label := getattr(item, "operation_label", None):
        item._id = item.id.with_params(label)
