"""Datasets from Kaggle by name, through Kaggle's own client; public ones need no account."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from fer.errors import DataError


def download(name: str, report: Callable[[str, float], None]) -> Path:
    """Fetch a dataset, or find it where an earlier fetch has left it.

    Args:
        name: `owner/name`, as in the address of its page, or `owner/name/versions/3`.
        report: called with what is being done and the fraction done; the client draws its own bar on a terminal.

    Returns:
        the folder with the dataset's files, unpacked by the client in its own cache.

    Raises:
        DataError: the name is malformed, there is no such dataset, or Kaggle cannot be reached.
    """
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(/versions/\d+)?", name, re.ASCII):
        raise DataError(f"Expected kaggle:owner/name, such as kaggle:msambare/fer2013. Received: {'kaggle:' + name!r}")
    import kagglehub

    report(f"Downloading {name} from Kaggle", 0.0)
    try:
        folder = Path(kagglehub.dataset_download(name))
    # The client raises errors of its own, of requests and of the disk; each means that there are no data.
    except Exception as error:
        raise DataError(
            f"Cannot download {name!r} from Kaggle: {_reason(error)}. Or download the ZIP in a browser and give its path."
        ) from error
    report(f"Downloading {name} from Kaggle", 1.0)
    return folder


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403, 404):
        return "there is no public dataset of that name (private ones need Kaggle's API token). Check the name"
    if isinstance(error, OSError) and error.errno is None and status is None:  # what requests raises without an answer
        return "it cannot be reached. Check the connection"
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no reason given'}"
