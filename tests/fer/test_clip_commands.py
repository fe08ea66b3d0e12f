"""`python -m fer clip`, as a user runs it."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fer.cli import main
from fer.clips.reading import inspect_clip
from tests.fer.clips.making import encode, smiling


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("clip") / "smile.mp4", smiling(15))


def test_clip_tells_who_shows_what_and_writes_the_files(
    clip: Path, tmp_path: Path, fer_command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    files = [f"--{kind}={tmp_path / f'out.{suffix}'}" for kind, suffix in (("csv", "csv"), ("vtt", "vtt"), ("video", "mp4"))]
    done = fer_command("clip", str(clip), "--rate=5", "--detector=haar", "--head=votes", *files)
    assert done.returncode == 0, done.stderr
    assert "smile.mp4: 1.0 s, 5 frames read, 1 person" in done.stdout
    assert "happy 100 %" in done.stdout
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["happy"] * 5
    assert "happy" in (tmp_path / "out.vtt").read_text(encoding="utf-8")
    assert inspect_clip(tmp_path / "out.mp4").resolution_wh == (320, 240)


def test_clip_as_json_has_every_frame(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clip", str(clip), "--rate=5", "--detector=haar", "--smooth=0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (person,) = told["people"]
    assert [frame["label"] for frame in person["frames"]] == ["happy"] * 5
    assert told["smoothing_s"] == 0
    assert person["frames"][0]["raw_happy"] == person["frames"][0]["smoothed_happy"]


def test_clip_without_a_face_says_what_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = encode(tmp_path / "wall.mp4", smiling(5, faceless=range(5)))
    assert main(["clip", str(path), "--detector=haar"]) == 0
    assert "No face found" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "Name a clip"),
        (["nothing.mp4"], 1, "No such file"),
        (["{clip}", "--rate=0"], 2, "frames a second"),
        (["{clip}", "--detector=haar", "--csv=nowhere/out.csv"], 1, "Cannot write"),
        (["{clip}", "--detector=haar", "--video=out.avi"], 2, "ends in .mp4"),
    ],
)
def test_clip_that_cannot_be_read_or_written_says_so(
    clip: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    assert main(["clip", *(word.format(clip=clip) for word in arguments)]) == code
    assert words in capsys.readouterr().err
