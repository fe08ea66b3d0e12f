"""Who may call: the API key, the name that the server is called by, and web pages of other sites."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from fer.api.problems import Problem
from fer.api.settings import ApiSettings

_READING = ("GET", "HEAD", "OPTIONS")


class Cors(CORSMiddleware):
    """Starlette's answers to web pages of other sites, with ours to those that may not ask what they want to."""

    def preflight_response(self, request_headers: Headers) -> Response:
        origin = request_headers["origin"]
        if not self.is_allowed_origin(origin):
            raise _foreign(origin)
        answer = super().preflight_response(request_headers)
        if answer.status_code == HTTPStatus.OK:
            return answer
        allowed = f"Pages of other sites may use {', '.join(self.allow_methods)} and the headers {', '.join(self.allow_headers)}."
        headers = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        raise Problem("bad-request", allowed, headers=headers)


def require_access(request: Request, settings: ApiSettings) -> None:
    """Refuse who may not call.

    Raises:
        Problem: the key is missing or wrong; or it is a web page that may not call; or, where no key protects it, the server is
            called by a name that is not its own.
    """
    if request.method not in _READING:
        _require_origin(request, settings)
    if settings.key is None:
        _require_host(request, settings)
    elif not _is_key(_shown_key(request), settings.key):
        detail = "Show it as `Authorization: Bearer KEY` or `X-API-Key: KEY`."
        raise Problem("key-needed", detail, headers={"WWW-Authenticate": "Bearer"})


def _shown_key(request: Request) -> str:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def _is_key(shown: str, key: str) -> bool:
    # Of hashes, so that neither the letters nor their number can be told from the time it takes.
    return hmac.compare_digest(hashlib.sha256(shown.encode()).digest(), hashlib.sha256(key.encode()).digest())


def _require_origin(request: Request, settings: ApiSettings) -> None:
    """Browsers say which page a POST comes from, even one that needs no leave of ours (a form, or `no-cors`)."""
    origin = request.headers.get("origin")
    if origin is None or "*" in settings.origins or origin in settings.origins:
        return
    # Our own pages; a proxy before us may speak HTTPS, so that the scheme proves nothing.
    if origin.partition("://")[2] == request.headers.get("host"):
        return
    raise _foreign(origin)


def _foreign(origin: str) -> Problem:
    return Problem("foreign-origin", f"Pages of {origin} may not call. The owner allows it with FER_API_ORIGINS={origin}.")


def _require_host(request: Request, settings: ApiSettings) -> None:
    host = request.headers.get("host", "").lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if "*" in settings.hosts or name == "localhost" or name in settings.hosts or _is_address(name.strip("[]")):
        return
    detail = f"This server is not called {name!r}. The owner allows it with FER_API_HOSTS={name}, or sets a key."
    raise Problem("wrong-host", detail)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
