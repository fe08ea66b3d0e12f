"""Home and the frame around every page: what is loaded, where to go, the notice, the choice of dataset and model."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.bundles import list_bundles
from fer.data import archives
from fer.workspace import workspace_dir
from ui.state import DatasetChoice

REPOSITORY = Path(__file__).resolve().parents[2]
OpenPage = Callable[..., AppTest]


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.error, *app.info, *app.success])


def small_zip() -> bytes:
    """Two classes of two images each, one of them no image, all in one split."""
    buffer = BytesIO()
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(buffer, "w") as archive:
        for label in ("happy", "sad"):
            for number in range(3):
                pixels = rng.integers(0, 255, (48, 48), dtype=np.uint8)
                archive.writestr(f"test/{label}/{number}.png", cv2.imencode(".png", pixels)[1].tobytes())
        archive.writestr("test/sad/notes.jpg", b"no image at all")
    return buffer.getvalue()


def open_dataset(app: AppTest, kind: str) -> AppTest:
    return app.segmented_control(key="dataset_kind").set_value(kind).run()


def test_home_with_nothing_chosen_shows_synthetic_faces_and_the_shipped_model(open_page: OpenPage) -> None:
    app = open_page("home", dataset=None)
    assert metrics(app)["Images"] == "2,000"
    assert metrics(app)["Classes"] == "8"
    assert app.sidebar.selectbox[0].value == list_bundles()[0]
    assert len(app.image) == 8


def test_home_tells_what_the_models_read_and_what_the_law_says(open_page: OpenPage) -> None:
    text = words(open_page("home"))
    for part in ("apparent expression", "not what a person feels", "Art. 5(1)(f)", "Annex III 1(c)", "Art. 50(3)"):
        assert part in text


def test_home_links_to_every_other_page(open_page: OpenPage) -> None:
    app = open_page("home")
    assert [link.label.strip("*") for link in app.main.page_link] == ["Explore", "Train", "Evaluate", "Predict", "Webcam"]


def test_home_without_any_model_says_so(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    app = open_page("home")
    assert metrics(app)["Model"] == "None yet"
    assert "None yet" in words(app.sidebar)  # type: ignore[arg-type]


def test_remembered_dataset_that_is_gone_is_said_in_words_with_a_way_out(open_page: OpenPage) -> None:
    app = open_page("explore", dataset="/nowhere/faces.zip")
    assert "/nowhere/faces.zip" in app.error[0].value
    app = app.button[-1].click().run()
    assert not app.error
    assert metrics(app)["Images"] == "2,000"


def test_damaged_memory_of_choices_falls_back_to_the_defaults(open_page: OpenPage) -> None:
    workspace_dir().mkdir(parents=True)
    for memory in ("no json", "[]", '{"dataset": {"sauce": 1}}', '{"dataset": 5, "model": []}'):
        (workspace_dir() / "app.json").write_text(memory, encoding="utf-8")
        assert metrics(open_page("home", dataset=None))["Images"] == "2,000", memory


def test_choosing_synthetic_faces_keeps_the_choice_for_the_next_session(open_page: OpenPage) -> None:
    app = open_page("home")
    app.number_input(key="synthetic_n").set_value(240).run()
    app = app.button(key="dataset_open").click().run()
    assert metrics(app)["Images"] == "240"
    assert metrics(open_page("home", dataset=None))["Images"] == "240"


def test_choosing_a_path_that_is_not_there_keeps_the_former_dataset(open_page: OpenPage) -> None:
    app = open_dataset(open_page("home"), "path")
    app.text_input(key="dataset_path").set_value("/nowhere/at_all").run()
    app = app.button(key="dataset_open").click().run()
    assert "/nowhere/at\\_all" in app.error[0].value
    assert metrics(app)["Images"] == "160"


def test_uploading_a_zip_opens_it_and_keeps_it_in_the_workspace(open_page: OpenPage) -> None:
    app = open_dataset(open_page("explore"), "upload")
    app.file_uploader(key="dataset_upload").upload("my faces.zip", small_zip(), "application/zip").run()
    app = app.button(key="dataset_open").click().run()
    assert metrics(app)["Images"] == "6"
    assert metrics(app)["Left out"] == "1"
    kept = list((workspace_dir() / "datasets").iterdir())
    assert len(kept) == 1
    assert kept[0].name.startswith("my-faces-")


def hostile_zip(kind: str) -> bytes:
    """The same with one thing more, that is wrong."""
    buffer = BytesIO(small_zip())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        if kind == "name":
            archive.writestr("../../../escaped.png", b"x")
        elif kind == "link":
            link = zipfile.ZipInfo("test/happy/link.png")
            link.create_system, link.external_attr = 3, 0o120777 << 16
            archive.writestr(link, "/etc/passwd")
        elif kind == "bomb":
            archive.writestr("test/happy/zeros.png", bytes(4 * 2**20))
        elif kind == "crowd":
            for number in range(60):
                archive.writestr(f"test/happy/{number}.txt", b"")
        elif kind == "class":
            archive.writestr("test/bored/1.png", b"x")
    return buffer.getvalue()[:300] if kind == "cut" else buffer.getvalue()


@pytest.mark.slow
def test_uploading_a_hostile_zip_says_so_and_keeps_nothing(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 50)
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 2**18)
    app = open_dataset(open_page("home"), "upload")
    assert "At most 500 MB" in words(app), "before anything is uploaded"
    before = {path for path in workspace_dir().parent.rglob("*") if path.is_file()}
    expected = {
        "cut": "damaged or cut short",
        "name": "leads out of the archive",
        "link": "holds a link",
        "bomb": "would unpack from",
        "crowd": "more than 50 files",
        "class": "names no known emotion",
    }
    for kind, said in expected.items():
        app.file_uploader(key="dataset_upload").set_value(("../../my faces.zip", hostile_zip(kind), "application/zip")).run()
        app = app.button(key="dataset_open").click().run()
        assert said in app.error[0].value
        assert metrics(app)["Images"] == "160"
        assert {path for path in workspace_dir().parent.rglob("*") if path.is_file()} == before


def test_kaggle_name_that_is_none_says_so(open_page: OpenPage) -> None:
    app = open_dataset(open_page("home"), "kaggle")
    app.text_input(key="dataset_kaggle").set_value("no slash").run()
    app = app.button(key="dataset_open").click().run()
    assert "owner/name" in app.error[0].value


@pytest.mark.parametrize(
    ("choice", "title"),
    [
        (DatasetChoice(), "Synthetic faces"),
        (DatasetChoice("synthetic:500"), "Synthetic faces"),
        (DatasetChoice("/data/fer2013.zip"), "fer2013.zip"),
        (DatasetChoice("/data/fer2013.zip", "/data/votes.csv"), "fer2013.zip + FER+ votes"),
        (DatasetChoice("kaggle:msambare/fer2013"), "msambare/fer2013"),
    ],
)
def test_title_of_a_choice(choice: DatasetChoice, title: str) -> None:
    assert choice.title == title


def test_no_page_loads_tensorflow_into_the_server() -> None:
    # In a process of its own: another test of this one may have loaded it.
    script = """
import json, sys
from streamlit.testing.v1 import AppTest
for page in ("explore", "train", "evaluate", "home"):
    app = AppTest.from_file("streamlit_app.py", default_timeout=120).run().switch_page(f"pages/{page}.py").run()
    assert not app.exception, app.exception
    assert app.title
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""
    (workspace_dir()).mkdir(parents=True)
    (workspace_dir() / "app.json").write_text('{"dataset": {"source": "synthetic:160"}}', encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert not loaded & {"tensorflow", "keras", "torch", "sklearn", "mtcnn"}
