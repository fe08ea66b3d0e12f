"""Python programs in processes of their own that need not import TensorFlow: forked from one that has, once for all tests.

The import takes longer than what most tests do with it: some six seconds of processor time. Whatever a program does to itself (it
changes its environment, is killed, fills its memory) ends with it, as in a process that was started.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent

# Reads a line of JSON, answers with the number of the process that it has forked for it, and when that ended with how. What the
# command line itself needs is imported as well; the rest each program imports, as ever.
_SERVER = """
import json, os, sys, traceback
import keras, tensorflow
import fer.cli
print("ready", flush=True)
for line in sys.stdin:
    task = json.loads(line)
    pid = os.fork()
    if not pid:
        code = 1
        try:
            for number, path in enumerate((os.devnull, task["out"], task["err"])):
                os.dup2(os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND), number)
            os.environ.clear()
            os.environ.update(task["environment"])
            sys.argv = ["-c", *task["arguments"]]
            exec(task["code"], {"__name__": "__main__"})
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


class Warm:
    """A process with TensorFlow loaded, and what it forks: one program at a time."""

    def __init__(self, folder: Path) -> None:
        """Args: folder: takes what the programs print."""
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            cwd=REPOSITORY,
            env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._answer() == "ready"

    def begin(self, code: str, *arguments: str, out: Path, err: Path, environment: Mapping[str, str] | None = None) -> int:
        """Fork a process that runs a program; returns its number.

        Args:
            code: as after `python -c`.
            arguments: as they stand after it.
            out, err: files to which it appends what it prints.
            environment: variables beside those of this process.
        """
        task: dict[str, Any] = {"code": code, "arguments": arguments, "out": str(out), "err": str(err)}
        task["environment"] = {**os.environ, **(environment or {})}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return int(self._answer())

    def end(self) -> int:
        """Wait for it; returns its exit code, or minus the signal that ended it."""
        return os.waitstatus_to_exitcode(int(self._answer()))

    def run(self, code: str, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run([python, "-c", code, *arguments], capture_output=True, text=True)`."""
        out, err = self._folder / "out", self._folder / "err"
        for path in (out, err):
            path.write_bytes(b"")
        self.begin(code, *arguments, out=out, err=err, environment=environment)
        return subprocess.CompletedProcess(arguments, self.end(), *(path.read_text(encoding="utf-8") for path in (out, err)))

    def close(self) -> None:
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()
