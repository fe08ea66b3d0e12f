"""Packages of somebody else's, played by tiny stand-ins of the same names and interface: the real ones bring gigabytes.

A stand-in answers by the brightness of the picture, and says the wrong thing when it is given colours in our order. With the real
`fer` 25.10.3, in an environment of its own, the same path was gone by hand: of 300 validation images of FER2013 60.7 % were right
(55 to 66). `deepface` 0.0.103 was found and asked, and said which file of weights it could not download.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.data import Dataset, synthetic_dataset
from fer.data.dataset import ArrayStore
from fer.errors import BundleError, SettingsError
from fer.foreign.adapter import PACKAGES
from fer.foreign.package_worker import LABELS, OPENERS
from fer.foreign.packages import evaluate_package, installed_packages
from fer.labels import FER7
from fer.workspace import workspace_dir
from tests.fer.foreign.conftest import seven_classes

_SAYS = """
print("Welcome")
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

def shares(image_bgr, unit):
    assert image_bgr.shape == (224, 224, 3) and image_bgr.flags["C_CONTIGUOUS"]
    wrong = image_bgr[..., 0].mean() < image_bgr[..., 2].mean()  # blue comes first
    return {label: unit * (0.9 if label == ("sad" if wrong else "happy") else 0.01) for label in LABELS}
"""
_FER = """
class FER:
    def detect_emotions(self, img, face_rectangles=None):
        (box,) = face_rectangles
        assert box == (0, 0, img.shape[1], img.shape[0])
        return [{"box": box, "emotions": shares(img, 1)}]
"""
_DEEPFACE = """
class DeepFace:
    @staticmethod
    def analyze(img_path, actions, detector_backend, enforce_detection, silent):
        assert (actions, detector_backend, enforce_detection) == (["emotion"], "skip", False)
        return [{"emotion": shares(img_path, 100), "dominant_emotion": "happy"}]
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages with both stand-ins, behind all others."""
    for name, module, text in (("fer", "fer", _FER), ("deepface", "__init__", _DEEPFACE)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / f"{module}.py").write_text(_SAYS + text)
        (tmp_path / f"{name}-1.2.dist-info").mkdir()
        (tmp_path / f"{name}-1.2.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    # As it would be in site-packages; and this project, whose name one of them has, stands before it.
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[3]}:{tmp_path}")
    return tmp_path


@pytest.fixture
def own_environment(site: Path) -> Path:
    """The stand-in for `fer`, newer, in an environment of its own."""
    home = workspace_dir() / "packages" / "fer"
    packages = home / "lib" / "python3.11" / "site-packages"
    shutil.copytree(site / "fer", packages / "fer")
    (packages / "fer-3.0.dist-info").mkdir()
    (packages / "fer-3.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: fer\nVersion: 3.0\n")
    (home / "bin").mkdir()
    python = home / "bin" / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={packages} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return packages


def blue_faces(n: int) -> Dataset:
    """Synthetic faces in which blue is brighter than red."""
    dataset = seven_classes(n)
    images = np.stack([dataset.images[row] for row in range(len(dataset))])
    images[..., 0] //= 4
    images[..., 2] = 255
    return replace(dataset, images=ArrayStore.of(images))


def test_openers_are_those_that_the_command_line_offers() -> None:
    assert tuple(OPENERS) == PACKAGES
    assert FER7.names == LABELS


@pytest.mark.parametrize("name", PACKAGES)
def test_evaluate_package_asks_it_with_blue_first_and_reports_as_of_any_model(site: Path, name: str) -> None:
    done: list[float] = []
    report = evaluate_package(name, blue_faces(48), split="all", progress=done.append)
    assert (report.model, report.n, report.labels) == (f"{name} 1.2", 42, FER7.names)
    assert set(report.label_set.decode(report.y_pred)) == {"happy"}
    assert np.allclose(report.y_prob.max(axis=1), 0.9 / 0.96, atol=1e-3)
    assert done[-1] == 1
    statuses = {check.name: check.status for check in report.checks}
    assert statuses["scaling and colour"] == statuses["LiteRT against Keras"] == "skipped"
    assert statuses["every class answered"] == "fail"
    report.save()


def test_installed_packages_names_them_without_importing(site: Path) -> None:
    (site / "fer" / "__init__.py").write_text("raise RuntimeError")
    assert installed_packages() == {"fer": "1.2", "deepface": "1.2"}


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for an environment is a shell script")
def test_evaluate_package_takes_that_of_an_environment_of_its_own(site: Path, own_environment: Path) -> None:
    (site / "fer" / "fer.py").write_text("raise ImportError('the other one')")
    assert installed_packages() == {"fer": "3.0", "deepface": "1.2"}
    assert evaluate_package("fer", blue_faces(24), split="all").model == "fer 3.0"


def test_evaluate_package_that_is_not_installed_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'deepface' is not installed here\. Known: fer, deepface.*-m venv .*deepface`, and"):
        evaluate_package("deepface", synthetic_dataset(20))


@pytest.mark.parametrize(("where", "text"), [("start", "raise ImportError('no tensorflow')"), ("face", "")])
def test_evaluate_package_that_fails_says_why(site: Path, where: str, text: str) -> None:
    fails = text or "class FER:\n    def detect_emotions(self, img, face_rectangles=None):\n        raise ValueError('no face')"
    (site / "fer" / "fer.py").write_text(fails)
    with pytest.raises(BundleError, match=r"The package 'fer' cannot answer\. It said: .*(no tensorflow|no face)"):
        evaluate_package("fer", blue_faces(24), split="all")
