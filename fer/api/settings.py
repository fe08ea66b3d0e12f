"""`ApiSettings`: all that can be set about the HTTP API, read from `FER_API_…` environment variables.

Both servers read it: the dashboard (`streamlit_app.py`) and `python -m fer serve`, whose options go before the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fer.errors import SettingsError
from fer.images import MAX_IMAGE_PIXELS

PREFIX = "FER_API_"
_KEY_FILE = "FER_API_KEY_FILE"
_MEGA = 10**6


@dataclass(frozen=True)
class ApiSettings:
    """What the API serves, to whom, and how much of it at once. `FER_API_` and a name in capitals is its environment variable.

    Args:
        model: name or folder of the bundle that answers where none is asked for; None for the default model.
        detector: the face detector where none is asked for.
        key: what a client has to show; None lets in whoever reaches the port. `FER_API_KEY_FILE` names a file that holds it.
        origins: web pages of other sites that may call, such as `https://example.org`; `*` is all of them.
        hosts: names that the server may be called by besides `localhost` and IP addresses; `*` is any. Without a key, requests to
            other names are refused: a page elsewhere could have its own name point here (DNS rebinding).
        workers: pictures that are read at the same time. Detector and network take one each, so that more than two wait for them.
        max_requests: that are being answered or wait; one more is told to come again later.
        max_images: in one request.
        max_upload_mb: of a request with pictures, in millions of bytes.
        max_megapixels: of a picture, before it is decoded.
        upload_seconds: in which a request with pictures has to arrive; one with a clip has more time, as it may be larger.
        max_clip_mb: of a request with a clip, in millions of bytes.
        max_clips: that are read at the same time.

    Raises:
        SettingsError: a value is out of range.
    """

    model: str | None = None
    detector: str = "auto"
    key: str | None = field(default=None, repr=False)
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    workers: int = 2
    max_requests: int = 64
    max_images: int = 32
    max_upload_mb: float = 32.0
    max_megapixels: float = MAX_IMAGE_PIXELS / _MEGA
    upload_seconds: float = 60.0
    max_clip_mb: float = 500.0
    max_clips: int = 1

    def __post_init__(self) -> None:
        for name in ("workers", "max_requests", "max_images", "max_clips"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{_variable(name)} is 1 or more. Received: {getattr(self, name)}")
        for name in ("max_upload_mb", "max_megapixels", "upload_seconds", "max_clip_mb"):
            if not getattr(self, name) > 0:
                raise SettingsError(f"{_variable(name)} is above 0. Received: {getattr(self, name)}")
        if self.max_megapixels * _MEGA > MAX_IMAGE_PIXELS:
            raise SettingsError(
                f"{_variable('max_megapixels')} is at most {MAX_IMAGE_PIXELS / _MEGA:g}. Received: {self.max_megapixels:g}"
            )
        # A header holds nothing else, so that such a key could never be shown.
        if self.key is not None and not re.fullmatch(r"[!-~]{16,}", self.key):
            raise SettingsError(
                "An API key is 16 or more letters, digits or signs, without spaces. `openssl rand -hex 24` makes one."
            )
        for origin in self.origins:
            if origin != "*" and not re.fullmatch(r"https?://[^/\s]+", origin):
                raise SettingsError(f"An origin is such as https://example.org, without a path. Received: {origin!r}")

    @property
    def max_upload_bytes(self) -> int:
        return int(self.max_upload_mb * _MEGA)

    @property
    def max_clip_bytes(self) -> int:
        return int(self.max_clip_mb * _MEGA)

    @property
    def max_pixels(self) -> int:
        return int(self.max_megapixels * _MEGA)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **overrides: Any) -> ApiSettings:
        """The settings that the environment gives.

        Args:
            environment: by default, that of this process.
            overrides: fields that go before it; what is None does not.

        Raises:
            SettingsError: a variable is unknown or its value makes no sense, or the file of the key cannot be read.
        """
        variables = {name: value for name, value in (environment or os.environ).items() if name.startswith(PREFIX) and value}
        chosen = {name: value for name, value in overrides.items() if value is not None}
        if (key_file := variables.pop(_KEY_FILE, None)) and "key" not in chosen:
            if _variable("key") in variables:
                raise SettingsError(f"{_variable('key')} and {_KEY_FILE} are two ways to set one key. Set one of them.")
            chosen["key"] = read_key(key_file)
        known = {_variable(setting.name): setting.name for setting in fields(cls)}
        for variable, text in variables.items():
            if variable not in known:
                raise SettingsError(f"Unknown environment variable {variable}. Known: {', '.join([*known, _KEY_FILE])}")
            chosen.setdefault(known[variable], _parse(variable, text, getattr(cls, known[variable])))
        return cls(**chosen)


def read_key(path: str | Path) -> str:
    """The API key in a file, without the line's end.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"Cannot read the API key from {path}: {getattr(error, 'strerror', None) or error}.") from error


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _parse(variable: str, text: str, default: object) -> object:
    """A variable's text as what its default is."""
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if not isinstance(default, int | float):
        return text
    try:
        return type(default)(text)
    except ValueError as error:
        what = "a whole number" if isinstance(default, int) else "a number"
        raise SettingsError(f"{variable} is {what}. Received: {text!r}") from error
