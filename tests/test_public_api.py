"""What `import fer` promises: its names, and that it is quick, since pages, command line and API all start with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import fer

REPOSITORY = Path(__file__).resolve().parent.parent

# Each costs the start of a process a second or more, or belongs to the pages alone.
HEAVY = {"tensorflow", "keras", "streamlit", "sklearn", "pandas", "plotly", "kagglehub", "mtcnn", "ai_edge_litert"}


def modules_after(statement: str) -> set[str]:
    """Top-level modules of a fresh interpreter that has run one statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_all_is_the_pinned_list_of_names() -> None:
    # A name that goes or changes its meaning breaks other people's notebooks: change this list on purpose only.
    assert sorted(fer.__all__) == [
        "Bundle",
        "Dataset",
        "FacePrediction",
        "FerError",
        "LabelSet",
        "Recognizer",
        "Report",
        "Run",
        "__version__",
        "evaluate",
        "load_bundle",
        "load_recipe",
        "read_dataset",
        "read_image",
        "start_run",
    ]


def test_every_public_name_exists_and_says_what_it_is() -> None:
    for name in fer.__all__:
        value = getattr(fer, name)
        assert isinstance(value, str) or value.__doc__, name


def test_import_loads_nothing_heavy() -> None:
    assert not modules_after("import fer") & HEAVY


def test_public_names_load_no_tensorflow_and_no_streamlit() -> None:
    # The server touches all of these; TensorFlow alone would cost it 9 s and 500 MB.
    assert not modules_after("import fer\nfor name in fer.__all__: getattr(fer, name)") & {"tensorflow", "keras", "streamlit"}
