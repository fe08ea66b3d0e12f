"""The shelf of models and detectors: each pair is made once, whoever asks, and waited for by those alone who asked for it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from fer.api import recognizers as shelf
from fer.api.recognizers import Recognizers
from fer.errors import DetectionError
from fer.inference.recognizer import Recognizer


def test_recognizer_is_made_once_for_all_who_ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def make(bundle: object, detector: str) -> Recognizer:
        made.append(detector)
        return Recognizer(bundle, detector)  # type: ignore[arg-type]

    monkeypatch.setattr(shelf, "Recognizer", make)
    recognizers = Recognizers(None, "haar")
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: recognizers.recognizer(), range(16)))
    assert made == ["haar"]
    assert all(recognizer is given[0] for recognizer in given)


def test_recognizer_that_is_slow_to_make_keeps_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = threading.Event()
    monkeypatch.setattr("fer.detection.mtcnn.is_prepared", lambda: True)

    def make(bundle: object, detector: str) -> Recognizer:
        if detector == "mtcnn":
            assert may_go_on.wait(30)
        return Recognizer(bundle, "haar")  # type: ignore[arg-type]

    monkeypatch.setattr(shelf, "Recognizer", make)
    recognizers = Recognizers(None, "haar")
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(recognizers.recognizer, None, "mtcnn")
        quick = pool.submit(recognizers.recognizer, None, "haar")
        assert wait([slow, quick], 20, "FIRST_COMPLETED").done == {quick}
        may_go_on.set()
        assert slow.result(20) is recognizers.recognizer(None, "mtcnn")


def test_recognizer_that_could_not_be_made_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [DetectionError("no file")]

    def make(bundle: object, detector: str) -> Recognizer:
        if failures:
            raise failures.pop()
        return Recognizer(bundle, detector)  # type: ignore[arg-type]

    monkeypatch.setattr(shelf, "Recognizer", make)
    recognizers = Recognizers(None, "haar")
    with pytest.raises(DetectionError, match="no file"):
        recognizers.recognizer()
    assert recognizers.recognizer().detector is not None
