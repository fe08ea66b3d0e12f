"""The API as an ASGI app: alone (`alone`), or as routes of the dashboard's server (`dashboard_routes`)."""

from __future__ import annotations

import functools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from fer.api import clips, endpoints
from fer.api.access import Cors, require_access
from fer.api.observing import REQUEST_ID, Observed
from fer.api.problems import Problem, answer_problem
from fer.api.service import Service, service_of
from fer.errors import FerError

_Endpoint = Callable[[Request], Awaitable[Response]]


def alone(service: Service) -> Starlette:
    """An app that is nothing but the API; `/` leads to its docs page."""
    return _app(service, [Route("/", _to_docs), Mount("/api", routes=_api_routes()), _emotion_route()])


def dashboard_routes(service: Service) -> list[BaseRoute]:
    """What `st.App(routes=…)` takes. Mounted whole, so that what is unknown under `/api` is answered there, not by a page."""
    # `POST` alone: at the same address, a browser gets the page Predict.
    emotion = Route("/predict", _app(service, [_emotion_route()]), methods=["POST", "OPTIONS"], name="predict_emotion")
    return [Route("/api", _to_docs), Mount("/api", _app(service, _api_routes())), emotion]


def warming(service: Service) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """A lifespan that loads the default model beside the start of a server, which does not wait for it."""

    def warm_up() -> None:
        with suppress(FerError):  # a server without a model has pages to show; `/api/health` says why it has no answers
            service.warm_up()

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        threading.Thread(target=warm_up, name="fer-api-warm-up", daemon=True).start()
        yield
        service.close()

    return lifespan


def _app(service: Service, routes: Sequence[BaseRoute]) -> Starlette:
    cors = Middleware(
        Cors,
        allow_origins=service.settings.origins,
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=("Authorization", "X-API-Key", REQUEST_ID),
        expose_headers=(REQUEST_ID, "Retry-After", "Location"),
    )
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Observed, metrics=service.metrics), cors],
        exception_handlers=dict.fromkeys((Problem, FerError, HTTPException), answer_problem),
    )
    app.state.service = service
    return app


def _api_routes() -> list[BaseRoute]:
    return [
        Route("/predict", _guarded(endpoints.predict), methods=["POST"], name="predict"),
        _by_method("/clips", "clips", GET=clips.list_clips, POST=clips.create_clip),
        _by_method("/clips/{id}", "clip", GET=clips.clip, DELETE=clips.delete_clip),
        Route("/clips/{id}/timeline.{kind}", _guarded(clips.clip_timeline), name="clip_timeline"),
        Route("/models", _guarded(endpoints.models), name="models"),
        Route("/metrics", _guarded(endpoints.metrics), name="metrics"),
        Route("/health", endpoints.health, name="health"),
        Route("/openapi.json", endpoints.openapi, name="openapi"),
        Route("/docs", endpoints.docs, name="docs"),
        Route("/", _to_docs, name="docs"),
    ]


def _emotion_route() -> Route:
    return Route("/predict", _guarded(endpoints.predict_emotion), methods=["POST"], name="predict_emotion")


def _by_method(path: str, name: str, **of: _Endpoint) -> Route:
    """One route for all methods of an address, so that a refused one is told all the others."""

    async def endpoint(request: Request) -> Response:
        return await of["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, _guarded(endpoint), methods=list(of), name=name)


async def _to_docs(request: Request) -> Response:
    return RedirectResponse("/api/docs")


def _guarded(endpoint: _Endpoint) -> _Endpoint:
    @functools.wraps(endpoint)
    async def guarded(request: Request) -> Response:
        require_access(request, service_of(request).settings)
        return await endpoint(request)

    return guarded
