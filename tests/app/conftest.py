"""Pages run by Streamlit's own test runner, through the app's entry, so that the frame is tested with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from fer.bundles import DEFAULT_MODEL, file_sha256
from fer.workspace import workspace_dir

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = "synthetic:160"

OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    """Forget what another test read; each has a workspace of its own."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def _navigation_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runner know that the folder pages/ is not its navigation, as a server does from importing `streamlit_app`.

    The runner forgets it before every run, and would then run a page bare, without the frame.
    """
    prepare = PagesManager.__init__

    def declare(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        PagesManager.uses_pages_directory = False
        prepare(self, *args, **kwargs)

    monkeypatch.setattr(PagesManager, "__init__", declare)


@pytest.fixture(scope="session")
def wary_models(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a copy of the bundle `tiny` that takes nothing for a face."""
    models = tmp_path_factory.mktemp("wary")
    bundle = shutil.copytree(tiny_bundle, models / DEFAULT_MODEL)
    card, sums = bundle / "card.json", bundle / "SHA256SUMS"
    before, content = file_sha256(card), json.loads(card.read_text(encoding="utf-8"))
    content["face"] |= {"temperature": 1000.0, "threshold": 0.9}
    card.write_text(json.dumps(content), encoding="utf-8")
    sums.write_text(sums.read_text(encoding="utf-8").replace(before, file_sha256(card)), encoding="utf-8")
    return models


@pytest.fixture
def open_page() -> OpenPage:
    """Open a page in a new session: `open_page("explore")`; `dataset` is chosen as if in an earlier session.

    `state` is what widgets stand at when the page is first drawn: `state={"explore_view": "Audit"}`.
    """

    def open_(
        name: str, *, dataset: str | None = SMALL, ferplus: str | None = None, state: Mapping[str, object] | None = None
    ) -> AppTest:
        if dataset:
            memory = workspace_dir() / "app.json"
            memory.parent.mkdir(parents=True, exist_ok=True)
            memory.write_text(json.dumps({"dataset": {"source": dataset, "ferplus": ferplus}}), encoding="utf-8")
        app = AppTest.from_file(str(REPOSITORY / "streamlit_app.py"), default_timeout=90)
        for key, value in (state or {}).items():
            app.session_state[key] = value
        app = app.run()
        if name != "home":
            app = app.switch_page(f"pages/{name}.py").run()
        assert not app.exception, app.exception
        return app

    return open_
