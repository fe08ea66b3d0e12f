"""Packages of somebody else's that read expressions, `fer` and `deepface`: they answer a dataset, where they are installed.

They are asked through their own public functions, on faces as they stand in the dataset, in a process of its own
(`package_worker.py`): they bring TensorFlow, and one of them has this project's name. The report is like any other.

Each is best installed in an environment of its own, `workspace/packages/<name>`: `fer` wants NumPy before 2, this project a later
one.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer.bundles import FORMAT, Bundle
from fer.data.dataset import Dataset
from fer.errors import BundleError, SettingsError
from fer.evaluation import Report, evaluate
from fer.foreign.adapter import PACKAGES
from fer.labels import LabelSet
from fer.preprocessing import Preprocessing
from fer.training.prepare import LABELS_HEAD
from fer.workspace import workspace_dir

# Faces are enlarged to this side, so that the ten pixels that `fer` adds around a face are few of many.
_SIZE = 224
_WORKER = Path(__file__).with_name("package_worker.py")
# In an environment, by system: packages, and what runs Python.
_SITE_PACKAGES = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
_PYTHON = "Scripts/python.exe" if os.name == "nt" else "bin/python"


def installed_packages() -> dict[str, str]:
    """Those that are installed, in an environment of their own or in this one, with their versions; nothing is imported."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        sites = map(str, _environment_of(name).glob(_SITE_PACKAGES))
        own = next(iter(metadata.distributions(name=name, path=list(sites))), None)
        try:
            found[name] = own.version if own else metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def evaluate_package(
    name: str,
    dataset: Dataset,
    *,
    split: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Report:
    """Let an installed package answer a dataset.

    Args:
        name: of `PACKAGES`.
        dataset, split, progress: as of `evaluate`.

    Raises:
        SettingsError: it is not installed.
        BundleError: it cannot be started, or fails on the way; the text is what it said.
        DataError, LabelError: as of `evaluate`.
    """
    versions = installed_packages()
    if name not in versions:
        there = ", ".join(versions) or "none of them"
        raise SettingsError(
            f"The package {name!r} is not installed here. Known: {', '.join(PACKAGES)}; installed: {there}. Give it an "
            f"environment of its own: `python -m venv {_environment_of(name)}`, and `pip install {name}` with the pip in there."
        )
    with _opened(name) as package:
        card = {
            "format": FORMAT,
            "origin": {"package": name, "version": versions[name]},
            "heads": [{"name": LABELS_HEAD, "labels": list(package.label_set), "temperature": 1.0}],
            "default_head": LABELS_HEAD,
            "preprocessing": Preprocessing(size=_SIZE, channels=3).as_dict(),
        }
        # It has no files here: what is asked of its bundle is what it answers, and how pictures are given to it.
        bundle = Bundle(Path(f"{name} {versions[name]}"), card, f"package {name} {versions[name]}")
        return evaluate(bundle, dataset, split=split, progress=progress, classifier=package)


@dataclass(frozen=True, eq=False)
class PackageClassifier:
    """A package that waits for faces; see `fer.inference.classifier.Answering`."""

    label_set: LabelSet
    worker: subprocess.Popen[bytes]

    def predict_heads(self, batch: NDArray[np.uint8], heads: Iterable[str | None]) -> dict[str, NDArray[np.float32]]:
        """Probabilities float32 (N, K) for faces uint8 (N, H, W, 3), under the name of each head asked for."""
        assert self.worker.stdin is not None
        assert self.worker.stdout is not None
        self.worker.stdin.write(json.dumps(batch.shape).encode() + b"\n" + batch.tobytes())
        self.worker.stdin.flush()
        shape = (len(batch), len(self.label_set))
        content = self.worker.stdout.read(4 * math.prod(shape))
        if len(content) < 4 * math.prod(shape):
            raise BrokenPipeError
        y_prob = np.frombuffer(content, np.float32).reshape(shape)
        return {str(head): y_prob for head in heads}

    def predict_inputs(self, model_input: NDArray[np.float32], head: str | None = None) -> NDArray[np.float32]:
        """Not to be had: a package scales pictures by itself.

        Raises:
            BundleError: always.
        """
        raise BundleError("A package is given pictures, and scales them by itself.")


@contextmanager
def _opened(name: str) -> Iterator[PackageClassifier]:
    python = _environment_of(name) / _PYTHON
    # Into a file: a pipe that nobody reads fills up, and what fills it waits.
    with tempfile.TemporaryFile() as said:
        # A path that leads to this project would let `import fer` find it.
        worker = subprocess.Popen(
            [str(python if python.is_file() else sys.executable), str(_WORKER), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=_environment(),
        )
        with worker:
            try:
                assert worker.stdout is not None
                greeting = worker.stdout.readline()
                if not greeting:
                    raise BrokenPipeError
                yield PackageClassifier(LabelSet(tuple(json.loads(greeting))), worker)
            except BrokenPipeError as error:
                worker.wait()
                said.seek(0)
                lines = said.read().decode("utf-8", errors="replace").strip().splitlines() or ["nothing"]
                raise BundleError(f"The package {name!r} cannot answer. It said: {lines[-1][:600]}") from error
            finally:
                worker.kill()


def _environment_of(name: str) -> Path:
    """Where a package's own environment is, if it has one."""
    return workspace_dir() / "packages" / name


def _environment() -> Mapping[str, str]:
    ours = Path(__file__).resolve().parents[2]
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and Path(path).resolve() != ours]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}
