"""`python -m fer serve` as a process of its own: what answers, what is refused under load, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit

import httpx2
import pytest

from fer.cli import main
from tests.fer.api.helpers import KEY, REPOSITORY, Served, client_of, encode, logged, serving
from tests.fer.api.test_uploads import END, FORM, part

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def photo() -> bytes:
    import skimage.data

    return encode(skimage.data.astronaut()[:320, 60:380], "JPEG")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with room for three requests, that gives a request three seconds to arrive."""
    log = tmp_path_factory.mktemp("serve") / "log"
    with serving(log, FER_API_MAX_REQUESTS="3", FER_API_UPLOAD_SECONDS="3", FER_API_MAX_UPLOAD_MB="2") as server:
        yield server


@pytest.fixture
def http(served: Served) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=served.url, timeout=30) as client:
        yield client


def send_half(served: Served, body: bytes) -> socket.socket:
    """A client that has sent the half of a form, and takes its time with the rest."""
    place = urlsplit(served.url)
    head = "".join(f"{name}: {value}\r\n" for name, value in {**FORM, "Host": place.netloc, "Content-Length": len(body)}.items())
    client = socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=20)
    client.sendall(f"POST /api/predict HTTP/1.1\r\n{head}\r\n".encode() + body[: len(body) // 2])
    return client


def answer_to(client: socket.socket) -> tuple[int, bytes]:
    """Status and body of what comes back."""
    with client.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        length = 0
        while (line := stream.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return status, stream.read(length)


def wait_until_met(http: httpx2.Client, requests: int) -> None:
    """Wait until the server answers so many requests beside the one that asks."""
    for _ in range(200):
        if f"fer_api_requests_in_progress {requests + 1:.1f}" in http.get("/api/metrics").text:
            return
        sleep(0.01)
    raise AssertionError(f"the server has not met {requests} requests")


def test_serve_answers_as_the_api_in_this_process(http: httpx2.Client, photo: bytes) -> None:
    answer = http.post("/api/predict", files={"image": ("her.jpg", photo)}).json()
    here = client_of().post("/api/predict", files={"image": ("her.jpg", photo)}).json()
    assert answer == here
    assert http.get("/api/health").json()["status"] == "ok"
    assert http.get("/").status_code == 307


def test_serve_answers_a_plain_client_of_the_standard_library(served: Served, photo: bytes) -> None:
    request = urllib.request.Request(f"{served.url}/predict", part(photo) + END, FORM)
    with urllib.request.urlopen(request, timeout=30) as response:
        assert json.load(response)["emotion"] == "happy"


def test_readme_client_runs_as_it_stands(
    served: Served, photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8").split("## The HTTP API")[1].split("\n## ")[0]
    client = text.split("```python\n")[1].split("```")[0]
    assert len(client.splitlines()) <= 10
    (tmp_path / "picture.jpg").write_bytes(photo)
    monkeypatch.chdir(tmp_path)
    exec(client.replace("http://127.0.0.1:8501", served.url), {})
    picture, face = capsys.readouterr().out.splitlines()
    assert picture == "picture.jpg face"
    assert face.startswith("happy 0.9")


def test_serve_loads_no_tensorflow(served: Served) -> None:
    maps = Path(f"/proc/{served.process.pid}/maps")
    if not maps.is_file():
        pytest.skip("only Linux says what a process has loaded")
    mapped = maps.read_text(encoding="utf-8", errors="replace")
    assert "/ai_edge_litert/" in mapped
    assert "/tensorflow/" not in mapped


def test_serve_full_says_when_to_come_again_and_loses_nobody(served: Served, http: httpx2.Client, photo: bytes) -> None:
    whole = part(photo) + END
    waiting = [send_half(served, whole) for _ in range(3)]
    try:
        wait_until_met(http, 3)
        refused = http.post("/api/predict", files={"image": photo})
        assert (refused.status_code, refused.json()["type"]) == (429, "/api/docs#busy")
        assert int(refused.headers["retry-after"]) >= 1
        assert http.get("/api/health").status_code == 200, "what reads no picture is answered all the same"
        for client in waiting:
            client.sendall(whole[len(whole) // 2 :])
        assert [answer_to(client)[0] for client in waiting] == [200, 200, 200]
    finally:
        for client in waiting:
            client.close()
    assert http.post("/api/predict", files={"image": photo}).status_code == 200


def test_serve_many_at_once_are_answered_or_told_to_come_again(served: Served, photo: bytes) -> None:
    ready = threading.Barrier(8)

    def ask(_: int) -> list[httpx2.Response]:
        with httpx2.Client(base_url=served.url, timeout=30) as client:
            ready.wait()
            return [client.post("/api/predict", files={"image": photo}) for _ in range(6)]

    with ThreadPoolExecutor(8) as pool:
        responses = [response for asked in pool.map(ask, range(8)) for response in asked]
    statuses = [response.status_code for response in responses]
    assert set(statuses) == {200, 429}
    faces = [response.json()["images"][0]["faces"] for response in responses if response.status_code == 200]
    assert all(face == faces[0] for face in faces)


def test_serve_slow_client_is_let_go(served: Served, photo: bytes) -> None:
    with send_half(served, part(photo) + END) as client:
        status, body = answer_to(client)
    assert (status, json.loads(body)["type"]) == (408, "/api/docs#too-slow")


def test_serve_client_that_hangs_up_frees_its_room(served: Served, http: httpx2.Client, photo: bytes) -> None:
    for _ in range(5):
        send_half(served, part(photo) + END).close()
    wait_until_met(http, 0)
    assert http.post("/api/predict", files={"image": photo}).status_code == 200
    assert logged(served.log, status=499)["route"] == "predict"


def test_serve_too_large_is_refused_with_an_answer(http: httpx2.Client) -> None:
    # Megabytes, so that the client is still sending when the refusal is ready.
    response = http.post("/api/predict", files={"image": bytes(8_000_000)})
    assert (response.status_code, response.json()["type"]) == (413, "/api/docs#too-large")


def test_serve_logs_every_request_under_its_id(served: Served, http: httpx2.Client, photo: bytes) -> None:
    made = http.post("/predict", files={"image": photo}).headers["x-request-id"]
    line = logged(served.log, request_id=made)
    assert (line["path"], line["status"], line["client"]) == ("/predict", 200, "127.0.0.1")


def test_serve_ends_cleanly_when_it_is_told_to(tmp_path: Path, photo: bytes) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    with (
        serving(tmp_path / "log", "--api-key-file", str(tmp_path / "key")) as server,
        httpx2.Client(base_url=server.url, headers={"X-API-Key": KEY}, timeout=30) as http,
        ThreadPoolExecutor(1) as pool,
    ):
        assert httpx2.get(f"{server.url}/api/models").status_code == 401
        assert http.get("/api/models").status_code == 200
        many = pool.submit(http.post, "/api/predict", files=[("image", photo)] * 16)
        wait_until_met(http, 1)
        server.process.send_signal(signal.SIGTERM)
        assert many.result().status_code == 200, "what is being answered is answered"
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--model", "no-such-model"], 1, "No model 'no-such-model'"),
        (["--detector", "eyes"], 1, "Unknown face detector 'eyes'"),
        (["--api-key-file", "/no/such/file"], 2, "Cannot read the API key"),
        (["--port", "70000"], 2, "A port lies between 0 and 65535"),
        (["--host", "203.0.113.7"], 2, "Cannot listen on 203.0.113.7, port 0"),
    ],
)
def test_serve_that_cannot_says_why(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process keeps its own ways to end
    assert main(["serve", "--port", "0", *arguments]) == code
    assert words in capsys.readouterr().err


def test_serve_port_that_is_taken_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "Address already in use" in capsys.readouterr().err
