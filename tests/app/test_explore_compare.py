"""Explore's comparisons: labels against votes, a dataset against another, and the words that say what came out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.data import Dataset, synthetic_dataset
from fer.labels import FER7, LabelSet
from fer.quality.comparison import overlap, relabelled_by_votes, relabelled_elsewhere
from ui.explore.compare import votes_finding
from ui.explore.compare_sets import (
    class_shares,
    common_finding,
    figure_rows,
    labels_finding,
    leak_words,
    shares_finding,
)
from ui.measures import image_measures

OpenPage = Callable[..., AppTest]


def open_compare(open_page: OpenPage, other: str | None = None) -> AppTest:
    """The view, with the votes or with another dataset, which only a browser can type in."""
    app = open_page("explore")
    app.session_state["explore_view"] = "Compare"
    if other is not None:
        app.session_state["compare_way"] = "dataset"
        app.session_state["compare_with"] = other
    app = app.run()
    assert not app.exception, app.exception
    return app


def headings(app: AppTest) -> list[str]:
    return [heading.value for heading in app.subheader]


def names_shown(app: AppTest) -> list[str]:
    return [tile["caption"] for grid in app.get("bidi_component") for tile in json.loads(grid.proto.json)["tiles"]]


def relabelled(dataset: Dataset, rows: list[int], label: str) -> Dataset:
    label_ids = dataset.label_ids.copy()
    label_ids[rows] = dataset.label_set.label_id(label)
    return replace(dataset, label_ids=label_ids)


def test_compare_with_votes_shows_the_faces_of_the_cell_that_is_clicked(open_page: OpenPage) -> None:
    app = open_compare(open_page)
    assert "FER+ gives every image the same label" in headings(app)
    dataset = synthetic_dataset(160)
    first = names_shown(app)
    app.session_state["votes_map"] = {"selection": {"cell": [{"label": "happy", "other": "happy"}]}}
    app = app.run()
    found = relabelled_by_votes(dataset)
    expected = [str(dataset.names[row])[-10:-4] for row in found.images("happy", "happy")[:12]]
    assert names_shown(app) == expected != first
    assert "**😄 happy → 😄 happy**" in [words.value for words in app.markdown]


def test_compare_with_another_dataset_says_what_they_share(open_page: OpenPage) -> None:
    app = open_compare(open_page, "synthetic:80")
    assert headings(app)[0].startswith("80 pictures stand in both: 50.0 % of synthetic, 100.0 % of synthetic (other)")
    assert "The classes have about the same shares in both" in headings(app)
    assert any("would flatter" in words.value for words in app.markdown)
    table = app.dataframe[0].value
    assert table.iloc[0].tolist() == ["images", "160", "80"]


def test_compare_with_what_cannot_be_read_says_why(open_page: OpenPage) -> None:
    app = open_compare(open_page, "/nowhere/faces.zip")
    assert "There is no file or folder" in app.error[0].value


def test_votes_finding_says_how_many_and_which() -> None:
    found = relabelled_by_votes(relabelled(synthetic_dataset(40), [1, 9], "happy"))  # drawn and voted as disgust
    assert votes_finding(found) == "FER+ gives 5 % of the images another label; most often happy → disgust"


def test_words_of_two_datasets_with_leaks_and_other_labels() -> None:
    ours = synthetic_dataset(80)
    theirs = replace(relabelled(ours.select(np.arange(40)), [0, 8], "sad"), name="mine")
    theirs = theirs.with_splits(np.where(np.arange(40) < 4, "test", "train"))
    found = overlap(ours, theirs)
    assert common_finding(found, ours, theirs) == "40 pictures stand in both: 50.0 % of synthetic, 100.0 % of mine"
    in_train = int((ours.splits[:4] == "train").sum())
    assert f"**{in_train} of its 4 images**" in leak_words(found, ours, theirs)[0]
    assert leak_words(found, ours, theirs)[0].startswith("Trained on synthetic, the test score on mine")
    labels = relabelled_elsewhere(ours, theirs)
    assert labels_finding(labels) == "5.0 % of the common images carry another label; most often angry → sad"
    shares = class_shares(ours, theirs)
    assert shares[0] == ("angry", 0.125, 3 / 40)
    assert shares_finding(shares, ("synthetic", "mine")) == "Angry is 12 % of synthetic and 8 % of mine"
    nothing = overlap(ours, synthetic_dataset(8, seed=5))
    assert common_finding(nothing, ours, theirs) == "The two datasets have no picture in common"


def test_class_shares_of_sets_with_different_classes() -> None:
    ours = synthetic_dataset(14, label_set=FER7)
    theirs = synthetic_dataset(10, label_set=LabelSet(("happy", "contempt")))
    shares = {label: pair for label, *pair in class_shares(ours, theirs)}
    assert list(shares) == [*FER7, "contempt"]
    assert shares["happy"] == [pytest.approx(1 / 7), 0.5]
    assert shares["contempt"] == [None, 0.5]
    assert shares["fear"][1] is None


def test_figure_rows_stand_side_by_side() -> None:
    ours, theirs = synthetic_dataset(16), synthetic_dataset(8, seed=1, size=64)
    rows = figure_rows((ours, theirs), ("ours", "theirs"), (image_measures(ours), image_measures(theirs)))
    by_name = {row[""]: (row["ours"], row["theirs"]) for row in rows}
    assert by_name["images"] == ("16", "8")
    assert by_name["size, median"] == ("48 × 48 pixels", "64 × 64 pixels")
    assert by_name["imbalance"] == ("1.0 : 1", "1.0 : 1")
