"""Explore's frame and overview, and the galleries, findings and tables that it is made of."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.data import synthetic_dataset
from fer.images import read_image
from fer.labels import FER7, FER8
from fer.quality.mean_faces import SIDE, MeanFaces
from ui.explore.headlines import imbalance, imbalance_finding, light_finding
from ui.explore.light import mean_and_spread
from ui.gallery import PER_PAGE
from ui.picture import enlarged, votes_html
from ui.tables import csv_text
from ui.tiles import TILE, data_url, tile

OpenPage = Callable[..., AppTest]


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def tiles(app: AppTest) -> list[dict[str, Any]]:
    """The pictures in the galleries."""
    return [tile for grid in app.get("bidi_component") for tile in json.loads(grid.proto.json)["tiles"]]


def captions(app: AppTest) -> list[str]:
    return [tile["caption"] for tile in tiles(app)]


def test_explore_opens_with_figures_charts_and_pictures(open_page: OpenPage) -> None:
    app = open_page("explore")
    assert metrics(app) == {"Images": "160", "Classes": "8", "Imbalance": "1.0 : 1", "Grey / colour": "160 / 0", "Left out": "0"}
    keys = ["class_counts", "light_brightness", "light_contrast", "light_sharpness"]
    assert [chart.key for chart in app.get("plotly_chart")] == keys
    assert "The classes are about equally large" in [heading.value for heading in app.subheader]
    assert len(captions(app)) == 160 // 8
    assert [picture.captions[0].split()[-1] for picture in app.image] == list(FER8), "a mean face of each class"


def test_explore_searches_file_names_in_all_classes(open_page: OpenPage) -> None:
    app = open_page("explore")
    app = app.text_input(key="explore_search").set_value("/00001").run()
    assert captions(app) == [f"{row:06d}" for row in range(10, 20)]
    assert app.pills(key="explore_class").disabled
    app = app.text_input(key="explore_search").set_value("nobody").run()
    assert captions(app) == []
    assert "No file name holds nobody" in app.info[0].value


def test_explore_shuffles_and_goes_back_to_the_order_of_names(open_page: OpenPage) -> None:
    app = open_page("explore", dataset="synthetic:400")
    by_name = captions(app)
    (button,) = [button for button in app.button if button.label == "Another sample"]
    app = button.click().run()
    shuffled = captions(app)
    assert len(shuffled) == PER_PAGE
    assert shuffled != sorted(shuffled)
    (button,) = [button for button in app.button if button.label == "By name"]
    assert captions(button.click().run()) == by_name


def test_explore_shows_shares_of_a_split_instead_of_counts(open_page: OpenPage) -> None:
    app = open_page("explore").segmented_control(key="class_bars").set_value("shares").run()
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert all(text.endswith(" %") for bars in chart["data"] for text in bars["text"])
    for bars in chart["data"]:
        x = bars["x"]
        shares = np.frombuffer(base64.b64decode(x["bdata"]), x["dtype"]) if isinstance(x, dict) else x
        assert sum(shares) == pytest.approx(1)


def test_explore_shows_the_class_and_split_that_are_picked(open_page: OpenPage) -> None:
    app = open_page("explore")
    app.pills(key="explore_class").set_value("happy")
    app = app.segmented_control(key="explore_split").set_value("val").run()
    dataset = synthetic_dataset(160)
    chosen = (dataset.label_ids == dataset.label_set.label_id("happy")) & (dataset.splits == "val")
    assert captions(app) == [name[-10:-4] for name in dataset.names[chosen]]


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
    tables = [table.value for table in app.dataframe]
    assert tables[1].to_dict("records") == [{"format": "PNG", "images": 8}]
    assert "All pictures are 50 × 60 pixels." in [words.value for words in app.markdown]
    assert "text.jpg" in tables[3]["file"][0]


def test_explore_of_an_unreadable_folder_says_why(open_page: OpenPage, tmp_path: Path) -> None:
    app = open_page("explore", dataset=str(tmp_path))
    assert len(app.error) == 1
    assert not app.metric


@pytest.mark.fer2013
@pytest.mark.slow
def test_explore_is_fluid_with_fer2013(open_page: OpenPage, shared_data: Path) -> None:
    app = open_page("explore", dataset=str(shared_data / "fer2013.zip"), ferplus=str(shared_data / "fer2013new.csv"))
    assert metrics(app)["Images"] == "32,298"
    assert "Happy is 16 times disgust" in [heading.value for heading in app.subheader]
    begin = time.process_time()
    app.pills(key="explore_class").set_value("sad").run()
    assert time.process_time() - begin < 3
    assert captions(app)[0].startswith("Training_")
    assert "**Surprise is the brightest class**" in [words.value for words in app.markdown]


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
    ("by_class", "finding"),
    [
        ({"happy": (100, 2000), "sad": (101, 2000), "surprise": (120, 500)}, "Surprise is the brightest class"),
        ({"happy": (100, 2000), "sad": (101, 2000)}, "The classes are about equally bright"),  # real, and a trifle
        ({"happy": (100, 2000), "sad": (112, 5)}, "The classes are about equally bright"),  # no trifle, and chance
        ({"happy": (130, 2000), "sad": (128, 2000), "fear": (90, 2000)}, "Fear is the darkest class"),
        ({"happy": (100, 2000)}, "The classes are about equally bright"),
        ({}, "The classes are about equally bright"),
    ],
)
def test_light_finding(by_class: dict[str, tuple[float, int]], finding: str) -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([[], *(rng.normal(mean, 30, n) for mean, n in by_class.values())])
    label_ids = np.concatenate([[], *(np.full(n, FER7.label_id(label)) for label, (_, n) in by_class.items())]).astype(int)
    assert light_finding("brightness", values, label_ids, FER7) == finding


def test_enlarged_picture_says_all_that_is_known() -> None:
    def dialog() -> None:
        from dataclasses import replace

        import numpy as np

        from fer.data import synthetic_dataset
        from ui.picture import enlarge

        dataset = synthetic_dataset(16).select(np.array([0, 3, 3]))
        labels = np.array([0, 3, 4], np.int16)  # the twin of the happy one is called sad, and stands in another split
        dataset = replace(dataset, label_ids=labels, splits=np.array(["train", "train", "val"]), names=np.array(["a", "b", "c"]))
        enlarge(dataset, np.array([0, 1]), 1)

    app = AppTest.from_function(dialog, default_timeout=30).run()
    assert not app.exception
    words = "\n".join(element.value for element in (*app.subheader, *app.caption, *app.markdown))
    for fact in ("😄 happy", "b", "2 of 2", "**Train** · 48 × 48 pixels, grey", "Brightness **", "Sharpness **"):
        assert fact in words
    assert "The same pixels stand in 1 more image, under another label and in another split" in words
    assert "- c: 😢 sad" in words
    assert {button.label: button.disabled for button in app.button} == {"Previous": False, "Next": True}
    assert app.button(key="picture_before").click().run().exception == []


def test_mean_and_spread_stand_on_one_scale_for_all_classes() -> None:
    levels = np.array([50, 100, 0], np.float32).reshape(3, 1, 1, 1) * np.ones((1, SIDE, SIDE, 1), np.float32)
    faces = MeanFaces(levels, levels / 10, np.array([5, 5, 0]))  # the third class is empty and not on the scale
    for label_id, expected in ((0, 0), (1, 255)):
        picture = mean_and_spread(faces, label_id)
        assert picture.shape[1:] == (TILE, 3)
        assert set(picture[:TILE].ravel().tolist()) == set(picture[-TILE:].ravel().tolist()) == {expected}


def test_gallery_of_files_that_are_gone_says_so(open_page: OpenPage, tmp_path: Path) -> None:
    folder = tmp_path / "faces" / "happy"
    folder.mkdir(parents=True)
    for side in (200, 220):
        cv2.imwrite(str(folder / f"{side}.png"), np.full((side, side), 99, np.uint8))
    app = open_page("explore", dataset=str(tmp_path / "faces"))
    assert len(tiles(app)) == 2
    (folder / "200.png").unlink()
    app = app.run()
    assert not app.exception
    assert "200.png" in app.error[0].value


def test_votes_html_shows_the_most_frequent_first() -> None:
    html = votes_html(np.array([0, 0, 3, 0, 6, 0, 0, 0, 0, 1]))
    assert html.index("sad") < html.index("fear") < html.index("not a face")
    assert "width:60.0%" in html
    assert "happy" not in html


def test_a_picture_becomes_a_source_of_the_same_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 40, 3), dtype=np.uint8)
    for shown in (image, np.repeat(image[..., :1], 3, axis=2)):
        kind, _, encoded = data_url(shown).partition(",")
        assert kind == "data:image/png;base64"
        assert np.array_equal(read_image(base64.b64decode(encoded)), shown)


@pytest.mark.parametrize(("shape", "expected"), [((48, 48), (432, 432)), ((24, 48), (216, 432)), ((1000, 500), (432, 216))])
def test_enlarged_keeps_the_shape_of_a_picture(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert enlarged(np.zeros((*shape, 3), np.uint8)).shape == (*expected, 3)


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
