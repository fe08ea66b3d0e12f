"""A multipart form as it arrives: refused where it is too large or too slow, before all of it is here, and handed on whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.types import Message

from fer.api.problems import Problem

# An option is a name or a number.
_MAX_OPTION_BYTES = 1000
_MAX_OPTIONS = 20
# Room for a closing boundary (of 70 characters at most, RFC 2046) and a few words after it.
_TAIL_BYTES = 256
_MEGA = 10**6


@dataclass(frozen=True)
class UploadedFile:
    """A file of a form; large ones lie on the disk until the form is closed.

    Args:
        name: as the client calls it; "" where it does not.
        file: its bytes, from the beginning.
    """

    name: str
    file: IO[bytes]


@dataclass(frozen=True)
class UploadedForm:
    """Files of one field, and options."""

    files: tuple[UploadedFile, ...]
    options: dict[str, str]


@asynccontextmanager
async def read_form(
    request: Request, field: str, *, max_bytes: int, max_files: int, seconds: float
) -> AsyncIterator[UploadedForm]:
    """The form of a request; its files are gone when the block ends.

    Args:
        request: options may stand in its query as well.
        field: name of the files' field.
        max_bytes: of the whole body.
        max_files: in that field.
        seconds: in which the body has to arrive.

    Raises:
        Problem: it is no such form, too large or too slow, without a file, or cut short.
    """
    body = _CappedBody(request, max_bytes, _boundary(request))
    capped = Request(request.scope, body.receive)
    try:
        async with asyncio.timeout(seconds):
            form = await capped.form(max_files=max_files, max_fields=_MAX_OPTIONS, max_part_size=_MAX_OPTION_BYTES)
    except TimeoutError as error:
        raise Problem("too-slow", f"The form did not arrive within {seconds:g} seconds. Send less at once.") from error
    try:
        yield _sorted(request.query_params.multi_items(), form.multi_items(), field)
    finally:
        await form.close()


def _sorted(query: list[tuple[str, str]], parts: list[tuple[str, UploadFile | str]], field: str) -> UploadedForm:
    """The parts of a form by what they are."""
    files: list[UploadedFile] = []
    options: dict[str, str] = {}
    for name, value in [*query, *parts]:
        if isinstance(value, UploadFile):
            if name != field:
                raise Problem("bad-option", f"Files belong into the field {field!r}. Received one in {name!r}.")
            files.append(UploadedFile(value.filename or "", value.file))
        elif name == field:
            raise Problem("bad-option", f"The field {field!r} takes files: its part needs a file name. Received text.")
        elif name in options:
            raise Problem("bad-option", f"The option {name!r} is given twice. Give it once.")
        else:
            options[name] = value
    if not files:
        raise Problem("bad-option", f"There is no file in the field {field!r}. Send one, as in: curl -F {field}=@FILE …")
    return UploadedForm(tuple(files), options)


def _boundary(request: Request) -> bytes:
    content_type = request.headers.get("content-type", "")
    kind, parameters = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise Problem("not-multipart", f"Send a form of the type multipart/form-data. Received: {content_type or 'no type'}")
    if not (boundary := parameters.get(b"boundary")):
        raise Problem("bad-request", "The content type multipart/form-data comes with a boundary. There is none.")
    return boundary


class _CappedBody:
    """A form's body that is counted while it arrives, and has to end as a form does."""

    def __init__(self, request: Request, max_bytes: int, boundary: bytes) -> None:
        self._request = request
        self._max_bytes = max_bytes
        self._end = b"--" + boundary + b"--"
        self._bytes = 0
        self._tail = b""
        announced = request.headers.get("content-length", "")
        if announced.isdecimal():
            self._require_within(int(announced))

    async def receive(self) -> Message:
        message = await self._request.receive()
        chunk: bytes = message.get("body", b"")
        self._bytes += len(chunk)
        self._require_within(self._bytes)
        self._tail = (self._tail + chunk[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        # The parser would take what it has got for the whole, and leave out the last file without a word.
        if message["type"] == "http.request" and not message.get("more_body", False) and self._end not in self._tail:
            raise Problem("bad-request", "The form was cut short: its closing boundary is missing. Send it again.")
        return message

    def _require_within(self, size: int) -> None:
        if size > self._max_bytes:
            raise Problem("too-large", f"A request holds at most {self._max_bytes / _MEGA:g} MB. Send fewer or smaller files.")
