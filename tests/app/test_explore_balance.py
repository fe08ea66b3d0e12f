"""Explore's view of balance: bars, words, figures, and a command line that the trainer understands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.data import synthetic_dataset
from fer.quality.balance import METHODS, balance
from fer.recipes import load_recipe, read_overrides
from ui.explore.balance import balance_finding, training_command, training_counts
from ui.state import DatasetChoice

OpenPage = Callable[..., AppTest]


def open_balance(open_page: OpenPage, dataset: str) -> AppTest:
    app = open_page("explore", dataset=dataset)
    app.session_state["explore_view"] = "Balance"
    app = app.run()
    assert not app.exception, app.exception
    return app


def test_balance_shows_what_each_method_would_give(open_page: OpenPage, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label, n in (("happy", 12), ("sad", 6), ("fear", 2)):
        folder = tmp_path / "faces" / "train" / label
        folder.mkdir(parents=True)
        for number in range(n):
            cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 255, (16, 16), dtype=np.uint8))
    app = open_balance(open_page, str(tmp_path / "faces"))
    assert "Each image of fear would be seen 3 times an epoch" in [heading.value for heading in app.subheader]
    app = app.pills(key="balance_method").set_value("undersample").run()
    assert "83 % of happy would be left out of an epoch" in [heading.value for heading in app.subheader]
    figures = {metric.label: metric.value for metric in app.metric}
    assert (figures["Images an epoch"], figures["Left out of an epoch"]) == ("6", "14")
    chart = json.loads(app.get("plotly_chart")[-1].proto.spec)
    assert set(chart["data"][1]["text"]) == {"2, as now", "2, 33 % of them", "2, 17 % of them"}
    assert "--set balance=undersample" in app.code[0].value
    assert len(app.dataframe[0].value) == 3 * len(METHODS)


@pytest.mark.parametrize(
    ("method", "finding"),
    [
        ("class_weights", "An image of disgust would count 16 times as much as one of happy"),
        ("undersample", "94 % of happy would be left out of an epoch"),
        ("oversample_median", "Each image of disgust would be seen 8 times an epoch"),
        ("oversample_largest", "Each image of disgust would be seen 16 times an epoch"),
    ],
)
def test_balance_finding(method: str, finding: str) -> None:
    rows = balance({"happy": 7200, "disgust": 450, "fear": 3600, "contempt": 0})
    assert balance_finding([row for row in rows if row.method == method]) == finding


def test_balance_finding_of_equal_classes() -> None:
    rows = balance({"happy": 10, "sad": 10})
    for method in METHODS:
        assert balance_finding([row for row in rows if row.method == method]).endswith("there is nothing to do")


@pytest.mark.parametrize("method", METHODS)
def test_training_command_is_one_that_the_trainer_takes(method: str) -> None:
    command = training_command(method, DatasetChoice("/my data/faces.zip", "votes.csv"), Path("/my data/faces.cleaning.csv"))
    words = shlex.split(command)
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert words[:4] == ["python", "-m", "fer", "train"]
    assert options["--data"] == "/my data/faces.zip"
    assert options["--cleaning"] == "/my data/faces.cleaning.csv"
    settings = load_recipe(options["--recipe"]).with_overrides(read_overrides([options["--set"]])).settings
    assert settings.data.balance == method


def test_training_counts_are_those_of_train_or_of_all_without_splits() -> None:
    dataset = synthetic_dataset(40)
    assert training_counts(dataset) == ("train", dataset.counts()["train"])
    unsplit = dataset.with_splits(np.full(40, ""))
    assert training_counts(unsplit) == ("", unsplit.counts()[""])
