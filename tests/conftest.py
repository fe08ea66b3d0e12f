"""Fixtures that every test shares: a workspace and a cache of its own, and the real data where it is there."""

from __future__ import annotations

import gc
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

# First of all, and only for its order: TensorFlow lets the symbols of its own SSL library show, and pylibsrtp (WebRTC) crashes a
# process that has loaded TensorFlow before it. The app keeps the two apart; this process tests the training and the webcam page.
import pylibsrtp  # noqa: F401
import pytest
from filelock import FileLock

from fer.data import Dataset, read_dataset
from tests.warm import Warm

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


@pytest.fixture(autouse=True)
def _no_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let evaluations start no process that loads TensorFlow; it counts as killed. Processes that a test starts do start one."""
    monkeypatch.setattr("fer.evaluation.agreement.AgreementJob.launch", lambda job: None)


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


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse tests of one id, of which xdist would run one, without a word.

    Then keep what the imports of all tests made out of the collector's sight: Streamlit collects after every run of a page, which
    else looks at 700,000 objects for 0.6 s, most of the run's time.
    """
    alike = [node_id for node_id, count in Counter(item.nodeid for item in session.items).items() if count > 1]
    if alike:
        raise pytest.UsageError(f"Several tests have the same id, and only one of each would run: {', '.join(alike)}")
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder that holds `fer2013.zip` and `fer2013new.csv`; the test is skipped where there is none."""
    folder = _shared_data()
    if folder is None:
        pytest.skip("no real data: set FER_SHARED_DATA to a folder that holds fer2013.zip")
    return folder


def _read_fer2013(folder: Path, cache: Path) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_CACHE", str(cache))
        return read_dataset(folder / "fer2013.zip", ferplus=folder / "fer2013new.csv")


@pytest.fixture(scope="session")
def fer2013_cache(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the real images, decoded once for all of pytest's processes; for `FER_CACHE`."""
    return _made_once(tmp_path_factory, "fer2013", lambda cache: _read_fer2013(shared_data, cache))


@pytest.fixture(scope="session")
def fer2013(shared_data: Path, fer2013_cache: Path) -> Dataset:
    """The real data with FER+ votes."""
    return _read_fer2013(shared_data, fer2013_cache)


# A network of a few thousand weights, that learns enough from synthetic faces in seconds to tell them apart.
TINY = ("stem=8,8", "widths=8,16,32", "depths=1,1,1", "small_size=0", "batch_size=64", "degrade=0", "erasing=0")


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """For programs that need TensorFlow, in processes of their own."""
    process = Warm(tmp_path_factory.mktemp("warm"))
    yield process
    process.close()


@pytest.fixture(scope="session")
def fer_command(warm: Warm) -> Command:
    """`python -m fer …` as a user gives it, in a process of its own; `folder` takes its workspace, cache and models."""

    def run_fer(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        places = {f"FER_{place.upper()}": str(folder / place) for place in ("workspace", "cache", "models")} if folder else {}
        return warm.run("import sys; from fer.cli import main; sys.exit(main())", *arguments, environment=places)

    return run_fer


@pytest.fixture(scope="session")
def tiny_settings() -> dict[str, str]:
    """Overrides of the recipe `compact` that make it small enough to train within a test."""
    return dict(pair.split("=") for pair in TINY)


def _made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
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


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder with a workspace that holds the finished run `tiny`, made by the real commands; read it, do not change it."""

    def make(folder: Path) -> None:
        own = ("epochs=4", "learning_rate=0.1", "small_size=32", "small_share=0.3", "rejects=0.2")
        settings = [part for pair in (*TINY, *own) for part in ("--set", pair)]
        place = str(folder / "workspace" / "runs" / "tiny")
        fer = request.getfixturevalue("fer_command")  # here, so that only who makes it loads TensorFlow for it
        done = fer("train", "--recipe", "compact", "--data", "synthetic:1200:7", *settings, "--run", place, folder=folder)
        assert done.returncode == 0, done.stderr

    return _made_once(tmp_path_factory, "trained", make)


@pytest.fixture(scope="session")
def tiny_run(trained: Path) -> Path:
    """Folder of the finished run `tiny`: synthetic faces, votes, two heads."""
    return trained / "workspace" / "runs" / "tiny"


@pytest.fixture(scope="session")
def tiny_bundle(trained: Path, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Folder of the bundle `tiny`, made of that run by the real command."""

    def make(folder: Path) -> None:
        done = request.getfixturevalue("fer_command")("bundle", str(tiny_run), "tiny", folder=trained)
        assert done.returncode == 0, done.stderr

    _made_once(tmp_path_factory, "tiny-bundle", make)
    return trained / "models" / "tiny"
