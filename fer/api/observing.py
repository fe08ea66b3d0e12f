"""`Observed`: the outermost layer of the API. Every request gets an id, a line in the log and its place in the metrics."""

from __future__ import annotations

import asyncio
import re
import uuid
from contextlib import suppress
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fer.api.log import LOGGER
from fer.api.metrics import ApiMetrics
from fer.api.problems import Problem, problem_response

REQUEST_ID = "X-Request-ID"
_CLIENT_GONE = 499  # as nginx logs it: nobody was there to be answered
# A refused client is still sending. Closing on it would take the answer away from it, so that it is heard out, within limits.
_HEAR_OUT_BYTES = 64 * 10**6
_HEAR_OUT_S = 5
_HAD_ITS_TIME = 408


class Observed:
    """ASGI middleware; also the last resort for what nothing else has caught."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        with self._metrics.in_progress.track_inprogress():
            try:
                await self.app(scope, exchange.receive, exchange.send)
            except ClientDisconnect:
                exchange.status = exchange.status or _CLIENT_GONE
            except Problem as refusal:  # of a layer between this one and the endpoints
                await problem_response(refusal, exchange.request_id)(scope, receive, exchange.send)
            except Exception:
                LOGGER.exception("defect", extra={"fields": {"request_id": exchange.request_id}})
                if exchange.status:
                    raise  # the answer has begun: the server can only break off
                problem = Problem("defect", "This is a mistake of ours. The server's log says more, under the request's id.")
                await problem_response(problem, exchange.request_id)(scope, receive, exchange.send)
            finally:
                self._write_down(scope, exchange)

    def _write_down(self, scope: Scope, exchange: _Exchange) -> None:
        route = scope.get("route")
        name = route.name if isinstance(route, Route) else "none"
        seconds = perf_counter() - exchange.started
        self._metrics.answered(name, scope["method"], exchange.status, seconds)
        fields = {
            "request_id": exchange.request_id,
            "client": scope["client"][0] if scope.get("client") else None,
            "method": scope["method"],
            "path": scope["path"],
            "route": name,
            "status": exchange.status,
            "milliseconds": round(1000 * seconds, 1),
            "bytes_in": exchange.bytes_in,
            "bytes_out": exchange.bytes_out,
        }
        LOGGER.info("request", extra={"fields": fields})


class _Exchange:
    """One request and its answer, as they pass."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        self._receive = receive
        self._send = send
        # Whoever waits for a word before sending the body has not begun, and will not.
        self._is_sending = headers.get("expect", "").lower() != "100-continue"
        self._body_ended = False
        self.request_id = _request_id(headers.get(REQUEST_ID))
        self.started = perf_counter()
        self.status = 0
        self.bytes_in = 0
        self.bytes_out = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._is_sending = True
        self._body_ended = self._body_ended or not message.get("more_body", False)
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = self.request_id
            # What it says of people's faces stays out of caches, and no browser takes it for a page.
            headers["Cache-Control"], headers["X-Content-Type-Options"] = "no-store", "nosniff"
            if self.status >= 400 and self.status != _HAD_ITS_TIME:
                await self._hear_out()
        self.bytes_out += len(message.get("body", b""))
        await self._send(message)

    async def _hear_out(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_HEAR_OUT_S):
                while self._is_sending and not self._body_ended and self.bytes_in < _HEAR_OUT_BYTES:
                    await self.receive()


def _request_id(given: str | None) -> str:
    """The client's id, where it is one that a log can take; else a new one."""
    return given if given and re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else uuid.uuid4().hex
