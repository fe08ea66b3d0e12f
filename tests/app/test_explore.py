"""Explore, and the galleries, findings and tables that it is made of."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.data import synthetic_dataset
from ui.findings import imbalance, imbalance_finding
from ui.gallery import PER_PAGE, tile
from ui.tables import csv_text

OpenPage = Callable[..., AppTest]


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def captions(app: AppTest) -> list[str]:
    """Captions of the pictures in the gallery."""
    return [caption for picture in app.image for caption in picture.captions]


def test_explore_opens_with_figures_chart_and_pictures(open_page: OpenPage) -> None:
    app = open_page("explore")
    assert metrics(app) == {"Images": "160", "Classes": "8", "Imbalance": "1.0 : 1", "Grey / colour": "160 / 0", "Left out": "0"}
    assert len(app.get("plotly_chart")) == 1
    assert "The classes are about equally large" in [heading.value for heading in app.subheader]
    assert len(captions(app)) == 160 // 8


def test_explore_shows_the_class_and_split_that_are_picked(open_page: OpenPage) -> None:
    app = open_page("explore")
    app.pills(key="explore_class").set_value("happy")
    app = app.segmented_control(key="explore_split").set_value("val").run()
    dataset = synthetic_dataset(160)
    chosen = (dataset.label_ids == dataset.label_set.label_id("happy")) & (dataset.splits == "val")
    assert [caption.split()[0] for caption in captions(app)] == [name[-10:-4] for name in dataset.names[chosen]]


def test_explore_turns_pages_of_a_large_class(open_page: OpenPage) -> None:
    app = open_page("explore", dataset="synthetic:400")
    first = captions(app)
    app = app.pagination[0].set_value(3).run()
    assert len(first) == PER_PAGE
    assert len(captions(app)) == 50 - 2 * PER_PAGE
    assert not set(first) & set(captions(app))


def test_explore_tells_counts_by_split_in_a_table_and_offers_them(open_page: OpenPage) -> None:
    app = open_page("explore")
    table = app.dataframe[0].value
    assert list(table.columns) == ["class", "train", "validation", "test", "total", "share %"]
    assert table["total"].sum() == 160
    assert app.download_button[0].label == "Download counts (CSV)"


def test_explore_counts_colour_and_lists_what_was_left_out(open_page: OpenPage, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    rng = np.random.default_rng(0)
    for label, channels in (("happy", 3), ("sad", 1)):
        (folder / label).mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, 255, (60, 50, channels), dtype=np.uint8)
            cv2.imwrite(str(folder / label / f"{number}.png"), pixels)
    (folder / "sad" / "text.jpg").write_text("no picture", encoding="utf-8")
    app = open_page("explore", dataset=str(folder))
    assert metrics(app)["Grey / colour"] == "4 / 4"
    assert metrics(app)["Left out"] == "1"
    assert "text.jpg" in app.dataframe[2].value["file"][0]


def test_explore_of_an_unreadable_folder_says_why(open_page: OpenPage, tmp_path: Path) -> None:
    app = open_page("explore", dataset=str(tmp_path))
    assert len(app.error) == 1
    assert not app.metric


@pytest.mark.fer2013
def test_explore_is_fluid_with_fer2013(open_page: OpenPage, shared_data: Path) -> None:
    app = open_page("explore", dataset=str(shared_data / "fer2013.zip"), ferplus=str(shared_data / "fer2013new.csv"))
    assert metrics(app)["Images"] == "32,298"
    assert "Happy is 16 times disgust" in [heading.value for heading in app.subheader]
    begin = time.process_time()
    app.pills(key="explore_class").set_value("sad").run()
    assert time.process_time() - begin < 3
    assert captions(app)[0].startswith("Training_")


@pytest.mark.parametrize(
    ("by_class", "ratio", "finding"),
    [
        ({"happy": 8110, "disgust": 492, "sad": 3000}, 16.48, "Happy is 16 times disgust"),
        ({"happy": 200, "sad": 100}, 2.0, "Happy is 2.0 times sad"),
        ({"happy": 100, "sad": 100}, 1.0, "The classes are about equally large"),
        ({"happy": 100, "sad": 0}, 1.0, "The classes are about equally large"),  # a class without images is no measure
        ({"happy": 0}, None, "No images"),
    ],
)
def test_imbalance_finding(by_class: dict[str, int], ratio: float | None, finding: str) -> None:
    assert imbalance(by_class) == (None if ratio is None else pytest.approx(ratio, abs=0.01))
    assert imbalance_finding(by_class) == finding


@pytest.mark.parametrize(
    ("shape", "expected"), [((48, 48), (192, 192)), ((100, 50), (100, 50)), ((400, 200), (192, 96)), ((1, 1), (192, 192))]
)
def test_tile_keeps_the_shape_of_a_picture(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert tile(np.zeros((*shape, 3), np.uint8)).shape == (*expected, 3)


def test_tile_grows_by_whole_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    assert np.array_equal(tile(image)[::4, ::4], image)
    assert np.array_equal(tile(image)[3::4, 3::4], image)


def test_csv_text_quotes_what_needs_it() -> None:
    assert csv_text([{"a": 1, "b": "x,y"}, {"a": 2, "b": 'say "z"'}]) == 'a,b\n1,"x,y"\n2,"say ""z"""\n'
    assert csv_text([]) == ""
