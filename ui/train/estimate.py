"""What a training would take, told before it is started: by a process of its own, because it needs TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from fer.errors import FerError, RunError
from fer.recipes import Recipe, recipe_toml
from fer.workspace import REPOSITORY
from ui.state import DatasetChoice
from ui.words import count, duration, plain, show_error

_KEY = "run_estimate"
_LIMIT_S = 300


def estimate_button(recipe: Recipe, choice: DatasetChoice, cleaning: Path | None) -> None:
    """A button that finds out, and what it has found out as long as it holds for these settings."""
    subject = (recipe_toml(recipe), choice, cleaning)
    if st.button("What will it take?", icon=":material/timer:", width="stretch", key="run_estimate_button"):
        try:
            with st.spinner("Training two batches", show_time=True):
                st.session_state[_KEY] = subject, estimate(recipe, choice, cleaning)
        except FerError as error:
            show_error(error)
    known, found = st.session_state.get(_KEY, (None, None))
    if known != subject:
        return
    epoch = found["seconds_an_epoch"]
    st.markdown(
        f"About **{duration(epoch) if epoch >= 1 else 'a second'}** an epoch of {count(found['images'])} images, at most "
        f"**{duration(epoch * found['epochs'])}** in all; {found['memory_bytes'] / 2**30:.1f} of "
        f"{found['available_bytes'] / 2**30:.1f} GiB of free memory. The network has {found['parameters'] / 1e6:.2f} M "
        f"parameters and takes {found['multiply_adds'] / 1e6:.0f} M multiply-adds an image."
    )
    if found["warning"]:
        st.warning(plain(found["warning"]), icon=":material/memory:")


def estimate(recipe: Recipe, choice: DatasetChoice, cleaning: Path | None) -> dict[str, Any]:
    """What `python -m fer train --estimate` says of this training (`fer.training.estimate.Estimate.as_dict`).

    Raises:
        RunError: it cannot be told; the text is what the command said.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{recipe.name}.toml"
        path.write_text(recipe_toml(recipe), encoding="utf-8")
        command = [sys.executable, "-m", "fer", "train", "--estimate", "--json", "--recipe", str(path), "--data", choice.source]
        command += ["--ferplus", choice.ferplus] if choice.ferplus else []
        command += ["--cleaning", str(cleaning)] if cleaning else []
        try:
            done = subprocess.run(
                command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RunError(f"Two batches took more than {_LIMIT_S} s. Take a smaller network or preprocessing.size.") from error
    if done.returncode:
        errors = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
        raise RunError(errors[-1] if errors else f"It could not be told. The command said: {done.stderr[-500:].strip()}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
