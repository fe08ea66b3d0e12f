"""Request ids, the log, the metrics, and failures that nobody expected."""

from __future__ import annotations

import json
import logging

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from fer.api.log import JsonLines
from fer.inference import Recognizer
from tests.fer.api.helpers import KEY, client_of


def samples(client: TestClient) -> dict[tuple[str, ...], float]:
    """The metrics by their names and the values of their labels (method, route, status)."""
    text = client.get("/api/metrics").text
    families = text_string_to_metric_families(text)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_request_id_of_the_client_is_kept(client: TestClient) -> None:
    response = client.get("/api/nothing", headers={"X-Request-ID": "job-7.b_2"})
    assert response.headers["x-request-id"] == response.json()["request_id"] == "job-7.b_2"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"}\\n', "ä".encode()])
def test_request_id_that_a_log_cannot_take_is_replaced(client: TestClient, given: str | bytes) -> None:
    made = client.get("/api/health", headers={"X-Request-ID": given}).headers["x-request-id"]
    assert len(made) == 32
    assert made != client.get("/api/health").headers["x-request-id"]


def test_log_line_tells_the_request_and_no_secret(photo: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fer.api")
    client = client_of(key=KEY)
    files = {"image": ("secret-name.jpg", photo)}
    client.post("/api/predict?whole_image=true", files=files, headers={"X-API-Key": KEY, "X-Request-ID": "seven"})
    (record,) = caplog.records
    line = JsonLines().format(record)
    told = json.loads(line)
    assert {name: told[name] for name in ("event", "level", "request_id", "method", "path", "route", "status")} == {
        "event": "request",
        "level": "info",
        "request_id": "seven",
        "method": "POST",
        "path": "/api/predict",
        "route": "predict",
        "status": 200,
    }
    assert told["bytes_in"] > len(photo)
    assert told["bytes_out"] > 100
    assert 0 < told["milliseconds"] < 60_000
    assert "\n" not in line
    assert KEY not in line
    assert "secret-name" not in line


def test_metrics_count_requests_pictures_and_faces(photo: bytes, wall: bytes) -> None:
    client = client_of()
    client.post("/api/predict", files=[("image", photo), ("image", wall), ("image", b"none")])
    client.post("/predict", files={"image": photo})
    client.get("/api/some/path/of/a/scanner")
    client.request("BREW", "/api/predict")
    found = samples(client)
    assert found["fer_api_requests_total", "POST", "predict", "200"] == 1
    assert found["fer_api_requests_total", "POST", "predict_emotion", "200"] == 1
    assert found["fer_api_requests_total", "GET", "none", "404"] == 1
    assert found["fer_api_requests_total", "other", "predict", "405"] == 1
    assert found["fer_api_pictures_total", "faces"] == 2
    assert found["fer_api_pictures_total", "no face"] == 1
    assert found["fer_api_pictures_total", "unreadable"] == 1
    assert found["fer_api_faces_total", "sure"] == 2
    assert found["fer_api_request_seconds_count", "predict"] == 2
    assert found["fer_api_picture_seconds_count",] == 3
    assert found["fer_api_requests_in_progress",] == 1, "the one that asks"
    assert found["process_resident_memory_bytes",] > 0


def test_defect_is_answered_as_a_problem_and_logged_with_its_trace(
    photo: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("internal words")

    client = client_of()
    monkeypatch.setattr(Recognizer, "predict", fail)
    response = client.post("/api/predict", files={"image": photo}, headers={"X-Request-ID": "eight"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == response.json()["request_id"] == "eight"
    assert "internal words" not in response.text
    trace = next(json.loads(JsonLines().format(record)) for record in caplog.records if record.exc_info)
    assert (trace["level"], trace["request_id"]) == ("error", "eight")
    assert "ZeroDivisionError: internal words" in trace["traceback"]
    assert samples(client)["fer_api_requests_total", "POST", "predict", "500"] == 1
    monkeypatch.undo()
    assert client.post("/api/predict", files={"image": photo}).status_code == 200, "its room is free again"


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/api/nothing", 404, "not-found"),
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/api/predict", 405, "method-not-allowed"),
        ("DELETE", "/predict", 405, "method-not-allowed"),
        ("POST", "/api/health", 405, "method-not-allowed"),
    ],
)
def test_unknown_address_or_method_is_a_problem(client: TestClient, method: str, path: str, status: int, kind: str) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.json()["type"], response.json()["status"]) == (status, f"/api/docs#{kind}", status)
    assert response.headers["content-type"] == "application/problem+json"
    assert ("allow" in response.headers) == (status == 405)
