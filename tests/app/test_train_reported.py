"""Train: what the originals of recipes reported beside what came out here, fine-tuning, and the recipe that is preselected."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import fer.training.suggest
from fer.files import append_json_line, write_json
from fer.recipes import load_recipe
from fer.training import Run, RunNotes, create_run, list_runs
from fer.training.run import CONFUSION_FILE
from ui.train import run_panel
from ui.train.charts import curve_options
from ui.train.reported import beside_ours, recipe_of, reported_curve, reported_words

OpenPage = Callable[..., AppTest]

# Rows are true: 8 of 10 angry, 15 of 20 happy and 7 of 10 sad are right.
CONFUSION = np.array([[8, 1, 1], [3, 15, 2], [2, 1, 7]])
LABELS = ("angry", "happy", "sad")


def make_run(recipe: str = "vgg16-3class", *, epochs_done: int = 2, status: str = "finished", **overrides: str) -> Run:
    """A run folder as a training process would have left it, of 40 validation images."""
    run = create_run(recipe, "synthetic:160", overrides=overrides)
    for epoch in range(1, epochs_done + 1):
        row = {"epoch": epoch, "loss": 1.0, "accuracy": 0.6, "val_loss": 1.1 / epoch, "val_accuracy": 0.7 + 0.05 * (epoch == 2)}
        append_json_line(run.path / "metrics.jsonl", {**row, "learning_rate": 0.001, "seconds": 3.0, "images_per_second": 9.0})
        append_json_line(run.path / CONFUSION_FILE, {"epoch": epoch, "confusion": CONFUSION.tolist()})
    counts = {"train": dict.fromkeys(LABELS, 30), "val": dict(zip(LABELS, (10, 20, 10), strict=True))}
    write_json(run.path / "dataset.json", {"labels": LABELS, "heads": {"labels": LABELS}, "counts": counts})
    run.write_state(status)
    (run.path / "best.npz").touch()
    return run


def test_curve_options_reported_lines_are_dashed_behind_ours_under_one_legend_entry() -> None:
    reported = reported_curve(load_recipe("vgg16-3class"), "accuracy")
    options = curve_options("accuracy", [(1, 0.5)], [(1, 0.4)], epochs=3, shares=True, reported=reported)
    *ours, train, val = options["series"]
    assert [series["data"] for series in ours] == [[[1, 50.0]], [[1, 40.0]]]
    assert (train["data"][0], val["data"][9]) == ([1, 41.64], [10, 68.19])
    assert options["legend"]["data"] == ["reported"] == list({train["name"], val["name"]})
    assert train["lineStyle"]["type"] == val["lineStyle"]["type"] == "dashed"
    assert train["z"] < 2, "ECharts' own, which ours have"
    assert (train["color"], val["color"]) == (ours[0]["color"], ours[1]["color"])
    assert options["xAxis"]["max"] == 10, "all of it can be seen"


def test_curve_options_without_a_reported_curve_have_no_legend() -> None:
    assert reported_curve(load_recipe("cnn4-7class"), "loss") == reported_curve(None, "loss") == {}
    options = curve_options("loss", [], [], epochs=3, shares=False, reported={})
    assert len(options["series"]) == 2
    assert "legend" not in options


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        # 388 and 400 of 569, 27 of 30: Wilson's intervals, as SciPy gives them.
        (
            "vgg16-3class",
            "The original reported 68.2 % (64.3 to 71.9) accuracy and 70.3 % (66.4 to 73.9) best accuracy, on 569 images.",
        ),
        ("cnn4-binary", "The original reported 90.0 % (74.4 to 96.5) accuracy, on 30 images."),
        ("resnet50-8class", "The original reported 87.5 % binary accuracy."),
        ("compact", ""),
    ],
)
def test_reported_words(recipe: str, words: str) -> None:
    assert reported_words(load_recipe(recipe)) == words


def test_beside_ours_holds_like_against_like() -> None:
    epochs = [{"epoch": 1, "val_loss": 0.9, "val_accuracy": 0.75}, {"epoch": 2, "val_loss": 1.0, "val_accuracy": 0.725}]
    confusions = {1: CONFUSION, 2: np.eye(3, dtype=int)}
    rows = beside_ours(load_recipe("vgg16-3class"), epochs, confusions, LABELS, 40, "val_loss")
    assert rows == [
        {"figure": "accuracy", "reported": "68.2 % (64.3 to 71.9)", "here": "72.5 % (57.2 to 83.9)"},  # at the last epoch
        {"figure": "best accuracy", "reported": "70.3 % (66.4 to 73.9)", "here": "75.0 % (59.8 to 85.8)"},
    ]
    binary = {row["figure"]: row for row in beside_ours(load_recipe("cnn4-binary"), epochs, confusions, LABELS, 40, "val_loss")}
    assert binary["accuracy"]["here"].startswith("75.0 %"), "of the epoch that is kept"
    assert (binary["recall happy"]["reported"], binary["recall happy"]["here"]) == ("92.0 %", "75.0 %")
    assert binary["precision sad"]["here"] == "70.0 %"
    artefact = beside_ours(load_recipe("resnet50-8class"), epochs, {}, LABELS, 40, "val_loss")
    assert artefact == [{"figure": "binary accuracy", "reported": "87.5 %", "here": "–"}]


def test_recipe_of_a_recipe_of_the_users_own_is_none() -> None:
    run = make_run()
    assert recipe_of(run) == load_recipe("vgg16-3class")
    write_json(run.path / "settings.json", {**run.request, "recipe": "my own"})
    assert recipe_of(run) is None


def test_a_run_shows_what_the_original_reported(open_page: OpenPage) -> None:
    make_run()
    app = open_page("train")
    (table,) = [frame.value for frame in app.dataframe if "reported" in frame.value.columns]
    assert table["here"].tolist() == ["75.0 % (59.8 to 85.8)"] * 2
    assert any("569 images, ours of the validation part (40)" in caption.value for caption in app.caption)


def test_the_form_shows_what_the_original_reported(open_page: OpenPage) -> None:
    app = open_page("train", state={"recipe": "vgg16-3class"})
    assert any("68.2 % (64.3 to 71.9) accuracy" in caption.value for caption in app.caption)
    assert "The curve that it reported" in [expander.label for expander in app.expander]


def test_a_frozen_run_is_fine_tuned_by_a_run_that_begins_with_its_weights(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_run("transfer")
    first.annotate(RunNotes("Mine", "photos"))

    def vary(run: Run, overrides: dict[str, str]) -> Run:
        return create_run(run.recipe_name, "synthetic:160", overrides=overrides)

    monkeypatch.setattr(run_panel, "vary_run", vary)
    app = open_page("train")
    app = app.button(key="run_fine_tune").click().run()
    assert not app.exception
    (tuned,) = [run for run in list_runs() if run.id != first.id]
    assert tuned.settings.training.start_from == str(first.path)
    assert tuned.settings.training.frozen == 0.75
    assert tuned.notes == RunNotes("Mine, fine-tuned", "photos")
    assert app.session_state["run_shown"] == tuned.id


@pytest.mark.parametrize(("recipe", "status"), [("compact", "finished"), ("transfer", "stopped")])
def test_a_run_that_is_not_frozen_or_not_finished_is_not_fine_tuned(open_page: OpenPage, recipe: str, status: str) -> None:
    make_run(recipe, status=status)
    assert "Fine-tune its top blocks" not in [button.label for button in open_page("train").button]


def suggestions(app: AppTest) -> list[str]:
    return [caption.value for caption in app.caption if caption.value.startswith("Chosen because")]


def test_on_a_small_set_transfer_is_preselected_and_another_can_be_chosen(open_page: OpenPage) -> None:
    app = open_page("explore").switch_page("pages/train.py").run()
    assert app.selectbox(key="recipe").value == "transfer"
    assert "112 images are few" in suggestions(app)[0]
    app = app.selectbox(key="recipe").set_value("compact").run()
    assert app.selectbox(key="recipe").value == "compact"
    assert not suggestions(app)
    app = app.number_input(key="setting_compact_epochs").set_value(3).run()
    assert app.selectbox(key="recipe").value == "compact", "it stays what the user has chosen"


def test_on_a_large_set_nothing_is_preselected(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fer.training.suggest, "SMALL_SET", 111)
    app = open_page("train")
    assert app.selectbox(key="recipe").value == "compact"
    assert not suggestions(app)
