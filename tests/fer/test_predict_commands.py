"""`python -m fer predict` as a user meets it: pictures, streams, annotated pictures, and tables that a Ctrl-C does not lose."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageShow

from fer.bundles import Bundle, FaceTest
from fer.cli import main
from fer.data.synthetic import draw_scene
from fer.folders.parts import parts_folder
from fer.images import read_image

Command = Callable[..., subprocess.CompletedProcess[str]]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def wall(tmp_path: Path) -> Path:
    """A picture without a face."""
    path = tmp_path / "wall.png"
    Image.new("RGB", (200, 160), (130, 130, 130)).save(path)
    return path


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A picture of two drawn faces."""
    path = tmp_path / "people.jpg"
    Image.fromarray(draw_scene(3, ("happy", "sad"))[0]).save(path, quality=95)
    return path


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """A folder of many small pictures."""
    folder = tmp_path / "crops"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(600):
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(folder / f"{number:04d}.png")
    return folder


def test_predict_prints_a_line_a_face_and_writes_the_annotated_picture(people: Path, capsys: Captured) -> None:
    assert main(["predict", str(people), "--detector", "haar"]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("Predicted Emotion: ") for line in lines)
    written = people.with_name("people-annotated.png")
    assert f"Written to {written}" in said.err
    assert read_image(written).shape == read_image(people).shape
    assert (read_image(written) != read_image(people)).any()


def test_predict_one_face_prints_what_the_first_systems_did(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "happy.png"
    Image.fromarray(draw_scene(3, ("happy",))[0]).save(path)
    assert main(["predict", str(path), "--detector", "haar"]) == 0
    label, _, share = capsys.readouterr().out.removeprefix("Predicted Emotion: ").strip().partition(" ")
    assert label == "happy"
    assert share.startswith("(")
    assert share.split(",")[0].endswith("%)")
    assert len(share.split(".")[1].split("%")[0]) == 2


def test_predict_json_is_exact_and_writes_no_picture(wall: Path, capsys: Captured) -> None:
    assert main(["predict", str(wall), "--no-detect", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    (face,) = answer["faces"]
    assert answer["path"] == str(wall)
    assert face["xyxy"] == [0, 0, 200, 160]
    assert face["detection_score"] is None
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert face["label"] in (*face["probabilities"], "not a face")
    assert [path.name for path in wall.parent.iterdir()] == ["wall.png"]


def test_predict_without_a_face_says_so_and_on_the_picture_too(wall: Path, capsys: Captured) -> None:
    assert main(["predict", str(wall), "--head", "labels", "--detector", "haar"]) == 0
    assert capsys.readouterr().out == "no face found\n"
    assert wall.with_name("wall-annotated.png").is_file()


def test_predict_of_what_is_not_a_face_says_so(wall: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr(Bundle, "face", FaceTest(temperature=1000, threshold=0.9))  # takes nothing for a face
    assert main(["predict", str(wall), "--no-detect"]) == 0
    assert capsys.readouterr().out == "not a face\n"
    assert main(["predict", str(wall), "--no-detect", "--json"]) == 0
    ((face,),) = [answer["faces"] for answer in json.loads(capsys.readouterr().out)]
    assert (face["label"], face["is_face"]) == ("not a face", False)
    assert face["face_probability"] == pytest.approx(0.5, abs=0.05)
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def test_predict_below_the_threshold_says_unsure(people: Path, capsys: Captured) -> None:
    for threshold, unsure in (("0", 0), ("1", 2)):
        assert main(["predict", str(people), "--detector", "haar", "--unsure-below", threshold]) == 0
        assert capsys.readouterr().out.count(", unsure") == unsure


def test_predict_one_bad_picture_keeps_the_answers_of_the_others(wall: Path, capsys: Captured) -> None:
    bad = wall.with_name("bad.jpg")
    bad.write_text("this is no picture")
    assert main(["predict", str(bad), str(wall), "--no-detect", "--json"]) == 1
    said = capsys.readouterr()
    assert [answer["path"] for answer in json.loads(said.out)] == [str(wall)]
    assert said.err.count("bad.jpg") == 1


def test_predict_smallest_face_leaves_smaller_ones_out(people: Path, capsys: Captured) -> None:
    assert main(["predict", str(people), "--detector", "haar", "--min-size", "400"]) == 0
    assert capsys.readouterr().out == "no face found\n"


def test_predict_reads_stdin_and_writes_stdout(people: Path, fer_command: Command) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fer", "predict", "-", "--out", "-", "--detector", "haar"],
        input=people.read_bytes(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Image.open(io.BytesIO(done.stdout)).size == (640, 480)
    assert done.stderr.decode().count("Predicted Emotion: ") == 2


def test_predict_out_names_the_picture_or_a_folder(people: Path, wall: Path, tmp_path: Path) -> None:
    assert main(["predict", str(people), "--no-detect", "--out", str(tmp_path / "own.webp")]) == 0
    with Image.open(tmp_path / "own.webp") as picture:
        assert picture.format == "WEBP"
    assert main(["predict", str(people), str(wall), "--no-detect", "--out", str(tmp_path / "seen")]) == 0
    assert {path.name for path in (tmp_path / "seen").iterdir()} == {"people-annotated.png", "wall-annotated.png"}


def test_predict_out_never_writes_over_a_picture_that_is_read(wall: Path, capsys: Captured) -> None:
    before = wall.read_bytes()
    assert main(["predict", str(wall), "--no-detect", "--out", str(wall)]) == 1
    assert "one of the pictures that are read" in capsys.readouterr().err
    assert wall.read_bytes() == before


def test_predict_blur_hides_the_faces_of_the_written_picture(people: Path, tmp_path: Path, capsys: Captured) -> None:
    places = {how: tmp_path / f"{how or 'plain'}.png" for how in ("", "--blur")}
    for how, path in places.items():
        assert main(["predict", str(people), "--detector", "haar", "--out", str(path), *filter(None, [how])]) == 0
    assert main(["predict", str(people), "--detector", "haar", "--json"]) == 0
    out = capsys.readouterr().out
    ((first, second),) = [answer["faces"] for answer in json.loads(out[out.index("[") :])]
    plain, blurred = read_image(places[""]), read_image(places["--blur"])
    for face in (first, second):
        left, top, right, bottom = (round(side) for side in face["xyxy"])
        inside = np.s_[top + 20 : bottom - 20, left + 20 : right - 20]
        assert np.abs(np.diff(blurred[inside].astype(int), axis=1)).max() < 30
        assert np.abs(np.diff(plain[inside].astype(int), axis=1)).max() > 60


def test_predict_show_opens_the_annotated_picture(people: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    shown: list[Image.Image] = []

    def show(picture: Image.Image, title: str | None = None) -> bool:
        shown.append(picture)
        return len(shown) == 1

    monkeypatch.setattr(ImageShow, "show", show)
    assert main(["predict", str(people), "--no-detect", "--show"]) == 0
    assert shown[0].size == (640, 480)
    assert main(["predict", str(people), "--no-detect", "--show"]) == 1
    assert "no program that shows pictures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to predict"),
        (["FOLDER"], "--out results.csv"),
        (["FOLDER", "other.png", "--out", "a.csv"], "one folder or archive"),
        (["a.png", "--out", "a.xyz"], "names a picture"),
        (["a.png", "b.png", "--out", "-"], "takes one picture"),
        (["a.png", "--out", "-", "--json"], "no --json"),
        (["FOLDER", "--out", "a.csv", "--blur"], "holds no pictures"),
    ],
    ids=["nothing", "no-table", "mixed", "kind", "two-to-stdout", "json-to-stdout", "table-blurred"],
)
def test_predict_impossible_wishes_are_answered_in_words(
    arguments: list[str], message: str, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["predict", *(str(tmp_path) if word == "FOLDER" else word for word in arguments)]) == 2
    assert message in capsys.readouterr().err


def test_predict_unknown_head_is_said_once(capsys: Captured) -> None:
    assert main(["predict", "a.png", "b.png", "--no-detect", "--head", "mood"]) == 1
    assert capsys.readouterr().err.count("no head 'mood'") == 1


def test_predict_folder_writes_a_table_and_sums_it_up(crops: Path, tmp_path: Path, capsys: Captured) -> None:
    (crops / "notes.txt").write_text("no picture")
    out = tmp_path / "faces.csv"
    assert main(["predict", str(crops), "--no-detect", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("pictures: 600, ")
    assert "1 file is no picture" in said.err
    assert len(pd.read_csv(out)) == 600
    assert main(["predict", str(crops), "--no-detect", "--out", str(out)]) == 1
    assert "there already" in capsys.readouterr().err
    assert main(["predict", str(crops), "--no-detect", "--out", str(out), "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == 600


def test_predict_several_pictures_fill_a_table_too(people: Path, wall: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.parquet"
    assert main(["predict", str(people), str(wall), "--detector", "haar", "--out", str(out)]) == 0
    assert pd.read_parquet(out)["label"].tolist()[2] == "no face"


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to a child there")
def test_predict_folder_interrupted_goes_on_by_the_same_command(crops: Path, tmp_path: Path) -> None:
    undisturbed, out = tmp_path / "undisturbed.parquet", tmp_path / "out.parquet"
    assert main(["predict", str(crops), "--no-detect", "--out", str(undisturbed)]) == 0
    # What a shell has put into the background begins with Ctrl-C switched off, and hands that on to the tests' own children.
    listening = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    started = f"{listening}; from fer.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", started, "predict", str(crops), "--no-detect", "--out", str(out)]
    interrupted = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while not (parts_folder(out) / "request.json").is_file() and time.monotonic() < limit:
        time.sleep(0.005)
    time.sleep(0.1)
    interrupted.send_signal(signal.SIGINT)
    _, said = interrupted.communicate(timeout=60)
    assert interrupted.returncode == 1
    assert "The same command goes on" in said
    assert not out.exists()
    assert subprocess.run(command, capture_output=True, timeout=120, check=False).returncode == 0
    assert out.read_bytes() == undisturbed.read_bytes()
