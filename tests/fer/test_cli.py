"""The command line as a user meets it: JSON on stdout, words on stderr, exit codes 0, 1 and 2."""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.bundles import load_bundle
from fer.cli import main
from fer.data import read_dataset

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A ZIP with a lone test part: three synthetic faces of each of two classes."""
    dataset = read_dataset("synthetic:160:1")
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for label in ("happy", "sad"):
            for row in np.flatnonzero(dataset.label_ids == dataset.label_set.label_id(label))[:3]:
                _, data = cv2.imencode(".png", dataset.images[int(row)])
                archive.writestr(f"test/{label}/{row}.png", data.tobytes())
    return path


def test_data_info_json_counts_splits_and_classes(faces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", str(faces), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["n"] == 6
    assert info["counts"] == {"test": {"happy": 3, "sad": 3}}


def test_data_info_text_is_a_table(faces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", str(faces)]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == ["happy     3", "sad       3", "all       6"]


@pytest.mark.fer2013
@pytest.mark.slow
def test_data_info_fer2013_gives_the_published_counts(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "info", str(shared_data / "fer2013.zip"), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert {split: sum(by_label.values()) for split, by_label in counts.items()} == {"train": 28_709, "val": 3_589}
    assert counts["train"]["happy"] == 7_215
    assert counts["train"]["disgust"] == 436


def test_evaluate_json_has_the_promised_keys(faces: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_bundle(tiny_bundle).face, "the network has an output that is no head, and is evaluated all the same"
    assert main(["evaluate", "--model", str(tiny_bundle), "--data", str(faces), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"n", "accuracy", "accuracy_ci95", "macro_f1", "labels", "confusion", "milliseconds_a_face"} <= report.keys()
    assert report["n"] == 6
    assert report["labels"] == ["happy", "sad"]
    assert np.array(report["confusion"]).sum() == 6


def test_evaluate_save_keeps_a_report(faces: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from fer.evaluation import list_reports

    assert main(["evaluate", "--model", str(tiny_bundle), "--data", str(faces), "--save"]) == 0
    assert len(list_reports()) == 1
    assert "accuracy" in capsys.readouterr().out.lower()


def test_evaluate_robustness_adds_the_figures_to_the_json(
    faces: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--model", str(tiny_bundle), "--data", str(faces), "--robustness", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    robustness = report["robustness"]
    assert robustness["clean"]["accuracy"] == report["accuracy"]
    assert len(robustness["corruptions"]) == 11
    assert all(row["n"] == 6 for row in robustness["corruptions"])


def test_evaluate_robustness_prints_an_aligned_table(faces: Path, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--model", str(tiny_bundle), "--data", str(faces), "--robustness"]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = lines[lines.index("accuracy under corruptions; changes in percentage points") + 1 :]
    assert [line.split()[0] for line in table[:3]] == ["corruption", "none", "blur"]
    assert [line.split()[0] for line in table[-2:]] == ["low_resolution", "mean"]
    assert len({line.index("%") for line in table[1:]}) == 1


def test_train_without_a_recipe_says_which_it_takes_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    # Stopped by a class that is not there, before anything is trained.
    assert main(["train", "--data", "synthetic:160", "--set", "data.classes=happy,joyless"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Recipe transfer: 112 images are few")
    assert "--recipe takes another" in said
    assert "joyless" in said


def test_calibrate_prints_and_applies(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "tiny")
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    before = load_bundle("tiny")
    command = ["calibrate", "tiny", "--data", "synthetic:1200:8", "--head", "labels", "--accuracy", "0.05"]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "head labels, on synthetic" in text
    assert "unsure below" in text
    assert "Add --apply" in text
    assert load_bundle("tiny").sha256 == before.sha256

    assert main([*command, "--apply", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    after = load_bundle("tiny")
    assert (answer["applied"], answer["sha256"]) == (True, after.sha256)
    assert after.head("labels").abstain_threshold == answer["abstain"]["threshold"]
    assert after.head("labels").temperature == answer["temperature"]
    assert after.head("votes") == before.head("votes")
    assert answer["nll"] <= answer["old_nll"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "--recipe", "vgg", "--data", "synthetic"], 2, "Unknown recipe 'vgg'"),
        (["train", "--recipe", "compact"], 2, "needs --data"),
        (["train", "--recipe", "compact", "--data", "synthetic", "--set", "epochs"], 2, "KEY=VALUE"),
        (["train", "--resume", "no-such-run"], 1, "No run at"),
        (["train", "--resume", "x", "--recipe", "compact"], 2, "no other options"),
        (["evaluate", "--model", "compact"], 2, "Name the data to evaluate on"),
        (["evaluate", "--model", "no-such-model", "--data", "synthetic"], 1, "No model 'no-such-model'"),
        (["data", "info", "no-such-file.zip"], 1, "no-such-file.zip"),
        (["calibrate", "no-such-model", "--data", "synthetic"], 1, "No model 'no-such-model'"),
        (["bundle", "no-such-run", "name"], 1, "No run at"),
        (["predict", "no-such-picture.png", "--detector", "eyes"], 1, "eyes"),
    ],
)
def test_main_bad_input_is_answered_in_words(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert "Traceback" not in output.err


def test_main_unknown_command_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["dance"])
    assert stopped.value.code == 2


def test_runs_lists_the_run_with_its_best_figure(trained: Path, fer_command: Command) -> None:
    done = fer_command("runs", "--json", folder=trained)
    (row,) = json.loads(done.stdout)
    assert (row["id"], row["recipe"], row["status"], row["epochs"]) == ("tiny", "compact", "finished", 4)
    assert 0 < row["best_val_accuracy"] <= 1


def test_models_names_a_damaged_bundle_instead_of_failing(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "tiny")
    (tmp_path / "tiny" / "model.litert").write_bytes(b"")
    monkeypatch.setenv("FER_MODELS", str(tmp_path))
    assert main(["models"]) == 0
    assert "damaged" in capsys.readouterr().out


def test_runs_names_a_damaged_run_instead_of_failing(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained / "workspace" / "runs" / "tiny", tmp_path / "runs" / "whole")
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "settings.json").write_text("{")
    monkeypatch.setenv("FER_WORKSPACE", str(tmp_path))
    assert main(["runs"]) == 0
    output = capsys.readouterr()
    assert "whole" in output.out
    assert "broken" in output.out
    assert "folder is damaged" in output.err
    assert main(["runs", "--json"]) == 0
    assert {row["id"]: "error" in row for row in json.loads(capsys.readouterr().out)} == {"whole": False, "broken": True}


def test_detectors_names_each_with_its_state_and_one_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detectors", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {"yunet", "haar", "mtcnn"}
    assert [name for name, row in rows.items() if row["default"]] == ["haar"], "no file of YuNet in a fresh cache"
    assert main(["detectors"]) == 0
    assert "haar (default): " in capsys.readouterr().out
