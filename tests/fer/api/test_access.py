"""Who may call: the key, the server's own names, and web pages of other sites."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.fer.api.helpers import KEY, client_of

ORIGIN = "https://example.org"


@pytest.fixture(scope="module")
def locked() -> TestClient:
    """A client of an API with a key, which it does not show."""
    return client_of(key=KEY)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"Authorization": "Bearer"},
        {"X-API-Key": f"{KEY}x"},
        {"X-API-Key": "schlüssel".encode()},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/models"), ("POST", "/api/predict"), ("POST", "/predict"), ("GET", "/api/metrics")]
)
def test_key_missing_or_wrong_is_refused(locked: TestClient, headers: dict[str, str], method: str, path: str) -> None:
    response = locked.request(method, path, headers=headers)
    assert (response.status_code, response.json()["type"]) == (401, "/api/docs#key-needed")
    assert response.headers["www-authenticate"] == "Bearer"
    assert KEY not in response.text


@pytest.mark.parametrize("headers", [{"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer  {KEY}"}, {"X-API-Key": KEY}])
def test_key_right_is_let_in(locked: TestClient, headers: dict[str, str]) -> None:
    assert locked.get("/api/models", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/api/health", "/api/docs", "/api/openapi.json"])
def test_what_tells_nothing_needs_no_key(locked: TestClient, path: str) -> None:
    assert locked.get(path).status_code == 200


def test_page_of_another_site_may_not_post(client: TestClient, photo: bytes) -> None:
    for origin in (ORIGIN, "null", "http://localhost:9999"):
        response = client.post("/api/predict", files={"image": photo}, headers={"Origin": origin})
        assert (response.status_code, response.json()["type"]) == (403, "/api/docs#foreign-origin")
        assert "access-control-allow-origin" not in response.headers
    assert client.post("/predict", files={"image": photo}, headers={"Origin": ORIGIN}).status_code == 403


def test_own_page_may_post(client: TestClient, photo: bytes) -> None:
    for origin in ("http://localhost", "https://localhost"):  # a proxy before it may speak HTTPS
        assert client.post("/api/predict", files={"image": photo}, headers={"Origin": origin}).status_code == 200


def test_allowed_page_may_post_and_read_the_answer(photo: bytes) -> None:
    client = client_of(origins=(ORIGIN,))
    response = client.post("/api/predict", files={"image": photo}, headers={"Origin": ORIGIN})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    wishes = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    asked = client.options("/api/predict", headers={"Origin": ORIGIN, **wishes})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, ORIGIN)


@pytest.mark.parametrize("path", ["/api/predict", "/predict"])
@pytest.mark.parametrize(
    ("changed", "status", "kind", "words"),
    [
        ({"Origin": "https://other.example"}, 403, "foreign-origin", "FER_API_ORIGINS=https://other.example"),
        ({"Access-Control-Request-Method": "PUT"}, 400, "bad-request", "GET, POST, DELETE"),
        ({"Access-Control-Request-Headers": "x-mood"}, 400, "bad-request", "x-api-key"),
    ],
)
def test_page_that_asks_first_is_refused_with_a_problem(
    path: str, changed: dict[str, str], status: int, kind: str, words: str
) -> None:
    wishes = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", **changed}
    asked = client_of(origins=(ORIGIN,)).options(path, headers=wishes)
    assert (asked.status_code, asked.headers["content-type"]) == (status, "application/problem+json")
    problem = asked.json()
    assert problem["type"] == f"/api/docs#{kind}"
    assert words in problem["detail"]
    assert problem["request_id"] == asked.headers["x-request-id"]
    assert ("access-control-allow-origin" in asked.headers) == ("Origin" not in changed)


def test_any_page_may_post_where_all_are_allowed(photo: bytes) -> None:
    response = client_of(origins=("*",)).post("/api/predict", files={"image": photo}, headers={"Origin": ORIGIN})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, "*")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "", "1.2.3.4.example"])
def test_foreign_name_is_refused_without_a_key(client: TestClient, locked: TestClient, host: str) -> None:
    response = client.get("/api/models", headers={"Host": host})
    assert (response.status_code, response.json()["type"]) == (421, "/api/docs#wrong-host")
    # A page elsewhere whose name points here cannot know the key.
    assert locked.get("/api/models", headers={"Host": host, "X-API-Key": KEY}).status_code == 200


@pytest.mark.parametrize("host", ["localhost:8000", "LOCALHOST", "127.0.0.1:8000", "192.168.1.5", "[::1]:8000", "[::1]"])
def test_own_name_or_an_address_is_served(client: TestClient, host: str) -> None:
    assert client.get("/api/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("hosts", [("fer.example.org",), ("*",)])
def test_named_host_is_served(hosts: tuple[str, ...]) -> None:
    assert client_of(hosts=hosts).get("/api/models", headers={"Host": "fer.example.org:8080"}).status_code == 200
