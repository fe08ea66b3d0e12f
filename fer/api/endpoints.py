"""What each address of the API does. Everything that takes time is done by the service's workers, off the event loop."""

from __future__ import annotations

import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fer.api.metrics import CONTENT_TYPE
from fer.api.openapi import docs_page, docs_policy, openapi_document
from fer.api.options import PredictOptions
from fer.api.problems import Problem
from fer.api.service import Service, service_of
from fer.api.uploads import read_form
from fer.bundles import Bundle
from fer.errors import FerError
from fer.version import __version__

IMAGE_FIELD = "image"
# What the clients of the `cnn4-7class` system know.
_ITS_CLASSES = 7


async def predict(request: Request) -> Response:
    """`POST /api/predict`"""
    service = service_of(request)
    limits = service.settings
    with service.room():
        async with read_form(
            request,
            IMAGE_FIELD,
            max_bytes=limits.max_upload_bytes,
            max_files=limits.max_images,
            seconds=limits.upload_seconds,
        ) as form:
            options = PredictOptions.parse(form.options)
            # One by one, so that a request with many pictures takes its turn with the others.
            read = [await service.run(service.read, file, options) for file in form.files]
    answers = [answer for _, answer in read]
    problems = [answer for answer in answers if isinstance(answer, Problem)]
    if len(problems) == len(answers):
        raise problems[0]
    images = [
        {"name": file.name, "error": answer.as_dict()} if isinstance(answer, Problem) else answer.as_dict()
        for file, answer in zip(form.files, answers, strict=True)
    ]
    return JSONResponse({**read[0][0].about(), "images": images})


async def predict_emotion(request: Request) -> Response:
    """`POST /predict`"""
    service = service_of(request)
    limits = service.settings
    with service.room():
        async with read_form(
            request, IMAGE_FIELD, max_bytes=limits.max_upload_bytes, max_files=1, seconds=limits.upload_seconds
        ) as form:
            options = PredictOptions.parse(form.options)
            reader, answer = await service.run(service.read, form.files[0], options, prefer_classes=_ITS_CLASSES)
    if isinstance(answer, Problem):
        raise answer
    return JSONResponse({**answer.as_emotion(), **reader.about()})


async def models(request: Request) -> Response:
    """`GET /api/models`"""
    service = service_of(request)
    return JSONResponse(await run_in_threadpool(_list_models, service))


def _list_models(service: Service) -> dict[str, Any]:
    recognizers = service.recognizers
    default = recognizers.default_model
    found = []
    for name in recognizers.model_names():
        try:
            found.append({"name": name, "default": name == default, **_describe(recognizers.bundle(name))})
        except FerError as error:
            found.append({"name": name, "default": name == default, "error": str(error)})
    detectors = [
        {
            "name": info.name,
            "title": info.title,
            "default": info.name == recognizers.default_detector,
            "available": info.available,
            "ready": info.ready,
            "licence": info.licence,
            "note": info.note,
        }
        for info in recognizers.detectors()
    ]
    return {"models": found, "detectors": detectors}


def _describe(bundle: Bundle) -> dict[str, Any]:
    heads = [
        {"name": head.name, "labels": list(head.label_set), "default": head.name == bundle.default_head.name}
        for head in bundle.heads
    ]
    return {"sha256": bundle.sha256, "heads": heads, "tells_faces": bundle.face is not None}


async def health(request: Request) -> Response:
    """`GET /api/health`"""
    service = service_of(request)
    if service.state == "failed":  # which somebody may have mended since; else it says once more why
        await run_in_threadpool(service.warm_up)
    return JSONResponse({"status": service.state, "version": __version__, "seconds_up": round(time.time() - service.started, 1)})


async def metrics(request: Request) -> Response:
    """`GET /api/metrics`"""
    return Response(service_of(request).metrics.text(), media_type=CONTENT_TYPE)


async def openapi(request: Request) -> Response:
    """`GET /api/openapi.json`"""
    service = service_of(request)
    return JSONResponse(await run_in_threadpool(openapi_document, service))


async def docs(request: Request) -> Response:
    """`GET /api/docs`"""
    return Response(docs_page(), media_type="text/html", headers={"Content-Security-Policy": docs_policy()})
