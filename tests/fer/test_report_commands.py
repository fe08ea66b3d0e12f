"""Reports on the command line: written to files, shown again, and cut into slices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fer.cli import main
from fer.evaluation import list_reports, load_report


@pytest.fixture
def evaluated(tiny_bundle: Path) -> list[str]:
    return ["evaluate", "--model", str(tiny_bundle), "--data", "synthetic:160", "--split", "all"]


def test_evaluate_writes_its_report_as_html_and_markdown(evaluated: list[str], tmp_path: Path) -> None:
    page, text = tmp_path / "report.html", tmp_path / "report.md"
    assert main([*evaluated, "--html", str(page), "--markdown", str(text)]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "tiny on synthetic, all images" in page.read_text(encoding="utf-8")
    assert text.read_text(encoding="utf-8").startswith("# tiny on synthetic, all images")
    assert "Recipe" in text.read_text(encoding="utf-8"), "the model is at hand, and so are its settings"


def test_report_shows_and_writes_one_that_was_kept(
    evaluated: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*evaluated, "--save"]) == 0
    (kept,) = list_reports()
    capsys.readouterr()
    assert main(["report", kept.path.name, "--html", str(tmp_path / "report.html"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == load_report(kept.path).accuracy
    assert (tmp_path / "report.html").is_file()
    assert main(["report", "none-such"]) == 1
    assert "No report at none-such" in capsys.readouterr().err


def test_report_into_a_folder_that_is_not_there_is_said_in_words(
    evaluated: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*evaluated, "--html", str(tmp_path / "none" / "report.html")]) == 1
    assert "Cannot write" in capsys.readouterr().err


def test_evaluate_slices_says_which_differences_are_noise(
    evaluated: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*evaluated, "--save", "--json"]) == 0
    names = load_report(list_reports()[0].path).names
    assert "slices" not in json.loads(capsys.readouterr().out)
    table = tmp_path / "groups.csv"
    table.write_text("file,side\n" + "".join(f"{name},{'left' if i % 2 else 'right'}\n" for i, name in enumerate(names)))
    assert main([*evaluated, "--slices", "--table", str(table), "--json"]) == 0
    slices = json.loads(capsys.readouterr().out)["slices"]
    assert {"brightness", "sharpness", "side"} <= {cut["column"] for cut in slices}
    assert sum(part["n"] for part in slices[-1]["slices"]) == 160
    assert main([*evaluated, "--table", str(table)]) == 0
    assert f"\n{slices[-1]['words']}".replace(f"{slices[-1]['p_adjusted']:.2g}", "")[:12] in capsys.readouterr().out
    table.write_text("file,side\nelsewhere.png,left\n")
    assert main([*evaluated, "--table", str(table)]) == 1
    assert "No row of" in capsys.readouterr().err
