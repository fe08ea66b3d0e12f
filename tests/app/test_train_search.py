"""Train's view Search: the form, a search in each of its states, and where it leads. No network is trained here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from streamlit.testing.v1 import AppTest

from fer.errors import RunError
from fer.recipes import load_recipe, read_recipe
from fer.training import Run, create_run, list_runs
from fer.training.search import Search, create_search, list_searches
from fer.training.search_space import default_space, offered_space, read_space
from ui.train import search_panel
from ui.train.search_charts import importances, search_importance, search_slice

OpenPage = Callable[..., AppTest]
RECIPE = "cnn4-7class"
VARY = ("learning_rate=1e-3..0.5:log", "batch_size=32,64", "dropout=0..0.5")


@pytest.fixture
def open_search(open_page: OpenPage) -> Callable[[], AppTest]:
    """Open the page at its search, with a recipe chosen: which one is suggested depends on the data."""
    return lambda: open_page("train", state={"train_view": "Search", "recipe": RECIPE})


def make_search(finished: int = 0, *, going: bool = False, status: str = "", reason: str = "", trials: int = 20) -> Search:
    """A search's folder as its process would have left it: a higher rate was better, and the fifth trial was pruned."""
    search = create_search("compact", "synthetic:160", overrides={"epochs": "4"}, vary=VARY, trials=trials)
    space = search.space
    with search.open_study() as study:
        for number in range(finished + going):
            study.sampler = optuna.samplers.RandomSampler(seed=number)
            trial = study.ask()
            settings = {varied.key: varied.suggest(trial) for varied in space}
            trial.set_user_attr("settings", settings)
            create_run("compact", "synthetic:160", overrides=settings, run_dir=search.run_dir(number))
            trial.report(0.2, 1)
            if number == finished:
                break
            if number == 4:
                trial.set_user_attr("note", "pruned after epoch 1: earlier trials were better by then")
                study.tell(number, state=optuna.trial.TrialState.PRUNED)
            else:
                study.tell(number, 0.3 + 0.5 * trial.params["training.learning_rate"])
    if status:
        search.write_state(status, reason)
    return search


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def said(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.info, *app.warning, *app.error])


def table_of_trials(app: AppTest) -> Any:
    return next(table.value for table in app.dataframe if "trial" in table.value.columns)


def test_without_a_search_the_page_says_what_one_does(open_search: Callable[[], AppTest]) -> None:
    app = open_search()
    assert "trains a recipe again and again" in app.info[0].value
    assert app.button(key="search_start").label == "Start the search"
    assert not [button for button in app.button if button.key == "run_start"], "the other view costs nothing"


@pytest.mark.parametrize("recipe", ["compact", "cnn4-7class", "transfer"])
def test_what_is_offered_is_read_back_and_holds_the_recipes_own_values(recipe: str) -> None:
    settings = load_recipe(recipe).settings
    for varied in offered_space(settings):
        assert read_space([varied.text.partition(".")[2]], settings) == (varied,)
        assert varied.own_value(settings) is not None


def test_start_makes_a_search_of_what_was_chosen(open_search: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[str] = []
    monkeypatch.setattr(Search, "launch", lambda self: launched.append(self.id))
    app = open_search()
    app.number_input(key="search_trials").set_value(7)
    app.number_input(key=f"search_{RECIPE}_epochs").set_value(3)
    for key in ("training.label_smoothing", "network.dense_dropout", "augmentation.rotation", "augmentation.zoom"):
        app.checkbox(key=f"search_{RECIPE}_{key}").uncheck()
    app.text_area(key=f"search_{RECIPE}_ranges").set_value("dense_dropout=0..0.5\n\nlearning_rate=1e-4..1e-3:log\n")
    app.text_input(key=f"setting_{RECIPE}_network.dense").set_value("32,64").run()
    for words in ("fer search", "--set epochs=3", "--set network.dense=32,64", "--vary dense_dropout=0..0.5", "--trials 7"):
        assert words in app.code[0].value
    app = app.button(key="search_start").click().run()
    assert not app.exception
    (search,) = list_searches()
    assert launched == [search.id]
    assert (search.trials, search.settings.training.epochs) == (7, 3)
    assert [varied.text for varied in search.space] == [
        "network.dense_dropout=0..0.5",
        "training.learning_rate=0.0001..0.001:log",
        "training.batch_size=64,128,256",
    ]
    assert search.request["data"] == "synthetic:160"


def test_start_with_nothing_chosen_varies_the_usual_settings(
    open_search: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Search, "launch", lambda self: None)
    app = open_search()
    for box in app.checkbox:
        if (box.key or "").startswith(f"search_{RECIPE}_"):
            box.uncheck()
    app = app.run()
    assert "--vary" not in app.code[0].value
    app.button(key="search_start").click().run()
    assert list_searches()[0].space == default_space(load_recipe(RECIPE).settings)


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [(f"setting_{RECIPE}_training.ema", "2", "training.ema lies in"), (f"search_{RECIPE}_ranges", "ema", "KEY=LOW..HIGH")],
)
def test_a_setting_that_does_not_fit_is_said_in_words_and_cannot_be_started(
    open_search: Callable[[], AppTest], field: str, text: str, words: str
) -> None:
    app = open_search()
    app = next(box for box in [*app.text_input, *app.text_area] if box.key == field).set_value(text).run()
    assert words in app.error[0].value
    assert not [button for button in app.button if button.key == "search_start"]


def test_a_search_that_is_going_is_shown_again_after_a_reload_and_stopped(open_search: Callable[[], AppTest]) -> None:
    search = make_search(6, going=True, status="running")
    search.claim()  # by this very process
    for _ in range(2):  # each opening is a new session, as a reload is
        app = open_search()
        assert metrics(app)["Trials"] == "6 of 20"
        assert metrics(app)["Stopped early"] == "1"
        assert "6 of 20 trials done; trial 6 has done 1 of 4 epochs" in [bar.text for bar in app.progress]
        states = table_of_trials(app)["state"].tolist()
        assert states == ["finished"] * 4 + ["pruned", "finished", "running"]
    app = app.button(key="search_stop").click().run()
    assert search.stop_requested
    assert app.button(key="search_stop").disabled


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        ("stopped", "Stopped on request", "Stopped on request"),
        ("running", "", "ended without a word"),
        ("failed", "3 trials failed", "3 trials failed"),
    ],
)
def test_a_search_that_ended_early_says_why_and_is_resumed(
    open_search: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch, status: str, reason: str, words: str
) -> None:
    make_search(2, status=status, reason=reason)
    launched: list[str] = []
    monkeypatch.setattr(Search, "launch", lambda self: launched.append(self.id))
    app = open_search()
    assert words in said(app)
    app.button(key="search_resume").click().run()
    assert len(launched) == 1


def test_a_finished_search_says_what_is_best_and_takes_more_trials(
    open_search: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    search = make_search(8, status="finished", trials=8)
    best = search.best()
    assert best
    app = open_search()
    assert f"trial {best.number}" in said(app)
    assert f"--set training.learning_rate={best.settings['training.learning_rate']}" in app.code[-1].value
    assert len(app.get("plotly_chart")) == 1, "only the chart that is looked at is made"
    monkeypatch.setattr(Search, "launch", lambda self: None)
    app.button(key="search_more").click().run()
    assert (search.trials, search.status) == (18, "stopped")
    assert len(search.rows()) == 8


@pytest.mark.parametrize(("view", "charts"), [("What matters", 1), ("Each setting", 3)])
def test_a_finished_search_has_optunas_charts(open_search: Callable[[], AppTest], view: str, charts: int) -> None:
    make_search(8, status="finished", trials=8)
    app = open_search()
    app.session_state["search_charts"] = view
    app = app.run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == charts
    if view == "What matters":
        assert "**Learning rate** matters most" in said(app)


def test_what_matters_waits_for_enough_trials(open_search: Callable[[], AppTest]) -> None:
    make_search(3, status="stopped")
    app = open_search()
    app.session_state["search_charts"] = "What matters"
    assert "Told after 5 finished trials" in said(app.run())


def test_charts_name_settings_and_choices_as_people_do() -> None:
    search = make_search(8, status="finished", trials=8)
    study = search.study()
    assert sum(importances(study).values()) == pytest.approx(1)
    figure = search_importance(study, {varied.key: varied.key.upper() for varied in search.space})
    assert set(figure.data[0].y) == {"TRAINING.LEARNING_RATE", "TRAINING.BATCH_SIZE", "NETWORK.DROPOUT"}
    assert set(search_slice(study, "training.batch_size").data[0].x) == {"32", "64"}
    assert search_slice(study, "training.learning_rate").layout.xaxis.type == "log"


def test_the_best_settings_are_trained_for_longer_and_saved_as_a_recipe(
    open_search: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Run] = []

    def start(*arguments: Any, queue: bool, **options: Any) -> Run:
        started.append(create_run(*arguments, **options))
        return started[0]

    monkeypatch.setattr(search_panel, "start_run", start)
    search = make_search(8, status="finished", trials=8)
    best = search.best()
    assert best
    app = open_search()
    assert app.number_input(key=f"search_best_epochs_{search.id}").value == 80, "as many as the recipe has"
    app = app.button(key="search_train").click().run()
    assert not app.exception
    (run,) = started
    assert run.settings.training.epochs == 80
    assert run.settings.training.learning_rate == float(best.settings["training.learning_rate"])
    assert app.session_state["train_view"] == "Runs"
    assert app.session_state["run_shown"] == run.id
    saved = read_recipe(app_recipe(search), "saved")
    assert saved.settings == run.settings


def app_recipe(search: Search) -> bytes:
    """What the page offers to download."""
    from fer.recipes import recipe_toml

    best = search.best()
    assert best
    return recipe_toml(search.recipe_with({**best.settings, "training.epochs": "80"})).encode()


def test_a_trial_is_opened_as_a_run(open_search: Callable[[], AppTest]) -> None:
    search = make_search(3, status="stopped")
    app = open_search()
    app.session_state[f"search_trials_{search.id}"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    app = app.run()
    app = app.button(key="search_open").click().run()
    assert not app.exception
    assert app.session_state["run_shown"] == f"{search.id}-trial-1"


def test_a_search_is_deleted_and_its_runs_stay(open_search: Callable[[], AppTest]) -> None:
    make_search(2, status="stopped")
    app = open_search()
    app = app.button(key="search_delete").click().run()
    assert not app.exception
    assert list_searches() == []
    assert len(list_runs()) == 2
    assert "trains a recipe again and again" in said(app)


def test_a_damaged_study_is_said_in_words(open_search: Callable[[], AppTest]) -> None:
    search = make_search(2, status="stopped")
    (search.path / "study.db").write_text("no database" * 1000)
    app = open_search()
    assert "study.db" in said(app)
    assert not app.exception


def test_a_search_that_cannot_be_started_is_said_in_words(
    open_search: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Search) -> None:
        raise RunError("Cannot write the search folder.")

    monkeypatch.setattr(Search, "launch", refuse)
    app = open_search().button(key="search_start").click().run()
    assert "Cannot write the search folder" in said(app)
