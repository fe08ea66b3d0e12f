"""The API in the dashboard's server: the same answers, beside the pages."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest

from tests.fer.api.helpers import REPOSITORY, client_of, logged
from tools.running_app import RunningApp, running_app


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("app")) as app:
        yield app


def test_dashboard_answers_pictures_as_the_api_alone(app: RunningApp, photo: bytes) -> None:
    files, options = {"image": ("her.jpg", photo)}, {"detector": "haar"}
    answer = httpx2.post(f"{app.url}/api/predict", files=files, params=options)
    assert answer.json() == client_of().post("/api/predict", files=files).json()
    assert httpx2.post(f"{app.url}/predict", files=files, params=options).json()["emotion"] == "happy"
    assert httpx2.get(f"{app.url}/api/health").json()["status"] == "ok"


def test_dashboard_with_a_wrong_setting_says_which() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless=true", "--server.port=0"],
        cwd=REPOSITORY,
        env=os.environ | {"FER_API_WORKERS": "many"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "error: FER_API_WORKERS is a whole number. Received: 'many'\n"


def test_dashboard_keeps_its_pages(app: RunningApp) -> None:
    for path in ("/", "/predict", "/models"):
        page = httpx2.get(app.url + path)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "x-request-id" not in page.headers


@pytest.mark.parametrize("path", ["/api/nothing", "/api/predict/nothing"])
def test_dashboard_answers_what_is_unknown_under_api_as_a_problem(app: RunningApp, path: str) -> None:
    response = httpx2.get(app.url + path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


def test_dashboard_refuses_pages_of_other_sites(app: RunningApp, photo: bytes) -> None:
    for path in ("/api/predict", "/predict"):
        response = httpx2.post(app.url + path, files={"image": photo}, headers={"Origin": "https://example.org"})
        assert (response.status_code, response.json()["type"]) == (403, "/api/docs#foreign-origin")


def test_dashboard_logs_requests_under_their_ids(app: RunningApp) -> None:
    made = httpx2.get(f"{app.url}/api/models").headers["x-request-id"]
    assert logged(app.log, request_id=made)["path"] == "/api/models"
    assert logging.getLogger("fer.api").propagate, "in this process nothing was set up"


def test_dashboard_with_the_api_loads_no_tensorflow(app: RunningApp) -> None:
    libraries = app.libraries()
    assert "ai_edge_litert" in libraries
    assert not {"tensorflow", "keras"} & libraries
