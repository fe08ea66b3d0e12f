"""Fixtures that every test shares: a workspace and a cache of its own, and the real data where it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
