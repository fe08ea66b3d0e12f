"""The set-up that `make` does: bounds, pins and installed versions agree, and a second run has nothing to do."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
APP, DEV = REPOSITORY / "requirements.txt", REPOSITORY / "requirements-dev.txt"
APP_LOCK, DEV_LOCK = REPOSITORY / "requirements-lock.txt", REPOSITORY / "requirements-dev-lock.txt"
MAKEFILE = REPOSITORY / "Makefile"

# Where the package that is imported is not named after the distribution that is installed.
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn"}
# Come with Streamlit, streamlit-webrtc, kagglehub, mtcnn, scikit-learn and Optuna, which choose their versions; used beside them.
COME_ALONG = {"requests", "starlette", "uvicorn", "altair", "aiortc", "av", "aioice", "pylibsrtp", "joblib", "threadpoolctl"} | {
    "sqlalchemy"
}
# Asked for only where Keras computes with it, so it is there.
CHOSEN_BACKENDS = {"jax"}
# Asked for only where the user has installed them, to be compared with.
OTHERS = {"deepface"}

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def requirements(path: Path) -> dict[str, Requirement]:
    """Requirements of a file by canonical name; comments and `-r` lines left out."""
    lines = (re.split(r"(?:^|\s)#", line)[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    parsed = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def version(pin: Requirement) -> str:
    """The version of an exact pin."""
    (specifier,) = pin.specifier
    assert specifier.operator == "==", pin
    return specifier.version


def repository_files() -> Iterator[Path]:
    """Files that belong to the repository: everything but what tools and users leave there."""
    left_there = {
        ".git",
        ".venv",
        "workspace",
        "__pycache__",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".ipynb_checkpoints",
        ".hypothesis",
    }
    for folder, folders, names in os.walk(REPOSITORY):
        folders[:] = [name for name in folders if name not in left_there and not name.endswith("_cache")]
        yield from (Path(folder, name) for name in names)


@pytest.mark.parametrize(("bounds", "lock"), [(APP, APP_LOCK), (DEV, DEV_LOCK)], ids=["app", "dev"])
def test_lock_satisfies_the_bounds(bounds: Path, lock: Path) -> None:
    pins = requirements(lock)
    for name, requirement in requirements(bounds).items():
        assert name in pins, f"{name} is not pinned: make lock"
        assert requirement.specifier.contains(version(pins[name])), f"{pins[name]} is outside {requirement}: make lock"


def test_dev_lock_holds_the_pins_of_the_app() -> None:
    # A test on other versions than the user's proves little.
    dev = requirements(DEV_LOCK)
    assert {name: str(dev.get(name)) for name in requirements(APP_LOCK)} == {n: str(p) for n, p in requirements(APP_LOCK).items()}


@pytest.mark.parametrize("path", [APP, DEV], ids=["app", "dev"])
def test_requirements_each_have_a_lower_bound(path: Path) -> None:
    for requirement in requirements(path).values():
        assert {specifier.operator for specifier in requirement.specifier} & {">=", "=="}, f"{requirement} takes any old version"


def test_requirements_hold_what_is_known_to_matter() -> None:
    app = requirements(APP)
    assert not app["opencv-python-headless"].specifier.contains("5.0.0")  # dropped CascadeClassifier and the cascades
    assert str(app["streamlit-webrtc"].specifier) == "==0.79.0"  # its start/stop race is mended by name


def test_installed_versions_are_the_pinned_ones() -> None:
    if not sys.prefix.startswith(str(REPOSITORY)):
        pytest.skip("not the .venv that make keeps")
    for name, pin in requirements(DEV_LOCK).items():
        if name not in {"setuptools", "wheel"} and (pin.marker is None or pin.marker.evaluate()):
            assert metadata.version(name) == version(pin), f"{name}: make test installs the pinned version"


@pytest.mark.parametrize("lock", [APP_LOCK, DEV_LOCK], ids=["app", "dev"])
def test_lock_covers_linux_macos_and_windows(lock: Path) -> None:
    # watchdog is used everywhere but on macOS, colorama only on Windows: a lock made for one system would lose one of them.
    pins = requirements(lock)
    assert "darwin" in str(pins["watchdog"].marker)
    assert "win32" in str(pins["colorama"].marker)


def imported(folders: list[str]) -> set[str]:
    """Top-level names that the Python files under some folders import from outside the repository and the standard library."""
    ours = {path.stem for path in REPOSITORY.iterdir()}
    paths = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    names: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - ours - sys.stdlib_module_names


def test_imports_are_declared() -> None:
    app = set(requirements(APP))
    used = {canonicalize_name(DISTRIBUTIONS.get(name, name)) for name in imported(["fer", "ui", "pages"])}
    assert used - app - COME_ALONG - CHOSEN_BACKENDS - OTHERS == set()
    used = {canonicalize_name(DISTRIBUTIONS.get(name, name)) for name in imported(["tests", "tools", "benchmarks"])}
    assert used - app - set(requirements(DEV)) - COME_ALONG == set()


def test_repository_names_no_registry() -> None:
    # People install through mirrors; a host written down here would go round theirs. Put together so as not to find itself.
    names = ("pypi org", "pythonhosted org", "anaconda org", "npmjs com", "npmjs org")
    hosts = [name.replace(" ", ".") for name in names]
    found = []
    for path in repository_files():
        content = path.read_bytes()
        found += [f"{path.relative_to(REPOSITORY)}: {host}" for host in hosts if host.encode() in content]
    assert found == []


def test_requirements_set_no_index() -> None:
    option = re.compile(r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links)\b|://", re.MULTILINE)
    for path in (APP, DEV, APP_LOCK, DEV_LOCK):
        assert not option.search(path.read_text(encoding="utf-8")), path


# --- make -----------------------------------------------------------------------------------------------------------------


def make(folder: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run make on a copy of the Makefile and the locks in a folder."""
    for source in (MAKEFILE, APP_LOCK, DEV_LOCK):
        if not (folder / source.name).exists():
            shutil.copy(source, folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "FER_"))}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=environment | {"PATH": path or os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
    )


def script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def path_without_python(folder: Path) -> str:
    """A PATH with the system's tools but none of its Pythons: links to the tools that the Makefile calls."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("sh", "cat", "cksum", "head", "rm", "touch", "uname", "awk", "make", "env"):
        if (found := shutil.which(name)) and not (tools / name).exists():
            (tools / name).symlink_to(found)
    return str(tools)


@needs_make
@pytest.mark.parametrize("target", ["app", "test"])
def test_make_second_run_installs_nothing(tmp_path: Path, target: str) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    first = make(tmp_path, "-n", target).stdout
    assert "pip install" in first
    # What the first run leaves when its installation has succeeded
    (touched,) = re.findall(r"^touch (.*)$", first, re.MULTILINE)
    for name in touched.split():
        (tmp_path / name).touch()
    assert "pip install" not in make(tmp_path, "-n", target).stdout
    # Dates do not matter, content does
    os.utime(tmp_path / APP_LOCK.name)
    assert "pip install" not in make(tmp_path, "-n", target).stdout
    with (tmp_path / APP_LOCK.name).open("a", encoding="utf-8") as lock:
        lock.write("another==1.0\n")
    assert "pip install" in make(tmp_path, "-n", target).stdout


@needs_make
def test_make_test_leaves_nothing_to_install_for_app(tmp_path: Path) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    (touched,) = re.findall(r"^touch (.*)$", make(tmp_path, "-n", "test").stdout, re.MULTILINE)
    for name in touched.split():
        (tmp_path / name).touch()
    assert "pip install" not in make(tmp_path, "-n", "app").stdout


@needs_make
def test_make_refuses_a_python_that_tensorflow_does_not_know(tmp_path: Path) -> None:
    tools = path_without_python(tmp_path)
    script(tmp_path / "tools/python3", 'case "$1" in --version) echo Python 3.14.2;; *) exit 1;; esac')
    done = make(tmp_path, "app", path=tools)
    assert done.returncode == 2
    assert "TensorFlow 2.21 runs on no other" in done.stderr
    assert "Python 3.14.2" in done.stderr
    assert not (tmp_path / ".venv").exists()


@needs_make
def test_make_passes_over_a_shim_that_does_not_answer(tmp_path: Path) -> None:
    tools = path_without_python(tmp_path)
    script(tmp_path / "tools/python3.13", "echo 'python3.13: command not found' >&2; exit 127")
    # Stands for an interpreter that works: makes the folder that `python -m venv` would make.
    script(
        tmp_path / "tools/python3.12",
        f'[ "$2" = venv ] || exec {sys.executable} "$@"\n{shutil.which("mkdir")} -p .venv/bin && touch .venv/bin/python',
    )
    done = make(tmp_path, ".venv/bin/python", path=tools)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".venv/bin/python").exists()


@needs_make
def test_make_says_so_when_venv_is_missing(tmp_path: Path) -> None:
    tools = path_without_python(tmp_path)
    script(tmp_path / "tools/python3.11", f'if [ "$2" = venv ]; then exit 1; else exec {sys.executable} "$@"; fi')
    done = make(tmp_path, "app", path=tools)
    assert done.returncode == 2
    assert "python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()


@needs_make
def test_make_without_chromium_goes_on_and_says_so(tmp_path: Path) -> None:
    tools = path_without_python(tmp_path)
    script(tmp_path / "tools/id", "echo 1000")  # no root, and no sudo on this PATH
    done = make(tmp_path, "chromium", path=tools)
    assert done.returncode == 0
    assert "browser tests will be skipped" in done.stderr


@needs_make
def test_make_as_root_installs_chromium(tmp_path: Path) -> None:
    tools = path_without_python(tmp_path)
    script(tmp_path / "tools/id", "echo 0")
    script(tmp_path / "tools/apt-get", f'echo "$@" >> {tmp_path}/calls')
    assert make(tmp_path, "chromium", path=tools).returncode == 0
    update, install = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert update.split()[0] == "update"
    assert {"install", "chromium", "fonts-noto-color-emoji"} <= set(install.split())


@needs_make
def test_make_help_lists_the_targets() -> None:
    listed = make_help_names()
    assert {"app", "test", "check", "lock", "screenshots", "clean"} <= listed


def make_help_names() -> set[str]:
    done = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=30)
    return set(re.findall(r"^make (\w+)", done.stdout, re.MULTILINE))
