"""Fixtures that every test shares: a workspace and a cache of its own, and the real data where it is there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# First of all, and only for its order: TensorFlow lets the symbols of its own SSL library show, and pylibsrtp (WebRTC) crashes a
# process that has loaded TensorFlow before it. The app keeps the two apart; this process tests the training and the webcam page.
import pylibsrtp  # noqa: F401
import pytest
from filelock import FileLock

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point runs, reports and caches at fresh folders, also for the processes that a test starts.

    `FER_MODELS` is taken away rather than set: tests read the bundles that ship, unless they say otherwise themselves.
    """
    # Not tmp_path: a test that lists its own folder must find only what it put there.
    places = tmp_path_factory.mktemp("fer")
    monkeypatch.setenv("FER_WORKSPACE", str(places / "workspace"))
    monkeypatch.setenv("FER_CACHE", str(places / "cache"))
    monkeypatch.delenv("FER_MODELS", raising=False)
    monkeypatch.delenv("FER_YUNET", raising=False)


def _shared_data() -> Path | None:
    """The folder with `fer2013.zip`, or None: `FER_SHARED_DATA` where it is set, else `../shared/data` beside the repository."""
    folder = Path(os.environ.get("FER_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
    return folder if (folder / "fer2013.zip").is_file() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the real data, saying so, where it is absent."""
    if _shared_data() is not None:
        return
    absent = pytest.mark.skip(reason="no real data: set FER_SHARED_DATA to a folder that holds fer2013.zip")
    for item in items:
        if item.get_closest_marker("fer2013"):
            item.add_marker(absent)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder that holds `fer2013.zip` and `fer2013new.csv`; the test is skipped where there is none."""
    folder = _shared_data()
    if folder is None:
        pytest.skip("no real data: set FER_SHARED_DATA to a folder that holds fer2013.zip")
    return folder


# A network of a few thousand weights, that learns enough from synthetic faces in seconds to tell them apart.
TINY = ("stem=8,8", "widths=8,16,32", "depths=1,1,1", "small_size=0", "batch_size=64", "degrade=0", "erasing=0")


def run_fer(*arguments: str, folder: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """`python -m fer …` in a process of its own; `folder` takes its workspace, cache and models."""
    places = {f"FER_{place.upper()}": str(folder / place) for place in ("workspace", "cache", "models")} if folder else {}
    return subprocess.run(
        [sys.executable, "-m", "fer", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **places},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        **options,
    )


@pytest.fixture(scope="session")
def fer_command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`run_fer`, for tests that use the command line as a user does."""
    return run_fer


@pytest.fixture(scope="session")
def tiny_settings() -> dict[str, str]:
    """Overrides of the recipe `compact` that make it small enough to train within a test."""
    return dict(pair.split("=") for pair in TINY)


def _made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that all of pytest's processes share: the first to need it makes it, the others wait."""
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent  # each process has a folder of its own in that of the session
    folder, made = place / f"shared-{name}", place / f"shared-{name}.made"
    with FileLock(place / f"shared-{name}.lock"):
        if not made.exists():
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


def _make_trained(folder: Path) -> None:
    own = ("epochs=4", "learning_rate=0.1", "small_size=32", "small_share=0.3", "rejects=0.2")
    settings = [part for pair in (*TINY, *own) for part in ("--set", pair)]
    place = str(folder / "workspace" / "runs" / "tiny")
    done = run_fer("train", "--recipe", "compact", "--data", "synthetic:1200:7", *settings, "--run", place, folder=folder)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a workspace that holds the finished run `tiny`, made by the real commands; read it, do not change it."""
    return _made_once(tmp_path_factory, "trained", _make_trained)


@pytest.fixture(scope="session")
def tiny_run(trained: Path) -> Path:
    """Folder of the finished run `tiny`: synthetic faces, votes, two heads."""
    return trained / "workspace" / "runs" / "tiny"


@pytest.fixture(scope="session")
def tiny_bundle(trained: Path, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the bundle `tiny`, made of that run by the real command."""

    def make(folder: Path) -> None:
        done = run_fer("bundle", str(tiny_run), "tiny", folder=trained)
        assert done.returncode == 0, done.stderr

    _made_once(tmp_path_factory, "tiny-bundle", make)
    return trained / "models" / "tiny"
