"""fer/detection/__init__.py: which detectors there are and which one is taken."""

import subprocess
import sys
from pathlib import Path

import pytest

from fer.detection import available_detectors, default_detector_name, get_detector, yunet
from fer.errors import DetectionError
from fer.workspace import REPOSITORY


def test_available_detectors_lists_all_with_their_state() -> None:
    infos = {info.name: info for info in available_detectors()}
    assert list(infos) == ["yunet", "mtcnn", "haar"]
    assert infos["haar"].available
    assert not infos["yunet"].available
    assert all(info.state and info.licence and info.note for info in infos.values())


def test_default_detector_is_haar_where_nothing_was_set_up() -> None:
    assert default_detector_name() == "haar"
    assert get_detector().name == "haar"
    assert get_detector("auto") is get_detector("haar")  # loaded once


@pytest.mark.fer2013
def test_default_detector_is_yunet_with_its_file(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_YUNET", str(shared_data / yunet.FILE_NAME))
    assert default_detector_name() == "yunet"
    assert get_detector().name == "yunet"


def test_get_detector_without_its_file_says_what_to_do() -> None:
    with pytest.raises(DetectionError, match=r"YuNet is not available\. No file at .*FER_YUNET"):
        get_detector("yunet")


def test_get_detector_of_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(DetectionError, match=r"Unknown face detector 'dlib'\. Known: auto, yunet, mtcnn, haar"):
        get_detector("dlib")


def test_detection_loads_neither_tensorflow_nor_litert_before_it_is_used() -> None:
    heavy = ("tensorflow", "mtcnn", "ai_edge_litert")
    code = f"import sys, fer.detection as d; d.available_detectors(); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
