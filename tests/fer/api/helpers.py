"""What the tests of the API share: a client in this process, a server of its own, and a picture's file."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient

from fer.api import ApiSettings, Service, alone

REPOSITORY = Path(__file__).resolve().parents[3]
KEY = "correct-horse-battery-staple"


def encode(image: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    """A picture's file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


def logged(log: Path, **fields: Any) -> dict[str, Any]:
    """The line of a log with these fields: it is written after the answer, so that it is waited for."""
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        # LiteRT writes lines of its own, and the last one may be half there.
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        for line in (json.loads(line) for line in lines if line[0] == "{" and line[-1] == "\n"):
            if fields.items() <= line.items():
                return dict(line)
        time.sleep(0.05)
    raise AssertionError(f"no line with {fields} in {log}")


def client_of(**settings: Any) -> TestClient:
    """A client of a new API with these settings, with the Haar cascades: the best there is would depend on the machine."""
    return TestClient(alone(Service(ApiSettings(detector="haar", **settings))), base_url="http://localhost")


@dataclass(frozen=True)
class Served:
    """A server that answers.

    Args:
        url: of its root.
        process: the server.
        log: file with what it writes to stderr.
    """

    url: str
    process: subprocess.Popen[str]
    log: Path


@contextmanager
def serving(log: Path, *arguments: str, **variables: str) -> Iterator[Served]:
    """`python -m fer serve` on a free port, with further arguments and environment variables, until the block ends."""
    command = [sys.executable, "-m", "fer", "serve", "--port", "0", "--json", "--detector", "haar", *arguments]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    assert process.stdout
    try:
        said = process.stdout.readline()
        assert said, log.read_text()
        yield Served(json.loads(said)["url"], process, log)
    finally:
        process.kill()
        process.wait(15)
        process.stdout.close()
