"""`predict --explain`: the picture with its reasons, in words, as a picture and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.cli import main
from fer.data.synthetic import draw_scene
from fer.images import read_image


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Two drawn people, 640×480."""
    path = tmp_path / "people.png"
    cv2.imwrite(str(path), draw_scene(3, ("happy", "surprise"))[0][..., ::-1])
    return path


def test_explain_writes_the_picture_with_the_maps_beside_it(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(picture), "--detector", "haar", "--explain"]) == 0
    said = capsys.readouterr()
    assert said.out.count("Predicted Emotion: ") == said.out.count("random maps") == 2
    written = picture.with_name("people-annotated.png")
    assert str(written) in said.err
    sheet, plain = read_image(written), read_image(picture)
    assert sheet.shape[0] >= plain.shape[0]
    assert sheet.shape[1] > plain.shape[1] + 300
    assert (sheet[:480, :640] == plain).mean() > 0.9, "the picture itself, with boxes, stands at the left"


def test_explain_json_has_the_figures_and_no_word_more(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(picture), "--no-detect", "--explain", "--explain-by", "occlusion", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    (face,) = answer["faces"]
    if face["is_face"]:
        assert face["why"]["method"] == "occlusion"
        assert face["why"]["believable"] == (face["why"]["random_maps_beaten"] == 19)
        assert 0 <= face["why"]["deletion_area"] <= 1
    assert [path.name for path in picture.parent.iterdir()] == ["people.png"]


def test_explain_of_what_is_no_face_gives_no_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wall = tmp_path / "wall.png"
    cv2.imwrite(str(wall), np.full((100, 100, 3), 120, np.uint8))
    assert main(["predict", str(wall), "--no-detect", "--explain"]) == 0
    assert capsys.readouterr().out.strip() == "not a face"


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--explain-by", "lime"], 1, "cam, occlusion, grad-cam"),
        (["--blur"], 2, "--blur hides"),
        (["--out", "faces.csv"], 2, "a table has none"),
    ],
)
def test_explain_refuses_what_does_not_go_with_it(
    picture: Path, options: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(picture), "--detector", "haar", "--explain", *options]) == code
    assert says in capsys.readouterr().err
