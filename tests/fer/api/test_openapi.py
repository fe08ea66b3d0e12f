"""The document says what the API does: schemathesis asks it much that the document allows, and more that it does not."""

from __future__ import annotations

import base64
import hashlib
import re

import hypothesis
import pytest
import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from fer.api.problems import KINDS
from tests.fer.api.helpers import KEY, client_of

_LOCAL = {"Host": "localhost"}
_DOCUMENT = schemathesis.openapi.from_asgi("/api/openapi.json", client_of().app, headers=_LOCAL)


@_DOCUMENT.parametrize()
@hypothesis.settings(max_examples=25, deadline=None, derandomize=True, database=None)
def test_api_keeps_to_its_document(case: schemathesis.Case) -> None:
    # Random bytes are no picture, and are refused as such: what the document says of answers to pictures is tested below.
    excluded = [positive_data_acceptance] if case.operation.method == "post" else []
    case.call_and_validate(headers=_LOCAL, excluded_checks=excluded)


@pytest.mark.parametrize(
    "options", [{}, {"classes": "7", "model": "compact"}, {"head": "votes"}, {"whole_image": "true"}, {"min_size": "300"}]
)
@pytest.mark.parametrize("path", ["/api/predict", "/predict"])
def test_answers_to_pictures_are_as_the_document_says(
    client: TestClient, photo: bytes, wall: bytes, path: str, options: dict[str, str]
) -> None:
    photos, walls, none = [("image", photo)], [("image", wall)], [("image", b"none")]
    for files in [photos, walls, none, *([photos + walls + none] if path == "/api/predict" else [])]:
        response = client.post(path, files=files, params=options)
        assert response.status_code in (200, 422)
        _DOCUMENT[path]["POST"].validate_response(response)


def test_document_names_what_this_server_has() -> None:
    document = client_of(key=KEY, max_images=5).get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    assert document["security"] == [{"bearer": []}, {"header": []}]
    assert document["paths"]["/api/health"]["get"]["security"] == []
    parameters = {name: parameter["schema"].get("enum") for name, parameter in document["components"]["parameters"].items()}
    assert parameters["model"][0] == "flagship"
    assert parameters["head"] == ["labels", "votes"]
    assert parameters["classes"] == [7, 8]
    assert {"auto", "haar"} <= set(parameters["detector"])
    form = document["paths"]["/api/predict"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["image"]["maxItems"] == 5


def test_document_without_a_key_asks_for_none(client: TestClient) -> None:
    assert client.get("/api/openapi.json").json()["security"] == []


def test_docs_page_needs_nothing_from_outside_and_runs_only_its_own_script(client: TestClient) -> None:
    response = client.get("/api/docs")
    page, policy = response.text, response.headers["content-security-policy"]
    assert not re.search(r"""(src|href|url\()\s*=?\s*["']?(https?:)?//""", page)
    assert "default-src 'none'" in policy
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert all(kind in page for kind in KINDS)
    assert client.get("/api", follow_redirects=True).url.path == "/api/docs"
