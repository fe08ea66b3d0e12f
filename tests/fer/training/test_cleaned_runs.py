"""A cleaning list from the command to the card: train, evaluate and bundle see the same cleaned data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fer.bundles import file_sha256, load_bundle
from fer.bundling import _prepared
from fer.cli import main
from fer.data import read_dataset
from fer.errors import DataError
from fer.model_card import describe_card, reproduce_commands
from fer.quality.cleaning import CleaningList
from fer.training import create_run, open_run

DATA = "synthetic:160:1"


@pytest.fixture
def cleaning(tmp_path: Path) -> Path:
    """A list that drops five training images, relabels one and moves one to validation."""
    dataset = read_dataset(DATA)
    train = np.flatnonzero(dataset.splits == "train").tolist()
    decided = CleaningList().decide(dataset, train[:5], "drop", reason="blank")
    decided = decided.decide(dataset, train[5:6], "relabel", "sad").decide(dataset, train[6:7], "move", "val")
    decided.save(tmp_path / "noise.cleaning.csv")
    return tmp_path / "noise.cleaning.csv"


@pytest.mark.slow
def test_train_through_a_cleaning_list(cleaning: Path, tmp_path: Path, tiny_settings: dict[str, str], fer_command) -> None:
    settings = [
        part for key, value in {**tiny_settings, "epochs": "1", "rejects": "0"}.items() for part in ("--set", f"{key}={value}")
    ]
    place = tmp_path / "run"
    done = fer_command(
        "train",
        "--recipe",
        "compact",
        "--data",
        DATA,
        "--cleaning",
        str(cleaning),
        "--run",
        str(place),
        *settings,
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "Cleaned: 5 dropped, 1 relabelled, 1 moved; 155 of 160 images are left." in done.stderr
    run = open_run(place)
    dataset, _ = CleaningList.load(cleaning).apply(read_dataset(DATA))
    info = run.dataset_info()
    assert info["fingerprint"] == dataset.fingerprint
    assert info["cleaning"]["file"] == "noise.cleaning.csv"
    assert info["cleaning"]["sha256"] == file_sha256(cleaning)
    assert (info["cleaning"]["dropped"], info["cleaning"]["relabelled"], info["cleaning"]["moved"]) == (5, 1, 1)

    CleaningList().save(cleaning)  # the user's list may grow or shrink: the run keeps what it was made with
    assert _prepared(run, None, None).dataset.fingerprint == info["fingerprint"]
    assert " --cleaning noise.cleaning.csv " in reproduce_commands(run, "cleaned")[0]


def test_describe_card_says_what_was_cleaned(tiny_bundle: Path) -> None:
    card = load_bundle(tiny_bundle).card
    assert "cleaning" not in describe_card(card)
    cleaning = {"file": "noise.cleaning.csv", "sha256": "ab" * 32, "dropped": 1538, "relabelled": 1, "moved": 0}
    words = describe_card({**card, "data": {**card["data"], "cleaning": cleaning}})
    assert "the cleaning list `noise.cleaning.csv` was applied (sha256 abababababababab…): 1,538 images dropped" in words


def test_evaluate_through_a_cleaning_list(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = read_dataset(DATA)
    val = np.flatnonzero(dataset.splits == "val").tolist()
    CleaningList().decide(dataset, val[:4], "drop").save(tmp_path / "list.csv")
    arguments = ["evaluate", "--model", str(tiny_bundle), "--data", DATA, "--split", "val", "--json"]
    assert main(arguments) == 0
    whole = json.loads(capsys.readouterr().out)
    assert main([*arguments, "--cleaning", str(tmp_path / "list.csv")]) == 0
    cleaned = json.loads(capsys.readouterr().out)
    assert cleaned["n"] == whole["n"] - 4
    assert cleaned["fingerprint"] != whole["fingerprint"]
    assert cleaned["notes"][0].startswith("The dataset was seen through the cleaning list list.csv. Cleaned: 4 dropped")
    assert not any("cleaning" in note for note in whole["notes"])


def test_create_run_unreadable_cleaning_list_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name,label\n")
    with pytest.raises(DataError, match="is no cleaning list"):
        create_run("compact", DATA, cleaning=tmp_path / "list.csv", run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_create_run_keeps_a_copy_of_the_list(cleaning: Path, tmp_path: Path) -> None:
    run = create_run("compact", DATA, cleaning=cleaning, run_dir=tmp_path / "run")
    assert run.cleaning == tmp_path / "run" / "cleaning.csv"
    assert run.cleaning.read_bytes() == cleaning.read_bytes()
    assert run.request["cleaning"] == str(cleaning)
    assert create_run("compact", DATA, run_dir=tmp_path / "other").cleaning is None


def test_train_resume_takes_no_cleaning_list(cleaning: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", "x", "--cleaning", str(cleaning)]) == 2
    assert "no other options" in capsys.readouterr().err


def test_train_cleaning_that_leaves_nothing_to_train_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = read_dataset(DATA)
    CleaningList().decide(dataset, np.flatnonzero(dataset.splits == "train").tolist(), "drop").save(tmp_path / "list.csv")
    arguments = ["train", "--recipe", "compact", "--data", DATA, "--cleaning", str(tmp_path / "list.csv")]
    assert main([*arguments, "--run", str(tmp_path / "run")]) == 1
    error = capsys.readouterr().err
    assert "The split train has no images left." in error
    assert "No images to train on" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("network", "start", "line"),
    [
        ({"architecture": "pretrained", "backbone": "vgg16", "weights": "random"}, "", "VGG16 began with random weights"),
        ({"architecture": "pretrained", "backbone": "vgg16", "weights": "imagenet"}, "", "VGG16 began with its ImageNet weights"),
        ({"architecture": "pretrained", "backbone": "vgg16", "weights": "/home/me/own.h5"}, "", "the weights in `own.h5`"),
        ({"architecture": "se_resnet"}, "flagship", "began with the weights of the model `flagship`"),
    ],
)
def test_describe_card_says_what_a_training_began_with(tiny_bundle: Path, network: dict[str, str], start: str, line: str) -> None:
    card = load_bundle(tiny_bundle).card
    assert "began with" not in describe_card(card)
    training = {**card["settings"]["training"], "start_from": start}
    changed = {**card, "settings": {**card["settings"], "network": network, "training": training}}
    assert line in describe_card(changed)
    # A second stretch, as of a fine-tuning, still says what the backbone of the first one began with.
    second = {**changed["training"], "after": {"epochs": 3, "hours": 0.1}}
    assert (line in describe_card({**changed, "training": second})) == (not start)
