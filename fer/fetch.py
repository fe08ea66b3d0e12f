"""`fetch`: a file from the web, kept only if it is the one expected.

Weights that others trained are never part of the repository: the user's own machine gets them once, and checks their hash.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from fer.errors import FetchError
from fer.files import replacing

_BLOCK_BYTES = 65_536
_TIMEOUT_S = 30


def is_file_expected(path: Path, digest: str) -> bool:
    """Whether a file is there and has the content expected.

    Args:
        path: any.
        digest: `sha256:…` or `md5:…`, in hexadecimal digits.
    """
    algorithm, _, expected = digest.partition(":")
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == expected


def fetch(
    url: str, target: Path, *, digest: str, size: int, what: str, progress: Callable[[str, float], None] | None = None
) -> Path:
    """Download a file, unless it is there already.

    Args:
        url: where it comes from.
        target: where it goes; its folder is made.
        digest: of its content, `sha256:…` or `md5:…`.
        size: its bytes, for the progress; twice as many are refused while they come.
        what: how messages call it, e.g. `YuNet`.
        progress: called with a few words and the share done, 0…1.

    Returns:
        `target`.

    Raises:
        FetchError: no connection, another content than expected, or nowhere to write it. Nothing is left behind then.
    """
    if is_file_expected(target, digest):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as beside:
            _download(url, beside, size, what, progress or (lambda words, share: None))
            if not is_file_expected(beside, digest):
                raise FetchError(
                    f"{url} gave another file than expected (its {digest.partition(':')[0]} differs). It was not kept."
                )
    except OSError as error:
        raise FetchError(f"{what} cannot be written to {target}: {error.strerror or error}.") from error
    return target


def _download(url: str, path: Path, size: int, what: str, progress: Callable[[str, float], None]) -> None:
    with path.open("wb") as file:
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:
                done = 0
                while done <= 2 * size and (block := response.read(_BLOCK_BYTES)):
                    done += file.write(block)
                    progress(f"Fetching {what}", min(1.0, done / size))
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise FetchError(f"{what} could not be fetched from {url} ({reason}).") from error
