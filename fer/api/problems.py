"""What the API answers when it cannot answer: problem details (RFC 9457), of a few kinds that are listed here.

The one place where a `FerError` becomes words for the API's clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from fer.errors import BundleError, DetectionError, FerError, RunError

# kind: status, title
KINDS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request cannot be read"),
    "key-needed": (401, "An API key is needed"),
    "foreign-origin": (403, "Web pages of this origin may not call"),
    "not-found": (404, "There is no such thing here"),
    "method-not-allowed": (405, "This address does not take this method"),
    "too-slow": (408, "The request took too long to arrive"),
    "conflict": (409, "Not possible in its present state"),
    "too-large": (413, "The request is too large"),
    "not-multipart": (415, "The request is no multipart form"),
    "wrong-host": (421, "The server is not called by this name"),
    "bad-image": (422, "A picture cannot be read"),
    "bad-clip": (422, "A clip cannot be read"),
    "bad-option": (422, "An option makes no sense"),
    "busy": (429, "Too many requests at once"),
    "defect": (500, "Something went wrong in the server"),
    "unavailable": (503, "The model or the face detector cannot be used"),
    "not-ready": (503, "The face detector is not ready yet"),
}
# What Starlette raises itself, by its status.
_OF_STATUS = {404: "not-found", 405: "method-not-allowed"}
_OF_ERROR: tuple[tuple[type[FerError], str], ...] = (
    (BundleError, "unavailable"),
    (DetectionError, "unavailable"),
    (RunError, "conflict"),
)


class Problem(Exception):
    """Why a request is not answered as asked.

    Args:
        kind: one of `KINDS`.
        detail: what was expected, what came, and what to do.
        headers: of the answer.
    """

    def __init__(self, kind: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers

    def as_dict(self) -> dict[str, Any]:
        """The members that RFC 9457 names; `type` is relative to the docs page, which lists the kinds."""
        status, title = KINDS[self.kind]
        return {"type": f"/api/docs#{self.kind}", "title": title, "status": status, "detail": self.detail}


def problem_response(problem: Problem, request_id: str) -> JSONResponse:
    """The answer to a request that met a problem."""
    content = {**problem.as_dict(), "request_id": request_id}
    return JSONResponse(content, content["status"], problem.headers, media_type="application/problem+json")


def answer_problem(request: Request, error: Exception) -> JSONResponse:
    """Starlette's exception handler for `Problem`, `FerError` and its own `HTTPException`."""
    return problem_response(as_problem(error), request.state.request_id)


def as_problem(error: Exception) -> Problem:
    """An expected failure as a problem."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        kind = _OF_STATUS.get(error.status_code, "bad-request")
        phrase = HTTPStatus(error.status_code).phrase
        detail = error.detail if error.detail != phrase else "See /api/docs for what there is."
        return Problem(kind, detail, headers=error.headers)
    kind = next((kind for raised, kind in _OF_ERROR if isinstance(error, raised)), "bad-option")
    return Problem(kind, str(error))
