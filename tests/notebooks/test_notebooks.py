"""Every notebook runs from its first cell to its last, as a reader would run it."""

from pathlib import Path

import nbclient
import nbformat
import pytest

# They train.
LONG = ("00_tour", "02_audit")
NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
# What each must have printed: that its training came to its end, its last line, or that what it mended is mended.
PRINTED = {
    "00_tour": "finished",
    "01_quickstart": "2 pictures, 5 faces",
    "01_flagship": "python -m fer bundle RUN",
    "02_audit": "copies left: 0",
    "03_reference_systems": "binary accuracy 87.50%",
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # Jupyter's own, of its event loop
@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.stem, marks=[pytest.mark.slow] if p.stem in LONG else []) for p in NOTEBOOKS]
)
def test_notebook_runs_to_its_end(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(path.parent.parent)}}
    )
    client.execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert PRINTED[path.stem] in printed
