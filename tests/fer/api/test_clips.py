"""Clips over the API: read by a real process, told as they go, and the same as the library reads them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from starlette.testclient import TestClient

from fer.clips.exports import timeline_csv, timeline_values, timeline_vtt
from fer.clips.job import ClipJob, create_clip_job
from fer.clips.read import read_clip
from fer.clips.settings import ClipSettings
from tests.fer.api.helpers import client_of
from tests.fer.clips.making import encode, smiling

_PATIENCE_S = 60
_QUICK = {"rate": "5", "head": "labels"}


@pytest.fixture(scope="module")
def clip_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a person who smiles."""
    return encode(tmp_path_factory.mktemp("clip") / "smile.mp4", smiling(30))


def send(client: TestClient, path: Path, options: dict[str, str]) -> Any:
    return client.post("/api/clips", files={"clip": ("../A smile.mp4", path.read_bytes())}, params=options)


def wait_for(client: TestClient, place: str, is_met: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    limit = time.monotonic() + _PATIENCE_S
    while not is_met(told := client.get(place).json()):
        assert time.monotonic() < limit, told
        time.sleep(0.05)
    return told


def is_over(told: dict[str, Any]) -> bool:
    return told["status"] not in ("starting", "running", "stopping")


def test_clip_is_read_as_the_library_reads_it_and_deleted(client: TestClient, clip_path: Path) -> None:
    document = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    started = send(client, clip_path, _QUICK)
    assert started.status_code == 202
    document["/api/clips"]["POST"].validate_response(started)
    place = started.headers["location"]
    told = started.json()
    assert (told["name"], told["settings"]["rate"], told["settings"]["model"]) == ("A smile.mp4", 5, "flagship")
    assert told["clip"]["resolution_wh"] == [320, 240]

    told = wait_for(client, place, is_over)
    assert (told["status"], told["progress"]) == ("finished", 1)
    document["/api/clips/{id}"]["GET"].validate_response(client.get(place))
    expected = read_clip(clip_path, ClipSettings(rate=5, head="labels", detector="haar"), name="A smile.mp4")
    assert [person["frames"] for person in told["timeline"]["people"]] == [len(person) for person in expected.people]
    assert len(expected.people) == 1

    answer = client.get(f"{place}/timeline.json").json()
    for person, wanted in zip(answer["people"], timeline_values(expected)["people"], strict=True):
        for frame, row in zip(person["frames"], wanted["frames"], strict=True):
            assert frame == pytest.approx(row, abs=1e-6)
    assert client.get(f"{place}/timeline.csv").text.splitlines()[0] == timeline_csv(expected).splitlines()[0]
    subtitles = client.get(f"{place}/timeline.vtt")
    assert (subtitles.headers["content-type"], subtitles.text) == ("text/vtt; charset=utf-8", timeline_vtt(expected))
    assert client.get(f"{place}/timeline.xls").status_code == 404

    listed = client.get("/api/clips")
    document["/api/clips"]["GET"].validate_response(listed)
    assert [job["id"] for job in listed.json()["clips"]] == [told["id"]]
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404
    assert client.get("/api/clips").json() == {"clips": []}


def test_clip_that_is_going_takes_the_place_and_is_stopped_first(clip_path: Path) -> None:
    client = client_of(max_clips=1)
    place = send(client, clip_path, {"rate": "all"}).headers["location"]
    refused = send(client, clip_path, _QUICK)
    assert (refused.status_code, refused.json()["type"]) == (429, "/api/docs#busy")
    assert int(refused.headers["retry-after"]) > 1
    early = client.get(f"{place}/timeline.json")
    assert (early.status_code, early.json()["type"]) == (409, "/api/docs#conflict")
    stopped = client.delete(place)
    assert (stopped.status_code, stopped.json()["status"]) == (202, "stopping")
    told = wait_for(client, place, is_over)
    assert told["status"] == "stopped"
    assert client.delete(place).status_code == 204
    assert ClipJob.all() == []


def test_clip_damaged_on_disk_is_listed_as_such(client: TestClient, clip_path: Path) -> None:
    whole, damaged = create_clip_job(clip_path), create_clip_job(clip_path)
    (damaged.path / "clip.json").write_text("{")
    told = {job["id"]: job["status"] for job in client.get("/api/clips").json()["clips"]}
    assert told == {whole.id: "interrupted", damaged.id: "damaged"}
    assert client.get(f"/api/clips/{damaged.id}").status_code == 409


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": "0"}, "A clip is read at 0.1 to 120 frames a second. Received: 0"),
        ({"rate": "fast"}, "`rate` is a number, such as 0.5, or all. Received: 'fast'"),
        ({"smoothing_s": "-1"}, "`smoothing_s` is a number, such as 0.5. Received: '-1'"),
        ({"smoothing_s": "61"}, "Smoothing takes 0 to 60 seconds"),
        ({"whole_image": "true"}, "Unknown option 'whole_image'. Known: model, head, classes, detector, min_size, rate"),
        ({"model": "nobody"}, "No model 'nobody'"),
        ({"detector": "eyes"}, "No face detector 'eyes'"),
        ({"classes": "3"}, "No head of 3 classes"),
    ],
)
def test_clip_with_a_bad_option_is_refused_and_not_kept(
    client: TestClient, clip_path: Path, options: dict[str, str], words: str
) -> None:
    response = send(client, clip_path, options)
    assert (response.status_code, response.json()["type"]) == (422, "/api/docs#bad-option")
    assert words in response.json()["detail"]
    assert ClipJob.all() == []


def test_what_is_no_clip_is_refused_and_not_kept(client: TestClient, photo: bytes) -> None:
    for data in (b"", b"no clip", photo):
        response = client.post("/api/clips", files={"clip": ("a.mp4", data)})
        assert (response.status_code, response.json()["type"]) == (422, "/api/docs#bad-clip"), response.text
    assert ClipJob.all() == []


def test_clip_that_is_too_large_is_refused(clip_path: Path) -> None:
    response = send(client_of(max_clip_mb=0.01), clip_path, _QUICK)
    assert (response.status_code, response.json()["type"]) == (413, "/api/docs#too-large")


@pytest.mark.parametrize("clip_id", ["20260131-120000-0123456789ab", "x" * 300, "%2e%2e%2fruns"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_clip_that_is_none_is_not_found(client: TestClient, method: str, clip_id: str) -> None:
    response = client.request(method, f"/api/clips/{clip_id}")
    assert response.status_code == 404
    assert json.loads(response.text)["type"].startswith("/api/docs#")


def test_clip_address_tells_all_its_methods(client: TestClient) -> None:
    assert set(client.put("/api/clips").headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert set(client.put("/api/clips/x").headers["allow"].split(", ")) == {"GET", "HEAD", "DELETE"}
