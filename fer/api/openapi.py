"""The API's description for programs (`openapi.json`, OpenAPI 3.1) and for people (`docs.html`), which shows what that says.

Both are files beside this module; what depends on the server is filled in here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from fer.api.problems import KINDS
from fer.api.service import Service
from fer.bundles import Head
from fer.errors import FerError
from fer.version import __version__

_HERE = Path(__file__).parent


def openapi_document(service: Service) -> dict[str, Any]:
    """The OpenAPI document of this server: its version and limits, its models and detectors, and whether it wants a key."""
    document: dict[str, Any] = json.loads((_HERE / "openapi.json").read_text(encoding="utf-8"))
    document["info"]["version"] = __version__
    document["security"] = [{"bearer": []}, {"header": []}] if service.settings.key else []
    parts = document["components"]
    recognizers = service.recognizers
    heads = [head for name in recognizers.model_names() for head in _heads(service, name)]
    allowed = {
        "model": recognizers.model_names(),
        "head": sorted({head.name for head in heads}),
        "classes": sorted({len(head.label_set) for head in heads}),
        "detector": ["auto", *(info.name for info in recognizers.detectors() if info.available)],
    }
    for name, values in allowed.items():
        parts["parameters"][name]["schema"]["enum"] = values
    form = document["paths"]["/api/predict"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    form["properties"]["image"]["maxItems"] = service.settings.max_images
    parts["schemas"]["Problem"]["properties"]["type"]["enum"] = [f"/api/docs#{kind}" for kind in KINDS]
    return document


def _heads(service: Service, model: str) -> tuple[Head, ...]:
    try:
        return service.recognizers.bundle(model).heads
    except FerError:  # a damaged model is no reason to describe nothing
        return ()


@lru_cache(maxsize=1)
def docs_page() -> str:
    """The docs page: one file of HTML, with the kinds of problems in it."""
    kinds = {kind: {"status": status, "title": title} for kind, (status, title) in KINDS.items()}
    return (_HERE / "docs.html").read_text(encoding="utf-8").replace("{{KINDS}}", json.dumps(kinds))


@lru_cache(maxsize=1)
def docs_policy() -> str:
    """The docs page's Content-Security-Policy: its own script and style, and nothing from or to anywhere else."""
    hashes = {}
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", docs_page(), re.DOTALL)
        hashes[tag] = f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    return (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
