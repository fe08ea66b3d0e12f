"""Cleaned against raw: lists that touch nothing but train, as many steps for each, twins that are told, and honest intervals."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import cleaned_training, runs
from benchmarks.cleaned_training import FAULTS, RAW, VARIANTS, CleanedTraining, has_twin, main
from benchmarks.seeds import describe, paired_difference
from fer.cli import _parser
from fer.data import Dataset, read_dataset
from fer.errors import DataError, RunError
from fer.quality.cleaning import CleaningList
from fer.quality.findings import KINDS, Audit, Finding
from fer.recipes import load_recipe
from fer.training import create_run
from fer.workspace import runs_dir
from tests.benchmarks.training_here import train_here
from tests.conftest import TINY

BY_NAME = {variant.name: variant for variant in VARIANTS}
OVERRIDES = dict(pair.split("=") for pair in TINY)


def audit_of(dataset: Dataset, *findings: Finding) -> Audit:
    return Audit(dataset.name, dataset.fingerprint, len(dataset), findings, {})


def steps_with(*findings: Finding, of_train: tuple[Finding, ...] = (), epochs: int = 3) -> CleanedTraining:
    """The benchmark on drawn faces in train (rows 0…), val and test, with audits that found just this."""
    steps = CleanedTraining("synthetic:160", None, epochs, 1, OVERRIDES)
    steps.audits = audit_of(steps.dataset, *findings), audit_of(steps.train, *of_train)
    return steps


def rows_of(dataset: Dataset, split: str) -> list[int]:
    return np.flatnonzero(dataset.splits == split).tolist()


def test_variants_build_on_each_other() -> None:
    assert RAW.kinds == ()
    assert {kind for variant in VARIANTS for kind in variant.kinds} <= set(KINDS)
    for name, kind in (("judged", "label_issue"), ("voted", "votes_disagree")):
        assert set(BY_NAME[name].kinds) == {*FAULTS, kind}


def test_clean_takes_leaks_from_the_audit_of_all_and_the_rest_from_that_of_train() -> None:
    dataset = read_dataset("synthetic:160")
    train, val, test = (rows_of(dataset, split) for split in ("train", "val", "test"))
    steps = steps_with(
        Finding("leak", (val[0], train[0]), 0.5, "drop", kept=1),
        Finding("near_leak", (test[0], val[1], train[1]), 0.9, "drop", kept=1),
        Finding("label_issue", (train[2],), 1.0, "relabel", "fear"),  # found with the help of validation
        of_train=(
            Finding("label_issue", (3,), 1.0, "relabel", "fear"),
            Finding("blurred", (4,), 1.0, "keep"),
            Finding("blank", (5,), 1.0, "drop"),
        ),
    )
    decided = {}
    for variant in VARIANTS:
        path, summary = steps.clean(variant)
        decisions = CleaningList.load(path).in_force.values() if path else ()
        decided[variant.name] = {(decision.name, decision.action, decision.value) for decision in decisions}
        assert (summary.dropped, summary.relabelled, summary.moved) == {"raw": (0, 0, 0), "judged": (3, 1, 0)}.get(
            variant.name, (3, 0, 0)
        )
    dropped = {(str(dataset.names[row]), "drop", "") for row in (train[0], train[1], train[5])}
    assert decided["raw"] == set()
    assert decided["pruned"] == decided["voted"] == dropped
    assert decided["judged"] == dropped | {(str(steps.train.names[3]), "relabel", "fear")}


@pytest.mark.parametrize("images", [112, 100, 64, 20])
def test_recipe_takes_as_many_steps_on_fewer_images(images: int) -> None:
    steps = steps_with(epochs=12)
    assert len(steps.train) == 112
    recipe = steps.recipe(2, images).settings
    a_pass = -(-images // 64)
    assert abs(recipe.training.epochs * a_pass - 12 * 2) <= a_pass / 2
    assert recipe.training.seed == 2
    assert not recipe.data.remove_leaks, "leaks are the lists' affair"
    assert not recipe.data.votes


def test_command_is_one_that_the_command_line_takes() -> None:
    words = shlex.split(steps_with().command(BY_NAME["pruned"]))
    assert words[:3] == ["python", "-m", "fer"]
    options = _parser().parse_args(words[3:])
    assert (options.recipe, options.data, options.cleaning) == ("compact", "synthetic:160", "pruned.csv")
    assert "data.remove_leaks=false" in options.overrides


def test_has_twin_marks_what_stands_in_train_as_well() -> None:
    dataset = read_dataset("synthetic:160")
    train, val, test = (rows_of(dataset, split) for split in ("train", "val", "test"))
    found = audit_of(
        dataset,
        Finding("leak", (val[0], train[0]), 0.5, "drop", kept=1),
        Finding("near_leak", (test[1], val[1]), 0.5, "drop", kept=1),  # train has no part in it
        Finding("identical", (val[2], val[3]), 0.5, "drop", kept=1),
        Finding("near_leak", (test[2], train[1], train[2]), 0.9, "drop", kept=1),
    )
    assert np.flatnonzero(has_twin(dataset, found)).tolist() == sorted([val[0], test[2]])


def test_describe_by_hand() -> None:
    right = np.array([[1, 1, 0, 0], [1, 1, 1, 0]], bool)
    assert describe(right) == {"seeds": [0.5, 0.75], "mean": 0.625, "sd": pytest.approx(0.25 / 2**0.5)}
    assert describe(right[:1])["sd"] == 0
    assert describe(right[:, :0]) == {"seeds": None, "mean": None, "sd": None}


def test_paired_difference_of_equals_is_nothing_and_of_chance_is_within_its_interval() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(3000) < 0.4  # for every network
    ours, theirs = (~hard & (rng.random((3, 3000)) < 0.95) for _ in range(2))
    assert paired_difference(ours, ours) == {"mean": 0, "low": 0, "high": 0}
    chance = paired_difference(ours, theirs)
    assert chance is not None
    assert chance["low"] < 0 < chance["high"]
    # Of networks that are wrong about other images each, an interval would be three times as wide.
    assert chance["high"] - chance["low"] < 0.03
    better = paired_difference(ours | (rng.random((3, 3000)) < 0.05), theirs)
    assert better is not None
    assert 0 < better["low"] < better["mean"] < better["high"]
    assert paired_difference(ours[:, :0], theirs[:, :0]) is None


def test_paired_difference_of_unsteady_trainings_is_wide() -> None:
    rng = np.random.default_rng(0)
    theirs = rng.random((3, 3000)) < 0.6
    steady, unsteady = (rng.random((3, 3000)) < np.array([[a], [b], [c]]) for a, b, c in ((0.63,) * 3, (0.55, 0.63, 0.71)))
    widths = [(d["high"] - d["low"]) for d in (paired_difference(ours, theirs) for ours in (steady, unsteady)) if d]
    assert widths[1] > 2 * widths[0]


def test_finished_run_of_another_cleaning_list_is_refused(tmp_path: Path) -> None:
    dataset, recipe = read_dataset("synthetic:160"), load_recipe("compact")
    file = tmp_path / "list.csv"
    CleaningList().decide(dataset, [0], "drop").save(file)
    run = create_run(recipe, "synthetic:160", cleaning=file, run_dir=runs_dir() / "cleaned-pruned-0")
    run.write_state("finished")
    CleaningList().decide(dataset, [0], "drop", reason="decided again").save(file)
    assert runs.finished_run("cleaned-pruned-0", recipe, "synthetic:160", cleaning=file) == run
    CleaningList().decide(dataset, [0, 1], "drop").save(file)
    with pytest.raises(RunError, match="begun with other"):
        runs.finished_run("cleaned-pruned-0", recipe, "synthetic:160", cleaning=file)


@pytest.mark.slow
def test_main_trains_and_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cleaned_training, "VARIANTS", (RAW, BY_NAME["pruned"]))
    monkeypatch.setattr(runs, "_train", train_here)
    file = tmp_path / "figures.json"
    tiny = [part for key, value in {**OVERRIDES, "preprocessing.size": "12"}.items() for part in ("--set", f"{key}={value}")]
    arguments = ["--data", "synthetic:160", "--epochs", "1", "--seeds", "1", "--json", str(file), *tiny]
    assert main(arguments) == 0
    figures = json.loads(file.read_text())
    raw, pruned = figures["variants"]
    assert (raw["name"], raw["dropped"], raw["images"], raw["steps"]) == ("raw", 0, 112, 2)
    assert (pruned["name"], pruned["relabelled"]) == ("pruned", 0)
    assert pruned["images"] == 112 - pruned["dropped"]
    assert figures["n"]["labels"] == {"all": 24, "leak_free": 24, "leaked": 0}
    assert "difference" not in raw["scores"]["labels"]["all"]
    assert raw["scores"]["labels"]["leaked"]["mean"] is None
    accuracy, gain = pruned["scores"]["ferplus"]["leak_free"], pruned["scores"]["ferplus"]["leak_free"]["difference"]
    assert accuracy["mean"] == pytest.approx(raw["scores"]["ferplus"]["leak_free"]["mean"] + gain["mean"])
    printed = capfd.readouterr().out
    assert "cleaned-pruned-0: training" in printed
    assert "Points more than raw" in printed


def test_cleaned_training_of_data_without_votes_is_refused(tmp_path: Path) -> None:
    dataset = read_dataset("synthetic:160")
    for row in range(60):
        split = "train" if row % 2 else "validation"
        path = tmp_path / "faces" / split / dataset.label_set.names[dataset.label_ids[row]] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dataset.images[row]).save(path)
    with pytest.raises(DataError, match="Give them with --ferplus"):
        CleanedTraining(str(tmp_path / "faces"), None, 1, 1, {})
