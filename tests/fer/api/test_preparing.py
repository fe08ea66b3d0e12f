"""A detector that is not ready yet: nobody is kept waiting for it, and it is prepared beside the requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from fer.api import ApiSettings, Service, alone
from fer.api import recognizers as shelf
from fer.detection import available_detectors
from fer.errors import DetectionError
from fer.inference.recognizer import Recognizer


class Conversion:
    """Stands in the place of the worker with TensorFlow, which takes half a minute: it ends when the test says so."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.is_done = False
        self.failure = ""
        self.begun = 0

    def __call__(self) -> None:
        self.begun += 1
        assert self.may_end.wait(30)
        if self.failure:
            raise DetectionError(self.failure)
        self.is_done = True


@pytest.fixture
def conversion(monkeypatch: pytest.MonkeyPatch) -> Conversion:
    made = Conversion()
    monkeypatch.setattr("fer.api.preparing.prepare_mtcnn", made)
    monkeypatch.setattr("fer.detection.mtcnn.is_prepared", lambda: made.is_done)
    # Its networks are not there; who finds the faces is all the same here.
    monkeypatch.setattr(shelf, "Recognizer", lambda bundle, detector: Recognizer(bundle, "haar"))
    return made


def client_with(detector: str) -> tuple[Service, TestClient]:
    service = Service(ApiSettings(detector=detector))
    return service, TestClient(alone(service), base_url="http://localhost")


def wait_until(met: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not met():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


def test_request_that_names_a_detector_which_is_not_ready_is_told_to_come_again(conversion: Conversion, photo: bytes) -> None:
    service, client = client_with("haar")
    service.warm_up()
    assert conversion.begun == 0, "nobody has asked for it"
    for _ in range(3):
        answer = client.post("/api/predict", files={"image": photo}, params={"detector": "mtcnn"})
        assert (answer.status_code, answer.json()["type"]) == (503, "/api/docs#not-ready")
        assert int(answer.headers["retry-after"]) > 0
    assert client.post("/api/predict", files={"image": photo}).status_code == 200
    told = {detector["name"]: detector["ready"] for detector in client.get("/api/models").json()["detectors"]}
    assert (told["mtcnn"], told["haar"]) == (False, True)
    conversion.may_end.set()
    wait_until(lambda: conversion.is_done)
    assert client.post("/api/predict", files={"image": photo}, params={"detector": "mtcnn"}).status_code == 200
    assert conversion.begun == 1


def test_detector_that_could_not_be_prepared_says_why_and_is_tried_again(conversion: Conversion, photo: bytes) -> None:
    conversion.failure = "no space left"
    conversion.may_end.set()
    _, client = client_with("haar")

    def kind() -> str:
        return str(client.post("/api/predict", files={"image": photo}, params={"detector": "mtcnn"}).json()["type"])

    assert kind() == "/api/docs#not-ready"
    wait_until(lambda: kind() == "/api/docs#unavailable")
    conversion.failure = ""
    assert kind() == "/api/docs#not-ready"
    wait_until(lambda: conversion.is_done)
    assert client.post("/predict", files={"image": photo}, params={"detector": "mtcnn"}).json()["emotion"] == "happy"


def test_warm_up_prepares_beside_the_requests_what_would_be_better_and_waits_for_what_it_was_told_to_use(
    conversion: Conversion, photo: bytes
) -> None:
    assert not any(info.available and info.name == "yunet" for info in available_detectors()), "a fresh cache"
    service, client = client_with("auto")
    service.warm_up()
    assert service.recognizers.default_detector == "haar"
    wait_until(lambda: conversion.begun == 1)
    assert client.post("/api/predict", files={"image": photo}).json()["detector"] == "haar"
    threading.Timer(0.2, conversion.may_end.set).start()
    named, _ = client_with("mtcnn")
    named.warm_up()
    assert conversion.is_done
    assert service.recognizers.default_detector == "mtcnn"
