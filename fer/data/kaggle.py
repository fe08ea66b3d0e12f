"""Datasets from Kaggle by name, through Kaggle's own client; public ones need no account."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path

from fer.errors import DataError

_EVERY_S = 1.0


def download(name: str, report: Callable[[str, float], None]) -> Path:
    """Fetch a dataset, or find it where an earlier fetch has left it.

    Args:
        name: `owner/name`, as in the address of its page, or `owner/name/versions/3`.
        report: called with what is being done, such as how much has come, and the fraction done: 0 until all has, for the client
            does not say how much there will be. On a terminal it draws a bar of its own.

    Returns:
        the folder with the dataset's files, unpacked by the client in its own cache.

    Raises:
        DataError: the name is malformed, there is no such dataset, or Kaggle cannot be reached.
    """
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(/versions/\d+)?", name, re.ASCII):
        raise DataError(f"Expected kaggle:owner/name, such as kaggle:msambare/fer2013. Received: {'kaggle:' + name!r}")
    report(f"Downloading {name} from Kaggle", 0.0)
    try:
        folder = _fetched(name, report)
    # The client raises errors of its own, of requests and of the disk; each means that there are no data.
    except Exception as error:
        raise DataError(
            f"Cannot download {name!r} from Kaggle: {_reason(error)}. Or download the ZIP in a browser and give its path."
        ) from error
    report(f"Downloading {name} from Kaggle", 1.0)
    return folder


def _fetched(name: str, report: Callable[[str, float], None]) -> Path:
    """Let the client download in a thread, and say how much has come meanwhile.

    A daemon, so that who loses patience need not wait for its end; the client goes on where it stopped.
    """
    import kagglehub
    from kagglehub.config import get_cache_folder

    answer: Future[str] = Future()

    def fetch() -> None:
        try:
            answer.set_result(kagglehub.dataset_download(name))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=fetch, name="kaggle", daemon=True).start()
    place = Path(get_cache_folder(), "datasets", *name.split("/")[:2])
    while not wait([answer], timeout=_EVERY_S).done:
        report(f"Downloading {name} from Kaggle, {_size(place) / 2**20:.0f} MB so far", 0.0)
    return Path(answer.result())


def _size(folder: Path) -> int:
    """Bytes of all files below a folder, which may change meanwhile."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size
        except OSError:
            continue
    return total


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403, 404):
        return "there is no public dataset of that name (private ones need Kaggle's API token). Check the name"
    if isinstance(error, OSError) and error.errno is None and status is None:  # what requests raises without an answer
        return "it cannot be reached. Check the connection"
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no reason given'}"
