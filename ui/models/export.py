"""Models: a model for other runtimes, or packed to be taken in elsewhere, as a file to download."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from fer.bundles import EXPORT_FORMATS, Bundle
from fer.errors import BundleError
from fer.model_folder import pack_bundle
from fer.workspace import REPOSITORY
from ui.state import active_choice
from ui.words import count, errors_in_words, percent, plain

_PACKED = "bundle"
_TITLES = {
    _PACKED: "This app's own",
    "onnx": "ONNX",
    "litert": "LiteRT",
    "litert-float16": "LiteRT, 16 bits",
    "litert-int8": "LiteRT, 8 bits",
    "keras": "Keras",
    "savedmodel": "SavedModel",
}
_MADE_KEY = "models_exported"


def export_panel(bundle: Bundle) -> None:
    """The choice of a format, the button that makes the file, and the one that downloads it."""
    kind = st.pills(
        "As",
        [_PACKED, *(() if bundle.is_foreign else EXPORT_FORMATS)],
        default=_PACKED,
        required=True,
        format_func=_TITLES.__getitem__,
        key="models_format",
    )
    kind = kind or _PACKED
    if kind == _PACKED:
        st.caption("One ZIP file with everything: *Import* takes it in on another machine, where it answers exactly as here.")
    else:
        st.caption(
            "The network, a card of what to do before and after, and a short program that runs it without this project. Its "
            f"answers on faces of **{plain(active_choice().title)}** are held against the original's first; takes half a minute."
        )
    made: dict[tuple[str, str], tuple[bytes, dict[str, Any]]] = st.session_state.setdefault(_MADE_KEY, {})
    ready = made.get((bundle.sha256, kind))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Prepare the file", icon=":material/inventory_2:", key="models_prepare", disabled=ready is not None):
            with errors_in_words():
                with st.spinner("Converting, and comparing answers" if kind != _PACKED else "Packing", show_time=True):
                    made.clear()  # one at a time: they are megabytes of the server's memory
                    made[bundle.sha256, kind] = _prepare(bundle, kind)
                st.rerun()
        if ready:
            content, card = ready
            st.download_button(
                f"Download ({len(content) / 1e6:.1f} MB)",
                content,
                f"{bundle.name}.zip" if kind == _PACKED else f"{bundle.name}-{kind}.zip",
                "application/zip",
                type="primary",
                icon=":material/download:",
                key="models_download",
            )
            _agreement(card)
    if kind != _PACKED:
        st.caption("The same on the command line:")
        st.code(
            f"python -m fer export {bundle.name} --format {kind} --to FOLDER --data {active_choice().source}", language="bash"
        )


def _agreement(card: dict[str, Any]) -> None:
    if "agreement" in card:
        told = card["agreement"]
        st.caption(
            f":material/check: On {count(told['faces'])} faces no probability differs by more than "
            f"{told['largest_difference']:.1g}; {percent(told['same_answer'], 0)} of the answers are the same.",
            width="content",
        )


def _prepare(bundle: Bundle, kind: str) -> tuple[bytes, dict[str, Any]]:
    """The file's content, and the export's card.

    Raises:
        BundleError: it could not be made; the text is what the command said.
    """
    with tempfile.TemporaryDirectory() as work:
        if kind == _PACKED:
            return pack_bundle(bundle, Path(work) / "bundle.zip").read_bytes(), {}
        # In a process of its own: converting needs TensorFlow, which stays out of the server.
        folder = Path(work) / f"{bundle.name}-{kind}"
        command = [sys.executable, "-m", "fer", "export", str(bundle.path.resolve()), "--format", kind]
        command += ["--to", str(folder), "--data", active_choice().source]
        done = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
            raise BundleError(errors[-1] if errors else f"Nothing was exported. The command said: {done.stderr[-500:].strip()}")
        card: dict[str, Any] = json.loads((folder / "export.json").read_text(encoding="utf-8"))
        return Path(shutil.make_archive(str(folder), "zip", work, folder.name)).read_bytes(), card
