"""The addresses of clips: each is read by a process of its own (`fer/clips/job.py`), which outlives request and server."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fer.api.options import PredictOptions, require_known
from fer.api.problems import Problem
from fer.api.service import Service, service_of
from fer.api.uploads import UploadedFile, read_form
from fer.clips import ClipJob, ClipSettings, Timeline, create_clip_job
from fer.clips.exports import timeline_csv, timeline_json, timeline_vtt
from fer.clips.store import timeline_as_dict
from fer.errors import ClipError, RunError, SettingsError
from fer.workspace import models_dir

CLIP_FIELD = "clip"
# How a timeline is taken home: by the ending of its address, its content type and how it is written.
_EXPORTS: dict[str, tuple[str, Callable[[Timeline], str]]] = {
    "json": ("application/json", timeline_json),
    "csv": ("text/csv", timeline_csv),
    "vtt": ("text/vtt", timeline_vtt),
}
_OPTIONS = ("model", "head", "classes", "detector", "min_size", "rate", "smoothing_s")
_EVERY_FRAME = "all"
_LONGEST_NAME = 200
# A clip takes about as long as it plays, so that there is no hurry.
_COME_AGAIN_S = 10
_CLOSING_S = 10


async def create_clip(request: Request) -> Response:
    """`POST /api/clips`"""
    service = service_of(request)
    limits = service.settings
    with service.room("clips"):
        # Asked before the clip is sent, and once more when it is here.
        await run_in_threadpool(_require_a_place, service)
        # In proportion: as slowly as pictures may come.
        seconds = limits.upload_seconds * max(1.0, limits.max_clip_mb / limits.max_upload_mb)
        async with read_form(request, CLIP_FIELD, max_bytes=limits.max_clip_bytes, max_files=1, seconds=seconds) as form:
            job = await run_in_threadpool(_start_job, service, form.files[0], form.options)
    return JSONResponse(job, 202, headers={"Location": f"/api/clips/{job['id']}"})


async def list_clips(request: Request) -> Response:
    """`GET /api/clips`"""
    return JSONResponse(await run_in_threadpool(_list_jobs))


async def clip(request: Request) -> Response:
    """`GET /api/clips/{id}`"""
    return JSONResponse(await run_in_threadpool(_tell_job, request.path_params["id"]))


async def clip_timeline(request: Request) -> Response:
    """`GET /api/clips/{id}/timeline.{kind}`"""
    media_type, write = _export(request.path_params["kind"])
    text = await run_in_threadpool(lambda: write(_find(request.path_params["id"]).timeline()))
    return Response(text, media_type=media_type)


async def delete_clip(request: Request) -> Response:
    """`DELETE /api/clips/{id}`"""
    return await run_in_threadpool(_stop_or_delete, request.path_params["id"])


def _start_job(service: Service, upload: UploadedFile, given: Mapping[str, str]) -> dict[str, Any]:
    settings = _settings(service, given)
    name = Path(upload.name).name[-_LONGEST_NAME:] or "clip"
    with tempfile.TemporaryDirectory(prefix="fer-clip-") as folder:
        path = Path(folder) / f"clip{Path(name).suffix}"
        with path.open("wb") as file:
            shutil.copyfileobj(upload.file, file, 2**20)
        with service.starting_clips:  # of two that come at once, one may be too many
            _require_a_place(service)
            try:
                job = create_clip_job(path, settings, name=name)
            except ClipError as error:
                raise Problem("bad-clip", str(error)) from error
            job.launch()
    return _describe(job)


def _settings(service: Service, given: Mapping[str, str]) -> ClipSettings:
    require_known(given, _OPTIONS)
    options = PredictOptions.parse({name: value for name, value in given.items() if name not in ("rate", "smoothing_s")})
    bundle = service.recognizers.bundle(options.model)
    # The owner of the server may have named a folder elsewhere.
    is_elsewhere = bundle.path != models_dir() / bundle.name
    settings = ClipSettings(
        model=str(bundle.path.resolve()) if is_elsewhere else bundle.name,
        head=options.head_of(bundle),
        detector=service.recognizers.detector_name(options.detector),
        min_size=options.min_size,
    )
    if (rate := given.get("rate")) is not None:
        settings = replace(settings, rate=None if rate == _EVERY_FRAME else _number("rate", rate))
    if (smoothing_s := given.get("smoothing_s")) is not None:
        settings = replace(settings, smoothing_s=_number("smoothing_s", smoothing_s))
    return settings


def _number(name: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII):
        or_all = f", or {_EVERY_FRAME}" if name == "rate" else ""
        raise SettingsError(f"`{name}` is a number, such as 0.5{or_all}. Received: {text!r}")
    return float(text)


def _require_a_place(service: Service) -> None:
    going = sum(job.is_going for job in ClipJob.all())
    if going >= service.settings.max_clips:
        detail = f"{going} being read already, and {service.settings.max_clips} may be. Come again when one is done."
        raise Problem("busy", f"Clips: {detail}", headers={"Retry-After": str(_COME_AGAIN_S)})


def _list_jobs() -> dict[str, Any]:
    told = []
    for job in ClipJob.all():
        try:
            told.append(_describe(job))
        except RunError as error:  # one damaged folder must not hide the others
            told.append({"id": job.id, "status": "damaged", "reason": str(error)})
    return {"clips": told}


def _tell_job(job_id: str) -> dict[str, Any]:
    job = _find(job_id)
    timeline = timeline_as_dict(job.timeline()) if job.has_timeline else None
    return {**_describe(job), "timeline": timeline}


def _describe(job: ClipJob) -> dict[str, Any]:
    request = job.request
    settings = request["settings"]
    model = settings["model"]
    return {
        "id": job.id,
        "name": request["name"],
        "status": job.status,
        "reason": job.reason,
        "progress": round(job.progress, 4),
        "created": request["created"],
        "settings": {**settings, "model": None if model is None else Path(model).name},
        "clip": request["info"],
    }


def _stop_or_delete(job_id: str) -> Response:
    job = _find(job_id)
    if job.is_going:
        job.stop()
        return JSONResponse(_describe(job), 202)
    limit = time.monotonic() + _CLOSING_S
    while job.is_active and time.monotonic() < limit:  # it has come to its end, and closes down
        time.sleep(0.05)
    job.delete()
    return Response(status_code=204)


def _find(job_id: str) -> ClipJob:
    try:
        return ClipJob.find(job_id)
    except RunError as error:
        raise Problem("not-found", str(error)) from error


def _export(kind: str) -> tuple[str, Callable[[Timeline], str]]:
    if kind not in _EXPORTS:
        raise Problem("not-found", f"A timeline is written as {', '.join(_EXPORTS)}. Received: {kind[:20]!r}")
    return _EXPORTS[kind]
